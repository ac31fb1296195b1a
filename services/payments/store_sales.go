package payments

import (
	"time"

	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

const saleColumns = `id, order_id, charge_id, seller_id, ticket_id, title, price, rate, fee, earned, currency, returned, fee_returned,
	status, asked, paid, transfer_id, sold_at, paid_at, tries`

func scanSale(scan store.Scan) (s Sale, err error) {
	var sold, paid int64
	err = scan(&s.ID, &s.OrderID, &s.ChargeID, &s.SellerID, &s.TicketID, &s.Title, &s.Price, &s.Rate, &s.Fee, &s.Earned, &s.Currency,
		&s.Returned, &s.FeeReturned, &s.Status, &s.Asked, &s.Paid, &s.TransferID, &sold, &paid, &s.Tries)
	s.SoldAt, s.PaidAt = store.Time(sold), store.Time(paid)
	return s, err
}

func insertSale(tx *store.Tx, s Sale) error {
	return tx.Do(`INSERT INTO sales (id, order_id, charge_id, seller_id, ticket_id, title, price, rate, fee, earned, currency,
		status, sold_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		s.ID, s.OrderID, s.ChargeID, s.SellerID, s.TicketID, s.Title, s.Price, s.Rate, s.Fee, s.Earned, s.Currency, s.Status,
		store.Millis(s.SoldAt))
}

// saleOf is the sale that a charge has paid.
func saleOf(tx *store.Tx, chargeID string) (Sale, bool, error) {
	return store.One(tx, scanSale, `SELECT `+saleColumns+` FROM sales WHERE charge_id = $1`, chargeID)
}

// saveReturned notes what of a sale has gone back to its buyer.
func saveReturned(tx *store.Tx, s Sale) error {
	return tx.Do(`UPDATE sales SET returned = $1, fee_returned = $2 WHERE id = $3`, s.Returned, s.FeeReturned, s.ID)
}

// Place is where a page of sales ends.
type Place struct {
	SoldAt int64
	ID     string
}

// salesOf is a page of a seller's sales, newest first.
func salesOf(tx *store.Tx, sellerID string, before Place, limit int) ([]Sale, error) {
	return store.All(tx, func(scan store.Scan) (Sale, error) {
		var disputed bool
		s, err := scanSale(func(columns ...any) error { return scan(append(columns, &disputed)...) })
		s.Disputed = disputed
		return s, err
	}, `SELECT `+saleColumns+`, EXISTS (SELECT 1 FROM disputes WHERE charge_id = sales.charge_id AND `+holding+`)
		FROM sales WHERE seller_id = $1 AND (sold_at, id) < ($2, $3) ORDER BY sold_at DESC, id DESC LIMIT $4`,
		sellerID, before.SoldAt, before.ID, limit)
}

func findSale(tx *store.Tx, id string) (Sale, bool, error) {
	return store.One(tx, scanSale, `SELECT `+saleColumns+` FROM sales WHERE id = $1`, id)
}

// holdSale reads a sale and its charge, and keeps other transactions about its order out until the commit.
func holdSale(tx *store.Tx, known Sale) (c Charge, sale Sale, err error) {
	if _, _, err = holdOrder(tx, known.OrderID); err != nil {
		return c, sale, err
	}
	if c, _, err = findCharge(tx, known.ChargeID); err != nil {
		return c, sale, err
	}
	sale, _, err = findSale(tx, known.ID)
	return c, sale, err
}

// ripeSales are those that are held back and were sold at that time or before.
func ripeSales(tx *store.Tx, soldAt time.Time) ([]Sale, error) {
	return store.All(tx, scanSale, `SELECT `+saleColumns+` FROM sales WHERE status = 'pending' AND sold_at <= $1 AND due_at <= $2
		ORDER BY sold_at, id LIMIT $3`, store.Millis(soldAt), store.Millis(tx.Now()), dueBatch)
}

// dueSales are those that are to be paid out, or whose payout is to be looked at.
func dueSales(tx *store.Tx) ([]Sale, error) {
	return store.All(tx, scanSale, `SELECT `+saleColumns+` FROM sales WHERE status <> 'pending' AND due_at > 0 AND due_at <= $1
		ORDER BY due_at, id LIMIT $2`, store.Millis(tx.Now()), dueBatch)
}

// makeAvailable lets a sale be paid out from then on; at no time yet if due is zero.
func makeAvailable(tx *store.Tx, id string, due time.Time) error {
	return tx.Do(`UPDATE sales SET status = 'available', due_at = $1, tries = 0 WHERE id = $2 AND status = 'pending'`, store.Millis(due), id)
}

// unpark lets everything be paid out that has waited for the seller's account.
func unpark(tx *store.Tx, sellerID string) error {
	return tx.Do(`UPDATE sales SET due_at = $1, tries = 0 WHERE seller_id = $2 AND status = 'available' AND due_at = 0`,
		store.Millis(tx.Now()), sellerID)
}

// postponeSale sets the next look at a sale; none if due is zero.
func postponeSale(tx *store.Tx, id string, due time.Time, tries int) error {
	return tx.Do(`UPDATE sales SET due_at = $1, tries = $2 WHERE id = $3`, store.Millis(due), tries, id)
}

// askFor notes what Stripe is asked to transfer, and when it is asked again if there is no answer.
func askFor(tx *store.Tx, id string, amount money.Amount, due time.Time) error {
	return tx.Do(`UPDATE sales SET asked = $1, due_at = $2, tries = tries + 1 WHERE id = $3 AND status = 'available'`,
		amount, store.Millis(due), id)
}

// refuseSale notes that nothing came of what Stripe was asked for.
func refuseSale(tx *store.Tx, id string, due time.Time) error {
	return tx.Do(`UPDATE sales SET asked = 0, due_at = $1 WHERE id = $2 AND status = 'available'`, store.Millis(due), id)
}

// endEmpty ends a sale of which nothing is left to be paid out.
func endEmpty(tx *store.Tx, id string, at time.Time) error {
	return tx.Do(`UPDATE sales SET status = 'paid', paid_at = $1, due_at = 0 WHERE id = $2 AND status = 'available'`, store.Millis(at), id)
}

// notePaid ends a sale that was paid out.
func notePaid(tx *store.Tx, id, transferID string, amount money.Amount) error {
	return tx.Do(`UPDATE sales SET status = 'paid', transfer_id = $1, paid = $2, paid_at = $3, asked = 0, due_at = 0, tries = 0
		WHERE id = $4 AND status = 'available'`, transferID, amount, store.Millis(tx.Now()), id)
}

// noteReversal notes how a payout stands that was looked at.
func noteReversal(tx *store.Tx, id string, reversed bool) error {
	return tx.Do(`UPDATE sales SET status = CASE WHEN $1 THEN 'reversed' ELSE status END, due_at = 0, tries = 0 WHERE id = $2`, reversed, id)
}

// dueTransfer lets a payout be looked at now.
func dueTransfer(tx *store.Tx, transferID string) (bool, error) {
	n, err := tx.Exec(`UPDATE sales SET due_at = $1, tries = 0 WHERE transfer_id = $2 AND transfer_id <> ''`, store.Millis(tx.Now()), transferID)
	return n == 1, err
}
