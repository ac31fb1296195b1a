package stripesim

import (
	"context"
	"time"
)

const (
	deliverAtOnce = 8               // webhooks under way at the same time
	lookEvery     = time.Second     // for what other processes commit and for what is due by itself
	pauseAfter    = 2 * time.Second // an error of the database
)

// Run is what happens by itself, until ctx ends: webhooks are delivered. It wakes at the commit that gives it something to
// do. One process at a time does so for an account.
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
	for ctx.Err() == nil {
		n, err := s.round(ctx, deliverAtOnce)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		wait := lookEvery
		left, ok, err := s.nextDelivery(ctx)
		if err != nil {
			return err
		}
		if ok {
			wait = min(wait, left)
		}
		s.rest(ctx, wait)
	}
	return nil
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

// wake lets the worker look.
func (s *Sim) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // it has not looked since the last time
	}
}
