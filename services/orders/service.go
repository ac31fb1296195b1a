// Package orders keeps one buyer's timed claim on one ticket.
//
// An order is made when what is known here admits it and no other order of the ticket is alive, which an index guards.
// Tickets, the authority, then locks the ticket for it or refuses. What is known here may be older than the truth, so a
// refusal that an event on its way could lift is not answered before that event had time to arrive.
//
// A paid order never expires, even when the alarm rings first: the first payment that is heard of has the order, and until
// it is decided the order waits for it. Payments takes no money that it can hold before it reads that here. States that can
// no longer change are Completed and Cancelled.
package orders

import (
	"context"
	"errors"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Options are what orders works with besides its database and its events.
type Options struct {
	Currency     money.Currency // of every price
	LockDuration time.Duration  // how long a ticket stays locked for payment
	Attempts     int            // failed charges after which an order is cancelled
	Wait         time.Duration  // how long a request waits for events; 0: it looks once
}

// Service is orders. Its zero value has routes to be documented, and nothing else.
type Service struct {
	db       *store.DB
	bus      *bus.Bus
	currency money.Currency
	duration time.Duration
	attempts int
	wait     time.Duration
}

// New is orders on this database, whose events go out by this bus.
func New(db *store.DB, b *bus.Bus, o Options) *Service {
	return &Service{db: db, bus: b, currency: o.Currency, duration: o.LockDuration, attempts: o.Attempts, wait: o.Wait}
}

// Order is the buyer's order of this id.
func (s *Service) Order(ctx context.Context, id, buyer string) (o Order, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		o, err = own(tx, id, buyer)
		return err
	})
	return o, err
}

// own is the order of this id if it is the buyer's; others do not exist for them.
func own(tx *store.Tx, id, buyer string) (Order, error) {
	o, found, err := selectOrder(tx, id)
	if err == nil && (!found || o.UserID != buyer) {
		err = fault.Unknown.New("You have no order with this id.")
	}
	return o, err
}

// Filter is what a list of orders shows.
type Filter struct {
	Buyer  string
	Status string // "" for all
	Before Place
	Limit  int
}

// Place is where an order stands in the list.
type Place struct {
	CreatedAt int64  `json:"t"` // milliseconds
	ID        string `json:"id"`
}

// Orders is one page of a buyer's orders, and whether there is more behind it.
func (s *Service) Orders(ctx context.Context, f Filter) (page []Order, more bool, err error) {
	limit := f.Limit
	f.Limit++
	err = s.db.View(ctx, func(tx *store.Tx) error {
		page, err = selectOrders(tx, f)
		return err
	})
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}

// Cancel gives the ticket back, and returns when it is known to be free or the waiting is over. The check is asked about
// the version that would be cancelled. Cancelling again changes nothing.
func (s *Service) Cancel(ctx context.Context, id, buyer string, check func(version int64) error) error {
	o, err := s.change(ctx, id, func(tx *store.Tx, o *Order) (bool, error) {
		if o.UserID != buyer {
			return false, fault.Unknown.New("You have no order with this id.")
		}
		if o.Status != event.Cancelled {
			if err := check(o.Version); err != nil {
				return false, err
			}
		}
		return o.Cancel()
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	err = s.db.Await(ctx, ticketKey(o.Ticket.ID), func(tx *store.Tx) (bool, error) {
		t, _, err := selectTicket(tx, o.Ticket.ID)
		return t.OrderID != id, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // tickets is late; the order is cancelled all the same
	}
	return err
}

// change loads an order, lets step change it, and says so.
func (s *Service) change(ctx context.Context, id string, step func(tx *store.Tx, o *Order) (bool, error)) (o Order, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) (err error) {
		o, err = s.apply(tx, id, step)
		return err
	})
	return o, err
}

// apply is change within a transaction. An order that does not exist is the zero Order.
func (s *Service) apply(tx *store.Tx, id string, step func(tx *store.Tx, o *Order) (bool, error)) (Order, error) {
	o, _, err := holdOrder(tx, id)
	if err != nil {
		return o, err
	}
	changed, err := step(tx, &o)
	if err != nil || !changed {
		return o, err
	}
	return s.save(tx, o)
}

// save writes an order down that is held and has changed, and says so.
func (s *Service) save(tx *store.Tx, o Order) (Order, error) {
	o.Version, o.UpdatedAt = o.Version+1, tx.Now()
	if err := updateOrder(tx, o); err != nil {
		return o, err
	}
	return o, s.announce(tx, o)
}

// announce says what the order is now, and wakes those who wait for it.
func (s *Service) announce(tx *store.Tx, o Order) error {
	tx.Touch(orderKey(o.ID), ticketKey(o.Ticket.ID))
	t := event.OrderUpdated
	if o.Status == event.Cancelled {
		t = event.OrderCancelled
	}
	return s.bus.Emit(tx, t, s.event(o))
}

// What requests wait for.
func orderKey(id string) string  { return "order " + id }
func ticketKey(id string) string { return "ticket " + id }
