package payments_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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
	"ticketing/test/prepared"
)

// market is payments with a simulated Stripe, a real event log, and a stand-in for orders.
type market struct {
	t       *testing.T
	dir     string
	url     string // of PostgreSQL, or empty
	log     bus.Log
	hand    *handLog // the log if it delivers by hand, else nil
	sim     *stripesim.Sim
	orders  *side
	side    // of payments
	service *payments.Service
	handler http.Handler
	options payments.Options
	deaf    atomic.Bool // orders does nothing about charges
	dying   atomic.Bool // payments has ended, and what is still under way with it gets nowhere

	mu     sync.Mutex
	now    time.Time
	meddle meddling
	fault  func(*http.Request, stripesim.Stage) *stripesim.Fault
}

// side is one service's database and bus while they run.
type side struct {
	db   *store.DB
	bus  *bus.Bus
	read uint64 // how far it has read a log that delivers by hand
	stop func()
}

const secret = "whsec_test"

var ctx = context.Background()

// each runs the test on every engine.
func each(t *testing.T, test func(m *market)) { eachWith(t, asIs, test) }

// eachWith is each for a market that has other options from the start.
func eachWith(t *testing.T, change func(o *payments.Options), test func(m *market)) {
	t.Run("sqlite", func(t *testing.T) { test(newMarket(t, "", change)) })
	t.Run("postgres", func(t *testing.T) { test(newMarket(t, fresh(t), change)) })
}

// eachWay runs the test on every engine, once with money that is held first and once with money that is taken at once.
func eachWay(t *testing.T, test func(m *market)) { eachWayWith(t, asIs, test) }

// eachWayWith is eachWay for a market that has other options from the start.
func eachWayWith(t *testing.T, change func(o *payments.Options), test func(m *market)) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, atOnce := range []bool{false, true} {
			t.Run(engine+"/"+way(atOnce), func(t *testing.T) {
				url := ""
				if engine == "postgres" {
					url = fresh(t)
				}
				test(newMarket(t, url, charging(atOnce), change))
			})
		}
	}
}

// fresh is a PostgreSQL database with the tables of a market.
func fresh(t *testing.T) string {
	return postgres.Copy(t, "market", func(url string) error {
		for name, o := range map[string]store.Options{"payments": paymentsTables, "orders": standIn, "stripesim": simTables} {
			o.Name, o.URL = name, url
			db, err := store.Open(ctx, o)
			if err != nil {
				return err
			}
			db.Close()
		}
		return nil
	})
}

func way(atOnce bool) string {
	if atOnce {
		return "at once"
	}
	return "hold"
}

// restart stops payments and starts it again with other options.
func (m *market) restart(change func(o *payments.Options)) {
	m.t.Helper()
	m.stop()
	change(&m.options)
	m.begin(false)
}

func asIs(*payments.Options) {}

// charging holds money first, or takes it at once.
func charging(atOnce bool) func(o *payments.Options) {
	return func(o *payments.Options) { o.ChargeAtOnce = atOnce }
}

// noWait lets requests wait for nothing.
func noWait(o *payments.Options) { o.Wait = 0 }

