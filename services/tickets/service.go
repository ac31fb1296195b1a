// Package tickets keeps the listings, and is the one authority on which order holds which ticket.
//
// An order, an edit and a withdrawal of one ticket may meet in the same instant. Each is one conditional statement on the
// same row: whichever commits first wins, and the others see that they came too late. So a buyer never pays another price
// than the one that was shown, and two orders never hold one ticket.
package tickets

import (
	"context"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Options are what tickets works with besides its database and its events.
type Options struct {
	Currency money.Currency // of every price
}

// Service is tickets. Its zero value has routes to be documented, and nothing else.
type Service struct {
	db       *store.DB
	bus      *bus.Bus
	currency money.Currency
}

// New is tickets on this database, whose events go out by this bus.
func New(db *store.DB, b *bus.Bus, o Options) *Service {
	return &Service{db: db, bus: b, currency: o.Currency}
}

// List puts a ticket with this id on the market. A ticket of the seller that has the id already is a repeat's own.
func (s *Service) List(ctx context.Context, id, seller string, l Listing) (Ticket, error) {
	var t Ticket
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		t = Ticket{ID: id, UserID: seller, Listing: l, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
		made, err := insertTicket(tx, t)
		if err != nil {
			return err
		}
		if made {
			return s.bus.Emit(tx, event.TicketCreated, s.event(t))
		}
		var found bool
		if t, found, err = selectTicket(tx, id); err == nil && (!found || t.UserID != seller) {
			err = errUnknown()
		}
		return err
	})
	return t, err
}

// Ticket is the ticket of this id.
func (s *Service) Ticket(ctx context.Context, id string) (t Ticket, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		var found bool
		t, found, err = selectTicket(tx, id)
		if err == nil && !found {
			err = errUnknown()
		}
		return err
	})
	return t, err
}

// Tickets is one page of a list, and whether there is more behind it.
func (s *Service) Tickets(ctx context.Context, f Filter) (page []Ticket, more bool, err error) {
	limit := f.Limit
	f.Limit++
	err = s.db.View(ctx, func(tx *store.Tx) error {
		page, err = selectTickets(tx, f)
		return err
	})
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}

// Edit changes what the seller says about a ticket that nobody holds. The check is asked about the version that the edit
// would replace.
func (s *Service) Edit(ctx context.Context, id, seller string, check func(version int64) error, l Listing) (Ticket, error) {
	return s.change(ctx, id, seller, check, func(tx *store.Tx, t Ticket) (Ticket, bool, error) {
		if t.Listing == l {
			return t, true, nil
		}
		edited, ok, err := updateListing(tx, t, l)
		if ok {
			err = s.bus.Emit(tx, event.TicketUpdated, s.event(edited))
		}
		return edited, ok, err
	})
}

// Withdraw takes a ticket that nobody holds off the market. Doing so again changes nothing.
func (s *Service) Withdraw(ctx context.Context, id, seller string, check func(version int64) error) error {
	_, err := s.change(ctx, id, seller, check, func(tx *store.Tx, t Ticket) (Ticket, bool, error) {
		gone, ok, err := withdraw(tx, t)
		if ok {
			err = s.bus.Emit(tx, event.TicketUpdated, s.event(gone))
		}
		return gone, ok, err
	})
	if fault.Is(err, fault.TicketWithdrawn) {
		return nil
	}
	return err
}

// change loads the ticket, sees whether the seller may change it, and lets edit do so. When another replica has written the
// ticket since it was read, it is read again: the update has waited for that commit, so each round somebody got on.
func (s *Service) change(ctx context.Context, id, seller string, check func(version int64) error,
	edit func(tx *store.Tx, t Ticket) (Ticket, bool, error)) (t Ticket, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		for done := false; !done; {
			now, found, err := selectTicket(tx, id)
			if err != nil {
				return err
			}
			if !found {
				return errUnknown()
			}
			if err := now.ChangeBy(seller, check); err != nil {
				return err
			}
			if t, done, err = edit(tx, now); err != nil {
				return err
			}
		}
		return nil
	})
	return t, err
}

func errUnknown() error { return fault.Unknown.New("There is no ticket with this id.") }
