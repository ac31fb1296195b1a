package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"ticketing/kernel/fault"
)

// HashCost is what one hash of a password costs, in the terms of argon2id (RFC 9106).
type HashCost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8
}

// DefaultHashCost is OWASP's minimum: about 50 ms of one core.
var DefaultHashCost = HashCost{Memory: 19 * 1024, Time: 2, Threads: 1}

const (
	saltSize = 16
	hashSize = 32
	// maxHashWaiting and maxHashWait bound the queue for a core: 400 hashes take two cores about ten seconds.
	maxHashWaiting = 400
	maxHashWait    = 10 * time.Second
)

// hasher turns passwords into hashes, on as many cores as it may use. Others wait, in the order in which they came.
type hasher struct {
	cost    HashCost
	derive  func(password, salt []byte, cost HashCost) []byte
	slots   chan struct{}
	waiting atomic.Int64
	dummy   string // a hash that no password has
}

func newHasher(o Options) *hasher {
	h := &hasher{cost: o.HashCost, derive: o.Derive, slots: make(chan struct{}, o.Hashes)}
	if h.derive == nil {
		h.derive = argon2id
	}
	h.dummy = h.phc(random(saltSize), random(hashSize))
	return h
}

func argon2id(password, salt []byte, c HashCost) []byte {
	return argon2.IDKey(password, salt, c.Time, c.Memory, c.Threads, hashSize)
}

// hash is a new hash of the password, in the PHC string format.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := random(saltSize)
	key, err := h.run(ctx, normalPassword(password), salt, h.cost)
	if err != nil {
		return "", err
	}
	return h.phc(salt, key), nil
}

// matches tells whether a hash is one of the password. Without a hash it takes as long, and says no.
func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" {
		hash = h.dummy
	}
	cost, salt, want, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	key, err := h.run(ctx, normalPassword(password), salt, cost)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, want) == 1, nil
}

// run waits for a core and hashes. Who has gone away does not keep a place in the queue.
func (h *hasher) run(ctx context.Context, password, salt []byte, cost HashCost) ([]byte, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	defer func() { <-h.slots }()
	return h.derive(password, salt, cost), nil
}

// normalPassword is what is hashed: the same characters may come as different bytes from different keyboards.
func normalPassword(password string) []byte { return norm.NFC.Bytes([]byte(password)) }

func (h *hasher) wait(ctx context.Context) error {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > maxHashWaiting {
		return errBusy()
	}
	patience, cancel := context.WithTimeout(ctx, maxHashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-patience.Done():
		return errBusy()
	}
}

func errBusy() error {
	return fault.Busy.New("Too many people are signing in at this moment. Please try again.").After(2 * time.Second)
}

func (h *hasher) phc(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.Memory, h.cost.Time, h.cost.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// parsePHC reads a hash; the cost is that of the day it was made. Its errors never quote it.
func parsePHC(s string) (c HashCost, salt, key []byte, err error) {
	bad := errors.New("a stored password hash cannot be read")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); err != nil ||
		c.Memory > 1<<20 || c.Time < 1 || c.Time > 100 || c.Threads < 1 {
		return c, nil, nil, bad
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(key) != hashSize {
		return c, nil, nil, bad
	}
	return c, salt, key, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
