package payments_test

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/services/payments"
)

var races = flag.Int("races", 0, "how often a payment meets the end of its order in the races; 0: 64 times each, 16 with the race detector")

// A payment meets the buyer's cancellation, or the end of the time, at one instant: orders lets one of the two win, and money
// is taken if it is the payment and never else, not even to be given back.
func TestRacesOfPaymentAgainstItsEnd(t *testing.T) {
	n := *races
	if n == 0 {
		if n = 64; payments.RaceDetector || testing.Short() {
			n = 16
		}
	}
	for _, end := range []string{"cancellation", "expiry"} {
		t.Run(end, func(t *testing.T) {
			eachWay(t, func(m *market) {
				if m.url != "" { // the replica shares the work: it may be the one that hears of the end
					replica := m.start(m.open("payments", paymentsTables), func(b *bus.Bus) { payments.New(m.db, b, m.options).Follow(b) }, nil)
					defer replica.stop()
				}
				count, lead := map[string]int{}, 10*time.Millisecond
				for done := 0; done < n && !m.t.Failed(); done += atOneGate {
					lead = m.race(end == "expiry", min(atOneGate, n-done), lead, count)
				}
				m.t.Logf("%d races against %s: %v", n, end, count)
			})
		})
	}
}

// atOneGate is how many orders are raced for at the same time.
const atOneGate = 8

// race lets payments meet the ends of their orders, and counts what came of it. The payments have a lead; the one returned is
// longer if too few of them have won, else shorter, so that the races are close on every machine.
func (m *market) race(expiry bool, n int, lead time.Duration, count map[string]int) time.Duration {
	m.t.Helper()
	orders, replies, ended := make([]event.Order, n), make([]reply, n), make([]event.Order, n)
	for i := range orders {
		orders[i] = m.payable()
	}
	if expiry {
		m.advance(orders[0].ExpiresAt.Sub(m.time()) - time.Millisecond)
	}
	var ready, done sync.WaitGroup
	open := make(chan struct{})
	start := func(run func()) {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-open
			run()
		})
	}
	for i, o := range orders {
		start(func() { replies[i] = m.pay(o, "pm_card_visa") })
		start(func() {
			time.Sleep(lead * time.Duration(i+1) / time.Duration(n))
			if !expiry {
				ended[i] = m.cancel(o)
				return
			}
			m.reach(o.ExpiresAt)
			ended[i] = m.expire(o)
		})
	}
	ready.Wait()
	close(open)
	done.Wait()
	won := 0
	for i, o := range orders {
		outcome := m.raced(o, replies[i], ended[i])
		if count[outcome]++; outcome == "paid" {
			won++
		}
	}
	if 2*won < n {
		return lead * 5 / 4
	}
	return lead * 4 / 5
}

// reach lets the clock be at least that late.
func (m *market) reach(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.Before(at) {
		m.now = at
	}
}

// raced says who has won, and checks that the buyer was told so and that the money is where it belongs.
func (m *market) raced(o event.Order, r reply, ended event.Order) string {
	m.t.Helper()
	now := m.settle(o)
	for range 4 {
		if now.Status != event.AwaitingPayment {
			break
		}
		m.advance(10 * time.Second)
		now = m.settle(o)
	}
	switch {
	case now.Status == event.Completed:
		m.money(o, 1999, 0)
		if r.status != 201 || ended.Status == event.Cancelled {
			m.t.Errorf("paid, and told %d %v; the end was told %s", r.status, r.body, ended.Status)
		}
		return "paid"
	case now.Status != event.Cancelled:
		m.t.Errorf("the order is %+v", now)
	case r.status != 409:
		m.t.Errorf("cancelled, and told %d %v", r.status, r.body)
	}
	m.money(o, 0, 0)
	list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list
	switch {
	case len(list) == 0:
		return "cancelled before anything was submitted"
	case list[0]["status"] != event.ChargeFailed || list[0]["failureCode"] != "order_cancelled":
		m.t.Errorf("cancelled, and the charge is %v", list[0])
	}
	return fmt.Sprintf("cancelled, %s", map[bool]string{true: "and an intent was given up", false: "before Stripe was asked"}[list[0]["stripeId"] != ""])
}
