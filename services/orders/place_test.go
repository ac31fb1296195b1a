package orders_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/test/service"
)

const (
	long  = 10 * time.Second      // for waits that end by what happens
	short = 50 * time.Millisecond // for those that end by themselves
)

func TestPlaceAndRead(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		buyer, v := service.NewID(), h.listed(service.NewID(), 20)
		placed := h.placeAt(buyer, v.ID, 20)
		o := service.Must[order](h.Process, placed, 201)
		want := event.Order{
			ID: o.ID, UserID: buyer, Status: event.AwaitingPayment, ExpiresAt: h.Now().Add(lockDuration), Version: 2,
			Ticket:    event.OrderTicket{ID: v.ID, Title: "Tom Waits", Price: money.Whole(20), Currency: "usd", Version: 1, SellerID: v.UserID},
			CreatedAt: h.Now(), UpdatedAt: h.Now(),
		}
		if o.Order != want || o.ExpiresIn != 900 {
			t.Errorf("placed %+v, want %+v", o, want)
		}
		if placed.Get("Location") != "/api/orders/"+o.ID || placed.Get("Etag") != `"2"` || placed.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", placed.Header)
		}
		h.ends(o, event.AwaitingPayment, "", "", 2)
		states, types := service.History[event.Order](h.Market, o.ID)
		if fmt.Sprint(types) != "[OrderCreated OrderUpdated]" {
			t.Errorf("said %v", types)
		}
		for _, said := range states {
			if said.Ticket.SellerID != v.UserID {
				t.Errorf("the seller is %s, and was said to be %q", v.UserID, said.Ticket.SellerID)
			}
		}
		h.Advance(1500 * time.Millisecond)
		if now := h.read(o); now.ExpiresIn != 898 {
			t.Errorf("%d seconds are left, want 898", now.ExpiresIn)
		}
		again := h.place(buyer, v.ID)
		if same := service.Must[order](h.Process, again, 200); same.ID != o.ID || again.Get("Location") != "" || again.Get("Etag") != `"2"` {
			t.Errorf("again: %+v", same)
		}
		h.Advance(time.Hour)
		if now := h.read(o); now.ExpiresIn != 0 {
			t.Errorf("%d seconds are left after the end", now.ExpiresIn)
		}
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	each(t, short, 1, func(t *testing.T, h house) {
		seller, buyer, other := service.NewID(), service.NewID(), service.NewID()
		v := h.listed(seller, 20)
		o := h.locked(buyer, v.ID)
		sold, withdrawn, begun := h.listed(seller, 5), h.listed(seller, 5), h.listed(seller, 5)
		mine := h.locked(buyer, sold.ID)
		h.deliver(decided(h.charge(mine), event.Completed))
		past := h.Now()
		for _, c := range []event.Ticket{
			h.tickets.change(withdrawn, func(t *event.Ticket) { t.Status = event.Withdrawn }),
			h.tickets.change(begun, func(t *event.Ticket) { t.StartsAt = &past }),
		} {
			h.tickets.say(c)
			h.Knows(c)
		}
		body := func(id string) map[string]any { return map[string]any{"ticketId": id} }
		at := "/api/orders/" + o.ID
		old := "01890000-0000-7000-8000-000000000000" // of 2023: no news of it can be on its way
		for _, c := range []struct {
			user, method, target string
			body                 any
			status               int
			code                 string
		}{
			{"", "POST", "/api/orders", body(v.ID), 401, "not_signed_in"},
			{"", "GET", "/api/orders", nil, 401, "not_signed_in"},
			{"", "GET", at, nil, 401, "not_signed_in"},
			{"", "DELETE", at, nil, 401, "not_signed_in"},
			{other, "GET", at, nil, 404, "not_found"},
			{other, "DELETE", at, nil, 404, "not_found"},
			{seller, "GET", at, nil, 404, "not_found"},
			{buyer, "GET", "/api/orders/" + service.NewID(), nil, 404, "not_found"},
			{buyer, "DELETE", "/api/orders/" + service.NewID(), nil, 404, "not_found"},
			{buyer, "GET", "/api/orders/17", nil, 404, "not_found"},
			{buyer, "DELETE", "/api/orders/%27", nil, 404, "not_found"},
			{buyer, "PUT", at, body(v.ID), 405, "method_not_allowed"},
			{seller, "POST", "/api/orders", body(v.ID), 403, "own_ticket"},
			{other, "POST", "/api/orders", body(v.ID), 409, "ticket_locked"},
			{other, "POST", "/api/orders", body(sold.ID), 409, "ticket_sold"},
			{buyer, "POST", "/api/orders", body(sold.ID), 409, "ticket_sold"},
			{other, "POST", "/api/orders", body(withdrawn.ID), 409, "ticket_withdrawn"},
			{other, "POST", "/api/orders", body(begun.ID), 409, "event_begun"},
			{other, "POST", "/api/orders", body(old), 404, "not_found"},
			{other, "POST", "/api/orders", body(service.NewID()), 404, "not_found"},
			{other, "POST", "/api/orders", body("17"), 404, "not_found"},
			{other, "POST", "/api/orders", body(strings.ToUpper(v.ID)), 404, "not_found"},
			{other, "POST", "/api/orders", body(""), 400, "invalid"},
			{other, "POST", "/api/orders", map[string]any{}, 400, "invalid"},
			{other, "POST", "/api/orders", map[string]any{"ticketId": 7, "price": "x"}, 400, "invalid"},
			{other, "POST", "/api/orders", map[string]any{"ticketId": v.ID, "price": 19.999}, 400, "invalid"},
			{other, "POST", "/api/orders", `{"ticketId":`, 400, "bad_json"},
			{other, "POST", "/api/orders", `[]`, 400, "invalid"},
		} {
			if a := h.Ask(c.user, c.method, c.target, c.body); a.Status != c.status || a.Code() != c.code {
				t.Errorf("%s %s %v by %q: %d %s, want %d %s", c.method, c.target, c.body, c.user, a.Status, a.Text, c.status, c.code)
			}
		}
		locked := h.place(other, v.ID)
		if !strings.Contains(locked.Detail(), "until "+o.ExpiresAt.Format(time.TimeOnly)+" UTC") || locked.Get("Retry-After") != "900" || !slices.Equal(locked.Fields(), []string{"ticketId"}) {
			t.Errorf("locked: %s, Retry-After %q", locked.Text, locked.Get("Retry-After"))
		}
		if own := h.place(buyer, sold.ID); strings.Contains(own.Detail(), "else") {
			t.Errorf("who has bought the ticket reads %q", own.Detail())
		}
		if a := h.Ask(other, "POST", "/api/orders", map[string]any{"ticketId": 7, "price": "x"}); !slices.Equal(a.Fields(), []string{"price", "ticketId"}) {
			t.Errorf("wrong are %v", a.Fields())
		}
		h.ends(o, event.AwaitingPayment, "", "", 2)
	})
}

