package payments_test

import (
	"fmt"
	"time"

	"ticketing/kernel/event"
)

// outcomes of a try, in the order of the table.
var outcomes = []string{"paid", "refused", "cancelled, nothing taken", "cancelled, given back"}

// run takes a purchase to its end and says what came of it, and what is wrong with it.
func (m *market) run(s script, mishaps ...mishap) (y *try, outcome string, wrong string) {
	y = &try{market: m, script: s, mishaps: mishaps, calls: map[string]bool{}}
	m.setMeddling(y.between)
	m.setFault(y.stick)
	defer m.setMeddling(nil)
	y.o = m.say(m.order(event.AwaitingPayment))
	m.pump()
	if s.meanwhile == "expires" {
		m.advance(y.o.ExpiresAt.Sub(m.time()) - time.Second)
	}
	y.buy()
	wrong = y.rest()
	if y.at == "after" && !y.done {
		y.happen()
		wrong = wrong + y.rest()
	}
	for _, arrive := range y.overdue {
		arrive()
	}
	m.advance(20 * time.Minute)
	wrong += y.rest()
	outcome, more := y.judge()
	return y, outcome, wrong + more
}

// buy is the buyer, who tries again when told to.
func (y *try) buy() {
	for range 6 {
		var r reply
		if !y.alive(func() { r = y.pay(y.o, y.card) }) {
			r.status = 0
		}
		switch {
		case r.status == 402, r.status == 409 && r.text("code") != "payment_in_progress":
			y.refused = r.text("code")
			return
		case r.status == 200, r.status == 201, r.status == 202:
			return
		case r.status == 0, r.status == 503, r.status == 409:
			y.hindered = true
		default:
			y.t.Errorf("%s: %d %v", y.script, r.status, r.body)
			return
		}
		y.advance(5 * time.Second)
		y.round()
	}
}

// round is what everybody does in a moment.
func (y *try) round() {
	y.pump()
	y.alive(y.work)
	y.pump()
	if y.step != "" {
		for _, in := range y.intents() {
			if in.Status == "requires_action" {
				_ = y.sim.Answer(ctx, in.ID, y.step == "approve")
			}
		}
	}
	if !y.time().Before(y.o.ExpiresAt) {
		y.expire(y.o)
		y.pump()
	}
}

// rest lets everything come to rest.
func (y *try) rest() (wrong string) {
	for n := range 100 {
		y.round()
		pause := 3 * time.Second
		busy := len(y.mishaps) > 0 && n < 3 || len(y.late) > 0
		for _, c := range y.rows() {
			age := y.time().Sub(time.UnixMilli(c.created))
			if c.status == event.Created && age > 2*time.Minute {
				return fmt.Sprintf("a charge is not decided after %s\n", age)
			}
			if c.status == event.Created {
				if y.longest = max(y.longest, age); age > 105*time.Second {
					pause = time.Second // when it is about to be given up, the worker looks more often than that
				}
			}
			busy = busy || c.status == event.Created || c.refundDue
		}
		late := y.late
		y.late = nil
		for _, arrive := range late {
			arrive()
		}
		if !busy {
			return ""
		}
		y.advance(pause)
	}
	return "it never comes to rest\n"
}

// judge says what came of the purchase, and what is wrong with its money.
func (y *try) judge() (outcome, wrong string) {
	o := y.current(y.o)
	totals, err := y.sim.Totals(ctx)
	y.must(err)
	captures, kept, given := 0, int64(0), false
	captured := map[string]bool{}
	for _, total := range totals {
		if total.Metadata["order_id"] == o.ID && total.Captured > 0 {
			captures, kept, given = captures+1, kept+total.Captured-total.Refunded, given || total.Refunded > 0
			captured[total.Intent] = true
		}
	}
	price := int64(0)
	switch {
	case o.Status == event.Completed:
		outcome, price = outcomes[0], 1999
	case o.Status != event.Cancelled:
		wrong += "the order is " + o.Status + "\n"
	case given:
		outcome = outcomes[3]
	case y.refused == "card_declined" || o.CancelReason == event.PaymentFailed:
		outcome = outcomes[1]
	default:
		outcome = outcomes[2]
	}
	if captures > 1 || kept != price {
		wrong += fmt.Sprintf("%d captures, %d is kept for an order that is %s\n", captures, kept, o.Status)
	}
	for _, c := range y.rows() {
		if (c.status == event.Completed) != captured[c.stripeID] {
			wrong += fmt.Sprintf("a charge is %s, money was taken: %t\n", c.status, captured[c.stripeID])
		}
		if c.id == o.ChargeID && c.status != event.Completed {
			wrong += fmt.Sprintf("the order has a charge that is %s\n", c.status)
		}
		for _, in := range y.intents() {
			if in.ID == c.stripeID && in.Status != "succeeded" && in.Status != "canceled" && in.Status != "requires_payment_method" {
				wrong += fmt.Sprintf("an intent is left as %s\n", in.Status)
			}
		}
	}
	return outcome, wrong
}
