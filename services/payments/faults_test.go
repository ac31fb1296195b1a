package payments_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// The calls to Stripe that a payment makes, by the end of their path.
var stripeCalls = map[string]string{"create": "/payment_intents", "confirm": "/confirm", "refund": "/refunds", "cancel": "/cancel"}

// once lets the next call of that name go wrong at the stage.
func once(call string, stage stripesim.Stage, fault stripesim.Fault) func(*http.Request, stripesim.Stage) *stripesim.Fault {
	done := false
	return func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if done || at != stage || r.Method != "POST" || !strings.HasSuffix(r.URL.Path, stripeCalls[call]) {
			return nil
		}
		done = true
		return &fault
	}
}

// always lets every call go wrong before it has an effect.
func always(*http.Request, stripesim.Stage) *stripesim.Fault { return &stripesim.Fault{} }

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
	each(t, func(m *market) {
		m.stop()
		m.begin(true)
		for _, call := range []string{"create", "confirm"} {
			eachFault(m, call, func(name string) {
				o := m.payable()
				m.follow(o)
				if r := m.pay(o, "pm_card_visa"); r.status != 201 || r.text("status") != event.Completed {
					m.t.Errorf("%s: %d %v", name, r.status, r.body)
				}
				m.money(o, 1999, 0)

				declined := m.payable()
				m.follow(declined)
				if r := m.pay(declined, "pm_card_chargeDeclined"); r.status != 402 {
					m.t.Errorf("%s, declined: %d %v", name, r.status, r.body)
				}
				m.money(declined, 0, 0)
			})
		}
	})
}

func TestStripeIsAway(t *testing.T) {
	each(t, func(m *market) {
		m.stop()
		m.options.Wait = 0
		m.begin(false)
		m.setFault(always)
		back, never := m.payable(), m.payable()
		for _, o := range []event.Order{back, never} {
			r := m.pay(o, "pm_card_visa")
			if r.status != 202 || r.text("status") != event.Created || r.text("stripeId") != "" || r.body["clientSecret"] != nil {
				m.t.Fatalf("%d %v", r.status, r.body)
			}
			if again := m.pay(o, "pm_card_visa"); again.status != 409 || again.text("code") != "payment_in_progress" {
				m.t.Errorf("again: %d %v", again.status, again.body)
			}
		}
		m.setFault(func(r *http.Request, _ stripesim.Stage) *stripesim.Fault {
			if r.FormValue("metadata[order_id]") == never.ID {
				return &stripesim.Fault{}
			}
			return nil
		})
		m.advance(30 * time.Second)
		m.work()
		m.awaitCharge(back.ID, func(c event.Charge) bool { return c.Status == event.Completed })
		m.money(back, 1999, 0)
		m.advance(79 * time.Second)
		m.work()
		if list := m.ask("GET", "/api/payments?orderId="+never.ID, "buyer", "").list; list[0]["status"] != event.Created {
			m.t.Errorf("before its time: %v", list)
		}
		m.advance(time.Second)
		m.work()
		c := m.awaitCharge(never.ID, func(c event.Charge) bool { return c.Status != event.Created })
		if c.Status != event.ChargeFailed || c.FailureCode != "timeout" {
			m.t.Errorf("after its time: %+v", c)
		}
		m.setFault(nil)
		m.advance(time.Hour)
		m.work()
		m.money(never, 0, 0)
	})
}

// A charge whose confirmation is lost for good is not failed before Stripe says so: it may have been taken.
func TestOverdueChargeFollowsWhatStripeSays(t *testing.T) {
	for stage, want := range map[stripesim.Stage]string{stripesim.Before: event.ChargeFailed, stripesim.After: event.Completed} {
		each(t, func(m *market) {
			m.stop()
			m.options.Wait = 0
			m.begin(false)
			m.setFault(once("confirm", stage, stripesim.Fault{}))
			o := m.payable()
			if r := m.pay(o, "pm_card_visa"); r.status != 202 || !strings.HasPrefix(r.text("stripeId"), "pi_") {
				m.t.Fatalf("%d %v", r.status, r.body)
			}
			m.setFault(always)
			m.advance(10 * time.Minute)
			m.work()
			if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; list[0]["status"] != event.Created {
				m.t.Errorf("without a word of Stripe: %v", list)
			}
			m.setFault(nil)
			m.advance(time.Minute)
			m.work()
			c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status != event.Created })
			captured := int64(0)
			if want == event.Completed {
				captured = 1999
			}
			if c.Status != want {
				m.t.Errorf("decided as %+v, want %s", c, want)
			}
			m.money(o, captured, 0)
		})
	}
}

