package orders_test

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/orders"
	"ticketing/test/postgres"
	"ticketing/test/service"
)

const lockDuration = 15 * time.Minute

// house is orders, with a stand-in for tickets.
type house struct {
	*service.Process
	tickets *box
	looks   *atomic.Int64 // how often the clock was read: a request that has begun to wait has looked at it
	options orders.Options
}

// each runs the test on every engine. A request waits at most so long.
func each(t *testing.T, wait time.Duration, attempts int, test func(t *testing.T, h house)) {
	run := func(t *testing.T, url string) {
		m := service.New(t, url)
		h := house{tickets: newBox(m), looks: &atomic.Int64{}, options: orders.Options{
			Currency: money.Currency{Code: "usd", Decimals: 2}, LockDuration: lockDuration, Attempts: attempts, Wait: wait,
		}}
		h.start(m)
		test(t, h)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "") })
	t.Run("postgres", func(t *testing.T) { run(t, postgres.URL(t)) })
}

// start runs orders, or one more replica of it.
func (h *house) start(m *service.Market) {
	m.Helper()
	clock := func() time.Time { h.looks.Add(1); return m.Now() }
	h.Process = m.Start("orders", orders.Migrations, clock, func(db *store.DB, b *bus.Bus) service.Parts {
		s := orders.New(db, b, h.options)
		s.Follow(b)
		return service.Parts{Routes: s.Routes(), Private: true}
	})
}

// replicas are as many processes of orders as can share a database.
func (h house) replicas() []house {
	if !h.Shared() {
		return []house{h}
	}
	second := h
	second.start(h.Market)
	return []house{h, second}
}

// box stands in for tickets: it has them in its memory, and says what tickets would, when it is not told to keep silent.
type box struct {
	*service.Process
	mu     sync.Mutex
	all    map[string]event.Ticket
	silent bool          // it does not hear orders
	ahead  bool          // its clock is ahead: the event of every ticket has begun
	missed []event.Order // what it has not heard
}

func newBox(m *service.Market) *box {
	b := &box{all: map[string]event.Ticket{}}
	b.Process = m.StandIn("tickets", func(on *bus.Bus) {
		bus.Follow(on, func(_ context.Context, tx *store.Tx, o event.Order) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.silent {
				b.missed = append(b.missed, o)
				return nil
			}
			return b.hear(on, tx, o)
		})
	})
	return b
}

// hear does what tickets does when an order changes.
func (b *box) hear(on *bus.Bus, tx *store.Tx, o event.Order) error {
	t := b.all[o.Ticket.ID]
	mine := t.OrderID == o.ID
	switch {
	case b.ahead && o.Status == event.Created:
		return on.Emit(tx, event.TicketLockRejected, event.LockRejection{
			OrderID: o.ID, TicketID: o.Ticket.ID, Reason: event.RejectedUnavailable, TicketVersion: t.Version, Version: 1,
		})
	case o.Status == event.Cancelled && mine:
		t.Status, t.OrderID, t.LockedUntil = event.Available, "", nil
	case o.Status == event.Completed && mine && t.Status == event.Locked:
		t.Status, t.LockedUntil = event.Sold, nil
	case o.Status == event.Created && t.Status == event.Available && t.Version == o.Ticket.Version:
		t.Status, t.OrderID, t.LockedUntil = event.Locked, o.ID, &o.ExpiresAt
	case o.Status == event.Created && !mine:
		r := event.LockRejection{OrderID: o.ID, TicketID: o.Ticket.ID, Reason: event.RejectedChanged, TicketVersion: t.Version, Version: 1}
		if t.Status != event.Available {
			r.Reason = event.RejectedUnavailable
		}
		return on.Emit(tx, event.TicketLockRejected, r)
	default:
		return nil
	}
	t.Version++
	b.all[t.ID] = t
	return on.Emit(tx, event.TicketUpdated, t)
}

// hush keeps it silent, and wake has it hear what it has missed.
func (b *box) hush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = true
}

func (b *box) wake() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = false
	for _, o := range b.missed {
		if err := b.DB.Update(context.Background(), func(tx *store.Tx) error { return b.hear(b.Bus, tx, o) }); err != nil {
			b.Fatal(err)
		}
	}
	b.missed = nil
}

