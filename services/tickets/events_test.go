package tickets_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

func TestAnOrderLocksFreesAndBuys(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		orders := h.StandIn("orders", nil)
		seller := service.NewID()
		say := func(o event.Order) event.Order {
			orders.Say(typeOf(o), o)
			h.Knows(o)
			return o
		}
		at := func(v event.Ticket) string { return "/api/tickets/" + v.ID }
		refused := func(v event.Ticket, code string) {
			t.Helper()
			h.Want(h.Ask(seller, "PUT", at(v), fields{"title": "x", "price": 1}), 409, code)
			h.Want(h.Ask(seller, "DELETE", at(v), nil), 409, code)
		}
		v := h.list(seller, nil)
		first := say(h.order(v))
		locked := h.told(v.ID)
		if locked.Status != event.Locked || locked.OrderID != first.ID || !locked.LockedUntil.Equal(first.ExpiresAt) || locked.Version != 2 {
			t.Errorf("locked: %+v", locked)
		}
		refused(v, "ticket_locked")
		say(next(first, event.Cancelled))
		free := h.told(v.ID)
		if free.Status != event.Available || free.OrderID != "" || free.LockedUntil != nil || free.Version != 3 {
			t.Errorf("free again: %+v", free)
		}
		second := say(h.order(free))
		second = say(next(second, event.AwaitingPayment))
		if still := h.told(v.ID); still.Version != 4 || still.OrderID != second.ID {
			t.Errorf("locked and awaiting payment: %+v", still)
		}
		say(next(second, event.Completed))
		sold := h.told(v.ID)
		if sold.Status != event.Sold || sold.OrderID != second.ID || sold.LockedUntil != nil || sold.Version != 5 {
			t.Errorf("sold: %+v", sold)
		}
		refused(v, "ticket_sold")
		h.Idle()
		for _, o := range []event.Order{first, second} {
			if said, _ := service.History[event.LockRejection](h.Market, o.ID); len(said) > 0 {
				t.Errorf("an order that got its ticket is told that it did not: %+v", said)
			}
		}
	})
}

func TestWhyAnOrderDoesNotGetItsTicket(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		edit := func(v event.Ticket) {
			h.Want(h.Ask(seller, "PUT", "/api/tickets/"+v.ID, fields{"title": "x", "price": 1}), 200, "")
		}
		withdraw := func(v event.Ticket) { h.Want(h.Ask(seller, "DELETE", "/api/tickets/"+v.ID, nil), 204, "") }
		starts := h.Now().Add(time.Hour)
		for name, c := range map[string]struct {
			before  func(v event.Ticket)
			reason  string
			version int64 // of the ticket that was refused
		}{
			"edited":    {edit, event.RejectedChanged, 2},
			"withdrawn": {withdraw, event.RejectedUnavailable, 2},
			"locked":    {func(v event.Ticket) { h.deliver(h.order(v)) }, event.RejectedUnavailable, 2},
			"sold": {func(v event.Ticket) {
				o := h.order(v)
				h.deliver(o, next(o, event.AwaitingPayment), next(next(o, event.AwaitingPayment), event.Completed))
			}, event.RejectedUnavailable, 3},
			"freed":   {func(v event.Ticket) { o := h.order(v); h.deliver(o, next(o, event.Cancelled)) }, event.RejectedChanged, 3},
			"no such": {nil, event.RejectedUnavailable, 0},
		} {
			v := h.list(seller, fields{"startsAt": starts})
			o := h.order(v)
			if c.before == nil {
				o.Ticket.ID = service.NewID()
			} else {
				c.before(v)
			}
			h.deliver(o, o)
			got := service.AwaitVersion[event.LockRejection](h.Market, o.ID, 1)
			if want := (event.LockRejection{ID: o.ID, OrderID: o.ID, TicketID: o.Ticket.ID, Reason: c.reason, TicketVersion: c.version, Version: 1}); got != want {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
		v := h.list(seller, fields{"startsAt": starts})
		h.Advance(time.Hour)
		o := h.order(v)
		h.deliver(o)
		if got := service.AwaitVersion[event.LockRejection](h.Market, o.ID, 1); got.Reason != event.RejectedUnavailable {
			t.Errorf("begun: %+v", got)
		}
		h.told(v.ID)
	})
}

// In whatever order the states of one order arrive, and how often, the ticket ends where the newest of them says.
func TestOrdersLateRepeatedAndReordered(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		var wg sync.WaitGroup
		for _, last := range []string{event.Cancelled, event.Completed} {
			for _, sequence := range permutations([]int{0, 1, 1, 2}) {
				// An order is only ever awaiting payment, or paid, once tickets has seen it created and locked for it.
				if last == event.Completed && sequence[0] != 0 {
					continue
				}
				wg.Go(func() {
					v := h.list(seller, nil)
					o := h.order(v)
					states := []event.Order{o, next(o, event.AwaitingPayment), next(next(o, event.AwaitingPayment), last)}
					for _, i := range sequence {
						h.deliver(states[i])
					}
					h.deliver(states...)
					got := h.read(v.ID)
					if last == event.Completed && (got.Status != event.Sold || got.OrderID != o.ID || got.Version != 3) ||
						last == event.Cancelled && (got.Status != event.Available || got.Version%2 != 1) {
						t.Errorf("%v of an order that is %s: %+v", sequence, last, got)
					}
				})
			}
		}
		wg.Wait()
		h.Failed()
	})
}

