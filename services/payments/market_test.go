package payments_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/identity"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
	"ticketing/test/postgres"
)

// market is payments with a simulated Stripe, a real event log, and a stand-in for orders that does what orders does with
// charges.
type market struct {
	t       *testing.T
	dir     string
	url     string // of PostgreSQL, or empty
	log     *bus.NATS
	sim     *stripesim.Sim
	orders  *side
	side    // of payments
	service *payments.Service
	handler http.Handler
	options payments.Options

	mu      sync.Mutex
	now     time.Time
	fault   func(*http.Request, stripesim.Stage) *stripesim.Fault
	charges map[string]event.Charge // the newest that orders has heard of each
	said    map[string]event.Order  // the newest that orders has said of each
	deaf    bool                    // no payment is told that it has won its order
	heard   chan struct{}           // closed and replaced when orders has heard something
}

// side is one service's database and bus while they run.
type side struct {
	db   *store.DB
	bus  *bus.Bus
	stop func()
}

const secret = "whsec_test"

var ctx = context.Background()

// each runs the test on every engine.
func each(t *testing.T, test func(m *market)) {
	t.Run("sqlite", func(t *testing.T) { test(newMarket(t, "")) })
	t.Run("postgres", func(t *testing.T) { test(newMarket(t, postgres.URL(t))) })
}

func newMarket(t *testing.T, url string) *market {
	m := &market{t: t, dir: t.TempDir(), url: url, now: time.Now(), charges: map[string]event.Charge{}, said: map[string]event.Order{}, heard: make(chan struct{}),
		options: payments.Options{StripeKey: "sk_test_1", WebhookSecrets: []string{secret}, PublishableKey: "pk_test_1", Simulator: true, Wait: 5 * time.Second}}
	var err error
	if m.log, err = bus.Connect(ctx, bus.NATSOptions{Dir: m.dir + "/log"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.log.Close)
	simDB := m.open("stripesim", store.Options{Migrations: stripesim.Migrations})
	t.Cleanup(func() { simDB.Close() })
	m.sim = stripesim.New(simDB, stripesim.Options{BaseURL: "http://bank.test", Fault: m.hook})
	m.options.Transport = m.sim.Transport()
	m.orders = m.start(m.open("orders", store.Options{Kernel: []store.Migrations{bus.Migrations}}), func(b *bus.Bus) {
		bus.Follow(b, func(_ context.Context, tx *store.Tx, c event.Charge) error { return m.hear(tx, c) })
	}, nil)
	t.Cleanup(func() { m.orders.stop() })
	m.begin(false)
	t.Cleanup(func() { m.stop() })
	return m
}

func (m *market) open(name string, o store.Options) *store.DB {
	m.t.Helper()
	o.Name, o.Dir, o.URL, o.Now = name, m.dir, m.url, m.time
	db, err := store.Open(ctx, o)
	if err != nil {
		m.t.Fatal(err)
	}
	return db
}

// begin starts payments, or starts it again; with a worker, or without one for tests that take its steps themselves.
func (m *market) begin(worker bool) {
	m.t.Helper()
	db := m.open("payments", store.Options{Migrations: payments.Migrations, Kernel: []store.Migrations{bus.Migrations, httpapi.Migrations}})
	m.side = *m.start(db, func(b *bus.Bus) {
		m.service = payments.New(db, b, m.options)
		m.service.Follow(b)
	}, func(ctx context.Context) error {
		if worker {
			return m.service.Run(ctx)
		}
		return nil
	})
	m.handler = httpapi.Handler(httpapi.Options{Verifier: names{}, Private: true}, db, m.service.Routes())
}

func (m *market) start(db *store.DB, follow func(*bus.Bus), run func(context.Context) error) *side {
	running, cancel := context.WithCancel(ctx)
	b := bus.New(db, m.log, bus.Options{})
	follow(b)
	if err := b.Prepare(running); err != nil {
		m.t.Fatal(err)
	}
	var parts sync.WaitGroup
	parts.Go(func() { _ = b.Run(running) })
	if run != nil {
		parts.Go(func() { _ = run(running) })
	}
	return &side{db: db, bus: b, stop: func() {
		cancel()
		parts.Wait()
		db.Close()
	}}
}

func (m *market) time() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *market) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func (m *market) hook(r *http.Request, stage stripesim.Stage) *stripesim.Fault {
	m.mu.Lock()
	fault := m.fault
	m.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(r, stage)
}

func (m *market) setFault(f func(*http.Request, stripesim.Stage) *stripesim.Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// hear is what orders does with a charge: the first one has the order.
func (m *market) hear(tx *store.Tx, c event.Charge) error {
	m.mu.Lock()
	m.charges[c.ID] = c
	close(m.heard)
	m.heard = make(chan struct{})
	o := m.said[c.OrderID]
	wins := c.Status == event.Created && o.Status == event.AwaitingPayment && o.ChargeID == "" && !m.deaf
	if wins {
		o.ChargeID, o.Version = c.ID, o.Version+1
		m.said[o.ID] = o
	}
	m.mu.Unlock()
	if !wins {
		return nil
	}
	return m.orders.bus.Emit(tx, event.OrderUpdated, o)
}

// current is the order as it was last said.
func (m *market) current(o event.Order) event.Order {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.said[o.ID]
}

// awaitCharge waits until orders has heard what cond wants.
func (m *market) awaitCharge(orderID string, cond func(c event.Charge) bool) event.Charge {
	m.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		m.mu.Lock()
		heard := m.heard
		for _, c := range m.charges {
			if c.OrderID == orderID && cond(c) {
				m.mu.Unlock()
				return c
			}
		}
		m.mu.Unlock()
		select {
		case <-heard:
		case <-deadline:
			m.t.Fatalf("orders never heard the expected of order %s", orderID)
		}
	}
}

