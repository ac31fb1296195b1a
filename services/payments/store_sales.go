package payments

import (
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
	_, err := tx.Exec(`INSERT INTO sales (id, order_id, charge_id, seller_id, ticket_id, title, price, rate, fee, earned, currency,
		status, sold_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		s.ID, s.OrderID, s.ChargeID, s.SellerID, s.TicketID, s.Title, s.Price, s.Rate, s.Fee, s.Earned, s.Currency, s.Status,
		store.Millis(s.SoldAt))
	return err
}

// saleOf is the sale that a charge has paid.
func saleOf(tx *store.Tx, chargeID string) (Sale, bool, error) {
	return store.One(tx, scanSale, `SELECT `+saleColumns+` FROM sales WHERE charge_id = $1`, chargeID)
}

// saveReturned notes what of a sale has gone back to its buyer.
func saveReturned(tx *store.Tx, s Sale) error {
	_, err := tx.Exec(`UPDATE sales SET returned = $1, fee_returned = $2 WHERE id = $3`, s.Returned, s.FeeReturned, s.ID)
	return err
}

// Place is where a page of sales ends.
type Place struct {
	SoldAt int64
	ID     string
}

// salesOf is a page of a seller's sales, newest first.
func salesOf(tx *store.Tx, sellerID string, before Place, limit int) ([]Sale, error) {
	return store.All(tx, scanSale, `SELECT `+saleColumns+` FROM sales WHERE seller_id = $1 AND (sold_at, id) < ($2, $3)
		ORDER BY sold_at DESC, id DESC LIMIT $4`, sellerID, before.SoldAt, before.ID, limit)
}
