// Package identity says who is calling: session tokens, the keys that sign and verify them, and the sessions that are over.
//
// A session is a JSON Web Token that auth signs and every service verifies by itself, so that no request waits for auth.
// What a signature cannot say is that a session ended early, by a sign-out or a new password: that each process learns
// from the event log and keeps in Ended, until the token would have expired anyway. Verifying costs about a hundred
// times what a request can spare, so a verified token is remembered; whether it has expired or ended is asked every time.
package identity

import (
	"context"
	"errors"
	"time"
)

// SessionTTL is how long a session lasts. No token lives longer, so nothing about sessions is kept longer either.
const SessionTTL = 7 * 24 * time.Hour

// Cookie is the name of the cookie that holds the token.
const Cookie = "session"

// Issuer is the "iss" of every token.
const Issuer = "ticketing"

// Why a token was not accepted. Every error of Verify is one of the two.
var (
	// ErrInvalid: it is no token of ours, it has expired, or its session is over. The caller has to sign in.
	ErrInvalid = errors.New("the session token is not valid")
	// ErrUnavailable: its key is not known and auth cannot be asked right now. The same token may be good in a moment.
	ErrUnavailable = errors.New("the session cannot be checked right now")
)

// Caller is somebody who is signed in, and the session they use.
type Caller struct {
	UserID    string
	SessionID string
	Epoch     int64     // of the account when the session began; a new password begins a new epoch
	ExpiresAt time.Time // whole seconds, UTC
}

type callerKey struct{}

// With is ctx of a request that c makes.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From is who makes the request of ctx; false if nobody is signed in.
func From(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}
