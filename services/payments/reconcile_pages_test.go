package payments_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/store"
	"ticketing/services/payments"
)

// archive is a Stripe with a long past: it lists the payments of years, and answers nothing else.
type archive struct {
	intents []map[string]any // newest first

	mu    sync.Mutex
	pages int
	alone int // intents that were asked for by themselves
}

// RoundTrip answers as Stripe does.
func (a *archive) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := strings.TrimPrefix(r.URL.Path, "/v1/payment_intents/")
	switch {
	case r.Method != http.MethodGet:
		return answer(500, map[string]any{}), nil
	case r.URL.Path == "/v1/payment_intents":
		a.pages++
		return answer(200, a.list(r)), nil
	case r.URL.Path == "/v1/refunds":
		return answer(200, map[string]any{"object": "list", "url": r.URL.Path, "data": []any{}, "has_more": false}), nil
	}
	a.alone++
	if i := slices.IndexFunc(a.intents, func(in map[string]any) bool { return in["id"] == id }); i >= 0 {
		return answer(200, a.intents[i]), nil
	}
	return answer(404, map[string]any{"error": map[string]any{"type": "invalid_request_error", "code": "resource_missing"}}), nil
}

func (a *archive) list(r *http.Request) map[string]any {
	q := r.URL.Query()
	from, _ := strconv.ParseInt(q.Get("created[gte]"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("created[lte]"), 10, 64)
	limit, _ := strconv.Atoi(q.Get("limit"))
	page, begun := []map[string]any{}, q.Get("starting_after") == ""
	for _, in := range a.intents {
		created := in["created"].(int64)
		if begun && created >= from && created <= to {
			if len(page) == limit {
				return map[string]any{"object": "list", "url": r.URL.Path, "data": page, "has_more": true}
			}
			page = append(page, in)
		}
		begun = begun || in["id"] == q.Get("starting_after")
	}
	return map[string]any{"object": "list", "url": r.URL.Path, "data": page, "has_more": false}
}

func answer(status int, body any) *http.Response {
	content, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(content))}
}

// paid adds a payment that was made then, newest last. Of ours it is with a charge.
func (a *archive) paid(m *market, i int, at time.Time, ours bool) {
	in := map[string]any{"id": fmt.Sprintf("pi_%06d", i), "object": "payment_intent", "amount": 1999, "currency": "usd", "status": "succeeded",
		"created": at.Unix(), "latest_charge": map[string]any{"id": fmt.Sprintf("ch_%06d", i), "object": "charge", "amount": 1999, "amount_captured": 1999, "amount_refunded": 0}}
	if ours {
		order, charge := newID(at), newID(at)
		in["metadata"] = map[string]string{"order_id": order, "charge_id": charge}
		ms := store.Millis(at.Add(-time.Second))
		m.exec(`INSERT INTO orders (id, user_id, status, cancel_reason, expires_at, amount, currency) VALUES ($1, 'buyer', 'Completed', '', 0, 1999, 'usd')`, order)
		m.exec(`INSERT INTO charges (id, order_id, status, amount, currency, token, stripe_id, version, created_at, updated_at)
			VALUES ($1, $2, 'Completed', 1999, 'usd', '', $3, 2, $4, $4)`, charge, order, in["id"], ms)
	}
	a.intents = slices.Insert(a.intents, 0, in)
}

