package orders_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

func TestCancel(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		v := h.listed(service.NewID(), 20)
		o := h.locked(service.NewID(), v.ID)
		for _, match := range []string{`"1"`, `"3"`, `W/"2"`, "2"} {
			h.Want(h.cancel(o, "If-Match", match), 412, "version_moved")
		}
		h.Advance(time.Second)
		if a := h.cancel(o, "If-Match", `"2"`); a.Status != 204 || a.Text != "" {
			t.Errorf("%d %s", a.Status, a.Text)
		}
		for range 3 {
			h.Want(h.cancel(o), 204, "")
			h.Want(h.cancel(o, "If-Match", `"2"`), 204, "") // the repeat of a client that has not got the answer
		}
		h.ends(o, event.Cancelled, event.ByBuyer, "", 3)
		if now := h.read(o); !now.UpdatedAt.Equal(h.Now()) || !now.CreatedAt.Equal(o.CreatedAt) {
			t.Errorf("%+v", now)
		}
		if _, types := service.History[event.Order](h.Market, o.ID); fmt.Sprint(types) != "[OrderCreated OrderUpdated OrderCancelled]" {
			t.Errorf("said %v", types)
		}
	})
}

// Once a cancellation is answered, the ticket can be ordered at once.
func TestACancelledTicketIsFree(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		v := h.listed(service.NewID(), 20)
		for range 20 {
			o := h.locked(service.NewID(), v.ID)
			h.Want(h.cancel(o), 204, "")
			if now := h.tickets.now(v.ID); now.Status != event.Available {
				t.Errorf("the cancellation is answered, and the ticket is %s", now.Status)
			}
		}
		if o := h.locked(service.NewID(), v.ID); o.Ticket.Version != 41 {
			t.Errorf("%+v", o)
		}
	})
}

func TestCancelBeforeTheLock(t *testing.T) {
	each(t, short, 1, func(t *testing.T, h house) {
		h.tickets.hush()
		v := h.listed(service.NewID(), 20)
		o := service.Must[order](h.Process, h.place(service.NewID(), v.ID), 201)
		h.Want(h.cancel(o), 204, "")
		h.ends(o, event.Cancelled, event.ByBuyer, "", 2)
		// Tickets heard of the order only now, and locks. It hears of the end again until it has let go.
		locked := v
		locked.Version, locked.Status, locked.OrderID = 2, event.Locked, o.ID
		h.deliver(locked, locked)
		h.ends(o, event.Cancelled, event.ByBuyer, "", 3)
		locked.Version = 3
		h.deliver(locked)
		h.ends(o, event.Cancelled, event.ByBuyer, "", 4)
		free := v
		free.Version = 4
		h.deliver(free, locked)
		h.ends(o, event.Cancelled, event.ByBuyer, "", 4)
	})
}

func TestCancelIsTooLate(t *testing.T) {
	each(t, short, 1, func(t *testing.T, h house) {
		o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
		c := h.charge(o)
		h.deliver(c)
		paying := h.cancel(o)
		h.Want(paying, 409, "payment_in_progress")
		if paying.Get("Retry-After") == "" {
			t.Errorf("it does not say when to try again: %v", paying.Header)
		}
		h.ends(o, event.AwaitingPayment, "", c.ID, 3)
		h.Want(h.cancel(o, "If-Match", `"2"`), 412, "version_moved") // the payment has moved it
		h.Want(h.cancel(o, "If-Match", `"3"`), 409, "payment_in_progress")
		h.deliver(decided(c, event.Completed))
		h.Want(h.cancel(o), 409, "order_completed")
		h.ends(o, event.Completed, "", c.ID, 4)
	})
}

func TestExpiry(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
		h.deliver(h.alarm(o, 1))
		h.Advance(lockDuration - time.Millisecond)
		h.deliver(h.alarm(o, 2))
		h.ends(o, event.AwaitingPayment, "", "", 2)
		h.Advance(time.Millisecond)
		h.deliver(h.alarm(o, 2)) // known already
		h.ends(o, event.AwaitingPayment, "", "", 2)
		h.deliver(h.alarm(o, 3))
		h.ends(o, event.Cancelled, event.Expired, "", 3)
		h.deliver(h.alarm(o, 4), decided(h.charge(o), event.Completed))
		h.ends(o, event.Cancelled, event.Expired, "", 3)
		h.Want(h.cancel(o), 204, "")
	})
}