// began returns when the request that f makes has begun to wait.
func (h house) began(f func() service.Answer) chan service.Answer {
	h.Helper()
	done, looks := make(chan service.Answer, 1), h.looks.Load()
	go func() { done <- f() }()
	for begin := time.Now(); h.looks.Load() == looks; time.Sleep(time.Millisecond) {
		if time.Since(begin) > service.Patience {
			h.Fatal("the request never began")
		}
	}
	return done
}

// A buyer who has a ticket's id from tickets is never told that there is no such ticket, or an old price.
func TestNewsOnItsWayIsWaitedFor(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		v := h.tickets.make(service.NewID(), 20)
		answer := h.began(func() service.Answer { return h.placeAt(service.NewID(), v.ID, 20) })
		h.tickets.say(v)
		if o := service.Must[order](h.Process, <-answer, 201); o.Status != event.AwaitingPayment {
			t.Errorf("the ticket came after the wish: %+v", o)
		}

		v = h.listed(service.NewID(), 20)
		v = h.tickets.change(v, func(t *event.Ticket) { t.Price = money.Whole(30) })
		answer = h.began(func() service.Answer { return h.placeAt(service.NewID(), v.ID, 30) })
		h.tickets.say(v)
		if o := service.Must[order](h.Process, <-answer, 201); o.Ticket.Price != money.Whole(30) || o.Ticket.Version != 2 {
			t.Errorf("the price came after the wish: %+v", o)
		}

		// The one before has just cancelled, and the ticket is not free yet.
		v = h.listed(service.NewID(), 20)
		first := h.locked(service.NewID(), v.ID)
		h.tickets.hush()
		cancelled := h.began(func() service.Answer { return h.cancel(first) })
		service.AwaitVersion[event.Order](h.Market, first.ID, 3)
		answer = h.began(func() service.Answer { return h.place(service.NewID(), v.ID) })
		h.tickets.wake()
		h.Want(<-cancelled, 204, "")
		if o := service.Must[order](h.Process, <-answer, 201); o.Status != event.AwaitingPayment || o.Ticket.Version != 3 {
			t.Errorf("the ticket was freed after the wish: %+v", o)
		}
	})
}

