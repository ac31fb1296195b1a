package stripesim

import (
	"context"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// AgeKeys makes every idempotency key older by so much, as if that time had passed.
func (s *Sim) AgeKeys(ctx context.Context, by time.Duration) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return tx.Do(`UPDATE idempotency_keys SET created_at = created_at - $1`, by.Milliseconds())
	})
}

// PruneKeys forgets the idempotency keys whose day is over, and says how many those were.
func (s *Sim) PruneKeys(ctx context.Context) (n int64, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(`DELETE FROM idempotency_keys WHERE created_at <= $1`, store.Millis(tx.Now().Add(-keyLife)))
		return err
	})
	return n, err
}

// Hasten makes everything that is still to be delivered due now, and says how much that is.
func (s *Sim) Hasten(ctx context.Context) (n int64, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) (err error) {
		tx.AfterCommit(s.fresh.doubt)
		tx.AfterCommit(s.wake)
		now := store.Millis(tx.Now())
		n, err = tx.Exec(`UPDATE deliveries AS d SET due_at = $1 WHERE `+isPending+` AND due_at > $1`, now)
		return err
	})
	return n, err
}

// Reset forgets everything that the account has seen, the rules for faults and the mischief too. The endpoints of webhooks
// stay: they are how the account is set up.
func (s *Sim) Reset(ctx context.Context) error {
	s.ClearFaults()
	s.ClearMischief()
	s.ForgetRequests()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		tx.AfterCommit(s.fresh.doubt)
		tables, err := store.All(tx, func(scan store.Scan) (name string, err error) {
			err = scan(&name)
			return name, err
		}, tx.Either(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
			`SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name`))
		if err != nil {
			return err
		}
		var all []string
		for _, name := range tables {
			if name != "webhook_endpoints" && !strings.HasPrefix(name, "goose_") {
				all = append(all, name)
			}
		}
		return empty(tx, all)
	})
}

// empty deletes all rows of tables that refer to one another.
func empty(tx *store.Tx, tables []string) error {
	if tx.Either("", "postgres") != "" {
		return tx.Do(`TRUNCATE ` + strings.Join(tables, ", "))
	}
	if err := tx.Do(`PRAGMA defer_foreign_keys = ON`); err != nil {
		return err
	}
	for _, name := range tables {
		if err := tx.Do(`DELETE FROM ` + name); err != nil {
			return err
		}
	}
	return nil
}
