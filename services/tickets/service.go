// Package tickets keeps the listings, and is the one authority on which order holds which ticket.
//
// An order, an edit and a withdrawal of one ticket may meet in the same instant. Each is one conditional statement on the
// same row: whichever commits first wins, and the others see that they came too late. So a buyer never pays another price
// than the one that was shown, and two orders never hold one ticket.
package tickets

import (
	"context"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
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
	changes  *store.Changes // of any ticket
	kept     *httpapi.Kept
	newest   time.Time // created_at of what was listed last; only updates use it, of which there is one at a time
}

// New is tickets on this database, whose events go out by this bus.
func New(db *store.DB, b *bus.Bus, o Options) *Service {
	s := &Service{db: db, bus: b, currency: o.Currency, changes: db.NewChanges()}
	s.kept = httpapi.NewKept(s.changes.Still, db.Now)
	return s
}

// emit tells of a ticket that the transaction has changed: the followers of the log, and those who keep what they have read.
func (s *Service) emit(tx *store.Tx, is event.Type, t Ticket) error {
	tx.Changes(s.changes)
	return s.bus.Emit(tx, is, s.event(t))
}

// List puts a ticket with this id on the market. A ticket of the seller that has the id already is a repeat's own.
func (s *Service) List(ctx context.Context, id, seller string, l Listing) (Ticket, error) {
	var t Ticket
	err := s.db.UpdateOf(ctx, id, func(tx *store.Tx) error {
		now, err := s.listedAt(tx)
		if err != nil {
			return err
		}
		t = Ticket{ID: id, UserID: seller, Listing: l, Version: 1, CreatedAt: now, UpdatedAt: now}
		made, err := insertTicket(tx, t)
		if err != nil {
			return err
		}
		if made {
			return s.emit(tx, event.TicketCreated, t)
		}
		var found bool
		if t, found, err = selectTicket(tx, id); err == nil && (!found || t.UserID != seller) {
			err = errUnknown()
		}
		return err
	})
	return t, err
}

// listedAt is when a ticket is listed: now, and never before another one that is there already, whatever somebody does to the
// clock. The search of SQLite takes the order of listing for that of time.
func (s *Service) listedAt(tx *store.Tx) (time.Time, error) {
	if s.db.Shared() {
		return tx.Now(), nil
	}
	if s.newest.IsZero() {
		newest, _, err := store.One(tx, scanNumber, `SELECT coalesce(max(created_at), 0) FROM tickets WHERE id <> ''`)
		if err != nil {
			return s.newest, err
		}
		s.newest = store.Time(newest)
	}
	if tx.Now().After(s.newest) {
		s.newest = tx.Now()
	}
	return s.newest, nil
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

// Page is a part of a list.
type Page struct {
	Tickets []Ticket
	More    bool      // behind it
	Until   time.Time // when an event begins whose ticket is not available then; zero if none does
}

// Tickets is one page of a list.
func (s *Service) Tickets(ctx context.Context, f Filter) (p Page, err error) {
	limit := f.Limit
	f.Limit++
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p.Tickets, err = selectTickets(tx, f)
		return err
	})
	for _, t := range p.Tickets {
		if f.Status == event.Available && !t.StartsAt.IsZero() && (p.Until.IsZero() || t.StartsAt.Before(p.Until)) {
			p.Until = t.StartsAt
		}
	}
	if p.More = len(p.Tickets) > limit; p.More {
		p.Tickets = p.Tickets[:limit]
	}
	return p, err
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
			err = s.emit(tx, event.TicketUpdated, edited)
		}
		return edited, ok, err
	})
}

// Withdraw takes a ticket that nobody holds off the market. Doing so again changes nothing.
func (s *Service) Withdraw(ctx context.Context, id, seller string, check func(version int64) error) error {
	_, err := s.change(ctx, id, seller, check, func(tx *store.Tx, t Ticket) (Ticket, bool, error) {
		gone, ok, err := withdraw(tx, t)
		if ok {
			err = s.emit(tx, event.TicketUpdated, gone)
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
	err = s.db.UpdateOf(ctx, id, func(tx *store.Tx) error {
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
