package orders

import (
	"embed"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

//go:embed migrations
var files embed.FS

// Migrations are the tables of orders.
var Migrations = store.Files(files, "migrations")

const columns = `id, user_id, status, cancel_reason, expires_at, charge_id, seller_id, ticket_id, ticket_version, title, price, currency, refused_at, version, created_at, updated_at`

func scanOrder(scan store.Scan) (o Order, err error) {
	var expires, created, updated int64
	err = scan(&o.ID, &o.UserID, &o.Status, &o.CancelReason, &expires, &o.ChargeID, &o.Ticket.SellerID, &o.Ticket.ID, &o.Ticket.Version, &o.Ticket.Title,
		&o.Ticket.Price, &o.Ticket.Currency, &o.RefusedAt, &o.Version, &created, &updated)
	o.ExpiresAt, o.CreatedAt, o.UpdatedAt = store.Time(expires), store.Time(created), store.Time(updated)
	return o, err
}

func selectOrder(tx *store.Tx, id string) (Order, bool, error) {
	return store.One(tx, scanOrder, `SELECT `+columns+` FROM orders WHERE id = $1`, id)
}

// selectAlive is the one order of a ticket that is alive or paid.
func selectAlive(tx *store.Tx, ticketID string) (Order, bool, error) {
	return store.One(tx, scanOrder, `SELECT `+columns+` FROM orders WHERE ticket_id = $1 AND status <> 'Cancelled'`, ticketID)
}

// insertOrder is false when another order is alive for the ticket, or the id is taken: the index decides.
func insertOrder(tx *store.Tx, o Order) (bool, error) {
	n, err := tx.Exec(`INSERT INTO orders (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT DO NOTHING`,
		o.ID, o.UserID, o.Status, o.CancelReason, store.Millis(o.ExpiresAt), o.ChargeID, o.Ticket.SellerID, o.Ticket.ID, o.Ticket.Version, o.Ticket.Title,
		int64(o.Ticket.Price), o.Ticket.Currency, o.RefusedAt, o.Version, store.Millis(o.CreatedAt), store.Millis(o.UpdatedAt))
	return n == 1, err
}

// holdOrder reads an order and keeps other transactions about it out until the commit.
func holdOrder(tx *store.Tx, id string) (Order, bool, error) {
	lock := tx.Either("", " FOR UPDATE") // SQLite has one writer, who is never among others
	return store.One(tx, scanOrder, `SELECT `+columns+` FROM orders WHERE id = $1`+lock, id)
}

// payments are what is known of the payments of an order.
type payments struct {
	undecided string // the one that is not decided yet, if there is one
	failed    int    // attempts to pay
}

// holdPaid is holdOrder with the order's payments. What is decided by both is decided under it: two processes that each hear of
// another payment would both miss the other's. So the payments are read by a statement that begins when the order is held.
func holdPaid(tx *store.Tx, id string) (o Order, p payments, err error) {
	if !tx.Embedded() {
		if err := tx.Do(`SELECT 1 FROM orders WHERE id = $1 FOR UPDATE`, id); err != nil {
			return o, p, err
		}
	}
	o, _, err = store.One(tx, func(scan store.Scan) (Order, error) {
		return scanOrder(func(dest ...any) error { return scan(append(dest, &p.undecided, &p.failed)...) })
	}, `SELECT `+columns+`,
		coalesce((SELECT min(c.id) FROM charges c WHERE c.order_id = orders.id AND c.status = 'Created'), ''),
		(SELECT count(*) FROM charges c WHERE c.order_id = orders.id AND c.status = 'Failed' AND c.attempt)
		FROM orders WHERE id = $1`, id)
	return o, p, err
}

// updateOrder writes the next version of an order that is held.
func updateOrder(tx *store.Tx, o Order) error {
	return tx.Do(`UPDATE orders SET status = $1, cancel_reason = $2, charge_id = $3, refused_at = $4, version = $5,
		updated_at = $6 WHERE id = $7`,
		o.Status, o.CancelReason, o.ChargeID, o.RefusedAt, o.Version, store.Millis(o.UpdatedAt), o.ID)
}

// selectOrders is one page of a buyer's orders, newest first.
func selectOrders(tx *store.Tx, f Filter) ([]Order, error) {
	return store.All(tx, scanOrder, `SELECT `+columns+` FROM orders
		WHERE user_id = $1 AND ($2 = '' OR status = $2) AND (created_at, id) < ($3, $4)
		ORDER BY created_at DESC, id DESC LIMIT $5`,
		f.Buyer, f.Status, f.Before.CreatedAt, f.Before.ID, f.Limit)
}

func scanTicket(scan store.Scan) (t Ticket, err error) {
	var startsAt int64
	err = scan(&t.ID, &t.SellerID, &t.Title, &t.Price, &t.Currency, &startsAt, &t.Status, &t.OrderID, &t.Version)
	t.StartsAt = store.Time(startsAt)
	return t, err
}

func selectTicket(tx *store.Tx, id string) (Ticket, bool, error) {
	return store.One(tx, scanTicket, `SELECT id, seller_id, title, price, currency, starts_at, status, order_id, version
		FROM tickets WHERE id = $1`, id)
}

// selectWished is a ticket, and what matters to others of its order that is alive or paid; one without an id if it has none.
func selectWished(tx *store.Tx, id string) (t Ticket, alive Order, known bool, err error) {
	var expires int64
	t, known, err = store.One(tx, func(scan store.Scan) (Ticket, error) {
		return scanTicket(func(dest ...any) error {
			return scan(append(dest, &alive.ID, &alive.UserID, &alive.Status, &expires)...)
		})
	}, `SELECT t.id, t.seller_id, t.title, t.price, t.currency, t.starts_at, t.status, t.order_id, t.version,
		coalesce(o.id, ''), coalesce(o.user_id, ''), coalesce(o.status, ''), coalesce(o.expires_at, 0)
		FROM tickets t LEFT JOIN orders o ON o.ticket_id = t.id AND o.status <> 'Cancelled' WHERE t.id = $1`, id)
	alive.ExpiresAt = store.Time(expires)
	return t, alive, known, err
}

func saveTicket(tx *store.Tx, t Ticket) error {
	return tx.Do(`INSERT INTO tickets (id, seller_id, title, price, currency, starts_at, status, order_id, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET title = $3, price = $4, currency = $5,
		starts_at = $6, status = $7, order_id = $8, version = $9`,
		t.ID, t.SellerID, t.Title, int64(t.Price), t.Currency, store.Millis(t.StartsAt), t.Status, t.OrderID, t.Version)
}

func saveCharge(tx *store.Tx, c event.Charge) error {
	return tx.Do(`INSERT INTO charges (id, order_id, status, attempt, version) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET status = $3, attempt = $4, version = $5`,
		c.ID, c.OrderID, c.Status, c.FailureCode != event.NotSubmitted, c.Version)
}

// event is the order as the log tells of it.
func (s *Service) event(o Order) event.Order {
	return event.Order{
		ID: o.ID, UserID: o.UserID, Status: o.Status, CancelReason: o.CancelReason, ExpiresAt: o.ExpiresAt,
		ChargeID: o.ChargeID,
		Ticket: event.OrderTicket{
			ID: o.Ticket.ID, Title: o.Ticket.Title, Price: s.currency.Decimal(o.Ticket.Price),
			Currency: o.Ticket.Currency, Version: o.Ticket.Version, SellerID: o.Ticket.SellerID,
		},
		Version: o.Version, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
}

// replica is what orders keeps of a ticket's event.
func (s *Service) replica(t event.Ticket) (Ticket, error) {
	price, err := s.currency.Amount(t.Price)
	r := Ticket{
		ID: t.ID, SellerID: t.UserID, Title: t.Title, Price: money.Amount(price), Currency: t.Currency,
		Status: t.Status, OrderID: t.OrderID, Version: t.Version,
	}
	if t.StartsAt != nil {
		r.StartsAt = *t.StartsAt
	}
	return r, err
}