func TestNewsThatNeverComes(t *testing.T) {
	each(t, short, 1, func(t *testing.T, h house) {
		v := h.listed(service.NewID(), 20)
		dear := h.placeAt(service.NewID(), v.ID, 19.99)
		h.Want(dear, 409, "price_changed")
		if !slices.Equal(dear.Fields(), []string{"price"}) {
			t.Errorf("%s", dear.Text)
		}
		h.Want(h.placeAt(service.NewID(), v.ID, 20.01), 409, "price_changed")
		h.Want(h.place(service.NewID(), service.NewID()), 404, "not_found")
		stray := h.tickets.change(v, func(t *event.Ticket) { t.Status, t.OrderID = event.Locked, service.NewID() })
		h.tickets.say(stray)
		h.Knows(stray)
		h.Want(h.place(service.NewID(), v.ID), 409, "ticket_locked")
		if said := h.Idle(); said != 0 {
			t.Errorf("%d events of refusals", said)
		}
	})
}

// What tickets refuses because it has changed is ordered anew as it is now, unless the buyer has seen another price.
func TestTheTicketHasChangedMeanwhile(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		for name, c := range map[string]struct {
			price  int64 // that the buyer gives; 0: none
			change func(t *event.Ticket)
			status int
			code   string
		}{
			"no price, dearer":   {0, func(t *event.Ticket) { t.Price = money.Whole(30) }, 201, ""},
			"same price, retold": {20, func(t *event.Ticket) { t.Title = "Tom Waits live" }, 201, ""},
			"withdrawn":          {20, func(t *event.Ticket) { t.Status = event.Withdrawn }, 409, "ticket_withdrawn"},
			"sold elsewhere":     {0, func(t *event.Ticket) { t.Status, t.OrderID = event.Sold, service.NewID() }, 409, "ticket_sold"},
		} {
			v := h.listed(service.NewID(), 20)
			changed := h.tickets.change(v, c.change)
			buyer := service.NewID()
			answer := h.began(func() service.Answer {
				if c.price > 0 {
					return h.placeAt(buyer, v.ID, float64(c.price))
				}
				return h.place(buyer, v.ID)
			})
			h.tickets.say(changed)
			a := <-answer
			if a.Status != c.status || a.Code() != c.code {
				t.Errorf("%s: %d %s", name, a.Status, a.Text)
				continue
			}
			if c.status == 201 {
				o := service.Must[order](h.Process, a, 201)
				if o.Status != event.AwaitingPayment || o.Ticket.Version != 2 || o.Ticket.Price != changed.Price || o.Ticket.Title != changed.Title {
					t.Errorf("%s: %+v", name, o)
				}
				h.ends(o, event.AwaitingPayment, "", "", 2)
			}
		}
	})
}

func TestAnotherPriceThanTheBuyerSaw(t *testing.T) {
	each(t, time.Second, 1, func(t *testing.T, h house) {
		v := h.listed(service.NewID(), 20)
		dearer := h.tickets.change(v, func(t *event.Ticket) { t.Price = money.Whole(30) })
		buyer := service.NewID()
		// Orders admits the wish by the old price, tickets refuses it, and what has changed is then heard of.
		answer := h.began(func() service.Answer { return h.placeAt(buyer, v.ID, 20) })
		h.tickets.say(dearer)
		h.Want(<-answer, 409, "price_changed")
		// The same, when what has changed is not heard of in time.
		again := h.tickets.change(v, func(t *event.Ticket) { t.Price = money.Whole(40) })
		h.Want(h.placeAt(buyer, v.ID, 30), 409, "price_changed")
		h.tickets.say(again)
		h.Knows(again)
		for _, o := range service.Must[[]order](h.Process, h.Ask(buyer, "GET", "/api/orders", nil), 200) {
			if o.Status != event.Cancelled || o.CancelReason != event.TicketChanged {
				t.Errorf("an order was left: %+v", o)
			}
			h.ends(o, event.Cancelled, event.TicketChanged, "", 2)
		}
	})
}

// By the clock of tickets the event has begun, by ours it has not: a second attempt is answered, not a third one made.
func TestTheEventBeginsElsewhereFirst(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		v, buyer := h.listed(service.NewID(), 20), service.NewID()
		h.tickets.mu.Lock()
		h.tickets.ahead = true
		h.tickets.mu.Unlock()
		h.Want(h.place(buyer, v.ID), 409, "event_begun")
		if made := service.Must[[]order](h.Process, h.Ask(buyer, "GET", "/api/orders", nil), 200); len(made) != 2 {
			t.Errorf("%d orders were made", len(made))
		}
	})
}

