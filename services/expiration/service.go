// Package expiration notices that the time to pay for an order is over.
//
// It keeps a deadline for every order that is not decided, in a table: a deadline that passes while nobody runs is noticed
// at the next start. It only says that the time is over. Whether the order ends is for orders to say, which may be waiting
// for a payment that was submitted in time; so the alarm rings again, with a growing pause, until the order is decided.
package expiration

import (
	"context"
	"log/slog"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

const (
	// At most so many alarms share a transaction, so that it stays short.
	maxBatch = 500
	// The deadlines are looked at so often, or earlier if the next one is due earlier.
	interval = 100 * time.Millisecond
	// How long a database that does not answer is left alone.
	pauseAfterError = time.Second
)

// Options are what expiration works with besides its database and its events.
type Options struct {
	Log *slog.Logger // nil means none
}

// Service is expiration.
type Service struct {
	db  *store.DB
	bus *bus.Bus
	log *slog.Logger
}

// New is expiration on this database, whose events go out by this bus.
func New(db *store.DB, b *bus.Bus, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{db: db, bus: b, log: o.Log}
}

// Run rings the alarms that are due until ctx ends; one process of the service at a time does so.
func (s *Service) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := s.db.Exclusive(ctx, "alarms", s.watch)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("the deadlines cannot be watched", "error", err)
			sleep(ctx, pauseAfterError)
		}
	}
	return nil
}

func (s *Service) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		n, wait, err := s.Ring(ctx)
		if err != nil {
			return err
		}
		if n < maxBatch {
			sleep(ctx, wait)
		}
	}
	return nil
}

// Ring rings the alarms that are due, some hundreds at most, and returns how many and how long to wait for the next look.
func (s *Service) Ring(ctx context.Context) (n int, wait time.Duration, err error) {
	wait = interval
	var due bool
	err = s.db.View(ctx, func(tx *store.Tx) error { // the usual case: nothing is due, and nothing is written
		next, err := nextDue(tx)
		if left := next.Sub(tx.Now()); !next.IsZero() {
			due, wait = left <= 0, max(0, min(left, interval))
		}
		return err
	})
	if err != nil || !due {
		return 0, wait, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		n, err = s.ringDue(tx)
		return err
	})
	return n, 0, err
}

func (s *Service) ringDue(tx *store.Tx) (n int, err error) {
	all, err := selectDue(tx, maxBatch)
	if err != nil {
		return 0, err
	}
	for _, d := range all {
		alarm, again := d.Ring(tx.Now())
		mine, err := rung(tx, d, again)
		if err != nil {
			return n, err
		}
		if !mine {
			continue
		}
		if err := s.bus.Emit(tx, event.OrderExpired, alarm); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
