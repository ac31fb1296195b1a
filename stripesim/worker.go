package stripesim

import (
	"context"
	"time"
)

const (
	deliverAtOnce = 8               // webhooks under way at the same time
	lookEvery     = time.Second     // for what other processes commit
	pauseAfter    = 2 * time.Second // an error of the database

	gatherFor = 20 * time.Millisecond // between rounds that find something: many are noted together
)

// Run is what happens by itself, until ctx ends: what is due is settled, and webhooks are delivered. It wakes at the commit
// that gives it something to do. One process at a time does so for an account.
func (s *Sim) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := s.db.Exclusive(ctx, "worker", s.work)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the payment simulator's worker starts again", "cause", err)
			s.rest(ctx, pauseAfter)
		}
	}
	return nil
}

func (s *Sim) work(ctx context.Context) error {
	s.fresh.want(!s.db.Shared())
	defer s.fresh.want(false)
	for ctx.Err() == nil {
		settled, err := s.Settle(ctx)
		if err != nil {
			return err
		}
		sent, err := s.round(ctx)
		if err != nil {
			return err
		}
		if settled+sent > 0 {
			if sent < deliverBatch {
				pause(ctx, gatherFor)
			}
			continue
		}
		wait, err := s.idle(ctx)
		if err != nil {
			return err
		}
		s.rest(ctx, wait)
	}
	return nil
}

// idle is how long there is nothing to do, unless something is committed.
func (s *Sim) idle(ctx context.Context) (time.Duration, error) {
	wait := lookEvery
	left, ok, err := s.nextDelivery(ctx)
	if err != nil {
		return 0, err
	}
	if ok {
		wait = min(wait, left)
	}
	at, ok, err := s.NextDue(ctx)
	if ok {
		wait = min(wait, max(0, at.Sub(s.now(ctx))))
	}
	return wait, err
}

func (s *Sim) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.woken:
	case <-ctx.Done():
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// wake lets the worker look.
func (s *Sim) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // it has not looked since the last time
	}
}
