package demo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/api"
	"ticketing/demo"
	"ticketing/test/market"
)

const seed = 2027

// fill fills a market, until stop says so.
func fill(t *testing.T, base string, stop func(demo.Step) bool) (*demo.Report, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	return demo.Fill(ctx, demo.Options{
		Client: api.New(base, nil).Patient(time.Minute), Seed: seed, Now: time.Now(),
		Progress: func(s demo.Step) {
			if stop != nil && stop(s) {
				cancel()
			}
		},
	})
}

func TestFillsAMarketOnce(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	begin := time.Now()
	r, err := fill(t, m.Front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("filled in %v", time.Since(begin).Round(time.Millisecond))
	isFull(t, r)
	if r.Made.Accounts.Load() != 40 || r.Made.Tickets.Load() != 300 || r.Made.Orders.Load() < 100 || r.Made.Skipped.Load() != 0 {
		t.Errorf("made: %+v", r.Made)
	}
	m.Settles()
	events := len(m.Log())
	again, err := fill(t, m.Front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	isFull(t, again)
	m.Settles()
	if more := len(m.Log()) - events; !again.Made.Nothing() || again.Made.Skipped.Load() != 0 || more != 0 {
		t.Errorf("the second run added %d events: %+v", more, again.Made)
	}
	m.Audits()
}

// isFull expects tickets and orders in every state, as many as are planned.
func isFull(t *testing.T, r *demo.Report) {
	t.Helper()
	for state, least := range map[string]int{api.Available: 200, api.Locked: 10, api.Sold: 70, api.Withdrawn: 10} {
		if r.Tickets[state] < least {
			t.Errorf("%d tickets are %s", r.Tickets[state], state)
		}
	}
	for state, least := range map[string]int{api.AwaitingPayment: 10, api.Completed: 70, api.ByBuyer: 9, api.PaymentFailed: 7} {
		if r.Orders[state] < least {
			t.Errorf("%d orders are %s", r.Orders[state], state)
		}
	}
	if len(r.People) != 40 || !r.Paid {
		t.Errorf("%d people, paid %v", len(r.People), r.Paid)
	}
}

// Wherever it is interrupted, the next run makes what is missing and nothing twice. The market's currency is none with cents.
func TestGoesOnAfterAnInterruption(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0], "--currency", "jpy")
	for _, at := range []struct {
		doing string
		done  int
	}{{"tickets", 200}, {"orders", 700}} {
		_, err := fill(t, m.Front.URL, func(s demo.Step) bool { return s.Doing == at.doing && s.Done >= at.done })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted at %d: %v", at.done, err)
		}
	}
	r, err := fill(t, m.Front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	isFull(t, r)
	total := 0
	for _, n := range r.Tickets {
		total += n
	}
	if total != 300 || r.Tickets[api.Withdrawn] != 10 || r.Orders[api.Completed] != 74 {
		t.Errorf("%v %v", r.Tickets, r.Orders)
	}
	m.Settles()
	for _, e := range m.Log() {
		if e.Type == "TicketCreated" && !strings.Contains(e.Raw, `"currency":"jpy"`) {
			t.Errorf("%s", e.Raw)
		}
	}
	cheap, err := api.New(m.Front.URL, nil).Tickets(t.Context(), api.TicketQuery{Sort: "price", Limit: 1})
	if err != nil || len(cheap.Items) != 1 || len(cheap.Items[0].Price.String()) < 4 {
		t.Errorf("the cheapest ticket: %+v %v", cheap.Items, err)
	}
	m.Audits()
}

// Where the time to pay is short, some orders expire at once.
func TestWaitsForWhatExpiresSoon(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0], "--lock-duration", "8s", "--payment-attempts", "3")
	r, err := fill(t, m.Front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Orders[api.Expired] < 10 || r.Orders[api.AwaitingPayment] != 0 || r.Orders[api.PaymentFailed] < 7 {
		t.Errorf("%v", r.Orders)
	}
	again, err := fill(t, m.Front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Made.Skipped.Load() == 0 && !again.Made.Nothing() {
		t.Errorf("added %+v", again.Made)
	}
}

// A market that takes real money gets no payments.
func TestLeavesRealMoneyAlone(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	base := infrontOf(t, m.Front.URL, "/api/payments/config", `{"publishableKey":"pk_live_1","simulator":false}`)
	r, err := fill(t, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Paid || r.Made.Payments.Load() != 0 || r.Tickets[api.Sold] != 0 || r.Made.Skipped.Load() == 0 || r.Orders[api.AwaitingPayment] < 10 || r.Orders[api.ByBuyer] < 9 {
		t.Errorf("%+v", r)
	}
	for _, e := range m.Log() {
		if strings.HasPrefix(e.Type, "Charge") {
			t.Fatalf("%s", e.Raw)
		}
	}
}

// infrontOf is a proxy that answers one path by itself.
func infrontOf(t *testing.T, base, path, answer string) string {
	t.Helper()
	to, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			_, _ = io.WriteString(w, answer)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSaysWhoseAccountItIs(t *testing.T) {
	m := market.Open(t, market.Topologies[0])
	p := plan(t, seed, time.Now())
	if _, err := api.New(m.Front.URL, nil).SignUp(t.Context(), p.People[3].Email, "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err := fill(t, m.Front.URL, nil); err == nil || !strings.Contains(err.Error(), p.People[3].Email+" has an account here already") {
		t.Errorf("%v", err)
	}
	if _, err := demo.Fill(t.Context(), demo.Options{Client: api.New("http://127.0.0.1:1", nil).Patient(0)}); !errors.Is(err, api.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}
