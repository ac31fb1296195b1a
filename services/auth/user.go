package auth

import (
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
)

// Limits of what people may enter.
const (
	maxEmail    = 254 // bytes; no mail system takes more
	minPassword = 8   // characters
	maxPassword = 128 // characters
)

// maxEnded is how many sessions that were signed out an event tells of. Who follows the log has seen the others before.
const maxEnded = 100

// User is an account.
type User struct {
	ID           string
	Email        string // as normalEmail made it
	PasswordHash string
	SessionEpoch int64     // sessions of an earlier epoch are over, but for the one that is kept
	KeptSession  string    // the session that set the password
	EpochBeganAt time.Time // when the password was last set
	Ended        []event.EndedSession
	Version      int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// newUser is an account as it begins.
func newUser(id, email, passwordHash string, now time.Time) User {
	return User{
		ID: id, Email: email, PasswordHash: passwordHash, EpochBeganAt: now, Ended: []event.EndedSession{},
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
}

// endSession ends one session, and forgets those whose tokens have expired anyway.
func (u *User) endSession(id string, expires, now time.Time) {
	u.Ended = slices.DeleteFunc(u.Ended, func(s event.EndedSession) bool { return s.ID == id || !s.ExpiresAt.After(now) })
	u.Ended = append(u.Ended, event.EndedSession{ID: id, ExpiresAt: expires})
	if over := len(u.Ended) - maxEnded; over > 0 {
		u.Ended = slices.Delete(u.Ended, 0, over)
	}
}

// setPassword replaces the password, which ends every session but the one that does so.
func (u *User) setPassword(hash, session string, now time.Time) {
	u.PasswordHash, u.EpochBeganAt = hash, now
	u.SessionEpoch, u.KeptSession = u.SessionEpoch+1, session
}

// update takes over an e-mail and the hash of a password, each unless it is empty, on behalf of a session; false if
// nothing is different.
func (u *User) update(email, hash, session string, now time.Time) bool {
	different := hash != "" || email != "" && email != u.Email
	if email != "" {
		u.Email = email
	}
	if hash != "" {
		u.setPassword(hash, session, now)
	}
	return different
}

// over tells whether a session of the account has been ended.
func (u *User) over(sessionID string, epoch int64) bool {
	return epoch < u.SessionEpoch && sessionID != u.KeptSession ||
		slices.ContainsFunc(u.Ended, func(s event.EndedSession) bool { return s.ID == sessionID })
}

// touched is the account under its next version.
func (u *User) touched(now time.Time) {
	u.Version++
	u.UpdatedAt = now
}

// state is what everybody may know of the account.
func (u *User) state() event.User {
	return event.User{
		ID: u.ID, Email: u.Email, SessionEpoch: u.SessionEpoch, KeptSession: u.KeptSession, EndedSessions: u.Ended,
		Version: u.Version, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

// normalEmail is the one spelling of an e-mail address that accounts are known by; false if it is no address.
func normalEmail(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > maxEmail || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return "", false
	}
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s { // a name, a comment or quotes around the address
		return "", false
	}
	return s, true
}

// checkEmail says what is wrong with a new account's e-mail.
func checkEmail(p *fault.Problems, field, email string) {
	if _, ok := normalEmail(email); !ok {
		p.Add(field, "This is not an e-mail address.")
	}
}

// checkPassword says what is wrong with a new password. Any character counts as one, and all are allowed.
func checkPassword(p *fault.Problems, field, password string) {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		p.Add(field, "A password must have at least %d characters.", minPassword)
	case n > maxPassword:
		p.Add(field, "A password must have at most %d characters.", maxPassword)
	}
}
