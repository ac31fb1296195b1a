package tickets

import (
	"context"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// Follow registers what tickets follows: orders, whose state says what is to become of their ticket.
func (s *Service) Follow(b *bus.Bus) {
	bus.Follow(b, s.onOrder, bus.Of(func(o event.Order) string { return o.Ticket.ID }))
}

func (s *Service) onOrder(_ context.Context, tx *store.Tx, o event.Order) error {
	switch o.Status {
	case event.Cancelled:
		return s.changed(tx, unlock, o.ID)
	case event.Completed:
		return s.changed(tx, sell, o.ID)
	case event.AwaitingPayment: // which it became because its ticket has been locked
		return nil
	}
	return s.lockFor(tx, o)
}

// changed says what became of the ticket, if the order held it.
func (s *Service) changed(tx *store.Tx, step func(*store.Tx, string) (Ticket, bool, error), orderID string) error {
	t, held, err := step(tx, orderID)
	if err != nil || !held {
		return err
	}
	return s.emit(tx, event.TicketUpdated, t)
}

// lockFor gives the order its ticket, or says why not. An order that holds its ticket already keeps it.
func (s *Service) lockFor(tx *store.Tx, o event.Order) error {
	locked, ok, err := lock(tx, o)
	if err != nil {
		return err
	}
	if ok {
		return s.emit(tx, event.TicketUpdated, locked)
	}
	t, found, err := selectTicket(tx, o.Ticket.ID)
	if err != nil || t.OrderID == o.ID {
		return err
	}
	rejection := event.LockRejection{ID: o.ID, OrderID: o.ID, TicketID: o.Ticket.ID, Reason: event.RejectedUnavailable, Version: 1}
	if found {
		rejection.Reason, rejection.TicketVersion = t.WhyNotLocked(tx.Now()), t.Version
	}
	return s.bus.Emit(tx, event.TicketLockRejected, rejection)
}
