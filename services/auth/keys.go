package auth

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"ticketing/kernel/identity"
	"ticketing/kernel/store"
)

const (
	keyLife = 30 * 24 * time.Hour // after which the signing key is replaced
	// keyKept is how long a key verifies after it was retired: as long as a session lives, and some more for replicas
	// that have not noticed yet that it no longer signs.
	keyKept     = identity.SessionTTL + time.Hour
	keyReload   = 5 * time.Second // how soon a replica notices that another has replaced the key
	rotateEvery = time.Hour       // how often the age of the signing key is looked at
)

// key is one that signs sessions, or did.
type key struct {
	signer    *identity.Signer
	seed      []byte
	createdAt time.Time
	retiredAt time.Time // zero while it signs
}

func newKey(now time.Time) (key, error) {
	seed := random(ed25519.SeedSize)
	signer, err := identity.NewSigner(seed)
	return key{signer: signer, seed: seed, createdAt: now}, err
}

// keyring holds this replica's copy of the keys; the table is the truth.
type keyring struct {
	db     *store.DB
	now    func() time.Time
	log    *slog.Logger
	public *identity.CachedKeys

	mu       sync.Mutex
	signing  *identity.Signer
	loadedAt time.Time
}

func newKeyring(db *store.DB, now func() time.Time, log *slog.Logger) *keyring {
	r := &keyring{db: db, now: now, log: log}
	r.public = identity.NewCachedKeys(func(ctx context.Context) (identity.StaticKeys, error) {
		keys, err := r.load(ctx)
		return publicKeys(keys), err
	}, now)
	return r
}

// signer is the key that signs now, as it was a few seconds ago at the earliest.
func (r *keyring) signer(ctx context.Context) (*identity.Signer, error) {
	r.mu.Lock()
	signing, age := r.signing, r.now().Sub(r.loadedAt)
	r.mu.Unlock()
	if signing != nil && age >= 0 && age < keyReload {
		return signing, nil
	}
	keys, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	return keys[0].signer, nil
}

// load reads the keys, newest first, and makes the first one if there is none. Replicas that start at the same moment
// agree on one: the schema admits a single key that signs.
func (r *keyring) load(ctx context.Context) ([]key, error) {
	var keys []key
	read := func(tx *store.Tx) (err error) {
		keys, err = selectKeys(tx)
		return err
	}
	err := r.db.View(ctx, read)
	if err == nil && len(keys) == 0 {
		err = r.db.Update(ctx, func(tx *store.Tx) error {
			first, err := newKey(tx.Now())
			if err != nil {
				return err
			}
			if err := insertKey(tx, first); err != nil {
				return err
			}
			return read(tx)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("load the signing keys: %w", err)
	}
	if len(keys) == 0 || !keys[0].retiredAt.IsZero() {
		return nil, fmt.Errorf("load the signing keys: none of %d signs", len(keys))
	}
	r.keep(keys)
	return keys, nil
}

// keep makes keys this replica's copy.
func (r *keyring) keep(keys []key) {
	r.mu.Lock()
	r.signing, r.loadedAt = keys[0].signer, r.now()
	r.mu.Unlock()
	r.public.Set(publicKeys(keys))
}

// rotate replaces the key that signs, if it is older than this. The old one verifies until its last session has expired.
func (r *keyring) rotate(ctx context.Context, olderThan time.Duration) error {
	var keys []key
	var replaced string
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		replaced = ""
		old, err := selectKeys(tx)
		if err != nil {
			return err
		}
		if len(old) > 0 && tx.Now().Sub(old[0].createdAt) >= olderThan {
			next, err := newKey(tx.Now())
			if err != nil {
				return err
			}
			retired, err := retireKey(tx, old[0], tx.Now())
			if err != nil {
				return err
			}
			if retired {
				replaced = old[0].signer.KeyID()
				if err := insertKey(tx, next); err != nil {
					return err
				}
			}
		}
		if err := deleteKeysRetiredBefore(tx, tx.Now().Add(-keyKept)); err != nil {
			return err
		}
		keys, err = selectKeys(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("rotate the signing key: %w", err)
	}
	if len(keys) > 0 {
		r.keep(keys)
	}
	if replaced != "" {
		r.log.InfoContext(ctx, "a new key signs sessions", "kid", keys[0].signer.KeyID(), "retired", replaced)
	}
	return nil
}

func publicKeys(keys []key) identity.StaticKeys {
	public := identity.StaticKeys{}
	for _, k := range keys {
		public[k.signer.KeyID()] = k.signer.Public()
	}
	return public
}

// set is the keys to publish.
func (r *keyring) set(ctx context.Context) (identity.JWKS, error) {
	keys, err := r.load(ctx)
	public := make([]ed25519.PublicKey, 0, len(keys))
	for _, k := range keys {
		public = append(public, k.signer.Public())
	}
	return identity.NewJWKS(public...), err
}

// Keys are the public keys of this database, for whoever verifies sessions in the same process.
func (s *Service) Keys() identity.Keys { return s.keys.public }

// Rotate replaces the key that signs sessions, now. Nobody is signed out: sessions of the old key last as long as they
// would have.
func (s *Service) Rotate(ctx context.Context) error {
	if _, err := s.keys.load(ctx); err != nil {
		return err
	}
	return s.keys.rotate(ctx, 0)
}

// Ready is nil when sessions can be signed.
func (s *Service) Ready(ctx context.Context) error {
	_, err := s.keys.signer(ctx)
	return err
}

// Run replaces the signing key when it is old, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := s.db.Exclusive(ctx, "rotate keys", s.keepKeysYoung)
		if ctx.Err() == nil {
			s.log.WarnContext(ctx, "the rotation of keys starts again", "cause", err)
			pause(ctx, keyReload)
		}
	}
	return nil
}

func (s *Service) keepKeysYoung(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.keys.rotate(ctx, keyLife); err != nil {
			return err
		}
		pause(ctx, rotateEvery)
	}
	return ctx.Err()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
