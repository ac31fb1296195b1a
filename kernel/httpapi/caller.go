package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
)

// Verifier tells who a session token belongs to; identity.Verifier does.
type Verifier interface {
	Verify(ctx context.Context, token string) (identity.Caller, error)
}

// RequireCaller is who makes the request; the error is fault.SignInNeeded.
func RequireCaller(ctx context.Context) (identity.Caller, error) {
	if c, ok := identity.From(ctx); ok && c.UserID != "" {
		return c, nil
	}
	return identity.Caller{}, fault.SignInNeeded.New("Sign in to do this.")
}

// SessionCookie holds a session token; secure keeps it from ever travelling without TLS (see Secure). An empty token ends
// the cookie.
func SessionCookie(token string, expires time.Time, secure bool) *http.Cookie {
	c := &http.Cookie{
		Name: identity.Cookie, Value: token, Path: "/", Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure,
	}
	if token == "" {
		c.Expires, c.MaxAge = time.Unix(0, 0), -1
	}
	return c
}

// withCaller is ctx with the caller that the request's token names. A token that is not good counts as none; the error
// is that of a token that cannot be judged.
func withCaller(ctx context.Context, r *http.Request, v Verifier) (context.Context, error) {
	token := bearer(r)
	if token == "" {
		if cookie, err := r.Cookie(identity.Cookie); err == nil {
			token = cookie.Value
		}
	}
	if _, inherited := identity.From(ctx); inherited {
		ctx = identity.With(ctx, identity.Caller{}) // of a page that calls this handler: the token alone counts
	}
	if token == "" || v == nil {
		return ctx, nil
	}
	caller, err := v.Verify(ctx, token)
	switch {
	case err == nil:
		return identity.With(ctx, caller), nil
	case errors.Is(err, identity.ErrUnavailable):
		return ctx, err
	}
	return ctx, nil
}

// bearer is the token of the Authorization header.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
