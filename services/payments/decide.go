package payments

import (
	"context"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// read is the file of a charge as it is now.
func (s *Service) read(ctx context.Context, id string) (f file, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		f, err = readFile(tx, id)
		return err
	})
	return f, err
}

func readFile(tx *store.Tx, id string) (f file, err error) {
	if f, err = readStates(tx, id); err == nil {
		f.requests, err = requestsOf(tx, id)
	}
	return f, err
}

// readStates is a file without the requests.
func readStates(tx *store.Tx, id string) (f file, err error) {
	f, _, err = findStates(tx, id)
	f.now = tx.Now()
	return f, err
}

// readAgain is the file with what may have changed. The requests are still those that were known: who else asks has the same keys.
func (s *Service) readAgain(ctx context.Context, f file) (now file, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		now, err = s.withOrder(tx, f)
		return err
	})
	return now, err
}

// decide takes one charge on, as far as it gets without waiting.
func (s *Service) decide(ctx context.Context, c Charge) error {
	f, err := s.read(ctx, c.ID)
	if err != nil {
		return err
	}
	f, _, resting, err := s.advance(ctx, f, nil)
	if err != nil || !resting {
		return err
	}
	return s.leave(ctx, f)
}

// advance makes one move after another until the charge is decided, or nothing can be done but wait: then it returns what
// it knew last, and what Stripe said last. Requests and the worker both do, at the same moment even: the keys make the calls
// one, and the first to learn the outcome writes it down.
func (s *Service) advance(ctx context.Context, f file, in *intent) (last file, seen *intent, resting bool, err error) {
	reason := "" // why the intent is being given up
	made := map[move]bool{}
	for {
		if f.Decided() {
			return f, in, false, nil
		}
		m, why := f.next(in)
		if m == drop && reason != "" {
			why = reason
		}
		if m == rest || made[m] { // a second time, it changes nothing: later
			return f, in, true, nil
		}
		made[m] = true
		switch m {
		case step:
			return f, in, false, s.stepAsked(ctx, f.Charge)
		case finish:
			f.Charge, err = s.complete(ctx, f.Charge)
			return f, in, false, err
		case drop:
			f.Charge, err = s.drop(ctx, f, why)
			return f, in, false, err
		case release:
			reason = why
		}
		f, in, err = s.carryOut(ctx, f, in, m)
		var no refusal
		switch {
		case errors.As(err, &no) && m == capture:
			// The bank does not let go of what it holds: the hold is given up, and the buyer may pay in another way.
			reason, made[release] = no.code, true
			f, in, err = s.carryOut(ctx, f, in, release)
		case errors.As(err, &no) && (m == create || m == confirm):
			f.Charge, err = s.fail(ctx, f.Charge, no.code)
			return f, in, false, err
		case errors.Is(err, errMissing) && f.lost() != "":
			f.Charge, err = s.fail(ctx, f.Charge, codeLost)
			return f, in, false, err
		}
		if err != nil {
			return f, in, false, err
		}
	}
}

// carryOut asks Stripe for one move, under the key that is stored for it. An intent that turns out to be in another state
// than it was seen in is looked at instead.
func (s *Service) carryOut(ctx context.Context, f file, in *intent, m move) (file, *intent, error) {
	var got intent
	var err error
	switch m {
	case create:
		return s.create(ctx, f)
	case ask:
		got, err = s.stripe.retrieve(ctx, f.StripeID)
	case confirm:
		p := confirmParams(f.Charge)
		got, err = s.change(ctx, f, in, opConfirm, p.hash(f.StripeID), func(key string) (intent, error) {
			return s.stripe.confirm(ctx, key, f.StripeID, p)
		})
	case capture:
		got, err = s.change(ctx, f, in, opCapture, captureParams.hash(f.StripeID), func(key string) (intent, error) {
			return s.stripe.capture(ctx, key, f.StripeID)
		})
	case release:
		got, err = s.change(ctx, f, in, opCancel, cancelParams.hash(f.StripeID), func(key string) (intent, error) {
			return s.stripe.cancel(ctx, key, f.StripeID)
		})
	}
	if errors.Is(err, errState) {
		got, err = s.stripe.retrieve(ctx, f.StripeID)
	}
	if err != nil {
		return f, in, err
	}
	if got.status == stripe.PaymentIntentStatusSucceeded {
		return f, &got, nil // nothing else matters any more
	}
	if got.status == stripe.PaymentIntentStatusRequiresCapture && !f.won() {
		return f, &got, nil // the order is waited for now, and looked at then
	}
	f, err = s.readAgain(ctx, f) // the call took its time, in which the order may have been lost
	return f, &got, err
}

// change asks for a change of the intent. If its key is of no use any more, the intent is read first: it may have changed.
func (s *Service) change(ctx context.Context, f file, in *intent, op operation, hash string, send func(key string) (intent, error)) (intent, error) {
	return under(ctx, s, f, op, hash, func() (intent, bool, error) {
		now, err := s.stripe.retrieve(ctx, f.StripeID)
		return now, in == nil || now.status != in.status, err
	}, send)
}

