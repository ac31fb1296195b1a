package payments_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// What is new is found by the look at what is new, and each thing is asked for there only for a while.
func TestWhatIsNewIsLookedAt(t *testing.T) {
	each(t, func(m *market) {
		other := m.stranger()
		old := m.paidFor()
		m.advance(10 * time.Hour)
		if r := m.reconcile(false); r.Intents != 0 || r.Charges != 0 {
			t.Errorf("the first look went beyond what is new: %+v", r)
		}
		other.create(old.order.ID, old.charge, "automatic")
		s := m.paidFor()
		if r := m.reconcile(false); len(r.Open)+len(r.Mended) > 0 {
			t.Errorf("what is young was found: %+v", r)
		}
		m.advance(4 * time.Minute)
		r := m.reconcile(false)
		if len(r.Open) > 0 || len(r.Mended) != 1 || r.Mended[0].Kind != payments.PaidTwice || r.Charges != 1 || r.Intents != 2 {
			t.Errorf("%+v", r)
		}
		m.advance(time.Hour)
		if r := m.reconcile(false); r.Intents != 2 { // the overlap
			t.Errorf("%+v", r)
		}
		m.advance(time.Hour)
		if r := m.reconcile(false); r.Intents != 0 {
			t.Errorf("what was seen is asked for again: %+v", r)
		}
		other.refund(s.stripeID, 1999)
		m.advance(time.Hour)
		if r := m.reconcile(false); len(r.Mended) != 1 || r.Mended[0].Kind != payments.UnknownRefund {
			t.Errorf("a new refund of an old payment: %+v", r)
		}
	})
}

// While Stripe does not answer nothing is concluded, and nothing is skipped.
func TestStripeIsAwayWhileItsBooksAreRead(t *testing.T) {
	each(t, func(m *market) {
		s := m.paidFor()
		m.stranger().create(s.order.ID, s.charge, "automatic")
		m.reconcile(false)
		m.advance(4 * time.Minute)
		for _, path := range []string{"/v1/payment_intents", "/v1/refunds", "/v1/payment_intents/" + s.stripeID} {
			m.setFault(func(r *http.Request, _ stripesim.Stage) *stripesim.Fault {
				if r.Method == "GET" && r.URL.Path == path {
					return &stripesim.Fault{Status: 503}
				}
				return nil
			})
			if r, err := m.service.Reconcile(ctx, false); err == nil || len(r.Open) > 0 {
				t.Errorf("%s: %v, %+v", path, err, r)
			}
			if found, err := m.service.Discrepancies(ctx); err == nil {
				t.Errorf("%s: %v", path, found)
			}
		}
		m.setFault(nil)
		m.restart(func(o *payments.Options) { // something else than Stripe answers
			o.Transport = transport(func(*http.Request) (*http.Response, error) { return answer(200, map[string]any{}), nil })
		})
		if r, err := m.service.Reconcile(ctx, true); err == nil || len(r.Open) > 0 {
			t.Errorf("rubbish: %v, %+v", err, r)
		}
		m.restart(func(o *payments.Options) { o.Transport = m.sim.Transport() })
		m.advance(time.Hour)
		if r := m.reconcile(false); len(r.Mended) != 1 || len(r.Open) > 0 {
			t.Errorf("when it is back: %+v", r)
		}
	})
}

// What cannot be mended is tried again, after pauses that grow, under a key that can still help.
func TestMendingThatFails(t *testing.T) {
	for _, fault := range []stripesim.Fault{{}, {Status: 500}, {Status: 500, Sticky: true}, {Status: 429}} {
		each(t, func(m *market) {
			s := m.paidFor()
			id := m.stranger().create(s.order.ID, s.charge, "automatic")
			m.advance(4 * time.Minute)
			m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
				if r.Method != "POST" || at != stripesim.Before {
					return nil
				}
				return &fault
			})
			for i := range 4 {
				r := m.reconcile(true)
				if len(r.Open) != 1 || len(r.Mended) > 0 {
					t.Fatalf("%+v: %+v", fault, r)
				}
				if i > 0 && r.Open[0].Tries == 0 {
					t.Errorf("no try is counted: %+v", r.Open[0])
				}
				m.advance(20 * time.Minute)
			}
			m.setFault(nil)
			r := m.reconcile(true)
			for range 3 { // a key that Stripe has answered with a failure of its own says so twice before it is given up
				if len(r.Mended) == 0 {
					m.advance(6 * time.Hour)
					r = m.reconcile(true)
				}
			}
			if len(r.Mended) != 1 || len(r.Open) > 0 || !strings.Contains(r.Mended[0].Outcome, "19.99 USD of payment "+id+" went back as refund re_") {
				t.Errorf("%+v: %+v", fault, r)
			}
			r = m.reconcile(true)
			if len(r.Open)+len(r.Mended) > 0 {
				t.Errorf("%+v: %+v", fault, r)
			}
		})
	}
}

