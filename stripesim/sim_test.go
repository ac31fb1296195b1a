package stripesim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/store"
	"ticketing/stripesim"
	"ticketing/test/postgres"
	"ticketing/test/prepared"
)

// engines are the databases that every test runs on.
var engines = map[string]func(t *testing.T) store.Options{
	"sqlite":   func(t *testing.T) store.Options { return store.Options{Dir: t.TempDir()} },
	"postgres": func(t *testing.T) store.Options { return store.Options{URL: postgres.Copy(t, "stripesim", makeTables)} },
}

func makeTables(url string) error {
	db, err := store.Open(ctx, store.Options{Name: "stripesim", URL: url, Migrations: stripesim.Migrations})
	if err == nil {
		db.Close()
	}
	return err
}

// bench is one simulated account with a Stripe client that talks to it.
type bench struct {
	*stripe.Client
	t       *testing.T
	sim     *stripesim.Sim
	db      *store.DB
	options store.Options
	mu      sync.Mutex
	now     time.Time
	fault   func(*http.Request, stripesim.Stage) *stripesim.Fault
	seen    func(operation string, status int, body []byte) // told of every answer; nil: nobody wants to know
}

var ctx = context.Background()

// each runs the test on every engine, in process; socket is the same over a real connection.
func each(t *testing.T, test func(b *bench)) {
	for name, options := range engines {
		t.Run(name, func(t *testing.T) { test(newBench(t, options(t))) })
	}
}

func newBench(t *testing.T, o store.Options) *bench {
	b := &bench{t: t, options: o, now: time.UnixMilli(1_780_000_000_000)}
	b.options.Name, b.options.Now, b.options.Migrations = "stripesim", b.time, stripesim.Migrations
	b.open()
	t.Cleanup(func() { b.db.Close() })
	return b
}

// open starts the simulator, or starts it again.
func (b *bench) open() {
	b.t.Helper()
	db, err := prepared.Open(ctx, b.options)
	if err != nil {
		b.t.Fatal(err)
	}
	b.db = db
	b.sim = stripesim.New(db, stripesim.Options{BaseURL: "http://bank.test/sim/", Fault: b.hook})
	b.Client = client("sk_test_123", "", b.inspected(b.sim.Transport()))
}

// socket makes the client use real connections, one for each request: on a connection that was used before, Go's client
// repeats by itself a request that has an Idempotency-Key, and no fault would be seen.
func (b *bench) socket() string {
	server := httptest.NewServer(b.sim.Handler())
	b.t.Cleanup(server.Close)
	b.Client = client("sk_test_123", server.URL, b.inspected(&http.Transport{DisableKeepAlives: true}))
	return server.URL
}

func client(key, url string, transport http.RoundTripper) *stripe.Client {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Transport: transport},
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	}
	if url != "" {
		config.URL = stripe.String(url)
	}
	return stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(config)))
}

func (b *bench) time() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) hook(r *http.Request, stage stripesim.Stage) *stripesim.Fault {
	b.mu.Lock()
	fault := b.fault
	b.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(r, stage)
}

func (b *bench) setFault(f func(*http.Request, stripesim.Stage) *stripesim.Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// params is an intent over 19.99 with the card.
func params(card string) *stripe.PaymentIntentCreateParams {
	p := &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(1999), Currency: stripe.String("usd"),
		PaymentMethodTypes: []*string{stripe.String("card")},
	}
	if card != "" {
		p.PaymentMethod = stripe.String(card)
	}
	return p
}

func (b *bench) create(card string) *stripe.PaymentIntent {
	b.t.Helper()
	in, err := b.V1PaymentIntents.Create(ctx, params(card))
	if err != nil {
		b.t.Fatal(err)
	}
	return in
}

// paid is a succeeded intent over 19.99.
func (b *bench) paid() *stripe.PaymentIntent {
	b.t.Helper()
	p := params("pm_card_visa")
	p.Confirm = stripe.Bool(true)
	in, err := b.V1PaymentIntents.Create(ctx, p)
	if err != nil {
		b.t.Fatal(err)
	}
	return in
}

func (b *bench) intent(id string) *stripe.PaymentIntent {
	b.t.Helper()
	in, err := b.V1PaymentIntents.Retrieve(ctx, id, &stripe.PaymentIntentRetrieveParams{Expand: []*string{stripe.String("latest_charge")}})
	if err != nil {
		b.t.Fatal(err)
	}
	return in
}

// money checks what the ledger says of an intent.
func (b *bench) money(id string, captured, refunded int64) {
	b.t.Helper()
	totals, err := b.sim.Totals(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	var got stripesim.Total
	for _, total := range totals {
		if total.Intent == id {
			got = total
		}
	}
	if got.Captured != captured || got.Refunded != refunded {
		b.t.Errorf("ledger of %s: captured %d refunded %d, want %d and %d", id, got.Captured, got.Refunded, captured, refunded)
	}
}

// refused is the Stripe error that err must be.
func refused(t *testing.T, err error) *stripe.Error {
	t.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of Stripe", err)
	}
	return e
}
