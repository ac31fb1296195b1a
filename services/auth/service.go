// Package auth keeps accounts and says who is calling.
//
// A session is a token that auth signs and every service verifies by itself with auth's public keys; auth is asked for
// nothing more, so the market goes on while it is down. What a signature cannot say, that a session ended early, is part
// of the account's state: it goes out with UserUpdated, and each process that follows the log refuses the session from
// then on. A session ends by itself, by sign-out, and with every new password of its account.
//
// Passwords are stored as argon2id hashes only. A hash is made outside of any transaction, on as many cores as there
// are and no more; whoever guesses passwords is slowed down before anything is hashed.
package auth

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
	"ticketing/kernel/store"
)

// Options are what auth works with besides its database and its events.
type Options struct {
	Now      func() time.Time // the clock of tokens and limits; needed
	Ended    *identity.Ended  // of this process, told of a sign-out at once; nil: the log alone tells
	Log      *slog.Logger     // nil: no log
	HashCost HashCost         // of new passwords; zero: DefaultHashCost
	Hashes   int              // how many run at once; 0: one a core
	// Derive makes the hash; nil: argon2id. A test that counts or holds up hashes replaces it.
	Derive func(password, salt []byte, cost HashCost) []byte
}

// Service is auth. Its zero value has routes to be documented, and nothing else.
type Service struct {
	db     *store.DB
	bus    *bus.Bus
	now    func() time.Time
	ended  *identity.Ended
	log    *slog.Logger
	hasher *hasher
	keys   *keyring
	limits *limits
}

