package payments_test

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// stripeCalls are the requests that payments makes of Stripe: their method, and a pattern of their path.
var stripeCalls = map[string]string{
	"create":       "POST /v1/payment_intents",
	"confirm":      "POST /v1/payment_intents/*/confirm",
	"capture":      "POST /v1/payment_intents/*/capture",
	"cancel":       "POST /v1/payment_intents/*/cancel",
	"retrieve":     "GET /v1/payment_intents/*",
	"list":         "GET /v1/payment_intents",
	"refund":       "POST /v1/refunds",
	"list refunds": "GET /v1/refunds",
}

// isCall tells whether the request is that call.
func isCall(r *http.Request, call string) bool {
	ok, err := path.Match(stripeCalls[call], r.Method+" "+r.URL.Path)
	return ok && err == nil
}

// once lets the next call of that name go wrong at the stage.
func once(call string, stage stripesim.Stage, fault stripesim.Fault) func(*http.Request, stripesim.Stage) *stripesim.Fault {
	var done atomic.Bool
	return func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if at != stage || !isCall(r, call) || !done.CompareAndSwap(false, true) {
			return nil
		}
		return &fault
	}
}

// always lets every call go wrong before it has an effect.
func always(*http.Request, stripesim.Stage) *stripesim.Fault { return &stripesim.Fault{} }

// lastWord lets the call go wrong at the stage, and everything after it.
func lastWord(call string, stage stripesim.Stage) func(*http.Request, stripesim.Stage) *stripesim.Fault {
	var over atomic.Bool
	return func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if at == stage && isCall(r, call) {
			over.Store(true)
		}
		if over.Load() {
			return &stripesim.Fault{}
		}
		return nil
	}
}

// eachFault runs the test for every way in which the call can go wrong.
func eachFault(m *market, call string, test func(name string)) {
	for stage, when := range map[stripesim.Stage]string{stripesim.Before: "before", stripesim.After: "after"} {
		for _, status := range []int{0, 500, 503, 429} {
			m.setFault(once(call, stage, stripesim.Fault{Status: status}))
			test(fmt.Sprintf("%s %s its effect: %d", call, when, status))
			m.setFault(nil)
		}
	}
}

func TestAnswersOfStripeAreLost(t *testing.T) {
	eachWay(t, func(m *market) {
		m.stop()
		m.begin(true)
		for _, call := range []string{"create", "confirm", "capture"} {
			if call == "capture" && m.options.ChargeAtOnce {
				continue // nothing is held
			}
			eachFault(m, call, func(name string) {
				o := m.payable()
				if r := m.pay(o, "pm_card_visa"); r.status != 201 || r.text("status") != event.Completed {
					m.t.Errorf("%s: %d %v", name, r.status, r.body)
				}
				m.money(o, 1999, 0)

				declined := m.payable()
				if r := m.pay(declined, "pm_card_chargeDeclined"); r.status != 402 {
					m.t.Errorf("%s, declined: %d %v", name, r.status, r.body)
				}
				m.money(declined, 0, 0)
			})
		}
	})
}

// While Stripe is away nothing is submitted: the buyer is told so, has lost no attempt, and pays when it is back.
func TestStripeIsAway(t *testing.T) {
	eachWayWith(t, noWait, func(m *market) {
		m.setFault(always)
		o := m.payable()
		for range 3 { // the first finds out, the others know
			r := m.pay(o, "pm_card_visa")
			if r.status != 503 || r.text("code") != "unavailable" || r.header.Get("Retry-After") == "" {
				m.t.Fatalf("%d %v %v", r.status, r.body, r.header)
			}
			m.settle(o)
		}
		list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list
		if len(list) != 1 || list[0]["status"] != event.ChargeFailed || list[0]["failureCode"] != "not_submitted" {
			m.t.Errorf("%v", list)
		}
		if open := m.agree(o); open.Status != event.AwaitingPayment || open.ChargeID != "" {
			m.t.Errorf("the order is not payable any more: %+v", open)
		}
		m.setFault(nil)
		m.advance(time.Minute)
		if r := m.pay(o, "pm_card_visa"); r.status != 202 && r.status != 201 {
			m.t.Errorf("when Stripe is back: %d %v", r.status, r.body)
		}
		if paid := m.settle(o); paid.Status != event.Completed {
			m.t.Errorf("%+v", paid)
		}
		m.money(o, 1999, 0)
	})
}

