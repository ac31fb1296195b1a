package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"ticketing/audit"
	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/auth"
	"ticketing/services/expiration"
	"ticketing/services/orders"
	"ticketing/services/payments"
	"ticketing/services/tickets"
	"ticketing/test/prepared"
)

var usd = money.Currency{Code: "usd", Decimals: 2}

const (
	seller, buyer    = "seller", "buyer"
	sold, locked     = "ticket-sold", "ticket-locked"
	paid, open, late = "order-paid", "order-open", "order-late"
)

// market is a small market whose books are in order, written straight into the databases.
type market struct {
	t        *testing.T
	dbs      map[string]*store.DB
	now      time.Time
	logged   []string
	payments []audit.Payment
}

func newMarket(t *testing.T) *market {
	m := &market{t: t, dbs: map[string]*store.DB{}, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	for name, o := range map[string]store.Options{
		"auth": {Migrations: auth.Migrations}, "tickets": {Migrations: tickets.Migrations}, "orders": {Migrations: orders.Migrations},
		"expiration": {Migrations: expiration.Migrations}, "payments": {Migrations: payments.Migrations},
	} {
		o.Name, o.Dir, o.Kernel, o.Now = name, dir, []store.Migrations{bus.Migrations}, func() time.Time { return m.now }
		db, err := prepared.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		m.dbs[name] = db
	}
	m.say("tickets", event.TicketCreated, m.ticket(sold, 1, event.Available, ""))
	m.say("tickets", event.TicketCreated, m.ticket(locked, 1, event.Available, ""))
	for _, o := range []struct{ id, ticket string }{{paid, sold}, {open, locked}} {
		m.say("orders", event.OrderCreated, m.order(o.id, o.ticket, 1, event.Created))
		m.say("tickets", event.TicketUpdated, m.ticket(o.ticket, 2, event.Locked, o.id))
		m.say("orders", event.OrderUpdated, m.order(o.id, o.ticket, 2, event.AwaitingPayment))
	}
	m.say("payments", event.ChargeCreated, m.charge("charge", paid, 1, event.Created, ""))
	m.say("orders", event.OrderUpdated, m.claimed(paid, sold, 3, "charge"))
	m.say("payments", event.ChargeUpdated, m.charge("charge", paid, 2, event.Completed, ""))
	m.say("orders", event.OrderUpdated, m.order(paid, sold, 4, event.Completed))
	m.say("tickets", event.TicketUpdated, m.ticket(sold, 3, event.Sold, paid))
	m.run("expiration", `INSERT INTO deadlines (order_id, expires_at, due_at) VALUES ($1, 0, 0)`, open)
	m.payments = []audit.Payment{{ID: "pi_charge", OrderID: paid, ChargeID: "charge", Captured: 1999}}
	return m
}

func (m *market) ticket(id string, version int64, status, order string) event.Ticket {
	return event.Ticket{ID: id, Title: "A ticket", Price: usd.Decimal(1999), Currency: "usd", UserID: seller, Status: status, OrderID: order, Version: version,
		TimeZone: "Europe/Berlin"}
}

func (m *market) order(id, ticket string, version int64, status string) event.Order {
	o := event.Order{
		ID: id, UserID: buyer, Status: status, ExpiresAt: m.now.Add(time.Minute), Version: version, UpdatedAt: m.now,
		Ticket: event.OrderTicket{ID: ticket, Title: "A ticket", Price: usd.Decimal(1999), Currency: "usd", Version: 1, SellerID: seller},
	}
	switch {
	case status == event.Cancelled:
		o.CancelReason = event.ByBuyer
	case status == event.Completed && id == paid:
		o.ChargeID = "charge"
	case status == event.Completed:
		o.ChargeID = "second"
	}
	return o
}

// claimed is an order that waits for the payment that has it.
func (m *market) claimed(id, ticket string, version int64, charge string) event.Order {
	o := m.order(id, ticket, version, event.AwaitingPayment)
	o.ChargeID = charge
	return o
}

func (m *market) charge(id, order string, version int64, status, refund string) event.Charge {
	return event.Charge{ID: id, OrderID: order, Status: status, Amount: usd.Decimal(1999), Currency: "usd", StripeID: "pi_" + id,
		StripeRefundID: refund, Version: version, CreatedAt: m.now}
}

// say writes an event into the outbox of a service, into the log, and into the inboxes of all.
func (m *market) say(service string, typ event.Type, s event.State) {
	m.t.Helper()
	entity, version := s.Entity()
	data, err := json.Marshal(s)
	if err != nil {
		m.t.Fatal(err)
	}
	id := fmt.Sprintf("%s-%s-%d", s.Kind().Name, entity, version)
	document, err := json.Marshal(event.Envelope{ID: id, Type: typ, Subject: entity, Data: data})
	if err != nil {
		m.t.Fatal(err)
	}
	m.run(service, `INSERT INTO outbox (id, kind, entity, version, type, document, seq) VALUES ($1, $2, $3, $4, $5, $6, 1)`,
		id, s.Kind().Name, entity, version, string(typ), string(document))
	m.logged = append(m.logged, id)
	m.store(s)
	for name := range m.dbs {
		m.run(name, `INSERT INTO inbox (kind, entity, version) VALUES ($1, $2, $3) ON CONFLICT (kind, entity) DO UPDATE SET version = $3`,
			s.Kind().Name, entity, version)
	}
}

// store writes the state itself.
func (m *market) store(s event.State) {
	m.t.Helper()
	switch s := s.(type) {
	case event.User:
		m.run("auth", `INSERT INTO users (id, email, password_hash, session_epoch, kept_session, epoch_began_at, ended_sessions, version, created_at, updated_at)
			VALUES ($1, $2, '', 0, '', 0, '[]', $3, 0, 0)`, s.ID, s.Email, s.Version)
	case event.Ticket:
		price, _ := usd.Amount(s.Price)
		var order *string
		if s.OrderID != "" {
			order = &s.OrderID
		}
		soldAt, withdrawnAt := 0, 0
		if s.Status == event.Sold {
			soldAt = 1
		}
		if s.Status == event.Withdrawn {
			withdrawnAt = 1
		}
		m.run("tickets", `INSERT INTO tickets (id, user_id, title, price, currency, venue, details, search, starts_at, time_zone, order_id, sold_at, withdrawn_at, version, created_at, updated_at)
			VALUES ($1, $2, $3, $4, 'usd', '', '', '', 0, $9, $5, $6, $7, $8, 0, 0)
			ON CONFLICT (id) DO UPDATE SET price = $4, order_id = $5, sold_at = $6, withdrawn_at = $7, version = $8`,
			s.ID, s.UserID, s.Title, int64(price), order, soldAt, withdrawnAt, s.Version, s.TimeZone)
	case event.Order:
		price, _ := usd.Amount(s.Ticket.Price)
		m.run("orders", `INSERT INTO orders (id, user_id, status, cancel_reason, expires_at, ticket_id, ticket_version, title, price, currency, version, created_at, updated_at, seller_id, charge_id)
			VALUES ($1, $2, $3, $4, $5, $6, 1, '', $7, 'usd', $8, 0, 0, $9, $10) ON CONFLICT (id) DO UPDATE SET status = $3, cancel_reason = $4, version = $8, charge_id = $10`,
			s.ID, s.UserID, s.Status, s.CancelReason, store.Millis(s.ExpiresAt), s.Ticket.ID, int64(price), s.Version, seller, s.ChargeID)
		m.run("payments", `INSERT INTO orders (id, user_id, status, cancel_reason, expires_at, amount, currency)
			VALUES ($1, '', $2, '', 0, 0, 'usd') ON CONFLICT (id) DO NOTHING`, s.ID, s.Status)
	case event.Charge:
		amount, _ := usd.Amount(s.Amount)
		m.run("payments", `INSERT INTO charges (id, order_id, status, amount, currency, token, stripe_refund_id, version, created_at, updated_at)
			VALUES ($1, $2, $3, $4, 'usd', '', $5, $6, 0, 0) ON CONFLICT (id) DO UPDATE SET status = $3, stripe_refund_id = $5, version = $6`,
			s.ID, s.OrderID, s.Status, int64(amount), s.StripeRefundID, s.Version)
	}
}

func (m *market) run(service, statement string, args ...any) {
	m.t.Helper()
	err := m.dbs[service].Update(m.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(statement, args...)
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *market) audit() audit.Report {
	m.t.Helper()
	r, err := audit.Run(m.t.Context(), audit.Sources{
		DBs: m.dbs, Currency: usd,
		Events: func(_ context.Context, each func(event.Envelope)) error {
			for _, id := range m.logged {
				each(event.Envelope{ID: id})
			}
			return nil
		},
		Payments: func(context.Context) ([]audit.Payment, error) { return m.payments, nil },
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

func TestBooksInOrder(t *testing.T) {
	r := newMarket(t).audit()
	if len(r.Findings) > 0 || len(r.Busy) > 0 {
		t.Fatalf("findings %v, busy %v in a market whose books are in order", r.Findings, r.Busy)
	}
	if r.Tickets != 2 || r.Orders != 2 || r.Charges != 1 || r.Events != 13 {
		t.Fatalf("the report counts %+v", r)
	}
}

// Each case breaks one thing, and names the invariants that must be found broken, and no other.
func TestWhatBreaksIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(m *market)
		want  []int
	}{
		"a ticket sold twice": {func(m *market) {
			m.run("orders", `DROP INDEX orders_one_a_ticket`)
			m.say("orders", event.OrderCreated, m.order(late, sold, 1, event.Created))
			m.say("orders", event.OrderUpdated, m.order(late, sold, 2, event.AwaitingPayment))
			m.say("orders", event.OrderUpdated, m.order(late, sold, 3, event.Completed))
			m.say("payments", event.ChargeCreated, m.charge("second", late, 1, event.Created, ""))
			m.say("payments", event.ChargeUpdated, m.charge("second", late, 2, event.Completed, ""))
			m.payments = append(m.payments, audit.Payment{ID: "pi_second", OrderID: late, ChargeID: "second", Captured: 1999})
		}, []int{1}},
		"a completed order whose ticket is free": {func(m *market) {
			m.say("tickets", event.TicketUpdated, m.ticket(locked, 3, event.Available, ""))
			m.say("orders", event.OrderUpdated, m.order(open, locked, 3, event.Completed))
			m.say("payments", event.ChargeCreated, m.charge("second", open, 1, event.Created, ""))
			m.say("payments", event.ChargeUpdated, m.charge("second", open, 2, event.Completed, ""))
			m.payments = append(m.payments, audit.Payment{ID: "pi_second", OrderID: open, ChargeID: "second", Captured: 1999})
			m.run("expiration", `DELETE FROM deadlines`)
		}, []int{1}},
		"a lock that went from one order to another": {func(m *market) {
			m.run("orders", `DROP INDEX orders_one_a_ticket`)
			m.say("orders", event.OrderCreated, m.order(late, locked, 1, event.Created))
			m.say("tickets", event.TicketUpdated, m.ticket(locked, 3, event.Locked, late))
			m.say("orders", event.OrderUpdated, m.order(late, locked, 2, event.AwaitingPayment))
			m.run("expiration", `INSERT INTO deadlines (order_id, expires_at, due_at) VALUES ($1, 0, 0)`, late)
		}, []int{2}},
		"a lock for an order that is over": {func(m *market) {
			m.say("orders", event.OrderCancelled, m.order(open, locked, 3, event.Cancelled))
			m.run("expiration", `DELETE FROM deadlines`)
		}, []int{2}},
		"a price that changed under a lock": {func(m *market) {
			dear := m.ticket(locked, 3, event.Locked, open)
			dear.Price = usd.Decimal(5000)
			m.say("tickets", event.TicketUpdated, dear)
		}, []int{2}},
		"an order that came back to life": {func(m *market) {
			m.say("orders", event.OrderUpdated, m.order(paid, sold, 5, event.AwaitingPayment))
			m.say("orders", event.OrderUpdated, m.order(paid, sold, 6, event.Completed))
		}, []int{3}},
		"a version that was never said": {func(m *market) {
			m.run("orders", `DELETE FROM outbox WHERE id = $1`, "order-"+open+"-1")
			m.logged = slices.DeleteFunc(m.logged, func(id string) bool { return id == "order-"+open+"-1" })
		}, []int{3, 7}},
		"money kept for a cancelled order": {func(m *market) {
			m.say("payments", event.ChargeCreated, m.charge("second", open, 1, event.Created, ""))
			m.say("payments", event.ChargeUpdated, m.charge("second", open, 2, event.Completed, ""))
			m.say("orders", event.OrderCancelled, m.order(open, locked, 3, event.Cancelled))
			m.say("tickets", event.TicketUpdated, m.ticket(locked, 3, event.Available, ""))
			m.payments = append(m.payments, audit.Payment{ID: "pi_second", OrderID: open, ChargeID: "second", Captured: 1999})
			m.run("expiration", `DELETE FROM deadlines`)
		}, []int{4}},
		"a ticket for nothing":         {func(m *market) { m.payments = nil }, []int{4}},
		"a cent too little":            {func(m *market) { m.payments[0].Captured-- }, []int{4}},
		"money nobody of us asked for": {func(m *market) { m.payments[0].ChargeID = "stranger" }, []int{4}},
		"more taken than the price":    {func(m *market) { m.payments[0].Captured, m.payments[0].Refunded = 2999, 1000 }, []int{5}},
		"more given back than taken":   {func(m *market) { m.payments = append(m.payments, audit.Payment{ID: "pi_x", Refunded: 1}) }, []int{5}},
		"two payments for one order": {func(m *market) {
			m.payments = append(m.payments, audit.Payment{ID: "pi_charge", OrderID: paid, ChargeID: "charge", Captured: 500, Refunded: 500})
		}, []int{5}},
		"an order that expired too early": {func(m *market) {
			early := m.order(open, locked, 3, event.Cancelled)
			early.CancelReason = event.Expired
			m.say("orders", event.OrderCancelled, early)
			m.say("tickets", event.TicketUpdated, m.ticket(locked, 3, event.Available, ""))
			m.run("expiration", `DELETE FROM deadlines`)
		}, []int{6}},
		"an order that does not end":    {func(m *market) { m.now = m.now.Add(2 * time.Minute) }, []int{6}},
		"an order that nobody will end": {func(m *market) { m.run("expiration", `DELETE FROM deadlines`) }, []int{6}},
		"a payment that is never decided": {func(m *market) {
			m.say("payments", event.ChargeCreated, m.charge("second", open, 1, event.Created, ""))
			m.now = m.now.Add(10 * time.Minute)
		}, []int{6}},
		"an event that is not in the log": {func(m *market) { m.logged = m.logged[1:] }, []int{7}},
		"an event that nobody said":       {func(m *market) { m.logged = append(m.logged, "stranger") }, []int{7}},
		"a change that was not said": {func(m *market) {
			m.store(event.User{ID: "u", Email: "u@example.com", Version: 1})
		}, []int{7}},
		"a sold ticket that is offered again": {func(m *market) { m.run("tickets", `UPDATE tickets SET sold_at = 0, order_id = NULL WHERE sold_at > 0`) }, []int{7}},
		"another price than was said":         {func(m *market) { m.run("tickets", `UPDATE tickets SET price = 1 WHERE sold_at > 0`) }, []int{7}},
		"another zone than was said":          {func(m *market) { m.run("tickets", `UPDATE tickets SET time_zone = 'UTC' WHERE sold_at > 0`) }, []int{7}},
		"a ticket that is gone":               {func(m *market) { m.run("tickets", `DELETE FROM tickets WHERE sold_at > 0`) }, []int{7}},
		"an order that is gone":               {func(m *market) { m.run("orders", `DELETE FROM orders WHERE id = $1`, paid) }, []int{7}},
		"an order that ends later":            {func(m *market) { m.run("orders", `UPDATE orders SET expires_at = expires_at + 1 WHERE id = $1`, open) }, []int{7}},
		"a charge of another amount":          {func(m *market) { m.run("payments", `UPDATE charges SET amount = 1`) }, []int{7}},
		"a charge that is gone":               {func(m *market) { m.run("payments", `DELETE FROM charges`) }, []int{7}},
		"an event that could not be applied": {func(m *market) {
			m.run("orders", `INSERT INTO failed_event (id, kind, entity, version, document, attempts, error, failed_at, next_at, parked)
				VALUES ('e', 'ticket', 'x', 1, '{}', 8, 'no', 0, 0, TRUE)`)
		}, []int{7}},
		"a password's hash in an event": {func(m *market) {
			m.say("auth", event.UserCreated, event.User{ID: "u", Email: "$argon2id$v=19$m=19456", Version: 1})
		}, []int{10}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			c.spoil(m)
			m.finds(c.want)
		})
	}
}

// finds checks which invariants an audit finds broken.
func (m *market) finds(want []int) {
	m.t.Helper()
	var got []int
	r := m.audit()
	for _, f := range r.Findings {
		if !slices.Contains(got, f.Invariant) {
			got = append(got, f.Invariant)
		}
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("invariants %v, want %v; findings: %v, busy: %v", got, want, r.Findings, r.Busy)
	}
}

func TestABusyMarketIsNotBroken(t *testing.T) {
	m := newMarket(t)
	m.run("orders", `UPDATE outbox SET seq = NULL WHERE id = $1`, "order-"+paid+"-4")
	m.run("tickets", `UPDATE inbox SET version = 3 WHERE entity = $1`, paid)
	m.run("tickets", `DELETE FROM outbox WHERE id = $1`, "ticket-"+sold+"-3")
	m.store(m.ticket(sold, 2, event.Locked, paid))
	m.logged = slices.DeleteFunc(m.logged, func(id string) bool { return id == "ticket-"+sold+"-3" })
	if r := m.audit(); len(r.Findings) > 0 || len(r.Busy) != 2 {
		t.Fatalf("findings %v, busy %v", r.Findings, r.Busy)
	}
}
