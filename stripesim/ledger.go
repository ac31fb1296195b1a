package stripesim

import (
	"context"
	"time"

	"ticketing/kernel/store"
)

// The kinds of ledger entries.
const (
	Capture          = "capture"
	Refund           = "refund"
	RefundFailed     = "refund_failed"     // the money of a refund that failed or was called off comes back
	Dispute          = "dispute"           // a cardholder's bank takes the money
	DisputeReversal  = "dispute_reversal"  // the bank gives it back
	Transfer         = "transfer"          // money goes to another account
	TransferReversal = "transfer_reversal" // and comes back
)

// Entry is one movement of money.
type Entry struct {
	At       time.Time
	Kind     string // one of the constants above
	Intent   string // empty for a transfer of no particular charge
	Charge   string
	Refund   string // of Refund and RefundFailed
	Dispute  string // of Dispute and DisputeReversal
	Transfer string // of Transfer and TransferReversal
	Reversal string // of TransferReversal
	Amount   int64  // minor units; what comes in is positive, what goes out negative
	Currency string
}

// Total is what became of one PaymentIntent's money.
type Total struct {
	Intent      string
	Currency    string
	Captured    int64
	Refunded    int64             // pending refunds included, failed ones not
	Disputed    int64             // what disputes hold at present, or have cost
	Transferred int64             // what went to other accounts with its charge as the source
	Metadata    map[string]string // of the intent
}

// booking is an entry as the ledger keeps it.
type booking struct {
	Entry
	id          string
	availableAt time.Time // zero: as soon as the charge's own money
}

// entry is a movement of the charge's money.
func (ch *charge) entry(kind string, amount int64) Entry {
	return Entry{Kind: kind, Intent: ch.intent, Charge: ch.id, Amount: amount, Currency: ch.currency}
}

// book writes an entry in the transaction that moves the money. The ledger is only ever added to.
func (c *call) book(b booking) error {
	at := store.Millis(b.availableAt)
	if b.availableAt.IsZero() {
		var err error
		if at, err = c.availableWith(b.Intent); err != nil {
			return err
		}
	}
	return c.tx.Do(`INSERT INTO ledger (id, created_at, available_at, kind, intent, charge, refund, dispute, transfer,
		reversal, amount, currency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		b.id, store.Millis(c.tx.Now()), at, b.Kind, orNull(b.Intent), orNull(b.Charge), b.Refund, b.Dispute, b.Transfer,
		b.Reversal, b.Amount, b.Currency)
}

// availableWith is when the intent's captured money can be spent, now if that is past: what is taken from money that is
// not there yet is missing when it comes.
func (c *call) availableWith(intent string) (int64, error) {
	now := store.Millis(c.tx.Now())
	at, _, err := store.One(c.tx, func(scan store.Scan) (at int64, err error) {
		err = scan(&at)
		return at, err
	}, `SELECT available_at FROM ledger WHERE intent = $1 AND kind = 'capture'`, intent)
	return max(at, now), err
}

const ledgerColumns = `id, created_at, available_at, kind, COALESCE(intent, ''), COALESCE(charge, ''), refund, dispute, transfer,
	reversal, amount, currency`

func scanBooking(scan store.Scan) (*booking, error) {
	var b booking
	var at, available int64
	err := scan(&b.id, &at, &available, &b.Kind, &b.Intent, &b.Charge, &b.Refund, &b.Dispute, &b.Transfer, &b.Reversal,
		&b.Amount, &b.Currency)
	b.At, b.availableAt = store.Time(at), store.Time(available)
	return &b, err
}

// Ledger is every movement of money, oldest first.
func (s *Sim) Ledger(ctx context.Context) (entries []Entry, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		entries, err = store.All(tx, func(scan store.Scan) (Entry, error) {
			b, err := scanBooking(scan)
			return b.Entry, err
		}, `SELECT `+ledgerColumns+` FROM ledger ORDER BY created_at, id`)
		return err
	})
	return entries, err
}

// Totals is the ledger's sum for each PaymentIntent that ever took money, oldest intent first.
func (s *Sim) Totals(ctx context.Context) (totals []Total, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		totals, err = store.All(tx, func(scan store.Scan) (t Total, err error) {
			err = scan(&t.Intent, &t.Currency, &t.Captured, &t.Refunded, &t.Disputed, &t.Transferred)
			return t, err
		}, `SELECT l.intent, l.currency, SUM(CASE WHEN l.kind = 'capture' THEN l.amount ELSE 0 END),
			SUM(CASE WHEN l.kind IN ('refund', 'refund_failed') THEN -l.amount ELSE 0 END),
			SUM(CASE WHEN l.kind IN ('dispute', 'dispute_reversal') THEN -l.amount ELSE 0 END),
			SUM(CASE WHEN l.kind IN ('transfer', 'transfer_reversal') THEN -l.amount ELSE 0 END)
			FROM ledger l WHERE l.intent IS NOT NULL GROUP BY l.intent, l.currency ORDER BY l.intent`)
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