// New is auth on this database, whose events go out by this bus.
func New(db *store.DB, b *bus.Bus, o Options) *Service {
	if o.Ended == nil {
		o.Ended = identity.NewEnded()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HashCost == (HashCost{}) {
		o.HashCost = DefaultHashCost
	}
	if o.Hashes == 0 {
		o.Hashes = runtime.GOMAXPROCS(0)
	}
	return &Service{
		db: db, bus: b, now: o.Now, ended: o.Ended, log: o.Log,
		hasher: newHasher(o), keys: newKeyring(db, o.Now, o.Log), limits: newLimits(o.Now),
	}
}

// SignUp makes the account of this id. An account that has the id and the e-mail already is a repeat's own.
func (s *Service) SignUp(ctx context.Context, id, email, password string) (User, error) {
	if err := s.limits.signUp(ctx); err != nil {
		return User{}, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	var u User
	err = s.db.Update(ctx, func(tx *store.Tx) error { // the unique index decides between two who want one e-mail
		u = newUser(id, email, hash, tx.Now())
		made, err := insertUser(tx, u)
		if err != nil {
			return err
		}
		if made {
			return s.announce(tx, event.UserCreated, u)
		}
		var ok bool
		if u, ok, err = selectUser(tx, id); err == nil && (!ok || u.Email != email) {
			err = errTaken()
		}
		return err
	})
	return u, err
}

// SignIn is the account of this e-mail and password. It takes the same time, and gives the same answer, whether there is
// no such account or its password is another.
func (s *Service) SignIn(ctx context.Context, email, password string) (User, error) {
	address, ok := normalEmail(email)
	if !ok {
		address = "" // nobody's
	}
	var u User
	right, err := s.limits.attempt(ctx, address, func() (bool, error) {
		var err error
		if u, _, err = s.find(ctx, selectUserByEmail, address); err != nil {
			return false, err
		}
		return s.hasher.matches(ctx, password, u.PasswordHash)
	})
	if err == nil && !right {
		err = fault.BadCredentials.New("E-mail or password is wrong.")
	}
	return u, err
}

// SignOut ends the caller's session. Ending it again changes nothing.
func (s *Service) SignOut(ctx context.Context, c identity.Caller) error {
	_, err := s.change(ctx, c.UserID, func(tx *store.Tx, u *User) (bool, error) {
		if u.over(c.SessionID, c.Epoch) {
			return false, nil
		}
		u.endSession(c.SessionID, c.ExpiresAt, tx.Now())
		return true, nil
	})
	return err
}

// Change gives the caller's account another e-mail, another password or both; an empty one stays. It takes the current
// password. A new password ends every other session of the account.
func (s *Service) Change(ctx context.Context, c identity.Caller, current, email, password string) (User, error) {
	u, err := s.Current(ctx, c)
	if err != nil {
		return User{}, err
	}
	right, err := s.limits.attempt(ctx, u.Email, func() (bool, error) { return s.hasher.matches(ctx, current, u.PasswordHash) })
	if err == nil && !right {
		err = errCurrentPassword()
	}
	if err != nil {
		return User{}, err
	}
	hash := ""
	if password != "" {
		if hash, err = s.hasher.hash(ctx, password); err != nil {
			return User{}, err
		}
	}
	changed, err := s.change(ctx, c.UserID, func(tx *store.Tx, now *User) (bool, error) {
		switch {
		case now.over(c.SessionID, c.Epoch): // since it was looked at
			return false, errSignedOut()
		case now.PasswordHash != u.PasswordHash:
			return false, errCurrentPassword()
		}
		taken, err := ownedByAnother(tx, email, now.ID)
		if err == nil && taken {
			err = errTaken()
		}
		return err == nil && now.update(email, hash, c.SessionID, tx.Now()), err
	})
	return changed, s.explain(ctx, err, email, c.UserID)
}

// explain finds out whether a change failed because another replica was quicker to take the e-mail. The unique index says
// so in words that differ from engine to engine; who has the e-mail does not.
func (s *Service) explain(ctx context.Context, err error, email, id string) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	_ = s.db.View(ctx, func(tx *store.Tx) error {
		if taken, failed := ownedByAnother(tx, email, id); failed == nil && taken {
			err = errTaken()
		}
		return nil
	})
	return err
}

// Current is the caller's account. Unlike a token alone it knows of every session that has ended, on any replica.
func (s *Service) Current(ctx context.Context, c identity.Caller) (User, error) {
	u, ok, err := s.find(ctx, selectUser, c.UserID)
	if err == nil && (!ok || u.over(c.SessionID, c.Epoch)) {
		err = errSignedOut()
	}
	return u, err
}

// begin is a token for a session of u, new or going on, and when it expires.
func (s *Service) begin(ctx context.Context, u User, session string) (token string, expires time.Time, err error) {
	signer, err := s.keys.signer(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	now := s.now()
	c := identity.Caller{
		UserID: u.ID, SessionID: session, Epoch: u.SessionEpoch,
		ExpiresAt: now.Add(identity.SessionTTL).UTC().Truncate(time.Second),
	}
	token, err = signer.Sign(c, now)
	return token, c.ExpiresAt, err
}

// errMoved says that another replica changed the account between reading and writing it.
var errMoved = errors.New("the account has changed meanwhile")

// change loads the account, edits it and saves it under its next version, unless edit says that nothing is different.
// Whenever somebody else got there first it starts over; that somebody has made progress, so it ends.
func (s *Service) change(ctx context.Context, id string, edit func(tx *store.Tx, u *User) (bool, error)) (User, error) {
	for {
		var u User
		err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
			u, err = s.edit(tx, id, edit)
			return err
		})
		if !errors.Is(err, errMoved) {
			return u, err
		}
	}
}

func (s *Service) edit(tx *store.Tx, id string, edit func(tx *store.Tx, u *User) (bool, error)) (User, error) {
	u, ok, err := selectUser(tx, id)
	switch {
	case err != nil:
		return u, err
	case !ok:
		return u, errSignedOut()
	}
	different, err := edit(tx, &u)
	if err != nil || !different {
		return u, err
	}
	u.touched(tx.Now())
	saved, err := updateUser(tx, u)
	switch {
	case err != nil:
		return u, err
	case !saved:
		return u, errMoved
	}
	return u, s.announce(tx, event.UserUpdated, u)
}

// find reads one account; false if there is none.
func (s *Service) find(ctx context.Context, by func(*store.Tx, string) (User, bool, error), what string) (u User, ok bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		u, ok, err = by(tx, what)
		return err
	})
	return u, ok, err
}

func errTaken() error {
	return fault.EmailTaken.New("An account with this e-mail exists already.").On("email")
}

func errCurrentPassword() error {
	return fault.BadCredentials.New("This is not your current password.").On("currentPassword")
}

func errSignedOut() error {
	return fault.SignInNeeded.New("Your session is over. Sign in again.")
}
