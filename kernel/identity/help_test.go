package identity_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/identity"
)

// start is when every clock of these tests starts.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that a test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(start.UnixMilli())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// signer is the one of a key that n names.
func signer(t testing.TB, n byte) *identity.Signer {
	t.Helper()
	s, err := identity.NewSigner(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keysOf(signers ...*identity.Signer) identity.StaticKeys {
	keys := identity.StaticKeys{}
	for _, s := range signers {
		keys[s.KeyID()] = s.Public()
	}
	return keys
}

func caller(expires time.Time) identity.Caller {
	return identity.Caller{UserID: "u1", SessionID: "s1", Epoch: 3, ExpiresAt: expires.Truncate(time.Second)}
}

func sign(t testing.TB, s *identity.Signer, c identity.Caller) string {
	t.Helper()
	token, err := s.Sign(c, start)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// part is the decoded header (0) or payload (1) of a token.
func part(t testing.TB, token string, n int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func encoded(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// counted counts how often the keys are asked for.
type counted struct {
	identity.Keys
	asked atomic.Int64
}

func (c *counted) Key(ctx context.Context, kid string) (k ed25519Key, err error) {
	c.asked.Add(1)
	return c.Keys.Key(ctx, kid)
}
