package orders_test

import (
	"sync"
	"testing"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

// atOnce runs these at one instant, in as many processes as there can be. Which of them comes first, and where, changes from
// round to round.
func atOnce(replicas []house, round int, contenders ...func(h house)) {
	gate, wg := make(chan struct{}), sync.WaitGroup{}
	for i := range contenders {
		contend, who := contenders[(round+i)%len(contenders)], replicas[i%len(replicas)]
		wg.Go(func() { <-gate; contend(who) })
	}
	close(gate)
	wg.Wait()
}

// The buyer cancels, the time is over and the bank answers, all at one instant and in as many processes as there can be:
// one of them decides, once, and what the buyer was answered is true.
func TestEndsMeetAtTheGate(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		const rounds = 90
		replicas := h.replicas()
		ends := map[string]int{}
		for round := range rounds {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			c := h.charge(o)
			decision := decided(c, event.Completed)
			if round%3 == 0 {
				decision.Status = event.ChargeFailed
			}
			if round%2 == 0 {
				h.Advance(lockDuration)
			}
			var answer service.Answer
			atOnce(replicas, round,
				func(h house) { answer = h.cancel(o) },
				func(h house) { h.deliver(h.alarm(o, 1)) },
				func(h house) { h.deliver(c) },
				func(h house) { h.deliver(decision) },
				func(h house) { h.deliver(h.alarm(o, 1)) },
			)
			now := h.read(o)
			ends[h.checkEnd(o, now, c, decision, answer)]++
			if t.Failed() {
				t.Fatalf("round %d: %+v, and the buyer was answered %d %s", round, now, answer.Status, answer.Text)
			}
		}
		t.Logf("%d rounds: %v", rounds, ends)
		for _, r := range replicas {
			r.Failed()
		}
	})
}

// checkEnd checks what came of an order that awaited payment, and says it in two words. It has one version more if the
// payment had it before the end: then nothing but the payment's decision may have ended it.
func (h house) checkEnd(o, now order, c, decision event.Charge, answer service.Answer) string {
	h.Helper()
	third := service.AwaitVersion[event.Order](h.Market, o.ID, 3)
	claimed, version, paidBy := third.Status == event.AwaitingPayment, 3, ""
	if claimed {
		version = 4
	}
	if now.Status == event.Completed {
		paidBy = c.ID
	}
	h.ends(o, now.Status, now.CancelReason, paidBy, version)
	refused := answer.Code()
	switch {
	case claimed && third.ChargeID != c.ID:
		h.Errorf("%q has the order, not its payment", third.ChargeID)
	case now.Status == event.AwaitingPayment:
		h.Error("nothing has decided")
	case now.Status == event.Completed && decision.Status != event.Completed, now.CancelReason == event.PaymentFailed && decision.Status != event.ChargeFailed:
		h.Error("the payment ended otherwise")
	case claimed && now.CancelReason != "" && now.CancelReason != event.PaymentFailed:
		h.Error("it was cancelled under its payment")
	case answer.Status != 204 && refused != "order_completed" && refused != "payment_in_progress",
		answer.Status == 204 && now.Status != event.Cancelled,
		refused == "order_completed" && now.Status != event.Completed,
		refused == "payment_in_progress" && !claimed:
		h.Error("the buyer was answered something else")
	}
	return now.Status + " " + now.CancelReason
}