// create makes the intent, or finds the one that was made, and stores its id.
func (s *Service) create(ctx context.Context, f file) (file, *intent, error) {
	p, err := createParams(f.Charge)
	if err != nil {
		return f, nil, err
	}
	in, err := under(ctx, s, f, opCreate, p.hash(""), func() (intent, bool, error) {
		return s.stripe.find(ctx, f.Charge)
	}, func(key string) (intent, error) {
		return s.stripe.create(ctx, key, p)
	})
	if err != nil {
		return f, nil, err
	}
	if f, err = s.learn(ctx, f.Charge, in.id); err != nil || f.StripeID == in.id {
		return f, &in, err
	}
	return f, nil, nil // somebody was faster, with another intent; this one is never confirmed
}

// learn stores Stripe's id, and the requests that come next. From then on, and not before, the intent may be confirmed.
func (s *Service) learn(ctx context.Context, of Charge, stripeID string) (f file, err error) {
	err = s.db.UpdateOf(ctx, of.OrderID, func(tx *store.Tx) error {
		var learnt bool
		if f, learnt, err = s.learnt(tx, of.ID, stripeID); err != nil {
			return err
		}
		if !learnt {
			f, err = readStates(tx, of.ID)
			return err
		}
		next := []request{newRequest(of.ID, opConfirm, 1, confirmParams(f.Charge).hash(stripeID), f.now)}
		if f.Hold {
			next = append(next, newRequest(of.ID, opCapture, 1, captureParams.hash(stripeID), f.now))
		}
		f.requests, err = firstRequests(tx, next)
		return err
	})
	return f, err
}

// learnt is the file of a charge that this has been the first to store Stripe's id with.
func (s *Service) learnt(tx *store.Tx, id, stripeID string) (f file, first bool, err error) {
	if !tx.Embedded() {
		f, first, err = learnStates(tx, id, stripeID)
		f.now = tx.Now()
		return f, first, err
	}
	c, first, err := learnIntent(tx, id, stripeID)
	if first {
		f, err = s.withOrder(tx, file{Charge: c})
	}
	return f, first, err
}

// drop fails the charge. One whose intent is not known may be learning it at this moment: then it is not dropped.
func (s *Service) drop(ctx context.Context, f file, why string) (Charge, error) {
	if f.StripeID == "" {
		_, err := s.failUnlearnt(ctx, f.Charge, why)
		return f.Charge, err
	}
	return s.fail(ctx, f.Charge, why)
}

// complete notes that the money was taken, and whether it is owed back. It returns the charge as it is decided, or as it was if
// somebody else has done so.
func (s *Service) complete(ctx context.Context, of Charge) (decided Charge, err error) {
	err = s.db.UpdateOf(ctx, of.OrderID, func(tx *store.Tx) error {
		decided = of
		o, _, err := holdOrder(tx, of.OrderID)
		if err != nil {
			return err
		}
		owed, due := o.Status == event.Cancelled, time.Time{}
		if owed {
			due = tx.Now()
			s.wake(tx)
		}
		c, ok, err := decideCharge(tx, of.ID, event.Completed, "", owed, due)
		if err != nil || !ok {
			return err
		}
		if err := s.bookFirst(tx, c, o); err != nil {
			return err
		}
		decided = c
		return s.announce(tx, event.ChargeUpdated, c)
	})
	if err != nil {
		return of, err
	}
	return decided, nil
}

// fail notes that no money was taken and none will be, and returns the charge as complete does.
func (s *Service) fail(ctx context.Context, of Charge, code string) (decided Charge, err error) {
	err = s.db.UpdateOf(ctx, of.OrderID, func(tx *store.Tx) error {
		decided = of
		c, ok, err := decideCharge(tx, of.ID, event.ChargeFailed, code, false, time.Time{})
		if err != nil || !ok {
			return err
		}
		decided = c
		return s.announce(tx, event.ChargeUpdated, c)
	})
	if err != nil {
		return of, err
	}
	return decided, nil
}

// failUnlearnt fails a charge whose intent nobody has learnt of; false if somebody has meanwhile: then it goes on with that.
func (s *Service) failUnlearnt(ctx context.Context, of Charge, code string) (failed bool, err error) {
	err = s.db.UpdateOf(ctx, of.OrderID, func(tx *store.Tx) error {
		c, ok, err := decideUnlearnt(tx, of.ID, code)
		if failed = ok; err != nil || !ok {
			return err
		}
		return s.announce(tx, event.ChargeUpdated, c)
	})
	return failed, err
}

// leave lets the charge wait without anybody at it. If it waits for its order to be won, and that has happened since it was
// looked at, it is due.
func (s *Service) leave(ctx context.Context, f file) error {
	if f.won() {
		return nil // it waits for Stripe
	}
	return s.db.UpdateOf(context.WithoutCancel(ctx), f.OrderID, func(tx *store.Tx) error {
		c, o, err := holdCharge(tx, f.ID)
		if err != nil || c.Status != event.Created {
			return err
		}
		if o.ChargeID == f.ID {
			s.wake(tx)
			return hasten(tx, f.ID)
		}
		return noteWaiting(tx, f.ID)
	})
}

// stepAsked notes that the bank wants something of the buyer.
func (s *Service) stepAsked(ctx context.Context, c Charge) error {
	if c.Step {
		return nil
	}
	return s.db.UpdateOf(ctx, c.OrderID, func(tx *store.Tx) error {
		tx.Touch(orderKey(c.OrderID))
		return noteStep(tx, c.ID)
	})
}
