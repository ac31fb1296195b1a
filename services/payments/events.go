package payments

import (
	"context"
	"fmt"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Follow registers what payments follows: orders.
func (s *Service) Follow(b *bus.Bus) {
	bus.Follow(b, s.orderChanged, bus.Of(func(o event.Order) string { return o.ID }))
}

// orderChanged keeps the copy of the order. A cancelled one owes what its charge has taken, and ends one in flight; one that
// a charge has won lets that charge go on.
func (s *Service) orderChanged(_ context.Context, tx *store.Tx, e event.Order) error {
	currency, err := money.ParseCurrency(e.Ticket.Currency)
	if err != nil {
		return err
	}
	amount, err := currency.Amount(e.Ticket.Price)
	if err != nil {
		return fmt.Errorf("price of order %s: %w", e.ID, err)
	}
	o := Order{ID: e.ID, UserID: e.UserID, Status: e.Status, CancelReason: e.CancelReason,
		ExpiresAt: e.ExpiresAt, Amount: amount, Currency: currency.Code, ChargeID: e.ChargeID, SellerID: e.Ticket.SellerID,
		TicketID: e.Ticket.ID, Title: e.Ticket.Title}
	if err = saveOrder(tx, o); err != nil {
		return err
	}
	s.recent.remember(tx, o)
	tx.Touch(orderKey(e.ID))
	switch {
	case e.Status == event.Cancelled:
		s.wake(tx)
		return owe(tx, e.ID)
	case e.Status == event.Completed:
		return s.bookSale(tx, e.ID)
	case e.ChargeID != "" && e.Status == event.AwaitingPayment:
		won, err := wonWaiting(tx, e.ChargeID)
		if won {
			s.wake(tx)
		}
		return err
	}
	return nil
}

// announce says what happened to a charge, in the transaction in which it happens.
func (s *Service) announce(tx *store.Tx, t event.Type, c Charge) error {
	currency, err := money.ParseCurrency(c.Currency)
	if err != nil {
		return err
	}
	tx.Touch(orderKey(c.OrderID))
	return s.bus.Emit(tx, t, event.Charge{
		ID: c.ID, OrderID: c.OrderID, Status: c.Status, Amount: currency.Decimal(c.Amount), Currency: c.Currency,
		StripeID: c.StripeID, StripeRefundID: c.StripeRefundID, RefundStatus: c.RefundStatus, FailureCode: c.toldCode(), Version: c.Version,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	})
}
