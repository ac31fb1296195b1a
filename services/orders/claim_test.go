package orders_test

import (
	"fmt"
	"testing"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

// Payments begins a payment only when the one before has failed, but orders may hear of the two in any order. Who is heard
// of first has the order; when that one has failed, it is the other's.
func TestTheNextPayment(t *testing.T) {
	each(t, long, 3, func(t *testing.T, h house) {
		for name, c := range map[string]struct {
			events  []string // of the payments a and b
			status  string
			has     string // the payment that has the order then
			version int
		}{
			"one after the other":              {[]string{"a", "a fails", "b"}, event.AwaitingPayment, "b", 5},
			"the next before the failure":      {[]string{"a", "b", "a fails"}, event.AwaitingPayment, "b", 4},
			"the next before the first":        {[]string{"b", "a"}, event.AwaitingPayment, "b", 3},
			"the next before all of the first": {[]string{"b", "a", "a fails"}, event.AwaitingPayment, "b", 3},
			"only the first's failure":         {[]string{"b", "a fails", "a"}, event.AwaitingPayment, "b", 3},
			"both fail":                        {[]string{"a", "b", "b fails", "a fails"}, event.AwaitingPayment, "", 4},
			"the next is paid":                 {[]string{"a", "b", "a fails", "b pays"}, event.Completed, "b", 5},
			"the next is paid already":         {[]string{"a", "b pays", "a fails"}, event.Completed, "b", 4},
			"the next was never in the way":    {[]string{"a", "b", "b fails", "a pays"}, event.Completed, "a", 4},
			"the first late":                   {[]string{"b pays", "a", "a fails", "b"}, event.Completed, "b", 3},
		} {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			a, b := h.charge(o), h.charge(o)
			told := map[string]event.Charge{"a": a, "b": b, "a fails": decided(a, event.ChargeFailed), "b fails": decided(b, event.ChargeFailed),
				"a pays": decided(a, event.Completed), "b pays": decided(b, event.Completed)}
			for range 2 { // and all of it again
				for _, n := range c.events {
					h.deliver(told[n])
				}
			}
			if h.ends(o, c.status, "", told[c.has].ID, c.version); t.Failed() {
				t.Fatal(name)
			}
			if c.status == event.AwaitingPayment && c.has != "" {
				h.Want(h.cancel(o), 409, "payment_in_progress")
			}
		}
	})
}

// A payment meets the buyer's cancellation, and the end of the time, in as many processes as there can be: one of the two
// has the order, and the other changes nothing.
func TestAPaymentMeetsTheEnd(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		const rounds = 120
		replicas := h.replicas()
		won := map[string]int{}
		for round := range rounds {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			c, byBuyer, answer := h.charge(o), round/2%2 == 0, service.Answer{}
			end := func(h house) { answer = h.cancel(o) }
			if !byBuyer {
				h.Advance(lockDuration)
				end = func(h house) { h.deliver(h.alarm(o, 1)) }
			}
			atOnce(replicas, round, func(h house) { h.deliver(c) }, end)
			now := h.read(o)
			switch {
			case now.Status == event.AwaitingPayment:
				h.ends(o, event.AwaitingPayment, "", c.ID, 3)
				if byBuyer {
					h.Want(answer, 409, "payment_in_progress")
				}
			case byBuyer:
				h.Want(answer, 204, "")
				h.ends(o, event.Cancelled, event.ByBuyer, "", 3)
			default:
				h.ends(o, event.Cancelled, event.Expired, "", 3)
			}
			if t.Failed() {
				t.Fatalf("round %d: %+v, answered %d", round, now, answer.Status)
			}
			won[fmt.Sprint(now.Status, " ", now.CancelReason)]++
		}
		if said := h.Idle(); said != 3*rounds {
			t.Errorf("%d events of %d orders, want three each", said, rounds)
		}
		t.Logf("%d rounds: %v", rounds, won)
		for _, r := range replicas {
			r.Failed()
		}
	})
}

// The failure of the payment that has the order meets the beginning of the next one: the next one has it then, whichever of
// them is heard of first, and with neither of two processes seeing what the other has not committed yet.
func TestAFailureMeetsTheNextPayment(t *testing.T) {
	each(t, long, 2, func(t *testing.T, h house) {
		const rounds = 90
		replicas := h.replicas()
		at := map[int64]int{}
		for round := range rounds {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			first, next := h.charge(o), h.charge(o)
			h.deliver(first)
			atOnce(replicas, round,
				func(h house) { h.deliver(decided(first, event.ChargeFailed)) },
				func(h house) { h.deliver(next) },
			)
			now := h.read(o)
			if now.Version != 4 && now.Version != 5 { // 4: the next one was heard of first, and has got the order at once
				t.Fatalf("round %d: %+v", round, now)
			}
			if h.ends(o, event.AwaitingPayment, "", next.ID, int(now.Version)); t.Failed() {
				t.Fatalf("round %d", round)
			}
			at[now.Version]++
		}
		t.Logf("%d rounds, ended at version: %v", rounds, at)
		for _, r := range replicas {
			r.Failed()
		}
	})
}

// Two payments fail at one instant, which is all that are allowed: the order is cancelled, though neither process could see
// the other's failure before it was committed.
func TestFailuresMeet(t *testing.T) {
	each(t, long, 2, func(t *testing.T, h house) {
		const rounds = 60
		replicas := h.replicas()
		for round := range rounds {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			first, next := decided(h.charge(o), event.ChargeFailed), decided(h.charge(o), event.ChargeFailed)
			atOnce(replicas, round, func(h house) { h.deliver(first) }, func(h house) { h.deliver(next) })
			if h.ends(o, event.Cancelled, event.PaymentFailed, "", 3); t.Failed() {
				t.Fatalf("round %d", round)
			}
		}
		for _, r := range replicas {
			r.Failed()
		}
	})
}
