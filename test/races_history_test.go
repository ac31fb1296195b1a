package test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"ticketing/test/market"
)

// history lets three buyers with two sessions each, the seller and a reader do as they like with one ticket, and then looks
// for one order of all that they did in which every answer makes sense: as if the whole market, for all its services and
// events, were one ticket behind one lock.
func (r *race) history(round int) {
	h := &historian{seller: r.seller, buyers: r.buyers[:3], reader: r.buyers[3]}
	history := h.record(uint64(round))
	for _, op := range history {
		r.seen[op.Input.(step).what+" "+op.Output.(outcome).kind]++
	}
	if result := porcupine.CheckOperationsTimeout(ticketModel, history, 30*time.Second); result != porcupine.Ok {
		r.Errorf("the history of round %d is %s:", round, result)
		for _, op := range history {
			r.Log(describe(op))
		}
	}
}

// step is one request for the ticket, outcome what was answered.
type step struct {
	what  string
	buyer int
	order string // to be cancelled or paid
	price string // seen by the buyer, or set by the seller
}

type outcome struct {
	kind   string // "201", "409 ticket_locked"
	order  string
	price  string
	status string

	giving bool // an order was being cancelled, or its payment declined, at that time
}

type historian struct {
	seller, reader *market.Person
	buyers         []*market.Person

	mu      sync.Mutex
	began   time.Time
	history []porcupine.Operation
	orders  map[int]string // the newest order of each buyer, for both of their sessions
	price   string         // that somebody has seen last
}

// record plays with one ticket, and returns what happened.
func (h *historian) record(seed uint64) []porcupine.Operation {
	ticket := h.seller.Lists("Everybody's", "20")
	h.began, h.history, h.orders, h.price = time.Now(), nil, map[int]string{}, "20"
	var wg sync.WaitGroup
	for client := range 2*len(h.buyers) + 2 {
		random := rand.New(rand.NewPCG(seed, uint64(client)))
		buyer := client / 2
		wg.Go(func() {
			for range 8 {
				switch {
				case buyer < len(h.buyers):
					h.buys(client, buyer, ticket.ID, random)
				case client%2 == 0:
					<-time.After(time.Duration(random.IntN(20)) * time.Millisecond) // so that it does not all happen in the beginning
					price := fmt.Sprint(10 + random.IntN(5))
					h.note(client, step{what: "edit", price: price}, func() market.Answer { return h.seller.Edit(ticket.ID, ticket.Title, price) })
				default:
					<-time.After(time.Duration(random.IntN(20)) * time.Millisecond)
					h.note(client, step{what: "read"}, func() market.Answer { return h.reader.Ask("GET", "/api/tickets/"+ticket.ID, nil) })
				}
			}
		})
	}
	wg.Wait()
	return excuse(h.history)
}

// excuse marks what happened while an order came to its end, which some services know before others.
func excuse(history []porcupine.Operation) []porcupine.Operation {
	for i, op := range history {
		out := op.Output.(outcome)
		for _, other := range history {
			if rival := other.Input.(step); other.Call < op.Return && op.Call < other.Return {
				out.giving = out.giving || rival.what == "cancel" || rival.what == "decline"
			}
		}
		history[i].Output = out
	}
	return history
}

// buys is one thing that a buyer does.
func (h *historian) buys(client, buyer int, ticket string, random *rand.Rand) {
	who := h.buyers[buyer]
	h.mu.Lock()
	order, price := h.orders[buyer], h.price
	h.mu.Unlock()
	switch choice := random.IntN(100); {
	case order == "" || choice < 25:
		h.note(client, step{what: "order", buyer: buyer}, func() market.Answer { return who.Order(ticket) })
	case choice < 35:
		h.note(client, step{what: "order", buyer: buyer, price: price}, func() market.Answer { return who.Order(ticket, price) })
	case choice < 55:
		h.note(client, step{what: "cancel", buyer: buyer, order: order}, func() market.Answer { return who.Cancel(order) })
	case choice < 65:
		h.note(client, step{what: "decline", buyer: buyer, order: order}, func() market.Answer { return who.Pay(order, market.Declined) })
	case choice < 70:
		h.note(client, step{what: "pay", buyer: buyer, order: order}, func() market.Answer { return who.Pay(order, market.Visa) })
	default:
		h.note(client, step{what: "read"}, func() market.Answer { return who.Ask("GET", "/api/tickets/"+ticket, nil) })
	}
}

