package payments_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// minutes lets time pass as it does for a running market that no webhook reaches: the list of events is read every two
// minutes, and the worker looks all the time. It stops when cond holds, and returns after how long.
func (m *market) minutes(most int, cond func() bool) time.Duration {
	m.t.Helper()
	began := m.time()
	for i := 0; i <= most*6 && !cond(); i++ {
		if _, err := m.sim.Settle(ctx); err != nil {
			m.t.Fatal(err)
		}
		if i%12 == 11 {
			m.poll()
		}
		m.listen()
		m.work()
		if cond() {
			break
		}
		m.advance(10 * time.Second)
	}
	return m.time().Sub(began)
}

// Whatever no webhook has told of is known within five minutes.
func TestNoWebhookArrives(t *testing.T) {
	cases := map[string]struct {
		card  string
		begin func(m *market, o event.Order, paid event.Charge)
		known func(m *market, c event.Charge) bool
	}{
		"the bank's step": {"pm_card_threeDSecure2Required", func(m *market, _ event.Order, c event.Charge) {
			m.must(m.sim.Answer(ctx, c.StripeID, true))
		}, func(m *market, c event.Charge) bool { return m.row(c.ID).status == event.Completed }},
		"the bank's no": {"pm_card_threeDSecure2Required", func(m *market, _ event.Order, c event.Charge) {
			m.must(m.sim.Answer(ctx, c.StripeID, false))
		}, func(m *market, c event.Charge) bool { return m.row(c.ID).status == event.ChargeFailed }},
		"a pending refund": {"pm_card_pendingRefund", func(m *market, o event.Order, c event.Charge) {
			m.known(m.become(o, event.Cancelled, event.Expired))
		}, func(m *market, c event.Charge) bool { return m.row(c.ID).refund == "succeeded" }},
		"a refund by hand": {"pm_card_visa", func(m *market, _ event.Order, c event.Charge) {
			m.stripe("POST", "/v1/refunds", map[string][]string{"payment_intent": {c.StripeID}})
		}, func(m *market, c event.Charge) bool { return m.row(c.ID).refund == "succeeded" }},
		"a refund that is sent back": {"pm_card_refundFail", func(m *market, o event.Order, c event.Charge) {
			m.known(m.become(o, event.Cancelled, event.Expired))
			m.work()
			if got := m.row(c.ID); got.refund != "succeeded" {
				m.t.Errorf("%+v", got)
			}
		}, func(m *market, c event.Charge) bool { return m.row(c.ID).refund == "failed" }},
		"a dispute": {"pm_card_createDispute", func(*market, event.Order, event.Charge) {},
			func(m *market, c event.Charge) bool {
				d, held := m.dispute(c)
				return held && d.Status == "needs_response"
			}},
	}
	eachWith(t, noWait, func(m *market) {
		for name, c := range cases {
			o := m.payable()
			id := m.pay(o, c.card).text("id")
			m.settle(o)
			paid := event.Charge{ID: id, StripeID: m.row(id).stripeID}
			c.begin(m, o, paid)
			if took := m.minutes(6, func() bool { return c.known(m, paid) }); took > 5*time.Minute {
				m.t.Errorf("%s: known after %s: %+v", name, took, m.row(id))
			}
		}
	})
}

