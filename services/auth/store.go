package auth

import (
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ticketing/kernel/identity"
	"ticketing/kernel/store"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the tables of auth.
var Migrations = store.Files(files, "migrations")

const userColumns = `id, email, password_hash, session_epoch, kept_session, epoch_began_at, ended_sessions, version, created_at, updated_at`

func scanUser(scan store.Scan) (u User, err error) {
	var ended string
	var began, created, updated int64
	err = scan(&u.ID, &u.Email, &u.PasswordHash, &u.SessionEpoch, &u.KeptSession, &began, &ended, &u.Version, &created, &updated)
	if err != nil {
		return u, err
	}
	u.EpochBeganAt, u.CreatedAt, u.UpdatedAt = store.Time(began), store.Time(created), store.Time(updated)
	if err := json.Unmarshal([]byte(ended), &u.Ended); err != nil {
		return u, fmt.Errorf("ended_sessions of user %s: %w", u.ID, err)
	}
	return u, nil
}

func selectUser(tx *store.Tx, id string) (User, bool, error) {
	return store.One(tx, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
}

func selectUserByEmail(tx *store.Tx, email string) (User, bool, error) {
	return store.One(tx, scanUser, `SELECT `+userColumns+` FROM users WHERE email = $1`, email)
}

// ownedByAnother tells whether an account other than this one has the e-mail.
func ownedByAnother(tx *store.Tx, email, id string) (bool, error) {
	u, ok, err := selectUserByEmail(tx, email)
	return ok && u.ID != id, err
}

// insertUser is false when the id or the e-mail is taken.
func insertUser(tx *store.Tx, u User) (bool, error) {
	ended, err := json.Marshal(u.Ended)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(`INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		u.ID, u.Email, u.PasswordHash, u.SessionEpoch, u.KeptSession, store.Millis(u.EpochBeganAt), string(ended), u.Version,
		store.Millis(u.CreatedAt), store.Millis(u.UpdatedAt))
	return n == 1, err
}

// updateUser saves u over the version before it; false when that is no longer the newest.
func updateUser(tx *store.Tx, u User) (bool, error) {
	ended, err := json.Marshal(u.Ended)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(`UPDATE users SET email = $2, password_hash = $3, session_epoch = $4, kept_session = $5,
			epoch_began_at = $6, ended_sessions = $7, version = $8, updated_at = $9
		WHERE id = $1 AND version = $8 - 1`,
		u.ID, u.Email, u.PasswordHash, u.SessionEpoch, u.KeptSession, store.Millis(u.EpochBeganAt), string(ended), u.Version,
		store.Millis(u.UpdatedAt))
	return n == 1, err
}

func scanKey(scan store.Scan) (k key, err error) {
	var seed string
	var created, retired int64
	if err := scan(&seed, &created, &retired); err != nil {
		return k, err
	}
	if k.seed, err = base64.StdEncoding.DecodeString(seed); err != nil {
		return k, errors.New("a stored signing key cannot be read") // err would quote it
	}
	k.createdAt, k.retiredAt = store.Time(created), store.Time(retired)
	k.signer, err = identity.NewSigner(k.seed)
	return k, err
}

// selectKeys reads all keys, the one that signs first, then the newest.
func selectKeys(tx *store.Tx) ([]key, error) {
	return store.All(tx, scanKey,
		`SELECT seed, created_at, retired_at FROM keys ORDER BY CASE WHEN retired_at = 0 THEN 0 ELSE 1 END, created_at DESC, kid`)
}

// insertKey adds the key that signs, unless there is one.
func insertKey(tx *store.Tx, k key) error {
	return tx.Do(`INSERT INTO keys (kid, seed, created_at, retired_at) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING`,
		k.signer.KeyID(), base64.StdEncoding.EncodeToString(k.seed), store.Millis(k.createdAt))
}

// retireKey is false when the key signs no more, since another replica has retired it.
func retireKey(tx *store.Tx, k key, now time.Time) (bool, error) {
	n, err := tx.Exec(`UPDATE keys SET retired_at = $2 WHERE kid = $1 AND retired_at = 0`, k.signer.KeyID(), store.Millis(now))
	return n == 1, err
}

func deleteKeysRetiredBefore(tx *store.Tx, t time.Time) error {
	return tx.Do(`DELETE FROM keys WHERE retired_at > 0 AND retired_at < $1`, store.Millis(t))
}