// What somebody puts in order is closed, and opened again when it comes back.
func TestWhatIsInOrderAgainIsClosed(t *testing.T) {
	each(t, func(m *market) {
		var log lines
		m.restart(func(o *payments.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		said := func(disagree, agree int) {
			t.Helper()
			if text := log.text(); strings.Count(text, "do not agree") != disagree || strings.Count(text, "agree again") != agree {
				t.Errorf("it was said otherwise than %d times that something is wrong, and %d times that it is not:\n%s", disagree, agree, text)
			}
		}
		s := m.paidFor()
		label := func(id string) {
			_, err := m.stranger().client.V1PaymentIntents.Update(ctx, s.stripeID,
				&stripe.PaymentIntentUpdateParams{Metadata: map[string]string{"charge_id": id}})
			m.stranger().must(err)
		}
		label(newID(m.time()))
		m.advance(4 * time.Minute)
		for range 3 {
			if r := m.reconcile(false); len(r.Open) != 1 {
				t.Fatalf("%+v", r)
			}
		}
		said(1, 0)
		label(s.charge)
		m.advance(time.Hour)
		if r := m.reconcile(false); len(r.Open) > 0 {
			t.Errorf("%+v", r)
		}
		o, err := m.service.Overview(ctx)
		if err != nil || len(o.Open) != 0 || len(o.Mended) != 1 || o.Mended[0].Outcome != "it is in order again" {
			t.Errorf("%+v %v", o, err)
		}
		said(1, 1)
		label(newID(m.time()))
		if r := m.reconcile(true); len(r.Open) != 1 || !r.Open[0].FirstSeen.After(o.Mended[0].FirstSeen) {
			t.Errorf("%+v", r)
		}
		said(2, 1)
	})
}

// Several reconcilers at the same moment do once what one would do.
func TestReconcilersAtTheSameMoment(t *testing.T) {
	each(t, func(m *market) {
		made := m.makeWrong()
		delete(made, "a refund that fails days later") // two that meet there ask for it again at once, which is as good
		m.advance(4 * time.Minute)
		gate := make(chan struct{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				<-gate
				for range 2 {
					if _, err := m.service.Reconcile(ctx, true); err != nil {
						t.Error(err)
					}
				}
			})
		}
		close(gate)
		all.Wait()
		m.advance(24 * time.Hour) // a try that met another one is tried again
		r := m.reconcile(true)
		for name, s := range made {
			if got := s.belong(r.Open); len(got) != len(wrongs[name].open) {
				t.Errorf("%s: open %v, want %v", name, got, wrongs[name].open)
			}
		}
		m.checkWrong(made)
	})
}

// While payments are made and cancelled at full speed, nothing is found: whatever is on its way is left alone. Time passes
// only between the rounds, so that nobody's payment is slow.
func TestNoFalseAlarmUnderLoad(t *testing.T) {
	const buyers, rounds = 8, 10
	each(t, func(m *market) {
		m.stop()
		m.begin(true)
		var paid []event.Order // long ago
		for round := range rounds {
			gate := make(chan struct{})
			var at, watch sync.WaitGroup
			done := make(chan struct{})
			fresh := make([]event.Order, buyers)
			for i := range buyers {
				fresh[i] = m.payable()
				at.Go(func() {
					<-gate
					card := "pm_card_visa"
					if i%4 == 3 {
						card = "pm_card_chargeDeclined"
					}
					if r := m.pay(fresh[i], card); r.status != 201 && r.status != 402 {
						t.Errorf("%d %v", r.status, r.body)
					}
				})
			}
			if round >= 8 { // an old order is cancelled after all, while the others pay
				o := paid[(round-8)*buyers]
				at.Go(func() {
					<-gate
					m.become(o, event.Cancelled, event.ByBuyer)
					m.awaitCharge(o.ID, func(c event.Charge) bool { return c.RefundStatus == "succeeded" })
				})
			}
			for _, all := range []bool{true, false} {
				watch.Go(func() {
					<-gate
					for more := true; more; {
						select {
						case <-done:
							more = false
						default:
						}
						if r := m.reconcile(all); len(r.Open)+len(r.Mended) > 0 {
							t.Errorf("round %d: %+v", round, r)
						}
					}
				})
			}
			close(gate)
			at.Wait()
			close(done)
			watch.Wait()
			paid = append(paid, fresh...)
			m.advance(30 * time.Second)
		}
		if r := m.reconcile(true); r.Charges != buyers*rounds || len(r.Open)+len(r.Mended) > 0 {
			t.Errorf("%+v", r)
		}
	})
}

// Whatever happens between any two requests of the reconciler to Stripe, it takes nothing for wrong that is on its way.
func TestWhatHappensWhileTheBooksAreRead(t *testing.T) {
	each(t, func(m *market) {
		for k := 0; ; k++ {
			old, watched := m.paidFor(), m.paidFor()
			m.stranger().refund(watched.stripeID, 500) // so that it is looked at closely
			m.advance(4 * time.Minute)
			asked, happening := 0, false
			m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
				if at != stripesim.Before || r.Method != "GET" || happening {
					return nil
				}
				if asked++; asked != k+1 {
					return nil
				}
				happening = true
				defer func() { happening = false }()
				for _, s := range []sale{old, watched} {
					m.known(m.become(s.order, event.Cancelled, event.ByBuyer))
				}
				m.work()
				return nil
			})
			r := m.reconcile(true)
			m.setFault(nil)
			for _, d := range append(r.Open, r.Mended...) {
				if d.OrderID != watched.order.ID || d.Kind != payments.UnknownRefund && d.Kind != payments.RefundedSale {
					t.Errorf("before request %d: %+v", k+1, d)
				}
			}
			if asked <= k {
				if k < 5 {
					t.Errorf("only %d requests", k)
				}
				return
			}
			m.advance(time.Hour)
			if r := m.reconcile(true); len(r.Open) > 0 {
				t.Errorf("afterwards: %+v", r.Open)
			}
		}
	})
}
