package payments

import (
	"context"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v85"
	"golang.org/x/sync/errgroup"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// The pace of the background worker: it is woken by commits of this process, and looks by itself for those of others.
const (
	lookEvery = 500 * time.Millisecond
	atOnce    = 8 // charges in work at the same time
)

// Run decides charges and gives money back, until ctx ends; of all replicas one does it.
func (s *Service) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := s.db.Exclusive(ctx, "decider", s.work)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the worker for charges starts again", "cause", err)
			s.rest(ctx, time.Second)
		}
	}
	return nil
}

func (s *Service) work(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := s.each(ctx, event.Created, atOnce, s.decide); err != nil {
			return err
		}
		if _, err := s.each(ctx, event.Completed, atOnce, s.giveBack); err != nil {
			return err
		}
		s.rest(ctx, lookEvery)
	}
	return nil
}

func (s *Service) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.woken:
	case <-ctx.Done():
	}
}

// wake lets the worker look, after the commit of tx.
func (s *Service) wake(tx *store.Tx) {
	tx.AfterCommit(func() {
		select {
		case s.woken <- struct{}{}:
		default:
		}
	})
}

// Decide takes every undecided charge that is due one step further, one after the other, without waiting. It returns how
// many it looked at.
func (s *Service) Decide(ctx context.Context) (int, error) {
	return s.each(ctx, event.Created, 1, s.decide)
}

// Refund gives back, once each, what is due to be given back. It returns how many charges it looked at.
func (s *Service) Refund(ctx context.Context) (int, error) {
	return s.each(ctx, event.Completed, 1, s.giveBack)
}

// each works on the due charges of the status. One that fails is put off and holds up no other; only an engine that fails
// ends the round.
func (s *Service) each(ctx context.Context, status string, parallel int, work func(context.Context, Charge) error) (int, error) {
	var due []Charge
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		due, err = dueCharges(tx, status)
		return err
	})
	if err != nil {
		return 0, err
	}
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, c := range due {
		g.Go(func() error {
			err := s.putOff(ctx, c)
			if err == nil {
				err = work(ctx, c)
			}
			if err == nil || errors.Is(err, store.ErrUnavailable) {
				return err
			}
			s.log.WarnContext(ctx, "a charge is tried again", "charge", c.ID, "tries", c.Tries+1, "cause", err)
			return nil
		})
	}
	return len(due), g.Wait()
}

// putOff sets the next look before this one, so that a crash in between does not stop the others.
func (s *Service) putOff(ctx context.Context, c Charge) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		due := tx.Now().Add(backoff(c.Tries))
		if !c.Decided() {
			due = c.nextTry(tx.Now())
		}
		return postpone(tx, c.ID, due, c.Tries+1)
	})
}

// hurry makes the charge due at once: the request that had it for itself has given up.
func (s *Service) hurry(ctx context.Context, id string) error {
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		s.wake(tx)
		return hasten(tx, id, "")
	})
}

// decide takes one charge on, or to its end if its time is over or its order is cancelled.
func (s *Service) decide(ctx context.Context, c Charge) error {
	var cancelled, overdue bool
	err := s.db.View(ctx, func(tx *store.Tx) error {
		o, _, err := findOrder(tx, c.OrderID)
		cancelled, overdue = o.Status == event.Cancelled, c.Overdue(tx.Now())
		return err
	})
	switch {
	case err != nil:
		return err
	case cancelled:
		return s.end(ctx, c, codeCancelled)
	case overdue:
		return s.end(ctx, c, codeTimeout)
	}
	return s.advance(ctx, c)
}

// advance asks Stripe for the next step of an undecided charge. Requests and the worker both do, at the same moment even:
// the keys make the calls one, and the first to learn the outcome writes it down.
func (s *Service) advance(ctx context.Context, c Charge) error {
	if c.StripeID != "" {
		in, err := s.stripe.retrieve(ctx, c.StripeID)
		if err != nil {
			return err
		}
		if in.status != stripe.PaymentIntentStatusRequiresConfirmation {
			return s.settle(ctx, c, in)
		}
		return s.confirm(ctx, c)
	}
	in, err := s.stripe.create(ctx, c)
	var no refusal
	if errors.As(err, &no) {
		return s.fail(ctx, c.ID, no.code)
	}
	if err != nil {
		return err
	}
	c, cancelled, err := s.learn(ctx, c.ID, in.id)
	switch {
	case err != nil || c.Decided():
		return err
	case cancelled:
		return s.end(ctx, c, codeCancelled)
	}
	return s.confirm(ctx, c)
}

