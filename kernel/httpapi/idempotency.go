package httpapi

import (
	"context"
	"embed"
	"sync/atomic"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the tables of the Idempotency-Key, for the database of every service that has routes.
var Migrations = store.Migrations{Name: "httpapi", FS: store.Files(migrations, "migrations")}

const (
	keepAnswers = 24 * time.Hour   // how long a key is known
	staleAfter  = 30 * time.Second // when a claim without an answer may be taken over; handlers end before
	sweepEvery  = 256              // claims between two removals of old keys
	sweepBatch  = 4 * sweepEvery   // keys removed at a time, more than come in between
)

// keys are the Idempotency-Keys of one service. A key is claimed before the handler runs and holds its answer after.
type keys struct {
	db     *store.DB
	slow   func(ctx context.Context, body, salt []byte) ([]byte, error)
	claims atomic.Uint64
}

// claim is the right to answer the first request with a key, or a repeat that takes over from an attempt that died.
type claim struct {
	caller, target, name string
	attempt              int64
	entity               string // id for what the request creates
}

// thing is the key, among all things that the service's updates are about.
func (c claim) thing() string { return "key " + c.caller + " " + c.target + " " + c.name }

// record is a key as the database has it.
type record struct {
	salt, fingerprint, entity string
	attempt, claimed, created int64
	status                    int
	headers, body             string
}

// newKeys takes over what an earlier process left unfinished, at once if nobody else can be at work on it.
func newKeys(db *store.DB, o Options) *keys {
	k := &keys{db: db, slow: o.Fingerprint}
	if !db.Shared() {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			return tx.Do(`UPDATE idempotency_keys SET claimed_at = 0 WHERE status = 0`)
		})
		if err != nil {
			o.Log.Warn("requests that a crash interrupted can be repeated only in 30 s", "service", db.Name(), "cause", err)
		}
	}
	return k
}

// begin claims the key; a record instead of a claim is a stored answer. The error is a fault: the key was used for
// another body, or its first request is still running.
func (k *keys) begin(ctx context.Context, c claim, body []byte, secret bool) (claim, *record, error) {
	salt, fingerprint, err := k.fingerprint(ctx, c, body, secret)
	if err != nil {
		return c, nil, err
	}
	k.sweep()
	var stored *record
	var mine claim
	err = k.db.UpdateOf(ctx, c.thing(), func(tx *store.Tx) error {
		mine, stored = c, nil
		now := store.Millis(tx.Now())
		mine.entity, mine.attempt = tx.NewID(), 1
		n, err := tx.Exec(`INSERT INTO idempotency_keys (caller, target, name, salt, fingerprint, entity_id, attempt,
				claimed_at, created_at, status, headers, body)
			VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, 0, '', '') ON CONFLICT DO NOTHING`,
			c.caller, c.target, c.name, salt, fingerprint, mine.entity, now)
		if err != nil || n == 1 {
			return err
		}
		r, ok, err := k.find(tx, c)
		switch {
		case err != nil:
			return err
		case !ok || r.salt != salt: // removed or made just now
			return inUse()
		case r.created <= now-keepAnswers.Milliseconds():
			mine.attempt = r.attempt + 1
			return k.seize(tx, mine, r.attempt, `entity_id = $5, fingerprint = $6, created_at = $7, claimed_at = $7,
				status = 0, headers = '', body = ''`, mine.entity, fingerprint, now)
		case r.fingerprint != fingerprint:
			return fault.KeyReused.New("This Idempotency-Key was used for another request. Use a new key for a new request.")
		case r.status != 0:
			stored = &r
			return nil
		case r.claimed > now-staleAfter.Milliseconds():
			return inUse()
		}
		mine.entity, mine.attempt = r.entity, r.attempt+1
		return k.seize(tx, mine, r.attempt, `claimed_at = $5`, now)
	})
	return mine, stored, err
}

// seize makes mine the newest attempt, unless another got there first.
func (k *keys) seize(tx *store.Tx, mine claim, from int64, set string, args ...any) error {
	n, err := tx.Exec(`UPDATE idempotency_keys SET attempt = attempt + 1, `+set+`
		WHERE caller = $1 AND target = $2 AND name = $3 AND attempt = $4`,
		append([]any{mine.caller, mine.target, mine.name, from}, args...)...)
	if err == nil && n == 0 {
		return inUse()
	}
	return err
}

func (k *keys) find(tx *store.Tx, c claim) (record, bool, error) {
	return store.One(tx, func(scan store.Scan) (r record, err error) {
		err = scan(&r.salt, &r.fingerprint, &r.entity, &r.attempt, &r.claimed, &r.created, &r.status, &r.headers, &r.body)
		return r, err
	}, `SELECT salt, fingerprint, entity_id, attempt, claimed_at, created_at, status, headers, body
		FROM idempotency_keys WHERE caller = $1 AND target = $2 AND name = $3`, c.caller, c.target, c.name)
}

// finish stores the answer, unless a later attempt has taken over.
func (k *keys) finish(ctx context.Context, c claim, status int, headers, body string) error {
	return k.db.UpdateOf(ctx, c.thing(), func(tx *store.Tx) error {
		return tx.Do(`UPDATE idempotency_keys SET status = $5, headers = $6, body = $7
			WHERE caller = $1 AND target = $2 AND name = $3 AND attempt = $4 AND status = 0`,
			c.caller, c.target, c.name, c.attempt, status, headers, body)
	})
}

// release lets the next request with the key run, with the same id for what it creates: whether this attempt had an
// effect may be unknown.
func (k *keys) release(ctx context.Context, c claim) error {
	return k.db.UpdateOf(ctx, c.thing(), func(tx *store.Tx) error {
		return tx.Do(`UPDATE idempotency_keys SET claimed_at = 0
			WHERE caller = $1 AND target = $2 AND name = $3 AND attempt = $4 AND status = 0`,
			c.caller, c.target, c.name, c.attempt)
	})
}

// sweep removes some of the old keys every now and then, without making anybody wait.
func (k *keys) sweep() {
	if k.claims.Add(1)%sweepEvery != 0 {
		return
	}
	k.db.Start(context.Background(), func(tx *store.Tx) error {
		return tx.Do(`DELETE FROM idempotency_keys WHERE (caller, target, name) IN (
			SELECT caller, target, name FROM idempotency_keys WHERE created_at <= $1 ORDER BY created_at LIMIT $2)`,
			store.Millis(tx.Now().Add(-keepAnswers)), sweepBatch)
	})
}