// permutations are all orders of these numbers.
func permutations(of []int) (all [][]int) {
	if len(of) == 0 {
		return [][]int{nil}
	}
	for i := range of {
		rest := append(append([]int{}, of[:i]...), of[i+1:]...)
		for _, p := range permutations(rest) {
			all = append(all, append([]int{of[i]}, p...))
		}
	}
	return all
}

// Only the order that holds a ticket can free it or buy it.
func TestOtherOrdersCannotTouchTheLock(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		v := h.list(service.NewID(), nil)
		holder, other := h.order(v), h.order(v)
		h.deliver(holder, other, next(other, event.Cancelled))
		if got := h.told(v.ID); got.OrderID != holder.ID || got.Version != 2 {
			t.Errorf("after another's end: %+v", got)
		}
		third := h.order(v)
		h.deliver(next(next(third, event.AwaitingPayment), event.Completed))
		if got := h.told(v.ID); got.OrderID != holder.ID || got.Status != event.Locked {
			t.Errorf("after another was paid: %+v", got)
		}
		bought := next(next(holder, event.AwaitingPayment), event.Completed)
		h.deliver(bought, next(bought, event.Cancelled)) // which no order ever does
		if got := h.told(v.ID); got.Status != event.Sold {
			t.Errorf("a sold ticket became %+v", got)
		}
	})
}

// Orders says once more, under a new version, that an order is cancelled whose lock tickets still has.
func TestACancellationThatIsSaidAgainFreesTheTicket(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		v := h.list(service.NewID(), nil)
		o := h.order(v)
		h.deliver(o, next(o, event.Cancelled))
		again := next(next(o, event.Cancelled), event.Cancelled)
		h.deliver(again, again)
		if got := h.told(v.ID); got.Status != event.Available || got.Version != 3 {
			t.Errorf("%+v", got)
		}
	})
}

// An edit, a withdrawal and orders meet at one ticket, at the same instant and in several processes: one of them comes
// first, everybody else is told so, and the log tells of each step that was taken and of none that was not.
func TestEditsAndOrdersMeetAtTheGate(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		replicas := []house{h}
		if h.Shared() {
			replicas = append(replicas, start(h.Market))
		}
		const rounds = 150
		won := map[string]int{}
		for round := range rounds {
			seller := service.NewID()
			v := h.list(seller, nil)
			at := "/api/tickets/" + v.ID
			gate, wg, answers := make(chan struct{}), sync.WaitGroup{}, make([]service.Answer, 2)
			contend := func(f func(h house)) {
				who := replicas[(round+len(won))%len(replicas)]
				wg.Go(func() { <-gate; f(who) })
			}
			orders := []event.Order{h.order(v), h.order(v), h.order(v)}
			for i, o := range orders {
				who := replicas[i%len(replicas)]
				wg.Go(func() { <-gate; who.deliver(o) })
			}
			contend(func(h house) { answers[0] = h.Ask(seller, "PUT", at, fields{"title": "Nick Cave", "price": round + 1}) })
			if round%2 == 0 {
				contend(func(h house) { answers[1] = h.Ask(seller, "DELETE", at, nil) })
			}
			close(gate)
			wg.Wait()
			got := h.told(v.ID)
			states, _ := service.History[event.Ticket](h.Market, v.ID)
			holder := ""
			for _, s := range states {
				if s.OrderID != "" {
					holder = s.OrderID
				}
			}
			for _, o := range orders {
				if o.ID == holder {
					continue
				}
				r := service.AwaitVersion[event.LockRejection](h.Market, o.ID, 1)
				if r.TicketVersion > got.Version || r.Reason == event.RejectedChanged && holder != "" {
					t.Errorf("round %d: %+v of %+v", round, r, got)
				}
			}
			edited, gone := answers[0].Status == 200, answers[1].Status == 204
			if holder != "" && (edited || gone) || holder == "" && !edited && !gone {
				t.Errorf("round %d: held by %q, edit %d, withdrawal %d", round, holder, answers[0].Status, answers[1].Status)
			}
			for _, a := range answers {
				if a.Status == 409 && (a.Code() != "ticket_locked") != (holder == "") {
					t.Errorf("round %d: held by %q, refused with %s", round, holder, a.Text)
				}
				if a.Status != 0 && a.Status != 200 && a.Status != 204 && a.Status != 409 {
					t.Errorf("round %d: %d %s", round, a.Status, a.Text)
				}
			}
			won[fmt.Sprintf("lock %v, edit %v, withdrawal %v", holder != "", edited, gone)]++
		}
		t.Logf("%d rounds: %v", rounds, won)
		for _, r := range replicas {
			r.Failed()
		}
	})
}
