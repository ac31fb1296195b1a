package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/identity"
)

type ed25519Key = ed25519.PublicKey

func TestTokenSaysWhoCalls(t *testing.T) {
	clock, key := newClock(), signer(t, 1)
	v := identity.NewVerifier(keysOf(key), identity.NewEnded(), clock.Now)
	want := caller(start.Add(identity.SessionTTL))
	token := sign(t, key, want)
	for range 2 { // the second from memory
		got, err := v.Verify(t.Context(), token)
		if err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	}
	header, payload := part(t, token, 0), part(t, token, 1)
	if header["alg"] != "EdDSA" || header["kid"] != key.KeyID() {
		t.Errorf("header %v", header)
	}
	for _, name := range []string{"iss", "sub", "sid", "epoch", "iat", "exp"} {
		if _, ok := payload[name]; !ok {
			t.Errorf("no %s in %v", name, payload)
		}
	}
	if got, ok := identity.From(identity.With(t.Context(), want)); !ok || got != want {
		t.Errorf("context gave %+v, %v", got, ok)
	}
	if _, ok := identity.From(t.Context()); ok {
		t.Error("an empty context has a caller")
	}
}

func TestExpiryIsAskedEveryTime(t *testing.T) {
	clock, key := newClock(), signer(t, 1)
	v := identity.NewVerifier(keysOf(key), identity.NewEnded(), clock.Now)
	token := sign(t, key, caller(start.Add(time.Minute)))
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute - time.Millisecond)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("a millisecond before: %v", err)
	}
	clock.Advance(time.Millisecond)
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("at its expiry, from memory: %v", err)
	}
	fresh := identity.NewVerifier(keysOf(key), identity.NewEnded(), clock.Now)
	if _, err := fresh.Verify(t.Context(), token); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("at its expiry, first seen: %v", err)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	key, other := signer(t, 1), signer(t, 2)
	good := sign(t, key, caller(start.Add(time.Hour)))
	parts := strings.Split(good, ".")
	header, payload := part(t, good, 0), part(t, good, 1)
	with := func(m map[string]any, name string, value any) map[string]any {
		changed := map[string]any{}
		for k, v := range m {
			changed[k] = v
		}
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
		return changed
	}
	// resigned is a token with a good signature of the known key, but another header or payload.
	resigned := func(header, payload map[string]any) string {
		text := encoded(t, header) + "." + encoded(t, payload)
		signature := ed25519.Sign(ed25519.NewKeyFromSeed([]byte(strings.Repeat("\x01", 32))), []byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	mac := hmac.New(sha256.New, key.Public())
	hs256 := encoded(t, with(header, "alg", "HS256")) + "." + parts[1]
	mac.Write([]byte(hs256))

	for name, token := range map[string]string{
		"empty":                      "",
		"not a token":                "hello",
		"four parts":                 good + ".x",
		"cut short":                  good[:len(good)-4],
		"without signature":          parts[0] + "." + parts[1] + ".",
		"another payload":            parts[0] + "." + encoded(t, with(payload, "sub", "u2")) + "." + parts[2],
		"signed by a stranger":       sign(t, other, caller(start.Add(time.Hour))),
		"alg none":                   encoded(t, with(header, "alg", "none")) + "." + parts[1] + ".",
		"alg HS256, key as secret":   hs256 + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"no kid":                     resigned(with(header, "kid", nil), payload),
		"kid of another kind":        resigned(with(header, "kid", 7), payload),
		"kid of another key":         resigned(with(header, "kid", other.KeyID()), payload),
		"no issuer":                  resigned(header, with(payload, "iss", nil)),
		"another issuer":             resigned(header, with(payload, "iss", "elsewhere")),
		"no subject":                 resigned(header, with(payload, "sub", nil)),
		"no session":                 resigned(header, with(payload, "sid", nil)),
		"no expiry":                  resigned(header, with(payload, "exp", nil)),
		"no time of issue":           resigned(header, with(payload, "iat", nil)),
		"negative epoch":             resigned(header, with(payload, "epoch", -1)),
		"epoch that is not a number": resigned(header, with(payload, "epoch", "3")),
		"not valid yet":              resigned(header, with(payload, "nbf", start.Add(time.Hour).Unix())),
		"far too long":               good + strings.Repeat("A", 5000),
	} {
		v := identity.NewVerifier(keysOf(key, other), identity.NewEnded(), newClock().Now)
		if name == "signed by a stranger" {
			v = identity.NewVerifier(keysOf(key), identity.NewEnded(), newClock().Now)
		}
		if c, err := v.Verify(t.Context(), token); !errors.Is(err, identity.ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, c, err)
		} else if token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("%s: the error quotes the token", name)
		}
	}
	v := identity.NewVerifier(keysOf(key), identity.NewEnded(), newClock().Now)
	if _, err := v.Verify(t.Context(), resigned(header, payload)); err != nil {
		t.Fatalf("the unchanged token: %v", err)
	}
}