// An order whose time is over is cancelled too if tickets never answered for it.
func TestExpiryBeforeTheLock(t *testing.T) {
	each(t, short, 1, func(t *testing.T, h house) {
		h.tickets.hush()
		o := service.Must[order](h.Process, h.place(service.NewID(), h.listed(service.NewID(), 20).ID), 201)
		h.Advance(lockDuration)
		h.deliver(h.alarm(o, 1))
		h.ends(o, event.Cancelled, event.Expired, "", 2)
	})
}

// A payment that has the order is waited for, though not for ever: what is not decided by then frees it, and ends it.
func TestExpiryDuringAPayment(t *testing.T) {
	each(t, long, 2, func(t *testing.T, h house) {
		for name, c := range map[string]struct {
			decision string
			status   string
			reason   string
		}{
			"paid":   {event.Completed, event.Completed, ""},
			"failed": {event.ChargeFailed, event.Cancelled, event.Expired}, // a second attempt was left, but no time for it
			"never":  {"", event.Cancelled, event.Expired},
		} {
			o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
			pay := h.charge(o)
			h.deliver(pay)
			h.Advance(lockDuration)
			h.deliver(h.alarm(o, 1))
			h.Advance(3*time.Minute - time.Millisecond)
			h.deliver(h.alarm(o, 2))
			h.ends(o, event.AwaitingPayment, "", pay.ID, 3)
			if c.decision != "" {
				h.deliver(decided(pay, c.decision))
			} else {
				h.Advance(time.Millisecond)
				h.ends(o, event.AwaitingPayment, "", pay.ID, 3)
				h.deliver(h.alarm(o, 3))
			}
			paidBy := ""
			if c.status == event.Completed {
				paidBy = pay.ID
			}
			if h.ends(o, c.status, c.reason, paidBy, 4); t.Failed() {
				t.Fatal(name)
			}
			h.deliver(h.alarm(o, 9), decided(pay, event.Completed), decided(decided(pay, event.Completed), event.Completed))
			h.ends(o, c.status, c.reason, paidBy, 4)
		}
	})
}

func TestFailedPayments(t *testing.T) {
	for _, attempts := range []int{1, 3} {
		t.Run(fmt.Sprint(attempts), func(t *testing.T) {
			each(t, long, attempts, func(t *testing.T, h house) {
				o := h.locked(service.NewID(), h.listed(service.NewID(), 20).ID)
				for tried := range attempts {
					h.ends(o, event.AwaitingPayment, "", "", 2+2*tried)
					c := h.charge(o)
					h.deliver(c, c)
					h.ends(o, event.AwaitingPayment, "", c.ID, 3+2*tried)
					h.deliver(decided(c, event.ChargeFailed), decided(c, event.ChargeFailed), c)
				}
				h.ends(o, event.Cancelled, event.PaymentFailed, "", 2+2*attempts)
			})
		})
	}
}

func TestASecondAttemptPays(t *testing.T) {
	each(t, long, 2, func(t *testing.T, h house) {
		v := h.listed(service.NewID(), 20)
		o := h.locked(service.NewID(), v.ID)
		first := h.charge(o)
		h.deliver(decided(first, event.ChargeFailed), first) // its beginning comes after its end, and says nothing new
		h.ends(o, event.AwaitingPayment, "", "", 2)
		pay := h.charge(o)
		h.deliver(pay, decided(pay, event.Completed))
		h.ends(o, event.Completed, "", pay.ID, 4)
		refunded := decided(decided(pay, event.Completed), event.Completed)
		refunded.StripeRefundID = "re_1"
		h.deliver(refunded)
		h.ends(o, event.Completed, "", pay.ID, 4)
		sold := service.AwaitVersion[event.Ticket](h.Market, v.ID, 3)
		h.Knows(sold)
		if sold.Status != event.Sold {
			t.Errorf("%+v", sold)
		}
		h.Want(h.place(service.NewID(), v.ID), 409, "ticket_sold")
	})
}

