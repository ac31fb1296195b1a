package orders

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// newsWindow is how long after a ticket's id was made its first event may still be on its way.
const newsWindow = 10 * time.Minute

// errMoved says that what admitted the wish was over before the order could be made.
var errMoved = errors.New("the ticket has been ordered meanwhile")

// wish is what a buyer asks for.
type wish struct {
	buyer    string
	ticketID string
	price    *money.Amount // what the buyer saw; nil if they did not say
}

// Place orders the ticket for the buyer and waits until it is locked; fresh is false for an order that the buyer had
// already. If price is given, it is what the buyer saw. The order comes back as Created when tickets does not answer in
// time: the lock follows.
//
// A ticket that turns out to have changed since what is known here is ordered again as it is now, as long as that is
// still what the buyer wants; so nobody is refused for what they could not see.
func (s *Service) Place(ctx context.Context, id, buyer, ticketID string, price *money.Amount) (o Order, fresh bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	w := wish{buyer, ticketID, price}
	var refusedAt int64 // the ticket's version at the last attempt
	for first := true; ; first = false {
		if !first { // most orders are admitted at once, so nothing is read before it is tried
			if o, err = s.await(waiting, w); err != nil {
				return o, false, err
			}
		}
		if fresh = o.Version == 0; fresh {
			o, fresh, err = s.order(ctx, waiting, id, w)
		} else {
			o, err = s.settled(waiting, o)
		}
		if errors.Is(err, errMoved) {
			id, o = "", Order{}
			continue
		}
		if err != nil || o.CancelReason != event.TicketChanged && o.CancelReason != event.TicketUnavailable {
			return o, fresh, err
		}
		if err := s.caughtUp(waiting, o); err != nil {
			return o, false, err
		}
		if o.RefusedAt == refusedAt { // again, and nothing has changed: its clock says so, which is ahead of ours
			return o, false, fault.EventBegun.New("The event has begun; its tickets cannot be ordered any more.").On("ticketId")
		}
		id, refusedAt = "", o.RefusedAt // the next attempt is another order
	}
}

// order makes the order and returns it once tickets has answered, or the waiting is over.
func (s *Service) order(ctx, waiting context.Context, id string, w wish) (o Order, fresh bool, err error) {
	if id == "" {
		id = s.db.NewID()
	}
	answers := s.db.Listen(orderKey(id))
	defer answers.Close()
	if o, fresh, err = s.insert(ctx, id, w); err != nil {
		return o, false, err
	}
	if !fresh {
		o, err = s.settled(waiting, o)
		return o, false, err
	}
	err = late(answers.Await(waiting, untilSettled(&o)))
	return o, true, err
}

// await returns as soon as what is known admits an order, or with the one that the buyer has. A refusal that an event on
// its way could lift is answered only when the waiting is over.
func (s *Service) await(ctx context.Context, w wish) (o Order, err error) {
	var refusal error
	err = s.db.Await(ctx, ticketKey(w.ticketID), func(tx *store.Tx) (bool, error) {
		var onItsWay errOnItsWay
		refusal = nil
		_, o, err = admit(tx, w)
		if errors.As(err, &onItsWay) {
			refusal = onItsWay.fault
			return false, nil
		}
		return true, err
	})
	if refusal != nil && errors.Is(err, context.DeadlineExceeded) {
		err = refusal
	}
	return o, err
}

// admit says whether the wish can become an order of the ticket as it is known, or which order it has become already.
func admit(tx *store.Tx, w wish) (Ticket, Order, error) {
	t, alive, known, err := selectWished(tx, w.ticketID)
	if err != nil {
		return t, Order{}, err
	}
	if !known {
		unknown := fault.Unknown.New("There is no ticket with this id.").On("ticketId")
		if isNews(w.ticketID, tx.Now()) {
			return t, Order{}, errOnItsWay{unknown}
		}
		return t, Order{}, unknown
	}
	if alive.UserID == w.buyer && alive.live() { // then all of it is the answer
		if alive, _, err = selectAlive(tx, w.ticketID); err != nil || alive.UserID == w.buyer && alive.live() {
			return t, alive, err
		}
	}
	if alive.ID == "" {
		return t, Order{}, t.admit(w.buyer, w.price, nil, tx.Now())
	}
	return t, Order{}, t.admit(w.buyer, w.price, &alive, tx.Now())
}

// insert makes the order, if it is still admitted. The index has the last word between replicas. A refusal is no failure of the
// update, which has changed nothing then: those who share its commit, in a rush of many, would have to be run again.
func (s *Service) insert(ctx context.Context, id string, w wish) (o Order, fresh bool, err error) {
	var refusal error
	err = s.db.UpdateOf(ctx, w.ticketID, func(tx *store.Tx) error {
		var onItsWay errOnItsWay
		var named *fault.Error
		var t Ticket // as it was admitted: read again, it could have another price by now
		fresh, refusal = false, nil
		switch t, o, err = admit(tx, w); {
		case errors.As(err, &onItsWay):
			refusal = errMoved
			return nil
		case errors.As(err, &named):
			refusal = named
			return nil
		}
		if fresh = o.Version == 0; err != nil || !fresh {
			return err
		}
		o = Order{
			ID: id, UserID: w.buyer, Status: event.Created, ExpiresAt: tx.Now().Add(s.duration),
			Ticket:  TicketSeen{ID: t.ID, Title: t.Title, Price: t.Price, Currency: t.Currency, Version: t.Version, SellerID: t.SellerID},
			Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
		}
		made, err := insertOrder(tx, o)
		if err != nil {
			return err
		}
		if !made {
			fresh, refusal = false, errMoved
			return nil
		}
		return s.bus.Emit(tx, event.OrderCreated, s.event(o))
	})
	if err == nil {
		err = refusal
	}
	return o, fresh, err
}

// settled is the order once tickets has answered, or as it is when the waiting is over.
func (s *Service) settled(ctx context.Context, o Order) (Order, error) {
	err := s.db.Await(ctx, orderKey(o.ID), untilSettled(&o))
	return o, late(err)
}

// untilSettled reads the order again until tickets has answered. It may be run again when a connection breaks.
func untilSettled(o *Order) func(tx *store.Tx) (bool, error) {
	id := o.ID
	return func(tx *store.Tx) (settled bool, err error) {
		*o, _, err = selectOrder(tx, id)
		return o.Status != event.Created, err
	}
}

// late is no error: the order is what it is by then.
func late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// caughtUp returns when the change that made tickets refuse the order is known here.
func (s *Service) caughtUp(ctx context.Context, refused Order) error {
	err := s.db.Await(ctx, ticketKey(refused.Ticket.ID), func(tx *store.Tx) (bool, error) {
		t, _, err := selectTicket(tx, refused.Ticket.ID)
		return t.Version >= refused.RefusedAt, err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if refused.CancelReason == event.TicketChanged {
		return fault.PriceChanged.New("The ticket has just been changed. Look at it again.").On("ticketId")
	}
	return fault.TicketLocked.New("Somebody else was faster.").On("ticketId").After(time.Second)
}

// isNews tells whether the id was made so recently that it may not be known everywhere: ids begin with their time.
func isNews(id string, now time.Time) bool {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return false
	}
	age := now.Sub(time.Unix(u.Time().UnixTime()))
	return age < newsWindow && age > -newsWindow
}