// Without tickets an order is taken all the same, and is to be paid only once tickets has said that the ticket is locked.
func TestTicketsIsAway(t *testing.T) {
	each(t, short, 1, func(t *testing.T, h house) {
		h.tickets.hush()
		buyer, v := service.NewID(), h.listed(service.NewID(), 20)
		o := service.Must[order](h.Process, h.place(buyer, v.ID), 201)
		if o.Status != event.Created || o.Version != 1 {
			t.Errorf("placed %+v", o)
		}
		if again := service.Must[order](h.Process, h.place(buyer, v.ID), 200); again.ID != o.ID {
			t.Errorf("again %+v", again)
		}
		h.Want(h.place(service.NewID(), v.ID), 409, "ticket_locked")
		// Nothing but the word of tickets makes it payable: not a payment, not another's lock, not the alarm before its time.
		other := v
		other.Version, other.Status, other.OrderID = 2, event.Locked, service.NewID()
		h.deliver(decided(h.charge(o), event.Completed), h.alarm(o, 1), other)
		h.ends(o, event.Created, "", "", 1)
		mine := other
		mine.Version, mine.OrderID = 3, o.ID
		h.deliver(mine)
		h.ends(o, event.AwaitingPayment, "", "", 2)
	})
}

func TestARepeatedPostMakesOneOrder(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		buyer, v := service.NewID(), h.listed(service.NewID(), 20)
		body := map[string]any{"ticketId": v.ID}
		first := h.Ask(buyer, "POST", "/api/orders", body, "Idempotency-Key", "k")
		o := service.Must[order](h.Process, first, 201)
		again := h.Ask(buyer, "POST", "/api/orders", body, "Idempotency-Key", "k")
		if again.Status != 201 || again.Text != first.Text || again.Get("Location") != first.Get("Location") {
			t.Errorf("again: %d %s", again.Status, again.Text)
		}
		h.Want(h.cancel(o), 204, "")
		if late := h.Ask(buyer, "POST", "/api/orders", body, "Idempotency-Key", "k"); late.Text != first.Text {
			t.Errorf("a repeat after the end orders anew: %s", late.Text)
		}
		fresh := service.Must[order](h.Process, h.Ask(buyer, "POST", "/api/orders", body, "Idempotency-Key", "l"), 201)
		if fresh.ID == o.ID || fresh.Ticket.Version != 3 {
			t.Errorf("another wish: %+v", fresh)
		}
		h.Want(h.Ask(buyer, "POST", "/api/orders", map[string]any{"ticketId": v.ID, "price": 1}, "Idempotency-Key", "k"), 422, "idempotency_key_reused")
	})
}

// Many buyers, one ticket, one instant, as many processes as there can be: one of them gets it, the others are told so.
func TestManyBuyersAtTheGate(t *testing.T) {
	each(t, long, 1, func(t *testing.T, h house) {
		const rounds, buyers = 60, 16
		replicas := h.replicas()
		for round := range rounds {
			v := h.listed(service.NewID(), 20)
			for _, r := range replicas {
				r.Knows(v)
			}
			one := service.NewID() // every third round it is the same buyer, in many windows
			gate, wg, answers := make(chan struct{}), sync.WaitGroup{}, make([]service.Answer, buyers)
			for i := range buyers {
				who := service.NewID()
				if round%3 == 0 {
					who = one
				}
				wg.Go(func() {
					<-gate
					answers[i] = replicas[i%len(replicas)].place(who, v.ID)
				})
			}
			close(gate)
			wg.Wait()
			made, ids := 0, map[string]bool{}
			for _, a := range answers {
				switch {
				case a.Status == http.StatusCreated:
					made++
					fallthrough
				case a.Status == http.StatusOK && round%3 == 0:
					var o order
					if err := a.Into(&o); err != nil || o.Status != event.AwaitingPayment {
						t.Errorf("round %d: %v, %+v", round, err, o)
					}
					ids[o.ID] = true
				case a.Status != http.StatusConflict || a.Code() != "ticket_locked" || round%3 == 0:
					t.Errorf("round %d: %d %s", round, a.Status, a.Text)
				}
			}
			if made != 1 || len(ids) != 1 {
				t.Fatalf("round %d: %d orders were made, %d are alive", round, made, len(ids))
			}
			for id := range ids {
				service.AwaitVersion[event.Order](h.Market, id, 2)
			}
		}
		if said := h.Idle(); said != 2*rounds {
			t.Errorf("%d events of %d orders, want two each", said, rounds)
		}
		for _, r := range replicas {
			r.Failed()
		}
	})
}