// The slow pass over everything goes back in time piece by piece, goes on where it was when the process ended, asks for
// each thing about once, and comes to an end.
func TestTheSlowPassGoesOn(t *testing.T) {
	each(t, func(m *market) {
		const count = 5000
		past := &archive{}
		began := m.time().Add(-3 * time.Hour)
		for i := range count {
			past.paid(m, i, began.Add(time.Duration(i)*time.Second), i%50 == 0)
		}
		m.exec(`UPDATE charges SET amount = 2000 WHERE stripe_id = 'pi_000000'`) // the oldest of all is wrong
		m.exec(`UPDATE charges SET stripe_id = 'pi_gone' WHERE stripe_id = 'pi_002500'`)
		m.restart(func(o *payments.Options) { o.Transport = past })
		back, steps := m.time(), 0
		for {
			more, err := m.service.ReconcileRest(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			o, err := m.service.Overview(ctx)
			if err != nil || !o.Looked.EveryBack.Before(back) || o.Looked.EverySince.IsZero() {
				t.Fatalf("after step %d: %+v %v", steps, o.Looked, err)
			}
			back = o.Looked.EveryBack
			steps++
			m.restart(func(*payments.Options) {})
		}
		o, err := m.service.Overview(ctx)
		if err != nil || steps < 2 || o.Looked.EveryEnded.IsZero() || !o.Looked.EveryBack.IsZero() {
			t.Errorf("after %d steps: %+v %v", steps, o.Looked, err)
		}
		if got := o.Counts.Discrepancies; len(o.Open) != 3 || got[payments.OtherAmount] != 1 || got[payments.MissingIntent] != 1 || got[payments.StrayMoney] != 1 {
			t.Errorf("found %+v", o.Open)
		}
		if most := count/100 + steps*10; past.pages > most || past.alone > 20 {
			t.Errorf("%d pages and %d intents were asked for", past.pages, past.alone)
		}
		m.advance(24 * time.Hour)
		if more, err := m.service.ReconcileRest(ctx); !more || err != nil {
			t.Errorf("a day later: %v %v", more, err)
		}
	})
}

// A Stripe account that is not ours is said to be so, and not looked through one by one.
func TestAnotherAccount(t *testing.T) {
	each(t, func(m *market) {
		ours := &archive{}
		for i := range 600 {
			ours.paid(m, i, m.time().Add(-time.Hour), true)
		}
		elsewhere := &archive{}
		m.restart(func(o *payments.Options) { o.Transport = elsewhere })
		r := m.reconcile(true)
		if len(r.Open) != 500 || len(r.Mended) > 0 || r.Open[0].Kind != payments.MissingIntent || elsewhere.alone != 500 {
			t.Errorf("%d open, %d mended, %d asked", len(r.Open), len(r.Mended), elsewhere.alone)
		}
	})
}

// A round of the reconciler looks at what is new, at what is open and at what is old, at each as often as it is worth.
func TestRounds(t *testing.T) {
	each(t, func(m *market) {
		s := m.paidFor()
		_, err := m.stranger().client.V1PaymentIntents.Update(ctx, s.stripeID, &stripe.PaymentIntentUpdateParams{Metadata: map[string]string{"order_id": ""}})
		m.must(err)
		round := func() {
			t.Helper()
			m.sim.ForgetRequests()
			m.must(m.service.ReconcileFor(ctx))
		}
		asked := func(path string) (n int) {
			for _, r := range m.sim.Requests() {
				if r.Path == path {
					n++
				}
			}
			return n
		}
		alone, list := "/v1/payment_intents/"+s.stripeID, "/v1/payment_intents"
		round()
		if asked(alone) != 0 || asked(list) != 2 {
			t.Errorf("at first %d and %d", asked(alone), asked(list))
		}
		m.advance(4 * time.Minute)
		round()
		if asked(alone) != 1 || asked(list) != 1 {
			t.Errorf("when it is old enough %d and %d", asked(alone), asked(list))
		}
		m.advance(30 * time.Second)
		round()
		if asked(alone) != 1 || asked(list) != 1 { // it is new still
			t.Errorf("after half a minute %d and %d", asked(alone), asked(list))
		}
		looks := 0
		for range 12 * 12 {
			m.advance(5 * time.Minute)
			round()
			looks += asked(alone)
			if asked(list) != 1 {
				t.Errorf("%d lists were asked for", asked(list))
			}
		}
		if looks < 20 || looks > 40 {
			t.Errorf("what was open was looked at %d times in half a day", looks)
		}
		m.advance(13 * time.Hour)
		round()
		o, err := m.service.Overview(ctx)
		if err != nil || asked(list) != 2 || len(o.Open) != 1 || o.Open[0].Kind != payments.OtherOrder || !o.Looked.RecentAt.Equal(o.Looked.EveryEnded) {
			t.Errorf("a day later: %d, %+v %v", asked(list), o, err)
		}
	})
}
