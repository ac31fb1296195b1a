package audit_test

import (
	"testing"
	"time"

	"ticketing/kernel/event"
)

// pay says that the open order's second payment begins, and has the order; version is the order's then.
func (m *market) pay(version int64) {
	m.say("payments", event.ChargeCreated, m.charge("second", open, 1, event.Created, ""))
	m.say("orders", event.OrderUpdated, m.claimed(open, locked, version, "second"))
}

// decide says how the second payment ends.
func (m *market) decide(status string) {
	m.say("payments", event.ChargeUpdated, m.charge("second", open, 2, status, ""))
}

// ends says how the open order ends, and what becomes of its ticket.
func (m *market) ends(o event.Order) {
	typ, status, order := event.OrderUpdated, event.Sold, open
	if o.Status == event.Cancelled {
		typ, status, order = event.OrderCancelled, event.Available, ""
	}
	m.say("orders", typ, o)
	m.say("tickets", event.TicketUpdated, m.ticket(locked, 3, status, order))
	m.run("expiration", `DELETE FROM deadlines`)
}

// took is the provider's word of what the second payment took, and whether it gave it back.
func (m *market) took(back bool) {
	p := m.payments[0]
	p.ID, p.OrderID, p.ChargeID = "pi_second", open, "second"
	if back {
		p.Refunded = p.Captured
		m.say("payments", event.ChargeUpdated, m.charge("second", open, 3, event.Completed, "re_1"))
	}
	m.payments = append(m.payments, p)
}

// cancelled is the open order, cancelled for that reason at that time.
func (m *market) cancelled(version int64, reason string, at time.Time) event.Order {
	o := m.order(open, locked, version, event.Cancelled)
	o.CancelReason, o.UpdatedAt = reason, at
	return o
}

// Each case is a history of one order and its payments, and the invariants that it breaks.
func TestClaims(t *testing.T) {
	for name, c := range map[string]struct {
		history func(m *market)
		want    []int
	}{
		"paid": {func(m *market) {
			m.pay(3)
			m.decide(event.Completed)
			m.ends(m.order(open, locked, 4, event.Completed))
			m.took(false)
		}, nil},
		"paid before orders heard of the beginning": {func(m *market) {
			m.say("payments", event.ChargeCreated, m.charge("second", open, 1, event.Created, ""))
			m.decide(event.Completed)
			m.ends(m.order(open, locked, 3, event.Completed))
			m.took(false)
		}, nil},
		"failed, and waits for the next": {func(m *market) {
			m.pay(3)
			m.decide(event.ChargeFailed)
			m.say("orders", event.OrderUpdated, m.order(open, locked, 4, event.AwaitingPayment))
		}, nil},
		"failed, and cancelled by it": {func(m *market) {
			m.pay(3)
			m.decide(event.ChargeFailed)
			m.ends(m.cancelled(4, event.PaymentFailed, m.now))
		}, nil},
		"not decided for too long": {func(m *market) {
			m.pay(3)
			m.ends(m.cancelled(4, event.Expired, m.now.Add(4*time.Minute)))
			m.decide(event.Completed)
			m.took(true)
		}, nil},
		"the seller is said, which was not known before": {func(m *market) {
			m.run("orders", `DELETE FROM outbox WHERE entity = $1`, open)
			for version, status := range []string{event.Created, event.AwaitingPayment} {
				old := m.order(open, locked, int64(version)+1, status)
				old.Ticket.SellerID = ""
				m.say("orders", event.OrderUpdated, old)
			}
			m.run("orders", `UPDATE orders SET charge_id = 'second' WHERE id = $1`, open) // in flight when claims came to be
			m.finds(nil)
			m.say("payments", event.ChargeCreated, m.charge("second", open, 1, event.Created, ""))
			m.decide(event.Completed)
			m.ends(m.order(open, locked, 3, event.Completed))
			m.took(false)
		}, nil},
		"said again without a change": {func(m *market) {
			m.say("orders", event.OrderUpdated, m.order(open, locked, 3, event.AwaitingPayment))
		}, []int{3}},
		"another seller": {func(m *market) {
			m.pay(3)
			m.decide(event.ChargeFailed)
			o := m.order(open, locked, 4, event.AwaitingPayment)
			o.Ticket.SellerID = buyer
			m.say("orders", event.OrderUpdated, o)
			m.run("orders", `UPDATE orders SET seller_id = $1 WHERE id = $2`, buyer, open)
		}, []int{3}},
		"a claim that was not said":  {func(m *market) { m.run("orders", `UPDATE orders SET charge_id = 'x' WHERE id = $1`, open) }, []int{7}},
		"a seller who was not said":  {func(m *market) { m.run("orders", `UPDATE orders SET seller_id = 'x' WHERE id = $1`, open) }, []int{7}},
		"a payment that nobody made": {func(m *market) { m.say("orders", event.OrderUpdated, m.claimed(open, locked, 3, "nobody's")) }, []int{11}},
		"another order's payment": {func(m *market) {
			m.say("orders", event.OrderUpdated, m.claimed(open, locked, 3, "charge"))
			m.run("orders", `UPDATE outbox SET seq = NULL WHERE id = $1`, "order-"+open+"-3") // it is found at every moment
		}, []int{11}},
		"an order that waits for a payment which has failed": {func(m *market) {
			m.pay(3)
			m.decide(event.ChargeFailed)
		}, []int{11}},
		"a claim that was freed for nothing": {func(m *market) {
			m.pay(3)
			m.say("orders", event.OrderUpdated, m.order(open, locked, 4, event.AwaitingPayment))
			m.decide(event.Completed)
			m.ends(m.order(open, locked, 5, event.Completed))
			m.took(false)
		}, []int{11}},
		"cancelled by the buyer under its payment": {func(m *market) {
			m.pay(3)
			m.ends(m.cancelled(4, event.ByBuyer, m.now))
			m.decide(event.Completed)
			m.took(true)
		}, []int{11}},
		"expired under its payment": {func(m *market) {
			m.pay(3)
			m.ends(m.cancelled(4, event.Expired, m.now.Add(4*time.Minute-time.Millisecond)))
			m.decide(event.Completed)
			m.took(true)
		}, []int{11}},
		"cancelled, and a payment has it": {func(m *market) {
			m.pay(3)
			m.decide(event.ChargeFailed)
			m.run("orders", `PRAGMA ignore_check_constraints = ON`)
			o := m.cancelled(4, event.PaymentFailed, m.now)
			o.ChargeID = "second"
			m.ends(o)
		}, []int{11}},
		"completed by nobody's payment": {func(m *market) {
			m.pay(3)
			m.decide(event.Completed)
			o := m.order(open, locked, 4, event.Completed)
			o.ChargeID = ""
			m.ends(o)
			m.took(false)
		}, []int{11}},
		"completed by the payment that failed": {func(m *market) {
			m.say("payments", event.ChargeCreated, m.charge("first", open, 1, event.Created, ""))
			m.say("payments", event.ChargeUpdated, m.charge("first", open, 2, event.ChargeFailed, ""))
			m.pay(3)
			m.decide(event.Completed)
			o := m.order(open, locked, 4, event.Completed)
			o.ChargeID = "first"
			m.ends(o)
			m.took(false)
		}, []int{11}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			c.history(m)
			m.finds(c.want)
		})
	}
}

// While a failure is on its way, an order that the audit has read later may have lost its payment already.
func TestAClaimThatIsFreedMeanwhile(t *testing.T) {
	m := newMarket(t)
	m.pay(3)
	m.say("orders", event.OrderUpdated, m.order(open, locked, 4, event.AwaitingPayment))
	m.finds(nil)
}
