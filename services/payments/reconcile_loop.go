package payments

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"ticketing/kernel/store"
)

// The pace of the reconciler: Stripe answers 25 requests a second in test mode and 100 else, and the buyers come first.
const (
	firstLook   = 30 * time.Second // after the start
	lookAtNew   = time.Minute
	lookAtAll   = 24 * time.Hour
	readsSecond = 4
)

// reconcile holds Stripe's books against ours until ctx ends; of all replicas one does it.
func (s *Service) reconcile(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.db.Exclusive(ctx, "reconciler", s.reconciling)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the reconciler starts again", "cause", err)
			sleep(ctx, time.Second)
		}
	}
}

func (s *Service) reconciling(ctx context.Context) error {
	pace, failing := rate.NewLimiter(readsSecond, readsSecond), false
	for sleep(ctx, firstLook); ctx.Err() == nil; {
		began := time.Now()
		err := s.reconcileFor(ctx, pace, began.Add(lookAtNew))
		switch {
		case errors.Is(err, store.ErrUnavailable):
			return err
		case err != nil && !failing && ctx.Err() == nil:
			s.log.WarnContext(ctx, "Stripe's books cannot be read; it is tried again", "cause", err)
		}
		failing = err != nil
		sleep(ctx, time.Until(began.Add(lookAtNew)))
	}
	return nil
}

// reconcileFor looks at what is new, and as long as there is time for it at all the rest.
func (s *Service) reconcileFor(ctx context.Context, pace *rate.Limiter, until time.Time) error {
	p, err := s.newPass(ctx, true, pace)
	if err == nil {
		err = p.lookAgain(ctx)
	}
	if err == nil {
		err = p.lookAt(ctx, p.unseen())
	}
	for more := true; more && err == nil && time.Now().Before(until); {
		more, err = s.reconcileRest(ctx, pace)
	}
	return err
}

// reconcileRest goes on with the slow pass over everything, or begins one if it is time; false: there is nothing to do.
func (s *Service) reconcileRest(ctx context.Context, pace *rate.Limiter) (more bool, err error) {
	p, err := s.newPass(ctx, true, pace)
	if err != nil {
		return false, err
	}
	at := p.progress
	if !at.FullEnded.IsZero() || at.FullBegan.IsZero() {
		if p.now.Sub(at.FullBegan) < lookAtAll {
			return false, nil
		}
		at.FullBegan, at.FullAt, at.FullEnded = p.now, p.now, time.Time{}
	}
	if at.FullAt, err = p.stretch(ctx, span{to: at.FullAt}); err != nil {
		return false, err
	}
	return true, s.db.Update(ctx, func(tx *store.Tx) error {
		if at.FullAt.IsZero() {
			at.FullEnded = tx.Now()
		}
		return saveFull(tx, at)
	})
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
