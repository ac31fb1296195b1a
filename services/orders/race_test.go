package orders_test

import (
	"sync"
	"testing"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

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
			gate, wg := make(chan struct{}), sync.WaitGroup{}
			var answer service.Answer
			for i, contend := range []func(h house){
				func(h house) { answer = h.cancel(o) },
				func(h house) { h.deliver(h.alarm(o, 1)) },
				func(h house) { h.deliver(c) },
				func(h house) { h.deliver(decision) },
				func(h house) { h.deliver(h.alarm(o, 1)) },
			} {
				who := replicas[(round+i)%len(replicas)]
				wg.Go(func() { <-gate; contend(who) })
			}
			close(gate)
			wg.Wait()
			now := h.read(o)
			cancelled := now.Status == event.Cancelled
			switch {
			case now.Version != 3 && (cancelled || now.Status == event.Completed):
				t.Errorf("round %d: it ended at version %d", round, now.Version)
			case answer.Status == 204 && !cancelled, answer.Status == 409 && answer.Code() == "order_completed" && now.Status != event.Completed,
				answer.Status != 204 && answer.Status != 409:
				t.Errorf("round %d: %s, but the buyer was answered %d %s", round, now.Status, answer.Status, answer.Text)
			case !cancelled && now.Status != event.Completed:
				t.Errorf("round %d: nothing has decided: %+v", round, now)
			}
			h.ends(o, now.Status, now.CancelReason, 3)
			ends[now.Status+" "+now.CancelReason]++
		}
		t.Logf("%d rounds: %v", rounds, ends)
		for _, r := range replicas {
			r.Failed()
		}
	})
}
