package tickets_test

import (
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/tickets"
	"ticketing/test/service"
)

// house is tickets, or one replica of it.
type house struct{ *service.Process }

// each runs the test on every engine.
func each(t *testing.T, test func(t *testing.T, h house)) {
	service.Each(t, func(t *testing.T, m *service.Market) { test(t, start(m)) })
}

func start(m *service.Market) house {
	m.Helper()
	return house{m.Start("tickets", tickets.Migrations, nil, func(db *store.DB, b *bus.Bus) service.Parts {
		s := tickets.New(db, b, tickets.Options{Currency: money.Currency{Code: "usd", Decimals: 2}})
		s.Follow(b)
		return service.Parts{Routes: s.Routes()}
	})}
}

// fields is the body of a request.
type fields map[string]any

// list puts a ticket on the market.
func (h house) list(seller string, more fields) event.Ticket {
	h.Helper()
	body := fields{"title": "Tom Waits", "price": 19.99}
	for k, v := range more {
		body[k] = v
	}
	return service.Must[event.Ticket](h.Process, h.Ask(seller, "POST", "/api/tickets", body), 201)
}

func (h house) read(id string) event.Ticket {
	h.Helper()
	return service.Must[event.Ticket](h.Process, h.Ask("", "GET", "/api/tickets/"+id, nil), 200)
}

// order is what orders says when somebody orders the ticket as it is now.
func (h house) order(t event.Ticket) event.Order {
	return event.Order{
		ID: service.NewID(), UserID: service.NewID(), Status: event.Created, ExpiresAt: h.Now().Add(15 * time.Minute), Version: 1,
		Ticket:    event.OrderTicket{ID: t.ID, Title: t.Title, Price: t.Price, Currency: t.Currency, Version: t.Version},
		CreatedAt: h.Now(), UpdatedAt: h.Now(),
	}
}

// next is the order's next state.
func next(o event.Order, status string) event.Order {
	o.Version, o.Status = o.Version+1, status
	if status == event.Cancelled {
		o.CancelReason = event.ByBuyer
	}
	return o
}

// typeOf is the event that tells of an order's state.
func typeOf(o event.Order) event.Type {
	switch {
	case o.Status == event.Cancelled:
		return event.OrderCancelled
	case o.Version == 1:
		return event.OrderCreated
	}
	return event.OrderUpdated
}

// deliver gives tickets these states of orders, in this order.
func (h house) deliver(orders ...event.Order) {
	h.Helper()
	for _, o := range orders {
		h.Deliver(typeOf(o), o)
	}
}

// told checks that the log tells the whole story of the ticket, up to what a GET answers now.
func (h house) told(id string) event.Ticket {
	h.Helper()
	h.Failed()
	now := h.Ask("", "GET", "/api/tickets/"+id, nil)
	t := service.Must[event.Ticket](h.Process, now, 200)
	states := service.Await(h.Market, id, func(states []event.Ticket) bool { return len(states) >= int(t.Version) })
	h.same(states[len(states)-1], now)
	return t
}
