package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ticketing/kernel/identity"
)

// auth is a key set behind HTTP, without a network so that time can be simulated.
type auth struct {
	mu       sync.Mutex
	document string
	err      error
	fetches  atomic.Int64
}

func (a *auth) publish(signers ...*identity.Signer) {
	var keys []ed25519Key
	for _, s := range signers {
		keys = append(keys, s.Public())
	}
	document, _ := json.Marshal(identity.NewJWKS(keys...))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.document, a.err = string(document), nil
}

func (a *auth) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func (a *auth) RoundTrip(r *http.Request) (*http.Response, error) {
	a.fetches.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: 200, Status: "200 OK", Request: r, Body: io.NopCloser(strings.NewReader(a.document))}, nil
}

func (a *auth) keys() *identity.CachedKeys {
	return identity.RemoteKeys("http://auth/api/users/jwks", &http.Client{Transport: a}, time.Now)
}

func TestNewKeyIsFoundAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, first, second := &auth{}, signer(t, 1), signer(t, 2)
		a.publish(first)
		keys := a.keys()
		if key, err := keys.Key(t.Context(), first.KeyID()); err != nil || !key.Equal(first.Public()) {
			t.Fatal(key, err)
		}
		a.publish(first, second)
		begin := time.Now()
		if key, err := keys.Key(t.Context(), second.KeyID()); err != nil || !key.Equal(second.Public()) {
			t.Fatal(key, err)
		}
		if waited := time.Since(begin); waited > time.Second {
			t.Errorf("waited %v", waited)
		}
		if n := a.fetches.Load(); n != 2 {
			t.Errorf("%d fetches", n)
		}
	})
}

// Random key ids cost auth one fetch a second, and known keys no time at all.
func TestStrangersCannotMakeItAskMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, known := &auth{}, signer(t, 1)
		a.publish(known)
		keys := a.keys()
		if err := keys.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		const seconds = 10
		ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for n := range 200 {
			kid := signer(t, byte(n+2)).KeyID()
			wg.Go(func() {
				for ctx.Err() == nil {
					_, err := keys.Key(ctx, kid)
					if err == nil || !errors.Is(err, identity.ErrInvalid) && !errors.Is(err, identity.ErrUnavailable) {
						t.Errorf("a key that nobody has: %v", err)
					}
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		for ctx.Err() == nil {
			before := time.Now()
			if _, err := keys.Key(ctx, known.KeyID()); err != nil || time.Since(before) > 0 {
				t.Errorf("the known key: %v after %v", err, time.Since(before))
			}
			time.Sleep(10 * time.Millisecond)
		}
		wg.Wait()
		time.Sleep(2 * time.Second)
		if n := a.fetches.Load(); n < seconds/2 || n > seconds+2 {
			t.Errorf("%d fetches in %d seconds", n, seconds)
		}
	})
}

func TestOldKeysStayWhileAuthIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, key, other := &auth{}, signer(t, 1), signer(t, 2)
		a.publish(key)
		keys := a.keys()
		if err := keys.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.fail(errors.New("connection refused"))
		for range 5 {
			time.Sleep(time.Minute)
			if _, err := keys.Key(t.Context(), key.KeyID()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := keys.Ready(t.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
		if _, err := keys.Key(t.Context(), other.KeyID()); !errors.Is(err, identity.ErrUnavailable) {
			t.Errorf("an unknown key: %v", err)
		}
		a.publish(other)
		if _, err := keys.Key(t.Context(), other.KeyID()); err != nil {
			t.Errorf("when auth is back: %v", err)
		}
		if _, err := keys.Key(t.Context(), key.KeyID()); !errors.Is(err, identity.ErrInvalid) {
			t.Errorf("a key that is no longer published: %v", err)
		}
	})
}

func TestCopyIsRenewedInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, key := &auth{}, signer(t, 1)
		a.publish(key)
		keys := a.keys()
		for range 600 { // ten minutes of use
			if _, err := keys.Key(t.Context(), key.KeyID()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := a.fetches.Load(); n < 9 || n > 11 {
			t.Errorf("%d fetches in ten minutes", n)
		}
	})
}

func TestNotReadyWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &auth{err: errors.New("connection refused")}
		keys := a.keys()
		if err := keys.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("while auth is down: %v", err)
		}
		a.publish(signer(t, 1))
		if err := keys.Ready(t.Context()); err != nil {
			t.Errorf("when auth is there: %v", err)
		}
	})
}

func TestCallerThatHasGoneIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		keys := identity.NewCachedKeys(func(ctx context.Context) (identity.StaticKeys, error) {
			<-gate
			return nil, ctx.Err()
		}, time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := keys.Key(ctx, signer(t, 1).KeyID()); !errors.Is(err, identity.ErrUnavailable) {
			t.Error(err)
		}
		if waited := time.Since(begin); waited != 100*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		close(gate)
	})
}