// note does it and writes down when it began, when it ended, and what came of it.
func (h *historian) note(client int, in step, do func() market.Answer) {
	call := time.Since(h.began)
	a := do()
	back := time.Since(h.began)
	out := outcome{kind: kind(a)}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case a.OK() && in.what == "order":
		o := market.As[market.Order](a)
		out.order, out.price, out.status = o.ID, o.Ticket.Price.String(), o.Status
		h.orders[in.buyer] = o.ID
	case a.OK() && (in.what == "read" || in.what == "edit"):
		t := market.As[market.Ticket](a)
		out.order, out.price, out.status = t.OrderID, t.Price.String(), t.Status
		h.price = out.price
	}
	h.history = append(h.history, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call.Nanoseconds(), Return: back.Nanoseconds()})
}

func describe(op porcupine.Operation) string {
	return fmt.Sprintf("%9.3f to %9.3f ms, client %d: %+v: %+v", float64(op.Call)/1e6, float64(op.Return)/1e6, op.ClientId, op.Input, op.Output)
}

// ticketState is a ticket as one lock would guard it. There is one thing that a single lock would not do: a payment is
// answered when the order is decided, and tickets hears of that a moment later. Until somebody has seen what came of it,
// the ticket may still be shown as locked. A cancellation is answered when the ticket is free, so that it may be shown as
// locked only as long as it is not answered.
type ticketState struct {
	status string // available, locked, sold
	order  string // that holds it
	buyer  int
	price  string
	late   string // the order that it may still be shown as locked for
	given  bool   // by its buyer
}

// behind tells whether the answer may still come from before the last order ended.
func (s ticketState) behind(out outcome) bool { return s.late != "" && (out.giving || !s.given) }

var ticketModel = porcupine.Model{
	Init:              func() any { return ticketState{status: "available", price: "20"} },
	Step:              func(state, in, out any) (bool, any) { return state.(ticketState).step(in.(step), out.(outcome)) },
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
}

func (s ticketState) step(in step, out outcome) (bool, ticketState) {
	mine := s.order != "" && s.order == in.order
	free := ticketState{status: "available", price: s.price}
	told := s
	told.late, told.given = "", false
	switch in.what + " " + out.kind {
	case "read 200":
		if s.behind(out) && out.status == "locked" {
			return out.order == s.late && out.price == s.price, s
		}
		return out.order == s.order && out.price == s.price && out.status == s.status, told
	case "edit 200":
		return s.status == "available" && out.price == in.price, ticketState{status: "available", price: in.price}
	case "order 201":
		ok := s.status == "available" && out.price == s.price && (in.price == "" || in.price == s.price) &&
			// cancelled by the buyer's other session before this answer, or, on a busy machine, not locked yet
			(out.status == "AwaitingPayment" || out.status == "Cancelled" || out.status == "Created")
		return ok, ticketState{status: "locked", order: out.order, buyer: in.buyer, price: s.price}
	case "order 200":
		if out.status == "Created" {
			return true, s // the buyer's other session is only just making it
		}
		return s.status == "locked" && s.buyer == in.buyer && s.order == out.order && s.price == out.price, s
	case "order 409 ticket_locked":
		return s.status == "locked" && s.buyer != in.buyer, s
	case "order 409 price_changed":
		return s.status == "available" && in.price != "" && in.price != s.price, s
	case "edit 409 ticket_locked":
		return s.status == "locked" || s.behind(out), s
	case "order 409 ticket_sold":
		return s.status == "sold", s
	case "edit 409 ticket_sold":
		return s.status == "sold", told
	case "cancel 204":
		if mine {
			free.late, free.given = s.order, true
			return s.status == "locked", free
		}
		return true, s // it had been cancelled before
	case "cancel 409 order_completed":
		return mine && s.status == "sold", s
	case "cancel 409 payment_in_progress":
		return mine, s
	case "pay 201":
		return mine && s.status == "locked", ticketState{status: "sold", order: s.order, buyer: s.buyer, price: s.price, late: s.order}
	case "decline 402 card_declined":
		if mine {
			free.late = s.order
			return s.status == "locked", free
		}
		return true, s // of an order that the same card has ended before
	case "pay 200", "decline 200":
		return mine && s.status == "sold", s
	case "pay 409 order_not_payable", "decline 409 order_not_payable":
		return !mine || out.giving, s
	case "pay 402 card_declined":
		return !mine, s // the other session's card was declined meanwhile, for the same order
	case "pay 409 payment_in_progress", "decline 409 payment_in_progress":
		return mine, s
	}
	return false, s
}
