package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Verifier tells who a token belongs to. It is safe for concurrent use.
type Verifier struct {
	keys   Keys
	ended  *Ended
	now    func() time.Time
	parser *jwt.Parser
	known  recent
}

// NewVerifier verifies with these keys, by this clock; a session in ended is dead at once.
func NewVerifier(keys Keys, ended *Ended, now func() time.Time) *Verifier {
	return &Verifier{keys: keys, ended: ended, now: now, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), // never what the token itself asks for
		jwt.WithIssuer(Issuer),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(now),
	)}
}

// Verify is the caller that the token stands for. The error is ErrInvalid, or ErrUnavailable when the token may be good
// but its key could not be fetched; neither tells anything of the token itself.
func (v *Verifier) Verify(ctx context.Context, token string) (Caller, error) {
	c, ok := v.known.get(token)
	if !ok {
		var err error
		if c, err = v.parse(ctx, token); err != nil {
			return Caller{}, err
		}
		v.known.put(token, c)
	}
	if !c.ExpiresAt.After(v.now()) || v.ended.Has(c) {
		return Caller{}, ErrInvalid
	}
	return c, nil
}

func (v *Verifier) parse(ctx context.Context, token string) (Caller, error) {
	if len(token) > maxToken {
		return Caller{}, ErrInvalid
	}
	var c claims
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) { return v.key(ctx, t, &c) })
	switch {
	case err == nil:
		return Caller{UserID: c.Subject, SessionID: c.SessionID, Epoch: c.Epoch, ExpiresAt: c.ExpiresAt.UTC()}, nil
	case errors.Is(err, ErrUnavailable):
		return Caller{}, ErrUnavailable
	case ctx.Err() != nil:
		return Caller{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	default:
		return Caller{}, ErrInvalid // the parser's text may quote the token
	}
}

// key looks the token's key up. What cannot be good whatever its signature is refused before that, so that an old cookie
// whose key is long gone makes nobody ask auth for it.
func (v *Verifier) key(ctx context.Context, t *jwt.Token, c *claims) (any, error) {
	kid, _ := t.Header["kid"].(string)
	if !plausibleKeyID(kid) || c.ExpiresAt == nil || !c.ExpiresAt.After(v.now()) || c.Issuer != Issuer {
		return nil, ErrInvalid
	}
	return v.keys.Key(ctx, kid)
}

// generation is how many tokens one half of the memory holds.
const generation = 8192

// recent remembers the tokens that were verified: all of the last few thousand that were in use, and never more than
// twice a generation. Only tokens with a good signature get in, so a stranger cannot push others out.
type recent struct {
	mu       sync.RWMutex
	new, old map[string]Caller
}

func (r *recent) get(token string) (Caller, bool) {
	r.mu.RLock()
	c, fresh := r.new[token]
	ok := fresh
	if !fresh {
		c, ok = r.old[token]
	}
	r.mu.RUnlock()
	if ok && !fresh {
		r.put(token, c)
	}
	return c, ok
}

func (r *recent) put(token string, c Caller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.new == nil || len(r.new) >= generation {
		r.old, r.new = r.new, make(map[string]Caller)
	}
	r.new[token] = c
}