// names takes every token for the name of a user.
type names struct{}

func (names) Verify(_ context.Context, token string) (identity.Caller, error) {
	return identity.Caller{UserID: token}, nil
}

// order is an order at version 1 that the buyer may pay, not yet announced.
func (m *market) order(status string) event.Order {
	price, _ := money.ParseDecimal("19.99")
	at := m.time().UTC().Truncate(time.Millisecond)
	return event.Order{
		ID: newID(at), UserID: "buyer", Status: status, ExpiresAt: at.Add(15 * time.Minute), Version: 1, CreatedAt: at, UpdatedAt: at,
		Ticket: event.OrderTicket{ID: newID(at), Title: "t", Price: price, Currency: "usd", Version: 1},
	}
}

// newID is a UUIDv7 of the moment.
func newID(at time.Time) string {
	id := uuid.Must(uuid.NewV7())
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id.String()
}

// say announces the order's state.
func (m *market) say(o event.Order) event.Order {
	m.t.Helper()
	m.mu.Lock()
	m.said[o.ID] = o
	m.mu.Unlock()
	return m.emit(o)
}

func (m *market) emit(o event.Order) event.Order {
	m.t.Helper()
	kind := event.OrderUpdated
	switch {
	case o.Status == event.Cancelled:
		kind = event.OrderCancelled
	case o.Version == 1:
		kind = event.OrderCreated
	}
	if err := m.orders.db.Update(ctx, func(tx *store.Tx) error { return m.orders.bus.Emit(tx, kind, o) }); err != nil {
		m.t.Fatal(err)
	}
	return o
}

// become announces the order's next state.
func (m *market) become(o event.Order, status, reason string) event.Order {
	m.t.Helper()
	m.mu.Lock()
	o = m.said[o.ID]
	o.Version++
	if o.Status, o.CancelReason = status, reason; status == event.Cancelled {
		o.ChargeID = ""
	}
	m.said[o.ID] = o
	m.mu.Unlock()
	return m.emit(o)
}

// payable is an order that payments knows as awaiting payment.
func (m *market) payable() event.Order {
	m.t.Helper()
	o := m.say(m.order(event.AwaitingPayment))
	m.known(o)
	return o
}

// known waits until payments has the order's version.
func (m *market) known(o event.Order) {
	m.t.Helper()
	waiting, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := m.db.Await(waiting, "order/"+o.ID, func(tx *store.Tx) (bool, error) {
		var n int
		err := tx.QueryRow(`SELECT count(*) FROM inbox WHERE entity = $1 AND version >= $2`, o.ID, o.Version).Scan(&n)
		return n == 1, err
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// follow lets the stand-in for orders act on the order's charge as soon as it is decided; on a failed one only if it is to.
func (m *market) follow(o event.Order, onlySuccess ...bool) {
	go func() {
		c := m.awaitCharge(o.ID, func(c event.Charge) bool {
			return c.Status == event.Completed || c.Status == event.ChargeFailed && len(onlySuccess) == 0
		})
		if c.Status == event.Completed {
			m.become(o, event.Completed, "")
		} else {
			m.become(o, event.Cancelled, event.PaymentFailed)
		}
	}()
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	list   []map[string]any
}

func (r reply) text(name string) string { s, _ := r.body[name].(string); return s }

func (m *market) ask(method, target, user, body string, headers ...string) reply {
	m.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+user)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	out := reply{status: w.Code, header: w.Header()}
	if err := errors.Join(json.Unmarshal(w.Body.Bytes(), &out.body)); err != nil {
		if err := json.Unmarshal(w.Body.Bytes(), &out.list); err != nil {
			m.t.Errorf("%s %s: %d %q", method, target, w.Code, w.Body)
		}
	}
	return out
}

func (m *market) pay(o event.Order, card string, headers ...string) reply {
	m.t.Helper()
	return m.ask("POST", "/api/payments", o.UserID, `{"orderId":"`+o.ID+`","token":"`+card+`"}`, headers...)
}

// money checks what Stripe took and gave back for the order, over all its intents, and that at most one ever took any.
func (m *market) money(o event.Order, captured, refunded int64) {
	m.t.Helper()
	totals, err := m.sim.Totals(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	intents, got, back := 0, int64(0), int64(0)
	for _, total := range totals {
		if total.Metadata["order_id"] == o.ID {
			intents, got, back = intents+1, got+total.Captured, back+total.Refunded
		}
	}
	if got != captured || back != refunded || intents > 1 {
		m.t.Errorf("order %s: %d intents captured %d and refunded %d, want %d and %d", o.ID, intents, got, back, captured, refunded)
	}
}

// decide and refund take the worker's steps until nothing is due.
func (m *market) work() {
	m.t.Helper()
	for range 50 {
		n, err := m.service.Decide(ctx)
		if err != nil {
			m.t.Fatal(err)
		}
		k, err := m.service.Refund(ctx)
		if err != nil {
			m.t.Fatal(err)
		}
		if n+k == 0 {
			return
		}
	}
	m.t.Fatal("the worker never comes to rest")
}
