package payments

import (
	"time"

	"ticketing/kernel/store"
)

const disputeColumns = `id, charge_id, amount, currency, reason, status, evidence_due_by, opened_at, created_at, updated_at`

// holding is the condition of Dispute.Holds.
const holding = `status NOT IN ('won', 'warning_closed')`

func scanDispute(scan store.Scan) (d Dispute, err error) {
	var due, opened, created, updated int64
	err = scan(&d.ID, &d.ChargeID, &d.Amount, &d.Currency, &d.Reason, &d.Status, &due, &opened, &created, &updated)
	d.DueBy, d.OpenedAt, d.CreatedAt, d.UpdatedAt = store.Time(due), store.Time(opened), store.Time(created), store.Time(updated)
	return d, err
}

// openDispute tells whether a dispute stands against the charge, undecided or lost: then nothing that was earned with it is
// paid out. It is true from the first word of a dispute, before Stripe has been asked.
func openDispute(tx *store.Tx, chargeID string) (bool, error) {
	_, open, err := store.One(tx, scanDispute, `SELECT `+disputeColumns+` FROM disputes WHERE charge_id = $1 AND `+holding+` LIMIT 1`, chargeID)
	return open, err
}

// insertDispute notes a dispute of which nothing is known but the charge, unless it is there already.
func insertDispute(tx *store.Tx, d Dispute) error {
	return tx.Do(`INSERT INTO disputes (id, charge_id, currency, due_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT DO NOTHING`,
		d.ID, d.ChargeID, d.Currency, store.Millis(d.CreatedAt.Add(disputeRefresh)), store.Millis(d.CreatedAt))
}

// saveDispute notes what Stripe says of a dispute that is noted; changed tells whether it is news.
func saveDispute(tx *store.Tx, d Dispute) (changed bool, err error) {
	n, err := tx.Exec(`UPDATE disputes SET amount = $1, currency = $2, reason = $3, status = $4, evidence_due_by = $5, opened_at = $6,
		updated_at = $7 WHERE id = $8 AND NOT (amount = $1 AND reason = $3 AND status = $4 AND evidence_due_by = $5)`,
		d.Amount, d.Currency, d.Reason, d.Status, store.Millis(d.DueBy), store.Millis(d.OpenedAt), store.Millis(d.UpdatedAt), d.ID)
	return n == 1, err
}

// forgetDispute deletes what was noted before of a dispute that Stripe has never shown.
func forgetDispute(tx *store.Tx, id string, before time.Time) error {
	return tx.Do(`DELETE FROM disputes WHERE id = $1 AND status = '' AND created_at <= $2`, id, store.Millis(before))
}

// postponeDispute sets when a dispute is asked after by itself.
func postponeDispute(tx *store.Tx, id string, due time.Time) error {
	return tx.Do(`UPDATE disputes SET due_at = $1 WHERE id = $2`, store.Millis(due), id)
}

func dueDisputes(tx *store.Tx) ([]Dispute, error) {
	return store.All(tx, scanDispute, `SELECT `+disputeColumns+` FROM disputes WHERE due_at > 0 AND due_at <= $1
		ORDER BY due_at, id LIMIT $2`, store.Millis(tx.Now()), dueBatch)
}

func newestDisputes(tx *store.Tx, held bool, limit int) ([]Dispute, error) {
	where := ``
	if held {
		where = ` WHERE ` + holding
	}
	return store.All(tx, scanDispute, `SELECT `+disputeColumns+` FROM disputes`+where+` ORDER BY created_at DESC, id DESC LIMIT $1`, limit)
}