// The running worker does all that by its own clock.
func TestWorkerListens(t *testing.T) {
	each(t, func(m *market) {
		m.stop()
		m.begin(true)
		_, paid := m.paid("pm_card_createDispute")
		deadline := time.Now().Add(time.Minute)
		await := func(what string, cond func() bool) {
			m.t.Helper()
			for !cond() {
				if time.Now().After(deadline) {
					m.t.Fatalf("%s never happens", what)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
		polled := func() (at int64) {
			m.must(m.db.View(ctx, func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT coalesce(max(next_at), 0) FROM stripe_polls`).Scan(&at)
			}))
			return at
		}
		await("the first look", func() bool { return polled() > 0 })
		m.advance(4 * time.Second)
		if _, err := m.sim.Settle(ctx); err != nil {
			m.t.Fatal(err)
		}
		m.advance(2 * time.Minute)
		await("the dispute", func() bool {
			all, err := m.service.Disputes(ctx, true, 10)
			return err == nil && len(all) == 1 && all[0].ChargeID == paid.ID && all[0].Status == "needs_response"
		})
		if next := polled() - store.Millis(m.time()); next <= 0 || next > (2*time.Minute).Milliseconds() {
			m.t.Errorf("the next look is in %d ms", next)
		}
	})
}

// An event that a webhook has told of and one that is found in the list are the same.
func TestPollFindsWhatIsMissing(t *testing.T) {
	each(t, func(m *market) {
		m.poll()
		m.subscribe()
		m.paid("pm_card_visa")
		m.deliver()
		told := len(m.events(payments.EventFilter{Limit: 100}))
		if n := m.poll(); n != 0 || told == 0 {
			m.t.Errorf("%d were told and %d found", told, n)
		}
		_, c := m.paid("pm_card_visa") // and nothing is delivered
		n := m.poll()
		all := m.events(payments.EventFilter{Source: "poll", Limit: 100})
		if n == 0 || len(all) != n {
			m.t.Errorf("%d found, %d recorded", n, len(all))
		}
		for _, e := range all {
			if e.ChargeID != c.ID || e.IntentID != c.StripeID || e.Outcome != "nothing" || m.recorded(e.ID).Payload == "" {
				m.t.Errorf("%+v", e)
			}
		}
		m.deliver() // late
		m.advance(time.Minute)
		if n := m.poll(); n != 0 || len(m.events(payments.EventFilter{Source: "poll", Limit: 100})) != len(all) {
			m.t.Errorf("%d found again", n)
		}
	})
}

// Far back and many at once: everything is found, also if that takes several goes.
func TestPollAfterALongTime(t *testing.T) {
	each(t, func(m *market) {
		m.poll()
		want := map[string]bool{}
		for i := range 10 {
			_, c := m.paid("pm_card_visa")
			for range 14 - i { // some pages are full of one intent's events
				m.stripe("POST", "/v1/payment_intents/"+c.StripeID, map[string][]string{"metadata[x]": {"y"}})
			}
			want[c.ID] = true
			m.advance(5 * time.Hour)
		}
		page := 0
		lose := func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
			if r.URL.Path == "/v1/events" && at == stripesim.Before {
				if page++; page%4 == 3 {
					return &stripesim.Fault{Status: 500}
				}
			}
			return nil
		}
		m.setFault(lose)
		tries := 0
		for done := false; !done && tries < 20; tries++ {
			_, err := m.service.Poll(ctx)
			done = err == nil
		}
		m.setFault(nil)
		if n := m.poll(); n != 0 || tries < 3 {
			m.t.Errorf("%d found after %d goes", n, tries)
		}
		for _, e := range m.events(payments.EventFilter{Limit: 10_000}) {
			delete(want, e.ChargeID)
		}
		if len(want) > 0 {
			m.t.Errorf("nothing was found of %d charges", len(want))
		}
		asked := m.calls()
		m.poll()
		if n := asked("GET", "/v1/events"); n > 2 {
			m.t.Errorf("a look with nothing new takes %d requests", n)
		}
	})
}

func TestPollReadsEveryPage(t *testing.T) {
	each(t, func(m *market) {
		m.poll()
		const n = 130
		for i := range n {
			made := m.stripe("POST", "/v1/payment_intents", map[string][]string{"amount": {"100"}, "currency": {"usd"}, "metadata[charge_id]": {fmt.Sprint(i)}})
			m.stripe("POST", fmt.Sprintf("/v1/payment_intents/%s/cancel", made["id"]), nil)
		}
		if got := m.poll(); got != n {
			m.t.Errorf("%d found, want %d", got, n)
		}
		if got := len(m.events(payments.EventFilter{Source: "poll", Open: true, Limit: 1000})); got != n {
			m.t.Errorf("%d recorded, want %d", got, n)
		}
	})
}

// A Stripe without such a list is told of once, and asked again within the hour.
func TestNoListOfEvents(t *testing.T) {
	each(t, func(m *market) {
		var log lines
		inner, gone := m.options.Transport, true
		asked := 0
		m.restart(func(o *payments.Options) {
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			o.Transport = transport(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == "/v1/events" {
					asked++
					if gone {
						r.URL.Path = "/v1/nothing"
					}
				}
				return inner.RoundTrip(r)
			})
		})
		next := func() (in time.Duration) {
			m.must(m.db.View(ctx, func(tx *store.Tx) error {
				var at int64
				err := tx.QueryRow(`SELECT next_at FROM stripe_polls`).Scan(&at)
				in = store.Time(at).Sub(tx.Now())
				return err
			}))
			return in
		}
		for range 3 {
			if n := m.poll(); n != 0 || next() != time.Hour {
				m.t.Errorf("%d found, and again in %s", n, next())
			}
		}
		if asked != 3 || log.count("no list of events") != 1 {
			m.t.Errorf("asked %d times; %s", asked, log.text())
		}
		_, c := m.paid("pm_card_visa")
		gone = false
		if n := m.poll(); n == 0 || next() != 2*time.Minute {
			m.t.Errorf("%d found of %s, and again in %s", n, c.ID, next())
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// lines are what was logged.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func (l *lines) count(part string) int { return strings.Count(l.text(), part) }
