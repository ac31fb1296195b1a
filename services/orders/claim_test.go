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

// A payment that never got to the bank is no attempt: the order can be paid as if it had not been made.
func TestPaymentsThatWereNotSubmitted(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		for _, announced := range []bool{true, false} {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			version := 2
			for range 3 {
				c := h.charge(o)
				if announced {
					h.deliver(c)
					version += 2 // claimed, and free again
				}
				c = decided(c, event.ChargeFailed)
				c.FailureCode = event.NotSubmitted
				h.deliver(c)
			}
			h.ends(o, event.AwaitingPayment, "", "", version)
			refused := decided(h.charge(o), event.ChargeFailed)
			refused.FailureCode = "card_declined"
			h.deliver(refused)
			h.ends(o, event.Cancelled, event.PaymentFailed, "", version+1)
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

// Two payments of one order, its alarm and its cancellation, in whatever order they are heard of: at every step the order is
// that of a payment which is known and not decided, if there is one, and leaves it only by its failure.
func TestStepsOfTwoPayments(t *testing.T) {
	each(t, long, 2, func(t *testing.T, h house) {
		names := []string{"a", "a fails", "b", "b decides", "alarm", "cancel"}
		some := somePermutations(len(names), 90)
		ends := map[string]int{}
		for i, permutation := range some {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			h.Advance(lockDuration)
			a, b, decision := h.charge(o), h.charge(o), event.Completed
			if i%2 == 0 {
				decision = event.ChargeFailed
			}
			told := map[string]event.State{"a": a, "a fails": decided(a, event.ChargeFailed), "b": b, "b decides": decided(b, decision), "alarm": h.alarm(o, 1)}
			known := map[string]string{} // what orders was told of the payments
			now := service.AwaitVersion[event.Order](h.Market, o.ID, 2)
			heard := []string{}
			for _, n := range permutation {
				before := now
				heard = append(heard, names[n])
				var answer service.Answer
				if what := told[names[n]]; what == nil {
					answer = h.cancel(o)
				} else {
					h.deliver(what)
					if c, ok := what.(event.Charge); ok && (known[c.ID] == "" || c.Status != event.Created) {
						known[c.ID] = c.Status
					}
				}
				now = service.AwaitVersion[event.Order](h.Market, o.ID, int(h.read(o).Version))
				if wrong := wrongStep(before, now, known, names[n], answer); wrong != "" {
					t.Fatalf("%v: %s: from %+v to %+v", heard, wrong, before, now)
				}
			}
			if now.Status == event.AwaitingPayment {
				t.Fatalf("%v: nothing has ended %+v", heard, now)
			}
			ends[now.Status+" "+now.CancelReason]++
		}
		t.Logf("%d rounds: %v", len(some), ends)
		h.Failed()
	})
}

// wrongStep is what is wrong with a step of an order whose time is over, given what it knows of its payments then.
func wrongStep(before, now event.Order, known map[string]string, heard string, answer service.Answer) string {
	undecided := 0
	for _, status := range known {
		if status == event.Created {
			undecided++
		}
	}
	lost := before.Status == event.AwaitingPayment && before.ChargeID != "" && before.ChargeID != now.ChargeID
	switch {
	case now.Status == event.AwaitingPayment && now.ChargeID == "" && undecided > 0:
		return "a payment is known, and has not got it"
	case now.Status == event.AwaitingPayment && now.ChargeID != "" && known[now.ChargeID] != event.Created:
		return "a payment has it that is not in progress"
	case now.Status == event.Completed && known[now.ChargeID] != event.Completed:
		return "it was not paid by that payment"
	case lost && now.Status != event.Completed && known[before.ChargeID] != event.ChargeFailed:
		return "a payment lost it that did not fail"
	case before.Status != event.AwaitingPayment && (now.Status != before.Status || now.Version != before.Version):
		return "it went on after its end"
	case heard == "cancel" && answer.Status == 204 != (now.Status == event.Cancelled),
		heard == "cancel" && answer.Status == 409 && answer.Code() == "payment_in_progress" != (before.ChargeID != "" && before.Status == event.AwaitingPayment):
		return fmt.Sprintf("the buyer was answered %d %s", answer.Status, answer.Code())
	}
	return ""
}

// Everything about two payments of an order whose time is over arrives at one instant, in as many processes as there can be:
// the first fails and the next succeeds. The order ends, once, as one of them says, and in valid steps.
func TestTwoPaymentsAndTheEndAtTheGate(t *testing.T) {
	each(t, long, 2, func(t *testing.T, h house) {
		const rounds = 90
		replicas := h.replicas()
		ends := map[string]int{}
		for round := range rounds {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			h.Advance(lockDuration)
			a, b, answer := h.charge(o), h.charge(o), service.Answer{}
			atOnce(replicas, round,
				func(h house) { h.deliver(a) },
				func(h house) { h.deliver(decided(a, event.ChargeFailed)) },
				func(h house) { h.deliver(b) },
				func(h house) { h.deliver(decided(b, event.Completed)) },
				func(h house) { answer = h.cancel(o) },
				func(h house) { h.deliver(h.alarm(o, 1)) },
			)
			now := h.read(o)
			service.AwaitVersion[event.Order](h.Market, o.ID, int(now.Version))
			states, _ := service.History[event.Order](h.Market, o.ID)
			for i, then := range states[:len(states)-1] {
				next := states[i+1]
				byBuyer := next.CancelReason == event.ByBuyer
				if then.ChargeID == b.ID && (next.Status != event.Completed || next.ChargeID != b.ID) || then.ChargeID != "" && byBuyer || next.ChargeID == then.ChargeID && next.Status == then.Status {
					t.Fatalf("round %d: from %+v to %+v", round, then, next)
				}
			}
			end := states[len(states)-1]
			switch {
			case end.Status == event.Completed && end.ChargeID == b.ID && answer.Status == 409:
			case end.Status == event.Cancelled && end.CancelReason != event.PaymentFailed && end.ChargeID == "":
			default:
				t.Fatalf("round %d: it ended as %+v, and the buyer was answered %d %s", round, end, answer.Status, answer.Text)
			}
			ends[fmt.Sprint(end.Status, " ", end.CancelReason, " at ", end.Version)]++
		}
		t.Logf("%d rounds: %v", rounds, ends)
		for _, r := range replicas {
			r.Failed()
		}
	})
}
