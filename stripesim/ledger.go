package stripesim

import (
	"context"
	"time"

	"ticketing/kernel/store"
)

// The kinds of ledger entries.
const (
	Capture = "capture"
	Refund  = "refund"
)

// Entry is one movement of money.
type Entry struct {
	At       time.Time
	Kind     string // Capture or Refund
	Intent   string
	Charge   string
	Refund   string // empty for a capture
	Amount   int64  // minor units; captures are positive, refunds negative
	Currency string
}

// Total is what became of one PaymentIntent's money.
type Total struct {
	Intent   string
	Currency string
	Captured int64
	Refunded int64
	Metadata map[string]string // of the intent
}

// move writes an entry in the transaction that moves the money.
func (c *call) move(kind string, ch *charge, refund string, amount int64) error {
	_, err := c.tx.Exec(`INSERT INTO ledger (id, created_at, kind, intent, charge, refund, amount, currency)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		newID(c.tx, "txn_"), store.Millis(c.tx.Now()), kind, ch.intent, ch.id, refund, amount, ch.currency)
	return err
}

// Ledger is every movement of money, oldest first.
func (s *Sim) Ledger(ctx context.Context) (entries []Entry, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		entries, err = store.All(tx, func(scan store.Scan) (e Entry, err error) {
			var at int64
			err = scan(&at, &e.Kind, &e.Intent, &e.Charge, &e.Refund, &e.Amount, &e.Currency)
			e.At = store.Time(at)
			return e, err
		}, `SELECT created_at, kind, intent, charge, refund, amount, currency FROM ledger ORDER BY created_at, id`)
		return err
	})
	return entries, err
}

// Totals is the ledger's sum for each PaymentIntent that ever took money, oldest intent first.
func (s *Sim) Totals(ctx context.Context) (totals []Total, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		totals, err = store.All(tx, func(scan store.Scan) (t Total, err error) {
			err = scan(&t.Intent, &t.Currency, &t.Captured, &t.Refunded)
			return t, err
		}, `SELECT l.intent, l.currency, SUM(CASE WHEN l.kind = 'capture' THEN l.amount ELSE 0 END),
			SUM(CASE WHEN l.kind = 'refund' THEN -l.amount ELSE 0 END)
			FROM ledger l GROUP BY l.intent, l.currency ORDER BY l.intent`)
		if err != nil {
			return err
		}
		for i := range totals {
			in, _, err := findIntent(tx, totals[i].Intent)
			if err != nil {
				return err
			}
			totals[i].Metadata = in.details.Metadata
		}
		return nil
	})
	return totals, err
}