// A charge that Stripe never says a word about is failed in its time, since an intent that nobody knows is never confirmed.
func TestStripeStaysAway(t *testing.T) {
	eachWay(t, func(m *market) {
		for _, stage := range []stripesim.Stage{stripesim.Before, stripesim.After} {
			m.restart(noWait)
			o := m.payable()
			m.dieAt("create", stage, func() { m.pay(o, "pm_card_visa") })
			m.restart(noWait)
			m.setFault(always)
			m.advance(109 * time.Second)
			m.settle(o)
			if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; list[0]["status"] != event.Created {
				m.t.Errorf("before its time: %v", list)
			}
			m.advance(time.Second)
			m.settle(o)
			c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status != event.Created })
			if c.Status != event.ChargeFailed || c.FailureCode != "timeout" {
				m.t.Errorf("after its time: %+v", c)
			}
			m.setFault(nil)
			m.advance(time.Hour)
			m.settle(o)
			m.money(o, 0, 0)
		}
	})
}

// A charge whose confirmation is lost for good is not failed before Stripe says so: it may have been taken.
func TestOverdueChargeFollowsWhatStripeSays(t *testing.T) {
	for _, stage := range []stripesim.Stage{stripesim.Before, stripesim.After} {
		eachWayWith(t, noWait, func(m *market) {
			m.setFault(lastWord("confirm", stage))
			o := m.payable()
			if r := m.pay(o, "pm_card_visa"); r.status != 202 || !strings.HasPrefix(r.text("stripeId"), "pi_") {
				m.t.Fatalf("%d %v", r.status, r.body)
			}
			m.settle(o) // money that is not held is asked for now
			m.setFault(always)
			m.advance(10 * time.Minute)
			m.settle(o)
			if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; list[0]["status"] != event.Created {
				m.t.Errorf("without a word of Stripe: %v", list)
			}
			m.setFault(nil)
			m.advance(time.Minute)
			m.settle(o)
			c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status != event.Created })
			want, captured := event.ChargeFailed, int64(0)
			if stage == stripesim.After && m.options.ChargeAtOnce {
				want, captured = event.Completed, 1999
			}
			if c.Status != want || want == event.ChargeFailed && c.FailureCode != "timeout" {
				m.t.Errorf("decided as %+v, want %s", c, want)
			}
			m.money(o, captured, 0)
		})
	}
}

// A failure that Stripe repeats under its key costs one try more, not a pause: the next key is tried at once.
func TestAFailureOfThenHoldsNobodyUp(t *testing.T) {
	eachWayWith(t, noWait, func(m *market) {
		m.setFault(once("confirm", stripesim.Before, stripesim.Fault{Status: 500, Sticky: true}))
		o := m.payable()
		if r := m.pay(o, "pm_card_visa"); r.status != 202 {
			m.t.Fatalf("%d %v", r.status, r.body)
		}
		m.agree(o) // it has its order
		decide := func() {
			m.advance(20 * time.Second)
			if _, err := m.service.Decide(ctx); err != nil {
				m.t.Fatal(err)
			}
		}
		if m.options.ChargeAtOnce {
			decide() // the first that asks
		}
		decide()
		if c := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list[0]; c["status"] != event.Completed {
			m.t.Errorf("%v", c)
		}
	})
}

// A hold is let go of when the order is cancelled; money that was taken goes back.
func TestOrderIsCancelledWhilePaying(t *testing.T) {
	eachWay(t, func(m *market) {
		for _, call := range []string{"create", "confirm", "capture"} {
			taken := call == "capture" || call == "confirm" && m.options.ChargeAtOnce
			if call == "capture" && m.options.ChargeAtOnce {
				continue
			}
			for _, stage := range []stripesim.Stage{stripesim.Before, stripesim.After} {
				name := fmt.Sprint(call, " ", stage)
				o := m.payable()
				cancelled := false
				m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
					if !cancelled && at == stage && isCall(r, call) {
						cancelled = true
						m.agree(o) // it has won the order, and hears that it has lost it all the same
						m.known(m.become(o, event.Cancelled, event.Expired))
					}
					return nil
				})
				r := m.pay(o, "pm_card_visa")
				if r.status != 409 || r.text("code") != "order_expired" {
					m.t.Errorf("%s: %d %v", name, r.status, r.body)
				}
				m.settle(o)
				list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list
				if taken {
					m.money(o, 1999, 1999)
					c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.StripeRefundID != "" })
					if c.Status != event.Completed || c.Version != 3 || list[0]["stripeRefundId"] != c.StripeRefundID {
						m.t.Errorf("%s: %+v %v", name, c, list)
					}
				} else {
					m.money(o, 0, 0)
					if list[0]["status"] != event.ChargeFailed || list[0]["failureCode"] != "order_cancelled" {
						m.t.Errorf("%s: %v", name, list)
					}
				}
				m.advance(time.Hour)
				m.settle(o)
			}
		}
	})
}