// sequences are stories of one order from when it awaits payment.
var sequences = map[string]struct {
	late   bool // its time is over
	events string
}{
	"paid in time":            {false, "charge charge paid alarm alarm2 sold"},
	"failed in time":          {false, "charge failed failed alarm freed"},
	"paid or late":            {true, "charge paid refunded"},
	"paid or expired":         {true, "charge alarm paid alarm2 refunded"},
	"failed and late":         {true, "charge failed alarm alarm2"},
	"never decided":           {true, "charge charge alarm alarm2 locked"},
	"never paid":              {true, "alarm alarm2 alarm2 freed locked"},
	"alarms before it is due": {false, "alarm alarm2 locked"},
}

// outcome is what becomes of an order that hears of these events in this order, only the first of which that it can act on
// matters: an alarm that is due ends it, a payment has it, and so its decision decides, and a decision that comes before the
// beginning of its payment decides at once.
func outcome(late bool, heard []string) (status, reason string, claimed bool, version int) {
	decision := ""
	for _, n := range heard {
		switch n {
		case "paid", "refunded", "failed":
			decision = n
		}
	}
	decided := func(version int) (string, string, bool, int) {
		switch decision {
		case "":
			return event.AwaitingPayment, "", true, version - 1
		case "failed":
			return event.Cancelled, event.PaymentFailed, false, version
		}
		return event.Completed, "", true, version
	}
	for _, n := range heard {
		switch {
		case n == "charge":
			return decided(4)
		case n == "paid", n == "refunded", n == "failed":
			return decided(3)
		case late && strings.HasPrefix(n, "alarm"):
			return event.Cancelled, event.Expired, false, 3
		}
	}
	return event.AwaitingPayment, "", false, 2
}

// Whatever order the events of one order arrive in, and how often: it ends as the first that it can act on says.
func TestEventsLateRepeatedAndReordered(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		for name, c := range sequences {
			names := strings.Fields(c.events)
			some := somePermutations(len(names), 60)
			orders := make([]order, len(some))
			var wg sync.WaitGroup
			for i := range orders {
				wg.Go(func() { orders[i] = h.locked(service.NewID(), h.listed(service.NewID(), 20).ID) })
			}
			wg.Wait()
			if c.late {
				h.Advance(lockDuration)
			}
			for i, o := range orders {
				wg.Go(func() {
					told := h.story(o)
					heard := []string{}
					for _, n := range some[i] {
						heard = append(heard, names[n])
					}
					for _, n := range append(heard, names...) { // and all of it again
						h.deliver(told[n])
					}
					status, reason, claimed, version := outcome(c.late, heard)
					now := h.read(o)
					if now.Status != status || now.CancelReason != reason || now.Version != int64(version) {
						t.Errorf("%s, %v: %s %s at version %d, want %s %s at %d", name, heard, now.Status, now.CancelReason, now.Version, status, reason, version)
						return
					}
					said := service.AwaitVersion[event.Order](h.Market, o.ID, version)
					if pay, _ := told["charge"].Entity(); (said.ChargeID != "") != claimed || claimed && said.ChargeID != pay {
						t.Errorf("%s, %v: the payment %q has it, want %v", name, heard, said.ChargeID, claimed)
					}
				})
			}
			wg.Wait()
		}
		h.Failed()
	})
}

// story is everything that may be said about an order that awaits payment.
func (h house) story(o order) map[string]event.State {
	locked := service.AwaitVersion[event.Ticket](h.Market, o.Ticket.ID, 2)
	sold, freed := locked, locked
	sold.Status, sold.LockedUntil, sold.Version = event.Sold, nil, 3
	freed.Status, freed.OrderID, freed.LockedUntil, freed.Version = event.Available, "", nil, 3
	c := h.charge(o)
	paid := decided(c, event.Completed)
	refunded := decided(paid, event.Completed)
	refunded.StripeRefundID = "re_1"
	return map[string]event.State{
		"locked": locked, "sold": sold, "freed": freed, "charge": c, "paid": paid, "failed": decided(c, event.ChargeFailed),
		"refunded": refunded, "alarm": h.alarm(o, 1), "alarm2": h.alarm(o, 2),
	}
}

