package payments_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// object is one of Stripe's, or part of one.
type object = map[string]any

// eventBody is the body of a webhook.
func (m *market) eventBody(id, kind string, o object) string {
	m.t.Helper()
	b, err := json.Marshal(object{"id": id, "object": "event", "type": kind, "created": m.time().Unix(), "data": object{"object": o}})
	m.must(err)
	return string(b)
}

// tell sends a signed webhook and returns the status of the answer.
func (m *market) tell(body string) int {
	m.t.Helper()
	return m.post(body, m.signed(body, secret))
}

func (m *market) signed(body, key string) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: key, Timestamp: m.time()}).Header
}

func (m *market) post(body, signature string) int {
	r := httptest.NewRequest("POST", "/api/payments/webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if signature != "" {
		r.Header["Stripe-Signature"] = []string{signature}
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	return w.Code
}

// subscribe lets the simulator send its webhooks here.
func (m *market) subscribe() {
	m.t.Helper()
	_, err := m.sim.SetWebhook(ctx, stripesim.Webhook{Name: "payments", URL: "http://market.test/api/payments/webhook", Secret: secret, Transport: inProcess{m}})
	m.must(err)
}

type inProcess struct{ m *market }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.m.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// deliver lets everything happen at Stripe that is due, and delivers its webhooks.
func (m *market) deliver() {
	m.t.Helper()
	_, err := m.sim.Settle(ctx)
	m.must(err)
	for range 50 {
		n, err := m.sim.Deliver(ctx)
		m.must(err)
		if n == 0 {
			return
		}
	}
	m.t.Fatal("the simulator never comes to rest")
}

// listen looks at what was told until nothing of it is due.
func (m *market) listen() {
	m.t.Helper()
	for range 50 {
		n, err := m.service.Hear(ctx)
		m.must(err)
		if n == 0 {
			return
		}
	}
	m.t.Fatal("there is always something to hear")
}

// poll reads Stripe's list of events.
func (m *market) poll() int {
	m.t.Helper()
	n, err := m.service.Poll(ctx)
	m.must(err)
	return n
}

// events are those that payments has recorded, newest first.
func (m *market) events(f payments.EventFilter) []payments.StripeEvent {
	m.t.Helper()
	all, err := m.service.Events(ctx, f)
	m.must(err)
	return all
}

// recorded is the event with its payload.
func (m *market) recorded(id string) payments.StripeEvent {
	m.t.Helper()
	all := m.events(payments.EventFilter{ID: id})
	if len(all) != 1 {
		m.t.Fatalf("event %s is recorded %d times", id, len(all))
	}
	return all[0]
}

// stripe asks the simulator as somebody else who has the key.
func (m *market) stripe(method, path string, form url.Values) object {
	m.t.Helper()
	r, err := http.NewRequest(method, "http://stripe.test"+path, strings.NewReader(form.Encode()))
	m.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_1")
	got, err := m.sim.Transport().RoundTrip(r)
	m.must(err)
	defer got.Body.Close()
	var o object
	m.must(json.NewDecoder(got.Body).Decode(&o))
	if got.StatusCode != 200 {
		m.t.Fatalf("%s %s: %d %v", method, path, got.StatusCode, o)
	}
	return o
}

// paid is an order that is paid and completed, and its charge.
func (m *market) paid(card string) (event.Order, event.Charge) {
	m.t.Helper()
	o := m.payable()
	m.pay(o, card)
	m.settle(o)
	return o, m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status == event.Completed })
}

// waiting is an order whose payment the bank has not decided, and its charge.
func (m *market) waiting() (event.Order, event.Charge) {
	m.t.Helper()
	o := m.payable()
	r := m.pay(o, "pm_card_threeDSecure2Required")
	return o, event.Charge{ID: r.text("id"), OrderID: o.ID, Status: event.Created, StripeID: m.row(r.text("id")).stripeID}
}

// row is what payments has of the charge: its state, its intent, its refund, and whether it is due now.
type chargeRow struct {
	status, stripeID, refund string
	due                      bool
}

func (m *market) row(id string) (row chargeRow) {
	m.t.Helper()
	err := m.db.View(ctx, func(tx *store.Tx) error {
		var due int64
		err := tx.QueryRow(`SELECT status, stripe_id, refund_status, due_at FROM charges WHERE id = $1`, id).Scan(&row.status, &row.stripeID, &row.refund, &due)
		row.due = due > 0 && due <= store.Millis(tx.Now())
		return err
	})
	m.must(err)
	return row
}

// calls counts the calls that payments makes to Stripe from now on, by method and path.
func (m *market) calls() func(method, path string) int {
	made := map[string]int{}
	m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if at == stripesim.Before {
			m.mu.Lock()
			made[r.Method+" "+r.URL.Path]++
			m.mu.Unlock()
		}
		return nil
	})
	return func(method, path string) int {
		m.mu.Lock()
		defer m.mu.Unlock()
		return made[method+" "+path]
	}
}
