package payments_test

import (
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/services/payments"
)

// another is a second process of payments, and hears of everything from now on instead of the first.
func (m *market) another() *side {
	m.t.Helper()
	db := m.open("payments", paymentsTables)
	other := m.start(db, func(b *bus.Bus) { payments.New(db, b, m.options).Follow(b) }, nil)
	m.t.Cleanup(func() { other.stop() })
	other.read = m.side.read
	return other
}

// What one process has heard of an order decides nothing that another one may know better.
func TestAnotherProcessHasHeardOfTheEnd(t *testing.T) {
	for _, end := range []string{event.Cancelled, event.Completed} {
		m := newMarketOn(t, fresh(t), &handLog{}, noWait)
		o := m.say(m.order(event.AwaitingPayment))
		m.pump()
		o = m.become(o, end, event.ByBuyer)
		m.pumpBetween(m.another(), m.orders)
		if r := m.pay(o, "pm_card_visa"); r.status != 409 || r.text("code") != "order_not_payable" {
			t.Errorf("an order that is %s is paid for: %d %v", end, r.status, r.body)
		}
		if r := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", ""); len(r.list) > 0 {
			t.Errorf("an order that is %s has payments: %v", end, r.list)
		}
	}
}

// A payment is answered when its order has followed, whichever process hears of that.
func TestAnotherProcessHearsOfThePayment(t *testing.T) {
	m := newMarketOn(t, fresh(t), &handLog{}, func(o *payments.Options) { o.Wait = time.Minute })
	o := m.say(m.order(event.AwaitingPayment))
	m.pump()
	other, paid := m.another(), make(chan reply, 1)
	go func() { paid <- m.pay(o, "pm_card_visa") }()
	for {
		select {
		case r := <-paid:
			if r.status != 201 || r.text("status") != event.Completed {
				t.Errorf("%d %v", r.status, r.body)
			}
			return
		case <-time.After(10 * time.Millisecond):
			m.pumpBetween(other, m.orders)
		}
	}
}