// somePermutations are at most so many orders of the numbers below n, spread over all.
func somePermutations(n, most int) [][]int {
	all := permutations(n)
	some := make([][]int, min(len(all), most))
	for i := range some {
		some[i] = all[i*271%len(all)] // a prime, so that every number comes to every place
	}
	return some
}

// permutations are all orders of the numbers below n.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, append(append(append([]int{}, p[:i]...), n-1), p[i:]...))
		}
	}
	return all
}

// Events about orders that nobody knows change nothing and break nothing.
func TestEventsOfStrangers(t *testing.T) {
	each(t, short, 1, func(t *testing.T, h house) {
		stranger := order{Order: event.Order{ID: service.NewID(), ExpiresAt: h.Now()}}
		c := h.charge(stranger)
		h.deliver(h.alarm(stranger, 1), c, decided(c, event.Completed),
			event.LockRejection{OrderID: stranger.ID, TicketID: service.NewID(), Reason: event.RejectedChanged, Version: 1},
			event.Ticket{ID: service.NewID(), Status: event.Locked, OrderID: stranger.ID, Version: 1})
		h.Failed()
		if said := h.Idle(); said != 0 {
			t.Errorf("%d events", said)
		}
	})
}

func TestLists(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		buyer, other := service.NewID(), service.NewID()
		var mine []order
		for i := range 7 {
			if i%2 == 0 { // some at the same millisecond
				h.Advance(time.Millisecond)
			}
			mine = append(mine, h.locked(buyer, h.listed(service.NewID(), 20).ID))
		}
		h.locked(other, h.listed(service.NewID(), 20).ID)
		h.Want(h.cancel(mine[1]), 204, "")
		h.deliver(decided(h.charge(mine[2]), event.Completed))
		list := func(query string) (ids []string) {
			t.Helper()
			for address := "/api/orders?" + query; address != ""; {
				a := h.Ask(buyer, "GET", address, nil)
				for _, o := range service.Must[[]order](h.Process, a, 200) {
					ids = append(ids, o.ID)
				}
				address = a.Next()
			}
			return ids
		}
		pick := func(of ...int) (ids []string) {
			for _, i := range of {
				ids = append(ids, mine[i].ID)
			}
			return ids
		}
		for query, want := range map[string][]string{
			"":                                pick(6, 5, 4, 3, 2, 1, 0),
			"limit=2":                         pick(6, 5, 4, 3, 2, 1, 0),
			"limit=1&status=":                 pick(6, 5, 4, 3, 2, 1, 0),
			"status=AwaitingPayment&limit=3":  pick(6, 5, 4, 3, 0),
			"status=Cancelled":                pick(1),
			"status=Completed":                pick(2),
			"status=Created":                  nil,
			"status=AwaitingPayment&limit=99": pick(6, 5, 4, 3, 0),
		} {
			if got := list(query); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
		if a := h.Ask(service.NewID(), "GET", "/api/orders", nil); strings.TrimSpace(a.Text) != "[]" {
			t.Errorf("a list of nothing is %s", a.Text)
		}
		for _, query := range []string{"status=created", "limit=0", "limit=101", "cursor=x", "cursor=" + url.QueryEscape("' OR 1=1")} {
			h.Want(h.Ask(buyer, "GET", "/api/orders?"+query, nil), 400, "invalid")
		}
		// Another's cursor leads nowhere but into one's own orders.
		next := h.Ask(buyer, "GET", "/api/orders?limit=1", nil).Next()
		for _, o := range service.Must[[]order](h.Process, h.Ask(other, "GET", next, nil), 200) {
			if o.UserID != other {
				t.Errorf("another's order: %+v", o)
			}
		}
	})
}