func newMarket(t *testing.T, url string, changes ...func(o *payments.Options)) *market {
	dir := t.TempDir()
	log, err := bus.Connect(ctx, bus.NATSOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return newMarketOn(t, url, log, changes...)
}

func newMarketOn(t *testing.T, url string, log bus.Log, changes ...func(o *payments.Options)) *market {
	m := &market{log: log, t: t, dir: t.TempDir(), url: url, now: time.Now(),
		options: payments.Options{StripeKey: "sk_test_1", WebhookSecrets: []string{secret}, PublishableKey: "pk_test_1", Simulator: true, Wait: 5 * time.Second}}
	for _, change := range changes {
		change(&m.options)
	}
	m.hand, _ = log.(*handLog)
	simDB := m.open("stripesim", simTables)
	t.Cleanup(func() { simDB.Close() })
	m.sim = stripesim.New(simDB, stripesim.Options{BaseURL: "http://bank.test", Fault: m.hook})
	m.options.Transport = wire{m, m.sim.Transport()}
	m.orders = m.start(m.open("orders", standIn), func(b *bus.Bus) {
		bus.Follow(b, func(_ context.Context, tx *store.Tx, c event.Charge) error { return m.hear(tx, c) })
	}, nil)
	t.Cleanup(func() { m.orders.stop() })
	m.begin(false)
	t.Cleanup(func() { m.stop() })
	return m
}

// must ends the test at an error, but not if payments was ended on purpose: then what was under way ends.
func (m *market) must(err error) {
	m.t.Helper()
	switch {
	case err == nil:
	case m.dying.Load():
		runtime.Goexit()
	default:
		m.t.Fatal(err)
	}
}

func (m *market) open(name string, o store.Options) *store.DB {
	m.t.Helper()
	o.Name, o.Dir, o.URL, o.Now = name, m.dir, m.url, m.time
	db, err := prepared.Open(ctx, o)
	m.must(err)
	return db
}

var paymentsTables = store.Options{Migrations: payments.Migrations, Kernel: []store.Migrations{bus.Migrations, httpapi.Migrations}}

var simTables = store.Options{Migrations: stripesim.Migrations}

// begin starts payments, or starts it again; with a worker, or without one for tests that take its steps themselves.
func (m *market) begin(worker bool) {
	m.t.Helper()
	db := m.open("payments", paymentsTables)
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
	if m.hand == nil {
		parts.Go(func() { _ = b.Run(running) })
	}
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

// meddling stands between payments and the simulator: next is what the simulator does.
type meddling func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error)

// wire is the way to the simulator.
type wire struct {
	m  *market
	to http.RoundTripper
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.m.mu.Lock()
	meddle := w.m.meddle
	w.m.mu.Unlock()
	if meddle == nil {
		return w.to.RoundTrip(r)
	}
	return meddle(r, func() (*http.Response, error) { return w.to.RoundTrip(r) })
}

func (m *market) setMeddling(f meddling) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meddle = f
}

func (m *market) setFault(f func(*http.Request, stripesim.Stage) *stripesim.Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
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

// payable is an order that payments knows as awaiting payment.
func (m *market) payable() event.Order {
	m.t.Helper()
	o := m.say(m.order(event.AwaitingPayment))
	m.known(o)
	return o
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
	m.must(err)
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

// work takes the worker's steps until nothing is due.
func (m *market) work() {
	m.t.Helper()
	for range 50 {
		n, err := m.service.Decide(ctx)
		m.must(err)
		k, err := m.service.Refund(ctx)
		m.must(err)
		if n+k == 0 {
			return
		}
	}
	m.t.Fatal("the worker never comes to rest")
}

// settle lets payments and orders work until neither has anything to tell the other, without letting time pass.
func (m *market) settle(o event.Order) event.Order {
	m.t.Helper()
	for range 20 {
		before := m.agree(o)
		m.work()
		if after := m.agree(o); after.Version == before.Version {
			return after
		}
	}
	m.t.Fatalf("order %s never comes to rest", o.ID)
	return o
}

// dieAt ends payments without a further word when do has brought the call to the stage, and starts it again on what it left.
func (m *market) dieAt(call string, stage stripesim.Stage, do func()) {
	m.t.Helper()
	reached, dead, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var first sync.Once
	m.setFault(func(r *http.Request, at stripesim.Stage) (fault *stripesim.Fault) {
		if at == stage && isCall(r, call) {
			first.Do(func() {
				close(reached)
				<-dead
				fault = &stripesim.Fault{}
			})
		}
		return fault
	})
	go func() { defer close(done); do() }()
	select {
	case <-reached:
	case <-done:
		m.t.Fatalf("%s was never asked for", call)
	}
	m.dying.Store(true)
	m.stop()
	close(dead)
	<-done
	m.dying.Store(false)
	m.setFault(nil)
	m.begin(false)
}
