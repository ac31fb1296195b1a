package orders

import (
	"context"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// Follow registers what orders follows: the tickets and what tickets refuses, the alarms, and the payments. Which of them
// an order hears of first does not matter: each step is taken only from the state that it fits.
func (s *Service) Follow(b *bus.Bus) {
	bus.Follow(b, s.onTicket, bus.Of(func(t event.Ticket) string { return t.ID }))
	bus.Follow(b, s.onRejection, bus.Of(func(r event.LockRejection) string { return r.OrderID }))
	bus.Follow(b, s.onExpiry, bus.Of(func(e event.Expiry) string { return e.OrderID }))
	bus.Follow(b, s.onCharge, bus.Of(func(c event.Charge) string { return c.OrderID }))
}

// onTicket keeps what is known of the ticket, and tells the order that holds it.
func (s *Service) onTicket(_ context.Context, tx *store.Tx, t event.Ticket) error {
	replica, err := s.replica(t)
	if err != nil {
		return err
	}
	if err := saveTicket(tx, replica); err != nil {
		return err
	}
	tx.Touch(ticketKey(t.ID))
	if t.Status != event.Locked {
		return nil
	}
	_, err = s.apply(tx, t.OrderID, func(_ *store.Tx, o *Order) (bool, error) {
		// Locked for an order that is over: tickets has not heard of that, or heard of it before the lock. Saying it once
		// more, under a new version, frees the ticket in either case.
		return o.Lock() || o.Status == event.Cancelled, nil
	})
	return err
}

func (s *Service) onRejection(_ context.Context, tx *store.Tx, r event.LockRejection) error {
	_, err := s.apply(tx, r.OrderID, func(_ *store.Tx, o *Order) (bool, error) {
		return o.Refuse(r.Reason, r.TicketVersion), nil
	})
	return err
}

// onExpiry hears that the time is over, again and again until the order is decided: a payment in progress is waited for.
func (s *Service) onExpiry(_ context.Context, tx *store.Tx, e event.Expiry) error {
	_, err := s.apply(tx, e.OrderID, expire)
	return err
}

// onCharge keeps what is known of the payment, and tells its order.
func (s *Service) onCharge(_ context.Context, tx *store.Tx, c event.Charge) error {
	if err := saveCharge(tx, c); err != nil {
		return err
	}
	o, p, err := holdPaid(tx, c.OrderID)
	if err != nil {
		return err
	}
	if s.hear(c, &o, p, tx.Now()) {
		_, err = s.save(tx, o)
	}
	return err
}

// hear has the order follow its payment; false if that changes nothing.
func (s *Service) hear(c event.Charge, o *Order, p payments, now time.Time) (changed bool) {
	switch c.Status {
	case event.Completed:
		return o.Complete(c.ID)
	case event.ChargeFailed:
		changed = o.FailPayment(c.ID, p.failed, s.attempts)
	}
	if p.undecided != "" && o.Claim(p.undecided) { // when a payment has failed, the next one may have been heard of already
		changed = true
	}
	return o.Expire(now) || changed // the alarm may have rung while a payment was waited for
}

func expire(tx *store.Tx, o *Order) (bool, error) { return o.Expire(tx.Now()), nil }
