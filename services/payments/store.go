package payments

import (
	"embed"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

//go:embed migrations
var files embed.FS

// Migrations are the tables of payments.
var Migrations = store.Files(files, "migrations")

const orderColumns = `id, user_id, status, cancel_reason, expires_at, amount, currency, charge_id, seller_id, ticket_id, title`

func scanOrder(scan store.Scan) (o Order, err error) {
	var expires int64
	err = scan(&o.ID, &o.UserID, &o.Status, &o.CancelReason, &expires, &o.Amount, &o.Currency, &o.ChargeID, &o.SellerID,
		&o.TicketID, &o.Title)
	o.ExpiresAt = store.Time(expires)
	return o, err
}

func findOrder(tx *store.Tx, id string) (Order, bool, error) {
	return store.One(tx, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE id = $1`, id)
}

// holdOrder reads an order and keeps other transactions about it out until the commit. What is decided by the states of
// an order and its charge together is decided under it, or neither side might see that the other has changed.
func holdOrder(tx *store.Tx, id string) (Order, bool, error) {
	lock := tx.Either("", " FOR UPDATE") // SQLite has one writer, who is never among others
	return store.One(tx, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE id = $1`+lock, id)
}

func saveOrder(tx *store.Tx, o Order) error {
	return tx.Do(`INSERT INTO orders (`+orderColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, cancel_reason = excluded.cancel_reason,
			expires_at = excluded.expires_at, charge_id = excluded.charge_id`,
		o.ID, o.UserID, o.Status, o.CancelReason, store.Millis(o.ExpiresAt), o.Amount, o.Currency, o.ChargeID, o.SellerID,
		o.TicketID, o.Title)
}

const chargeColumns = `id, order_id, status, amount, currency, token, stripe_id, stripe_refund_id, failure_code, step, tries,
	hold, return_url, refund_status, refund_due, version, created_at, updated_at`

func scanCharge(scan store.Scan) (c Charge, err error) {
	var created, updated int64
	err = scan(&c.ID, &c.OrderID, &c.Status, &c.Amount, &c.Currency, &c.Token, &c.StripeID, &c.StripeRefundID,
		&c.FailureCode, &c.Step, &c.Tries, &c.Hold, &c.ReturnURL, &c.RefundStatus, &c.RefundDue, &c.Version, &created, &updated)
	c.CreatedAt, c.UpdatedAt = store.Time(created), store.Time(updated)
	return c, err
}

func findCharge(tx *store.Tx, id string) (Charge, bool, error) {
	return store.One(tx, scanCharge, `SELECT `+chargeColumns+` FROM charges WHERE id = $1`, id)
}

// findStates is a charge with its order, and liveStates the order's live charge with it.
func findStates(tx *store.Tx, id string) (file, bool, error) {
	return store.One(tx, scanStates, selectStates+` WHERE c.id = $1`, id)
}

func liveStates(tx *store.Tx, orderID string) (file, bool, error) {
	return store.One(tx, scanStates, selectStates+` WHERE c.order_id = $1 AND c.status IN ('Created', 'Completed')`, orderID)
}

var (
	states       = of("c", chargeColumns) + `, ` + of("o", orderColumns)
	selectStates = `SELECT ` + states + ` FROM charges c JOIN orders o ON o.id = c.order_id`
)

func scanStates(scan store.Scan) (f file, err error) {
	f.Charge, err = scanCharge(func(charge ...any) (err error) {
		f.order, err = scanOrder(func(order ...any) error { return scan(append(charge, order...)...) })
		return err
	})
	return f, err
}

// of are the columns of the table with that name.
func of(table, columns string) string {
	all := strings.Split(columns, ",")
	for i, column := range all {
		all[i] = table + "." + strings.TrimSpace(column)
	}
	return strings.Join(all, ", ")
}

// holdCharge reads a charge and its order, and keeps other transactions about the order out until the commit.
func holdCharge(tx *store.Tx, id string) (c Charge, o Order, err error) {
	if c, _, err = findCharge(tx, id); err != nil {
		return c, o, err
	}
	if o, _, err = holdOrder(tx, c.OrderID); err != nil {
		return c, o, err
	}
	if !tx.Embedded() { // it may have changed while the order was waited for
		c, _, err = findCharge(tx, id)
	}
	return c, o, err
}

// chargesAbout are all charges of the order, and the charge of this id, whichever order it is of.
func chargesAbout(tx *store.Tx, orderID, id string) ([]Charge, error) {
	return store.All(tx, scanCharge, `SELECT `+chargeColumns+` FROM charges WHERE order_id = $1 OR id = $2`, orderID, id)
}

// chargesOf are all charges of the order, newest first.
func chargesOf(tx *store.Tx, orderID string) ([]Charge, error) {
	return store.All(tx, scanCharge, `SELECT `+chargeColumns+` FROM charges WHERE order_id = $1
		ORDER BY created_at DESC, id DESC`, orderID)
}

// insertCharge is false if the order has a live charge, or the id is taken.
func insertCharge(tx *store.Tx, c Charge, due time.Time) (bool, error) {
	n, err := tx.Exec(`INSERT INTO charges (id, order_id, status, amount, currency, token, due_at, hold, return_url, version,
		created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
		c.ID, c.OrderID, c.Status, c.Amount, c.Currency, c.Token, store.Millis(due), c.Hold, c.ReturnURL, c.Version,
		store.Millis(c.CreatedAt), store.Millis(c.UpdatedAt))
	return n == 1, err
}

// decideCharge gives an undecided charge its final status; false if it has one.
func decideCharge(tx *store.Tx, id, status, failure string, refundDue bool, due time.Time) (Charge, bool, error) {
	return store.One(tx, scanCharge, `UPDATE charges SET status = $1, failure_code = $2, refund_due = $3, due_at = $4, tries = 0,
		step = FALSE, version = version + 1, updated_at = $5 WHERE id = $6 AND status = $7 RETURNING `+chargeColumns,
		status, failure, refundDue, store.Millis(due), store.Millis(tx.Now()), id, event.Created)
}

// decideUnlearnt fails an undecided charge that has no Stripe id.
func decideUnlearnt(tx *store.Tx, id, failure string) (Charge, bool, error) {
	return store.One(tx, scanCharge, `UPDATE charges SET status = $1, failure_code = $2, due_at = 0, tries = 0, step = FALSE,
		version = version + 1, updated_at = $3 WHERE id = $4 AND status = $5 AND stripe_id = '' RETURNING `+chargeColumns,
		event.ChargeFailed, failure, store.Millis(tx.Now()), id, event.Created)
}

// learnIntent notes Stripe's id with a charge that is still undecided; false if it has one, or is decided.
func learnIntent(tx *store.Tx, id, stripeID string) (Charge, bool, error) {
	return store.One(tx, scanCharge, `UPDATE charges SET stripe_id = $1 WHERE id = $2 AND status = $3 AND stripe_id = ''
		RETURNING `+chargeColumns, stripeID, id, event.Created)
}

// learnStates is learnIntent with the order, for which PostgreSQL needs no further statement.
func learnStates(tx *store.Tx, id, stripeID string) (file, bool, error) {
	return store.One(tx, scanStates, `UPDATE charges c SET stripe_id = $1 FROM orders o
		WHERE c.id = $2 AND c.status = $3 AND c.stripe_id = '' AND o.id = c.order_id RETURNING `+states, stripeID, id, event.Created)
}

// noteWaiting notes that the charge waits for its order to be won, and wonWaiting that it need not any more.
func noteWaiting(tx *store.Tx, id string) error {
	return tx.Do(`UPDATE charges SET waiting = TRUE WHERE id = $1 AND status = $2`, id, event.Created)
}

func wonWaiting(tx *store.Tx, id string) (bool, error) {
	n, err := tx.Exec(`UPDATE charges SET waiting = FALSE, due_at = $1, tries = 0 WHERE id = $2 AND status = $3 AND waiting`,
		store.Millis(tx.Now()), id, event.Created)
	return n == 1, err
}

// noteStep notes that the bank waits for the buyer.
func noteStep(tx *store.Tx, id string) error {
	return tx.Do(`UPDATE charges SET step = TRUE WHERE id = $1 AND status = $2`, id, event.Created)
}

// owe marks the completed charge of a cancelled order for a refund of what has not gone back, and an undecided one for a look
// at once.
func owe(tx *store.Tx, orderID string) error {
	now := store.Millis(tx.Now())
	err := tx.Do(`UPDATE charges SET refund_due = TRUE, due_at = $1, tries = 0
		WHERE order_id = $2 AND status = $3 AND NOT refund_due AND amount > (SELECT coalesce(sum(r.amount), 0) FROM refunds r
			WHERE r.charge_id = charges.id AND r.status NOT IN ($4, $5))`,
		now, orderID, event.Completed, string(stripe.RefundStatusFailed), string(stripe.RefundStatusCanceled))
	if err != nil {
		return err
	}
	err = tx.Do(`UPDATE charges SET due_at = $1, tries = 0 WHERE order_id = $2 AND status = $3`, now, orderID, event.Created)
	return err
}

// dueCharges are the undecided charges, or those with a refund to look after, whose time to be looked at has come.
func dueCharges(tx *store.Tx, status string) ([]Charge, error) {
	return store.All(tx, scanCharge, `SELECT `+chargeColumns+` FROM charges
		WHERE due_at > 0 AND due_at <= $1 AND status = $2 ORDER BY due_at, id LIMIT $3`,
		store.Millis(tx.Now()), status, dueBatch)
}

// dueBatch is how many charges one round of the background worker takes.
const dueBatch = 256

// postpone sets the next look at a charge.
func postpone(tx *store.Tx, id string, due time.Time, tries int) error {
	return tx.Do(`UPDATE charges SET due_at = $1, tries = $2 WHERE id = $3 AND due_at > 0`,
		store.Millis(due), tries, id)
}

// hint makes the undecided charge due now, unless the request that made it is still at it: that asks Stripe itself, and most of
// what Stripe tells is of what that request does.
func hint(tx *store.Tx, id string) (due bool, err error) {
	n, err := tx.Exec(`UPDATE charges SET due_at = $1, tries = 0
		WHERE id = $2 AND status = $3 AND (step OR waiting OR tries > 0 OR created_at <= $4)`,
		store.Millis(tx.Now()), id, event.Created, store.Millis(tx.Now().Add(-handlerLead)))
	return n == 1, err
}

// hasten makes the undecided charge due now.
func hasten(tx *store.Tx, id string) error {
	return tx.Do(`UPDATE charges SET due_at = $1, tries = 0 WHERE status = $2 AND id = $3`,
		store.Millis(tx.Now()), event.Created, id)
}

// failures is how many charges of the order have failed, without those that never got to the bank.
func failures(tx *store.Tx, orderID string) (n int, err error) {
	err = tx.QueryRow(`SELECT count(*) FROM charges WHERE order_id = $1 AND status = $2 AND failure_code <> $3`,
		orderID, event.ChargeFailed, event.NotSubmitted).Scan(&n)
	return n, err
}