func TestEndedSessionIsDeadAtOnce(t *testing.T) {
	key, ended := signer(t, 1), identity.NewEnded()
	v := identity.NewVerifier(keysOf(key), ended, newClock().Now)
	c := caller(start.Add(time.Hour))
	token := sign(t, key, c)
	other := c
	other.SessionID = "s2"
	stays := sign(t, key, other)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	ended.Apply(event.User{ID: "u1", SessionEpoch: 3, UpdatedAt: start,
		EndedSessions: []event.EndedSession{{ID: "s1", ExpiresAt: c.ExpiresAt}}})
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("after it was signed out: %v", err)
	}
	if _, err := v.Verify(t.Context(), stays); err != nil {
		t.Errorf("another session of the account: %v", err)
	}
	ended.Apply(event.User{ID: "u1", SessionEpoch: 4, UpdatedAt: start})
	if _, err := v.Verify(t.Context(), stays); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("after a new password: %v", err)
	}
}

func TestUnknownAnswersAreTold(t *testing.T) {
	down := identity.NewCachedKeys(func(context.Context) (identity.StaticKeys, error) {
		return nil, errors.New("connection refused")
	}, newClock().Now)
	v := identity.NewVerifier(down, identity.NewEnded(), newClock().Now)
	token := sign(t, signer(t, 1), caller(start.Add(time.Hour)))
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, identity.ErrUnavailable) || errors.Is(err, identity.ErrInvalid) {
		t.Errorf("while the keys cannot be had: %v", err)
	}
}

func TestExpiredTokensAskForNoKey(t *testing.T) {
	keys := &counted{Keys: keysOf()}
	v := identity.NewVerifier(keys, identity.NewEnded(), newClock().Now)
	if _, err := v.Verify(t.Context(), sign(t, signer(t, 9), caller(start.Add(-time.Second)))); !errors.Is(err, identity.ErrInvalid) {
		t.Fatal(err)
	}
	if n := keys.asked.Load(); n != 0 {
		t.Errorf("asked %d times for a key", n)
	}
}

func TestMemoryIsBoundedAndUsed(t *testing.T) {
	key := signer(t, 1)
	keys := &counted{Keys: keysOf(key)}
	v := identity.NewVerifier(keys, identity.NewEnded(), newClock().Now)
	c := caller(start.Add(time.Hour))
	hot := sign(t, key, c)
	const others = 2*8192 + 100 // the memory turns over twice
	for i := range others {
		c.SessionID = fmt.Sprint("x", i)
		if _, err := v.Verify(t.Context(), sign(t, key, c)); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), hot); err != nil {
			t.Fatal(err)
		}
	}
	if n := keys.asked.Load(); n != others+1 {
		t.Errorf("%d tokens were verified, want each once: %d", n, others+1)
	}
}

func TestManyAtOnce(t *testing.T) {
	key, ended := signer(t, 1), identity.NewEnded()
	v := identity.NewVerifier(keysOf(key), ended, newClock().Now)
	c := caller(start.Add(time.Hour))
	token := sign(t, key, c)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				if _, err := v.Verify(context.Background(), token); err != nil {
					t.Error(err)
					return
				}
				ended.Apply(event.User{ID: fmt.Sprint(i, j), SessionEpoch: 2, UpdatedAt: start})
			}
		})
	}
	wg.Wait()
}

func FuzzVerify(f *testing.F) {
	key := signer(f, 1)
	good := sign(f, key, caller(start.Add(time.Hour)))
	want := caller(start.Add(time.Hour))
	f.Add(good)
	f.Add("")
	f.Add("..")
	f.Add(good + "=")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(strings.Replace(good, ".", "..", 1))
	v := identity.NewVerifier(keysOf(key), identity.NewEnded(), newClock().Now)
	f.Fuzz(func(t *testing.T, token string) {
		c, err := v.Verify(t.Context(), token)
		switch {
		case err == nil && (token != good || c != want):
			t.Fatalf("accepted %q as %+v", token, c)
		case err != nil && (!errors.Is(err, identity.ErrInvalid) || c != identity.Caller{}):
			t.Fatalf("%+v, %v", c, err)
		}
	})
}

func BenchmarkVerifyKnown(b *testing.B) {
	key := signer(b, 1)
	v := identity.NewVerifier(keysOf(key), identity.NewEnded(), newClock().Now)
	token := sign(b, key, caller(start.Add(time.Hour)))
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
