package audit

import (
	"fmt"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// row is an entity as the state has it, from which requests are answered.
type row struct {
	version int64
	state   any // what matters of it
}

// readRows reads the state of all entities of a kind; nil if the kind has none of its own.
func (b *books) readRows(tx *store.Tx, kind event.Kind) (map[string]row, error) {
	reader, ok := map[string]struct {
		query string
		state func(scan store.Scan) (id string, version int64, state any, err error)
	}{
		event.Users.Name:   {`SELECT id, version, email FROM users`, b.scanUser},
		event.Tickets.Name: {`SELECT id, version, user_id, title, time_zone, price, order_id, sold_at > 0, withdrawn_at > 0 FROM tickets`, b.scanTicket},
		event.Orders.Name:  {`SELECT id, version, user_id, ticket_id, seller_id, price, status, cancel_reason, charge_id, expires_at FROM orders`, b.scanOrder},
		event.Charges.Name: {`SELECT id, version, order_id, amount, status, stripe_refund_id, refund_status FROM charges`, b.scanCharge},
	}[kind.Name]
	if !ok {
		return nil, nil
	}
	rows := map[string]row{}
	return rows, each(tx, func(scan store.Scan) error {
		id, version, state, err := reader.state(scan)
		rows[id] = row{version, state}
		return err
	}, reader.query)
}

// describe is what matters of a state, the same for what was said and for what is stored.
func (b *books) describe(state any) string {
	switch s := state.(type) {
	case event.User:
		return fmt.Sprintf("%q", s.Email)
	case event.Ticket:
		return fmt.Sprintf("%q in %q of %s at %s, %s for %q", s.Title, s.TimeZone, s.UserID, s.Price, s.Status, s.OrderID)
	case event.Order:
		return fmt.Sprintf("%s for ticket %s of %q at %s until %s, %s %s with payment %q", s.UserID, s.Ticket.ID, s.Ticket.SellerID,
			s.Ticket.Price, s.ExpiresAt.UTC(), s.Status, s.CancelReason, s.ChargeID)
	case event.Charge:
		return fmt.Sprintf("%s for order %s, %s, refunded as %q %s", s.Amount, s.OrderID, s.Status, s.StripeRefundID, s.RefundStatus)
	}
	return ""
}

func (b *books) scanUser(scan store.Scan) (string, int64, any, error) {
	var u event.User
	err := scan(&u.ID, &u.Version, &u.Email)
	return u.ID, u.Version, u, err
}

func (b *books) scanTicket(scan store.Scan) (string, int64, any, error) {
	var t event.Ticket
	var price int64
	var order *string
	var sold, withdrawn bool
	err := scan(&t.ID, &t.Version, &t.UserID, &t.Title, &t.TimeZone, &price, &order, &sold, &withdrawn)
	t.Price, t.Status = b.decimal(price), event.Available
	if order != nil {
		t.OrderID, t.Status = *order, event.Locked
	}
	switch {
	case sold:
		t.Status = event.Sold
	case withdrawn:
		t.Status = event.Withdrawn
	}
	return t.ID, t.Version, t, err
}

func (b *books) scanOrder(scan store.Scan) (string, int64, any, error) {
	var o event.Order
	var price, expires int64
	err := scan(&o.ID, &o.Version, &o.UserID, &o.Ticket.ID, &o.Ticket.SellerID, &price, &o.Status, &o.CancelReason, &o.ChargeID, &expires)
	o.Ticket.Price, o.ExpiresAt = b.decimal(price), store.Time(expires)
	return o.ID, o.Version, o, err
}

func (b *books) scanCharge(scan store.Scan) (string, int64, any, error) {
	var c event.Charge
	var amount int64
	err := scan(&c.ID, &c.Version, &c.OrderID, &amount, &c.Status, &c.StripeRefundID, &c.RefundStatus)
	c.Amount = b.decimal(amount)
	return c.ID, c.Version, c, err
}

func (b *books) decimal(minor int64) money.Decimal { return b.currency.Decimal(money.Amount(minor)) }