// learn stores Stripe's id. From then on, and not before, the intent may be confirmed.
func (s *Service) learn(ctx context.Context, id, stripeID string) (c Charge, cancelled bool, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if err := learnIntent(tx, id, stripeID); err != nil {
			return err
		}
		if c, _, err = findCharge(tx, id); err != nil {
			return err
		}
		o, _, err := findOrder(tx, c.OrderID)
		cancelled = o.Status == event.Cancelled
		return err
	})
	return c, cancelled, err
}

func (s *Service) confirm(ctx context.Context, c Charge) error {
	in, err := s.stripe.confirm(ctx, c)
	var no refusal
	switch {
	case errors.As(err, &no):
		return s.fail(ctx, c.ID, no.code)
	case errors.Is(err, errState):
		if in, err = s.stripe.retrieve(ctx, c.StripeID); err == nil {
			err = s.settle(ctx, c, in)
		}
		return err
	case err != nil:
		return err
	}
	return s.settle(ctx, c, in)
}

// settle acts on what Stripe says of the intent.
func (s *Service) settle(ctx context.Context, c Charge, in intent) error {
	switch in.status {
	case stripe.PaymentIntentStatusSucceeded:
		return s.complete(ctx, c.ID)
	case stripe.PaymentIntentStatusCanceled:
		if in.failure == "" {
			in.failure = codeTimeout
		}
		return s.fail(ctx, c.ID, in.failure)
	case stripe.PaymentIntentStatusRequiresPaymentMethod:
		// The buyer's browser may hold the intent's secret and could try another card: this order would not know.
		if in.failure == "" {
			in.failure = "card_declined"
		}
		return s.end(ctx, c, in.failure)
	case stripe.PaymentIntentStatusRequiresAction:
		return s.stepAsked(ctx, c)
	}
	return nil // the bank is at work: the worker looks again
}

// end makes sure at Stripe that the charge never takes money any more, unless it has. An intent whose id was never learnt
// was never confirmed; it is given up too if Stripe can be reached, and can't do anything if not.
func (s *Service) end(ctx context.Context, c Charge, code string) error {
	if c.StripeID == "" {
		if in, err := s.stripe.create(ctx, c); err == nil {
			var learnErr error
			if c, _, learnErr = s.learn(ctx, c.ID, in.id); learnErr != nil || c.Decided() {
				return learnErr
			}
		} else {
			return s.failUnlearnt(ctx, c.ID, code)
		}
	}
	in, err := s.stripe.cancel(ctx, c.StripeID)
	if errors.Is(err, errState) {
		in, err = s.stripe.retrieve(ctx, c.StripeID)
	}
	switch {
	case errors.Is(err, errMissing):
		return s.fail(ctx, c.ID, codeLost)
	case err != nil:
		return err
	case in.status == stripe.PaymentIntentStatusSucceeded:
		return s.complete(ctx, c.ID)
	case in.status == stripe.PaymentIntentStatusCanceled:
		return s.fail(ctx, c.ID, code)
	}
	return nil // in a state that can't be cancelled just now: the worker tries again
}

// complete notes that the money was taken, and whether it is owed back.
func (s *Service) complete(ctx context.Context, id string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		c, ok, err := findCharge(tx, id)
		if err != nil || !ok {
			return err
		}
		o, _, err := holdOrder(tx, c.OrderID)
		if err != nil {
			return err
		}
		owed, due := o.Status == event.Cancelled, time.Time{}
		if owed {
			due = tx.Now()
			s.wake(tx)
		}
		c, ok, err = decideCharge(tx, id, event.Completed, "", owed, due)
		if err != nil || !ok {
			return err
		}
		return s.announce(tx, event.ChargeUpdated, c)
	})
}

// fail notes that no money was taken and none will be.
func (s *Service) fail(ctx context.Context, id, code string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		c, ok, err := decideCharge(tx, id, event.ChargeFailed, code, false, time.Time{})
		if err != nil || !ok {
			return err
		}
		return s.announce(tx, event.ChargeUpdated, c)
	})
}

// failUnlearnt fails a charge whose intent nobody has learnt of; if somebody has meanwhile, the worker goes on with that.
func (s *Service) failUnlearnt(ctx context.Context, id, code string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		c, ok, err := decideUnlearnt(tx, id, code)
		if err != nil || !ok {
			return err
		}
		return s.announce(tx, event.ChargeUpdated, c)
	})
}

// stepAsked notes that the bank wants something of the buyer.
func (s *Service) stepAsked(ctx context.Context, c Charge) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		tx.Touch(orderKey(c.OrderID))
		return noteStep(tx, c.ID)
	})
}
