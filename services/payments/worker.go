package payments

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// The pace of the background worker: it is woken by commits of this process, and looks by itself for those of others.
const (
	lookEvery = 500 * time.Millisecond
	atOnce    = 8 // charges in work at the same time
)

// Run decides charges, gives money back, listens to Stripe, holds its books against ours and pays sellers out, until ctx
// ends; of all replicas one does each of them.
func (s *Service) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() { s.keep(ctx, "decider", s.work) })
	loops.Go(func() { s.keep(ctx, "listener", s.listen) })
	loops.Go(func() { s.keep(ctx, "poller", s.poll) })
	loops.Go(func() { s.reconcile(ctx) })
	if s.o.PayoutAfter > 0 {
		loops.Go(func() { s.keep(ctx, "payer", s.payouts) })
	}
	loops.Wait()
	return nil
}

// keep works under the name, and starts again whenever that ends, until ctx does.
func (s *Service) keep(ctx context.Context, name string, work func(context.Context) error) {
	for ctx.Err() == nil {
		err := s.db.Exclusive(ctx, name, work)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "a worker for charges starts again", "worker", name, "cause", err)
			sleep(ctx, time.Second)
		}
	}
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
		return hasten(tx, id)
	})
}