func TestOrderIsCancelledWhilePaying(t *testing.T) {
	each(t, func(m *market) {
		for _, call := range []string{"create", "confirm"} {
			for _, stage := range []stripesim.Stage{stripesim.Before, stripesim.After} {
				name := fmt.Sprint(call, stage)
				o := m.payable()
				cancelled := false
				m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
					if !cancelled && at == stage && strings.HasSuffix(r.URL.Path, stripeCalls[call]) {
						cancelled = true
						m.known(m.become(o, event.Cancelled, event.Expired))
					}
					return nil
				})
				r := m.pay(o, "pm_card_visa")
				if r.status != 409 || r.text("code") != "order_expired" {
					m.t.Errorf("%s: %d %v", name, r.status, r.body)
				}
				m.work()
				list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list
				switch {
				case call == "create":
					m.money(o, 0, 0)
					if list[0]["status"] != event.ChargeFailed || list[0]["failureCode"] != "order_cancelled" {
						m.t.Errorf("%s: %v", name, list)
					}
				default:
					m.money(o, 1999, 1999)
					c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.StripeRefundID != "" })
					if c.Status != event.Completed || c.Version != 3 || list[0]["stripeRefundId"] != c.StripeRefundID {
						m.t.Errorf("%s: %+v %v", name, c, list)
					}
				}
				m.advance(time.Hour)
				m.work()
			}
		}
	})
}

// Whichever of the two is heard of first, nothing is kept of a cancelled order.
func TestCancelAgainstPay(t *testing.T) {
	each(t, func(m *market) {
		m.stop()
		m.options.Wait = 0
		m.begin(false)
		if m.url != "" { // the replica shares the work: it may be the one that hears of the cancellation
			replica := m.start(m.open("payments", store.Options{}), func(b *bus.Bus) {
				payments.New(m.db, b, m.options).Follow(b)
			}, nil)
			defer replica.stop()
		}
		for range 100 {
			o := m.payable()
			open, paid := make(chan struct{}), make(chan reply)
			go func() {
				<-open
				paid <- m.pay(o, "pm_card_visa")
			}()
			close(open)
			cancelled := m.become(o, event.Cancelled, event.ByBuyer)
			if r := <-paid; r.status != 201 && r.status != 202 && r.status != 409 {
				m.t.Errorf("%d %v", r.status, r.body)
			}
			m.known(cancelled)
			m.work()
			m.advance(time.Minute)
			m.work()
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
	each(t, func(m *market) {
		eachFault(m, "refund", func(name string) {
			o := m.payable()
			m.follow(o, true)
			if r := m.pay(o, "pm_card_visa"); r.status != 201 {
				m.t.Fatalf("%s: %d %v", name, r.status, r.body)
			}
			m.known(m.current(o))
			m.known(m.become(o, event.Cancelled, event.Expired))
			m.work()
			m.advance(30 * time.Hour) // the keys are forgotten
			m.work()
			c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.StripeRefundID != "" })
			if c.Version != 3 {
				m.t.Errorf("%s: %+v", name, c)
			}
			m.money(o, 1999, 1999)
		})
	})
}

func TestRefundThatSomebodyElseMade(t *testing.T) {
	each(t, func(m *market) {
		o := m.payable()
		m.follow(o, true)
		r := m.pay(o, "pm_card_visa")
		form := strings.NewReader("payment_intent=" + r.text("stripeId"))
		by, err := http.NewRequest("POST", "http://stripe.test/v1/refunds", form)
		if err != nil {
			m.t.Fatal(err)
		}
		by.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		by.Header.Set("Authorization", "Bearer sk_test_1")
		if got, err := m.sim.Transport().RoundTrip(by); err != nil || got.StatusCode != 200 {
			m.t.Fatal(got, err)
		}
		m.known(m.current(o))
		m.known(m.become(o, event.Cancelled, event.ByBuyer))
		m.work()
		if c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.StripeRefundID != "" }); !strings.HasPrefix(c.StripeRefundID, "re_") {
			m.t.Errorf("%+v", c)
		}
		m.money(o, 1999, 1999)
	})
}

// The bank takes longer than we wait, and has taken the money all the same.
func TestStripeAnswersTooLate(t *testing.T) {
	each(t, func(m *market) {
		m.stop()
		m.options.Wait, m.options.CallTimeout = 0, 100*time.Millisecond
		m.begin(false)
		for call, path := range stripeCalls {
			if call != "create" && call != "confirm" {
				continue
			}
			held := false
			m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
				if !held && at == stripesim.Before && strings.HasSuffix(r.URL.Path, path) {
					held = true
					<-r.Context().Done()
				}
				return nil
			})
			o := m.payable()
			if r := m.pay(o, "pm_card_visa"); r.status != 202 {
				m.t.Fatalf("%s: %d %v", call, r.status, r.body)
			}
			m.setFault(nil)
			for range 5 { // while the first request is still at work, its key is in use
				m.work()
				m.advance(11 * time.Second)
			}
			m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status == event.Completed })
			m.money(o, 1999, 0)
		}
	})
}

// onlyConfirmFails loses every confirmation, or every answer to one.
func onlyConfirmFails(after bool) func(*http.Request, stripesim.Stage) *stripesim.Fault {
	stage := stripesim.Before
	if after {
		stage = stripesim.After
	}
	return func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if at == stage && strings.HasSuffix(r.URL.Path, stripeCalls["confirm"]) {
			return &stripesim.Fault{}
		}
		return nil
	}
}