// make makes a ticket without telling anybody.
func (b *box) make(seller string, price int64) event.Ticket {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := event.Ticket{
		ID: service.NewID(), Title: "Tom Waits", Price: money.Whole(price), Currency: "usd", UserID: seller, Status: event.Available,
		Version: 1, CreatedAt: b.Now(), UpdatedAt: b.Now(),
	}
	b.all[t.ID] = t
	return t
}

// change makes the next version of a ticket without telling anybody.
func (b *box) change(t event.Ticket, how func(t *event.Ticket)) event.Ticket {
	b.mu.Lock()
	defer b.mu.Unlock()
	t = b.all[t.ID]
	how(&t)
	t.Version++
	b.all[t.ID] = t
	return t
}

// now is the ticket as tickets has it.
func (b *box) now(id string) event.Ticket {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[id]
}

func (b *box) say(t event.Ticket) {
	b.Helper()
	if t.Version == 1 {
		b.Say(event.TicketCreated, t)
	} else {
		b.Say(event.TicketUpdated, t)
	}
}

// listed is a ticket that orders knows.
func (h house) listed(seller string, price int64) event.Ticket {
	h.Helper()
	t := h.tickets.make(seller, price)
	h.tickets.say(t)
	h.Knows(t)
	return t
}

// order is an order as its buyer sees it.
type order struct {
	event.Order
	ExpiresIn int64 `json:"expiresIn"`
}

func (h house) place(buyer, ticketID string) service.Answer {
	h.Helper()
	return h.Ask(buyer, "POST", "/api/orders", map[string]any{"ticketId": ticketID})
}

func (h house) placeAt(buyer, ticketID string, price float64) service.Answer {
	h.Helper()
	return h.Ask(buyer, "POST", "/api/orders", map[string]any{"ticketId": ticketID, "price": price})
}

// locked is an order that holds its ticket.
func (h house) locked(buyer, ticketID string) order {
	h.Helper()
	o := service.Must[order](h.Process, h.place(buyer, ticketID), 201)
	service.AwaitVersion[event.Order](h.Market, o.ID, 2) // it may have been answered before that
	if o = h.read(o); o.Status != event.AwaitingPayment {
		h.Fatalf("%+v", o)
	}
	return o
}

func (h house) read(o order) order {
	h.Helper()
	return service.Must[order](h.Process, h.Ask(o.UserID, "GET", "/api/orders/"+o.ID, nil), 200)
}

func (h house) cancel(o order, headers ...string) service.Answer {
	h.Helper()
	return h.Ask(o.UserID, "DELETE", "/api/orders/"+o.ID, nil, headers...)
}

// ends checks that the order stands there now, that the payment which the log names for it is this one ("" for none), and
// that the log tells all the rest of it up to that state.
func (h house) ends(o order, status, reason, chargeID string, version int) {
	h.Helper()
	now := h.read(o)
	if now.Status != status || now.CancelReason != reason || now.Version != int64(version) {
		h.Errorf("the order is %s %s at version %d, want %s %s at %d", now.Status, now.CancelReason, now.Version, status, reason, version)
		return
	}
	last := service.AwaitVersion[event.Order](h.Market, o.ID, version)
	if last.ChargeID != chargeID {
		h.Errorf("the payment that has the order, %s %s, is %q, want %q", status, reason, last.ChargeID, chargeID)
	}
	last.ChargeID = "" // the buyer is not shown it
	said, _ := json.Marshal(last)
	if shown, _ := json.Marshal(now.Order); string(said) != string(shown) {
		h.Errorf("the log says %s, GET answers %s", said, shown)
	}
	h.Failed()
}

// charge is a payment for the order, just submitted.
func (h house) charge(o order) event.Charge {
	return event.Charge{
		ID: service.NewID(), OrderID: o.ID, Status: event.Created, Amount: o.Ticket.Price, Currency: "usd", Version: 1,
		CreatedAt: h.Now(), UpdatedAt: h.Now(),
	}
}

func decided(c event.Charge, status string) event.Charge {
	c.Version, c.Status = c.Version+1, status
	return c
}

// deliver gives orders these events, in this order.
func (h house) deliver(states ...event.State) {
	h.Helper()
	for _, s := range states {
		h.Deliver(s.Kind().Types[len(s.Kind().Types)-1], s)
	}
}

// alarm is what expiration says for the n-th time.
func (h house) alarm(o order, n int64) event.Expiry {
	return event.Expiry{OrderID: o.ID, ExpiresAt: o.ExpiresAt, Version: n}
}
