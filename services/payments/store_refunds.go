package payments

import (
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/store"
)

const refundColumns = `id, charge_id, amount, status, reason, created_at, updated_at`

func scanRefund(scan store.Scan) (r refund, err error) {
	var created, noted int64
	err = scan(&r.ID, &r.ChargeID, &r.Amount, &r.Status, &r.Reason, &created, &noted)
	r.CreatedAt, r.NotedAt = store.Time(created), store.Time(noted)
	return r, err
}

// saveRefund notes a refund as Stripe shows it. What Stripe has called failed or cancelled stays so: an older answer may
// arrive after a newer one.
func saveRefund(tx *store.Tx, r refund) error {
	return tx.Do(`INSERT INTO refunds (id, charge_id, amount, status, reason, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET status = excluded.status, reason = excluded.reason,
			updated_at = excluded.updated_at
		WHERE refunds.status <> excluded.status AND refunds.status NOT IN ($8, $9)`,
		r.ID, r.ChargeID, r.Amount, string(r.Status), r.Reason, store.Millis(r.CreatedAt), store.Millis(tx.Now()),
		string(stripe.RefundStatusFailed), string(stripe.RefundStatusCanceled))
}

// refundsOf are all refunds of the charge, newest first.
func refundsOf(tx *store.Tx, chargeID string) ([]refund, error) {
	return store.All(tx, scanRefund, `SELECT `+refundColumns+` FROM refunds
		WHERE charge_id = $1 ORDER BY created_at DESC, id DESC`, chargeID)
}

// changeRefund gives the charge a new state of its refund.
func changeRefund(tx *store.Tx, c Charge, due time.Time) (Charge, error) {
	c, _, err := store.One(tx, scanCharge, `UPDATE charges SET stripe_refund_id = $1, refund_status = $2, refund_due = $3,
		due_at = $4, tries = 0, version = version + 1, updated_at = $5 WHERE id = $6 RETURNING `+chargeColumns,
		c.StripeRefundID, c.RefundStatus, c.RefundDue, store.Millis(due), store.Millis(tx.Now()), c.ID)
	return c, err
}

// watchRefund sets the next look at a refund that has not changed. One that is owed now keeps the time that is set for it: it
// is asked for at a pace that slows down.
func watchRefund(tx *store.Tx, c Charge, due time.Time) error {
	return tx.Do(`UPDATE charges SET refund_due = $1, due_at = CASE WHEN $2 AND due_at > 0 THEN due_at ELSE $3 END WHERE id = $4`,
		c.RefundDue, c.RefundDue && !due.After(tx.Now()), store.Millis(due), c.ID)
}

// spend makes the newest request of an operation unusable.
func spend(tx *store.Tx, chargeID string, op operation) error {
	return tx.Do(`UPDATE stripe_requests SET failures = $1 WHERE charge_id = $2 AND operation = $3`,
		maxFailures, chargeID, string(op))
}
