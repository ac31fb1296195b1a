package stripesim

import (
	"context"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// How long a hold on a card's money lasts.
const holdLife = 7 * 24 * time.Hour

// errands are what happens by itself some time after a request. Each finds the object as it is then, and does nothing if
// it has gone another way. That of a hold, which ends, is not on the list of errands: it is the intent itself.
var errands = map[string]func(c *call, object string) error{
	"debit":   (*call).decideDebit,
	"refund":  (*call).decideRefund,
	"dispute": (*call).openDisputes,
	"verdict": (*call).decideDispute,
}

// later puts an errand on the list, in the transaction that gives the reason for it.
func (c *call) later(errand, object, intent string, after time.Duration) error {
	return c.tx.Do(`INSERT INTO later (id, kind, object, intent, due_at) VALUES ($1, $2, $3, $4, $5)`,
		newID(c.tx, "later_"), errand, object, intent, store.Millis(c.tx.Now().Add(after)))
}

// Settle does everything that is due by the store's clock, what becomes due by that included, and says how much that was:
// debits are decided, refunds arrive or come back, disputes are opened and closed, old holds expire. Processes that share
// an account may all settle it.
func (s *Sim) Settle(ctx context.Context) (n int, err error) {
	for {
		done, err := s.settle(ctx, func(tx *store.Tx) ([]string, error) {
			return store.All(tx, scanErrand, `SELECT id, due_at FROM later WHERE due_at <= $1
				UNION ALL SELECT id, expires_at FROM intents WHERE expires_at > 0 AND expires_at <= $1
				ORDER BY 2, 1 LIMIT 100`, store.Millis(tx.Now()))
		})
		n += done
		if err != nil || done == 0 {
			return n, err
		}
	}
}

// SettleNow does what waits for the object, due or not: a refund's outcome, a dispute's verdict; of an intent or a charge
// everything, so that a hold expires. It says how much that was.
func (s *Sim) SettleNow(ctx context.Context, id string) (n int, err error) {
	return s.settle(ctx, func(tx *store.Tx) ([]string, error) {
		ch, _, err := findCharge(tx, id)
		if err != nil {
			return nil, err
		}
		intent := id
		if ch != nil {
			intent = ch.intent
		}
		return store.All(tx, scanErrand, `SELECT id, due_at FROM later WHERE object = $1 OR intent = $2
			UNION ALL SELECT id, expires_at FROM intents WHERE id = $2 AND expires_at > 0 ORDER BY 2, 1`, id, intent)
	})
}

// NextDue is when Settle will next have something to do; false if nothing waits.
func (s *Sim) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		var ms int64
		ms, ok, err = store.One(tx, func(scan store.Scan) (ms int64, err error) {
			err = scan(&ms)
			return ms, err
		}, `SELECT due_at FROM (SELECT min(due_at) AS due_at FROM later
			UNION ALL SELECT min(expires_at) FROM intents WHERE expires_at > 0) AS both_lists
			WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1`)
		at = store.Time(ms)
		return err
	})
	return at, ok, err
}

// settle runs the errands that find names, each in its own transaction.
func (s *Sim) settle(ctx context.Context, find func(tx *store.Tx) ([]string, error)) (n int, err error) {
	var ids []string
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = find(tx)
		return err
	})
	for _, id := range ids {
		done := false
		if err == nil {
			err = s.act(ctx, func(c *call) (err error) {
				done, err = c.runErrand(id)
				return err
			})
		}
		if err != nil {
			return n, err
		}
		if done {
			n++
		}
	}
	return n, err
}

// runErrand takes an errand off the list and does it; false if another process was first.
func (c *call) runErrand(id string) (bool, error) {
	if strings.HasPrefix(id, intentPrefix) {
		return c.expireHold(id)
	}
	type row struct{ kind, object string }
	r, ok, err := store.One(c.tx, func(scan store.Scan) (r row, err error) {
		err = scan(&r.kind, &r.object)
		return r, err
	}, `DELETE FROM later WHERE id = $1 RETURNING kind, object`, id)
	if err != nil || !ok {
		return false, err
	}
	return true, errands[r.kind](c, r.object)
}

func scanText(scan store.Scan) (s string, err error) {
	err = scan(&s)
	return s, err
}

func scanErrand(scan store.Scan) (id string, err error) {
	var due int64
	err = scan(&id, &due)
	return id, err
}

// expireHold gives up a hold that was never captured; false if there is none any more.
func (c *call) expireHold(intentID string) (bool, error) {
	in, ok, err := lockIntent(c.tx, intentID)
	if err != nil || !ok || in.status != requiresCapture {
		return false, err
	}
	_, err = c.cancel(in, "automatic", "charge.expired")
	return err == nil, err
}
