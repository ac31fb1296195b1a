package identity

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Keys finds the public key that a token names. The error is ErrInvalid when there is no such key, ErrUnavailable when
// that cannot be known right now.
type Keys interface {
	Key(ctx context.Context, kid string) (ed25519.PublicKey, error)
}

// StaticKeys are keys that never change, by their ids.
type StaticKeys map[string]ed25519.PublicKey

// Key implements Keys.
func (k StaticKeys) Key(_ context.Context, kid string) (ed25519.PublicKey, error) {
	if key, ok := k[kid]; ok {
		return key, nil
	}
	return nil, ErrInvalid
}

// How CachedKeys looks after its copy.
const (
	loadPause   = time.Second     // between the starts of two loads, whatever strangers ask for
	loadTimeout = 5 * time.Second // for one load
	refresh     = time.Minute     // a copy this old is renewed when it is next used
	maxWaiting  = 64              // callers that wait for an unknown key; more are told to come again
	maxDocument = 256 << 10       // bytes of a key set
)

// CachedKeys keeps a copy of keys that live elsewhere: those of auth, or of auth's database.
//
// A key that is in the copy is found at once, always. For one that is not, the copy is loaded anew, at most once a second
// for all callers together; the caller waits for a load that began after its question, so that a key is found as soon as
// it is published. While loading fails the old copy stays in use. It is safe for concurrent use.
type CachedKeys struct {
	load func(ctx context.Context) (StaticKeys, error)
	now  func() time.Time

	mu      sync.Mutex
	keys    StaticKeys
	begun   uint64        // loads that began
	ended   uint64        // loads that ended: begun, or one less
	lastAt  time.Time     // when the last load began
	lastErr error         // how the last load ended
	flight  chan struct{} // closed when the load that is under way, or waits for its second, has ended; nil if none is
	waiting int
}

// NewCachedKeys keeps a copy of what load returns.
func NewCachedKeys(load func(ctx context.Context) (StaticKeys, error), now func() time.Time) *CachedKeys {
	return &CachedKeys{load: load, now: now, keys: StaticKeys{}, lastErr: errors.New("the keys were not loaded yet")}
}

// RemoteKeys keeps a copy of the key set that auth publishes at this URL. A nil client is http.DefaultClient.
func RemoteKeys(url string, client *http.Client, now func() time.Time) *CachedKeys {
	if client == nil {
		client = http.DefaultClient
	}
	return NewCachedKeys(func(ctx context.Context) (StaticKeys, error) { return fetch(ctx, client, url) }, now)
}

// Key implements Keys.
func (k *CachedKeys) Key(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.keys[kid]; ok {
		if k.now().Sub(k.lastAt) >= refresh {
			k.schedule()
		}
		return key, nil
	}
	if err := k.waitForLoad(ctx); err != nil {
		return nil, err
	}
	if key, ok := k.keys[kid]; ok {
		return key, nil
	}
	if k.lastErr != nil {
		return nil, ErrUnavailable
	}
	return nil, ErrInvalid
}

// Ready is nil when there are keys to verify with. If there are none it tries to load them, so it can be asked again and
// again until it is.
func (k *CachedKeys) Ready(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) > 0 {
		return nil
	}
	err := k.waitForLoad(ctx)
	if len(k.keys) > 0 {
		return nil
	}
	return fmt.Errorf("the public keys of auth: %w", errors.Join(err, k.lastErr))
}

// Set replaces the copy, for an owner that has just changed the keys itself.
func (k *CachedKeys) Set(keys StaticKeys) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.lastErr = keys, nil
}

// waitForLoad waits, without holding the mutex, until a load that begins from now on has ended.
func (k *CachedKeys) waitForLoad(ctx context.Context) error {
	if k.waiting >= maxWaiting {
		return ErrUnavailable
	}
	k.waiting++
	defer func() { k.waiting-- }()
	for wanted := k.begun + 1; k.ended < wanted; {
		done := k.schedule()
		k.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
		}
		k.mu.Lock()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}

// schedule sees to it that a load is under way, or will be as soon as a second has passed since the last one.
func (k *CachedKeys) schedule() <-chan struct{} {
	if k.flight == nil {
		k.flight = make(chan struct{})
		pause := time.Duration(0)
		if k.begun > 0 {
			pause = min(loadPause, k.lastAt.Add(loadPause).Sub(k.now())) // a clock that was set back must not stop loads
		}
		go k.run(pause)
	}
	return k.flight
}

func (k *CachedKeys) run(pause time.Duration) {
	time.Sleep(pause)
	k.mu.Lock()
	k.begun++
	k.lastAt = k.now()
	k.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	keys, err := k.load(ctx)
	cancel()

	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lastErr = err; err == nil {
		k.keys = keys
	}
	k.ended = k.begun
	close(k.flight)
	k.flight = nil
}

func fetch(ctx context.Context, client *http.Client, url string) (StaticKeys, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, res.Status)
	}
	document, err := io.ReadAll(io.LimitReader(res.Body, maxDocument))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	return ParseJWKS(document)
}