// Whichever of the two is heard of first, nothing is kept of a cancelled order.
func TestCancelAgainstPay(t *testing.T) {
	eachWayWith(t, noWait, func(m *market) {
		if m.url != "" { // the replica shares the work: it may be the one that hears of the cancellation
			replica := m.start(m.open("payments", paymentsTables), func(b *bus.Bus) {
				payments.New(m.db, b, m.options).Follow(b)
			}, nil)
			defer replica.stop()
		}
		for range 50 {
			o := m.payable()
			open, paid := make(chan struct{}), make(chan reply)
			go func() {
				<-open
				paid <- m.pay(o, "pm_card_visa")
			}()
			close(open)
			m.become(o, event.Cancelled, event.ByBuyer)
			if r := <-paid; r.status != 201 && r.status != 202 && r.status != 409 {
				m.t.Errorf("%d %v", r.status, r.body)
			}
			m.settle(o)
			m.advance(time.Minute)
			m.settle(o)
			for _, c := range m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list {
				if c["status"] == event.Created || c["status"] == event.Completed && c["stripeRefundId"] == nil {
					m.t.Errorf("left over: %v", c)
				}
			}
			totals, err := m.sim.Totals(ctx)
			if err != nil {
				m.t.Fatal(err)
			}
			for _, total := range totals {
				if total.Captured != total.Refunded {
					m.t.Errorf("kept: %+v", total)
				}
			}
		}
	})
}

func TestRefundsAreLost(t *testing.T) {
	eachWay(t, func(m *market) {
		eachFault(m, "refund", func(name string) {
			o := m.payable()
			if r := m.pay(o, "pm_card_visa"); r.status != 201 {
				m.t.Fatalf("%s: %d %v", name, r.status, r.body)
			}
			m.agree(o)
			m.become(o, event.Cancelled, event.Expired)
			m.settle(o)
			m.advance(30 * time.Hour) // the keys are forgotten
			m.settle(o)
			c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.StripeRefundID != "" })
			if c.Version != 3 {
				m.t.Errorf("%s: %+v", name, c)
			}
			m.money(o, 1999, 1999)
		})
	})
}

func TestRefundThatSomebodyElseMade(t *testing.T) {
	eachWay(t, func(m *market) {
		o := m.payable()
		r := m.pay(o, "pm_card_visa")
		m.byHand("refunds", "payment_intent="+r.text("stripeId"))
		m.agree(o)
		m.become(o, event.Cancelled, event.ByBuyer)
		m.settle(o)
		if c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.StripeRefundID != "" }); !strings.HasPrefix(c.StripeRefundID, "re_") {
			m.t.Errorf("%+v", c)
		}
		m.money(o, 1999, 1999)
	})
}

// byHand is what somebody does at Stripe, not through us.
func (m *market) byHand(what, form string) {
	m.t.Helper()
	r, err := http.NewRequest("POST", "http://stripe.test/v1/"+what, strings.NewReader(form))
	m.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_1")
	if got, err := m.sim.Transport().RoundTrip(r); err != nil || got.StatusCode != 200 {
		m.t.Fatal(got, err)
	}
}

// Stripe takes longer than we wait, and does what it was asked for all the same.
func TestStripeAnswersTooLate(t *testing.T) {
	eachWayWith(t, func(o *payments.Options) { o.Wait, o.CallTimeout = 0, time.Second }, func(m *market) {
		for call, status := range map[string]int{"create": 503, "confirm": 202} {
			held := false
			m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
				if !held && at == stripesim.Before && isCall(r, call) {
					held = true
					<-r.Context().Done()
				}
				return nil
			})
			o := m.payable()
			if r := m.pay(o, "pm_card_visa"); r.status != status {
				m.t.Fatalf("%s: %d %v", call, r.status, r.body)
			}
			for range 5 { // while the first request is still at work, its key is in use
				m.settle(o)
				m.advance(11 * time.Second)
			}
			m.setFault(nil)
			if call == "create" { // the intent that came too late is never confirmed
				if r := m.pay(o, "pm_card_visa"); r.status != 202 && r.status != 201 {
					m.t.Errorf("again: %d %v", r.status, r.body)
				}
			}
			if paid := m.settle(o); paid.Status != event.Completed {
				m.t.Errorf("%s: %+v", call, paid)
			}
			m.money(o, 1999, 0)
		}
	})
}
