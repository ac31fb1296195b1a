package payments

import (
	"context"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/store"
)

// Stripe's own list of events is read for what no webhook has told.
const (
	pollEvery   = 2 * time.Minute
	pollRarely  = time.Hour           // of a Stripe that has no such list
	pollOverlap = 5 * time.Minute     // an event may be listed later than others that are newer
	pollWindow  = 6 * time.Hour       // what is read without noting how far
	firstPoll   = 24 * time.Hour      // how far back the first look goes
	maxTypes    = 20                  // that Stripe takes in one request
	pollEvents  = "events"            // the name under which it is noted how far
	payloadLife = 30 * 24 * time.Hour // as long as Stripe keeps them
	pruneBatch  = 1000
)

// poll reads Stripe's list of events whenever it is time, until ctx ends.
func (s *Service) poll(ctx context.Context) error {
	for ctx.Err() == nil {
		due, err := s.pollDue(ctx)
		if err == nil && due {
			_, err = s.Poll(ctx)
		}
		switch {
		case errors.Is(err, store.ErrUnavailable):
			return err
		case err != nil && ctx.Err() == nil:
			s.log.WarnContext(ctx, "Stripe's list of events cannot be read", "cause", err)
		}
		sleep(ctx, lookEvery)
	}
	return nil
}

// pollDue tells whether it is time to read the list.
func (s *Service) pollDue(ctx context.Context) (due bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		_, next, err := pollState(tx, pollEvents)
		due = !tx.Now().Before(next)
		return err
	})
	return due, err
}

// Poll reads Stripe's list of events, now, and takes those that no webhook has told of. It returns how many there were. A
// Stripe that has no such list is no error: that is said once, and it is asked rarely.
func (s *Service) Poll(ctx context.Context) (n int, err error) {
	for {
		seen, now, err := s.beginPoll(ctx)
		if err != nil {
			return n, err
		}
		end := seen.Add(pollWindow)
		if !end.Before(now) {
			end = time.Time{}
		}
		newest, found, err := s.takeListed(ctx, seen.Add(-pollOverlap), end)
		n += found
		if errors.Is(err, errMissing) {
			return n, s.noList(ctx, seen)
		}
		if err != nil {
			return n, err
		}
		s.listless.Store(false)
		if end.IsZero() {
			return n, s.endPoll(ctx, seen, newest)
		}
		if err := s.notePoll(ctx, end, pollEvery); err != nil {
			return n, err
		}
	}
}

// beginPoll is up to when the list has been read. The next time is set before anything is asked.
func (s *Service) beginPoll(ctx context.Context) (seen, now time.Time, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) (err error) {
		now = tx.Now()
		if seen, _, err = pollState(tx, pollEvents); err != nil {
			return err
		}
		if seen.IsZero() {
			seen = now.Add(-firstPoll)
		}
		return savePoll(tx, pollEvents, seen, now.Add(pollEvery))
	})
	return seen, now, err
}

// endPoll notes that everything up to the newest event has been read, and forgets what need not be kept.
func (s *Service) endPoll(ctx context.Context, seen, newest time.Time) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if newest.After(tx.Now()) {
			newest = tx.Now() // Stripe's clock, or an event, is ahead of us
		}
		if newest.After(seen) {
			seen = newest
		}
		if err := forgetPayloads(tx, tx.Now().Add(-payloadLife), pruneBatch); err != nil {
			return err
		}
		return savePoll(tx, pollEvents, seen, tx.Now().Add(pollEvery))
	})
}

func (s *Service) notePoll(ctx context.Context, seen time.Time, again time.Duration) error {
	return s.db.Update(ctx, func(tx *store.Tx) error { return savePoll(tx, pollEvents, seen, tx.Now().Add(again)) })
}

// noList says that Stripe has no list of events.
func (s *Service) noList(ctx context.Context, seen time.Time) error {
	if !s.listless.Swap(true) {
		s.log.WarnContext(ctx, "Stripe has no list of events: what no webhook tells is found later")
	}
	return s.notePoll(ctx, seen, pollRarely)
}

// takeListed takes all events that Stripe made between from and to (zero: until now) and that are not recorded yet. It
// returns when the newest of them was made.
func (s *Service) takeListed(ctx context.Context, from, to time.Time) (newest time.Time, n int, err error) {
	types := EventTypes()
	for len(types) > 0 {
		some := types[:min(maxTypes, len(types))]
		types = types[len(some):]
		for after := ""; ; {
			page, more, err := s.stripe.events(ctx, some, from, to, after)
			if err != nil {
				return newest, n, err
			}
			found, err := s.takePage(ctx, page)
			if n += found; err != nil {
				return newest, n, err
			}
			for _, e := range page {
				if e.CreatedAt.After(newest) {
					newest = e.CreatedAt
				}
				after = e.ID
			}
			if !more || after == "" {
				break
			}
		}
	}
	return newest, n, nil
}

// takePage takes those events of a page that are not recorded.
func (s *Service) takePage(ctx context.Context, page []StripeEvent) (n int, err error) {
	if len(page) == 0 {
		return 0, nil
	}
	ids := make([]string, len(page))
	for i, e := range page {
		ids[i] = e.ID
	}
	var known map[string]bool
	err = s.db.View(ctx, func(tx *store.Tx) error {
		known, err = knownEvents(tx, ids)
		return err
	})
	if err != nil || len(known) == len(page) {
		return 0, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		n = 0
		for _, e := range page {
			if known[e.ID] {
				continue
			}
			if err := s.take(tx, e); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// events is a page of Stripe's list of events of these types, newest first.
func (g *gateway) events(ctx context.Context, types []string, from, to time.Time, after string) (page []StripeEvent, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p := &stripe.EventListParams{Types: stripe.StringSlice(types), CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix()},
		ListParams: stripe.ListParams{Limit: stripe.Int64(pageSize), Single: true}}
	if !to.IsZero() {
		p.CreatedRange.LesserThanOrEqual = to.Unix()
	}
	if after != "" {
		p.StartingAfter = stripe.String(after)
	}
	list := g.client.V1Events.List(ctx, p)
	if err := g.judge(list.Err()); err != nil {
		return nil, false, err
	}
	for _, e := range list.Data() {
		page = append(page, listedEvent(e))
	}
	return page, list.Meta().HasMore, nil
}
