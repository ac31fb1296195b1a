package payments

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/kernel/store"
)

// An event whose object is not known here, or that Stripe cannot be asked about, is looked at again after a pause that
// doubles. What nobody knows after a day is another program's.
const (
	earlyPause, earlyPauseMax = time.Second, 2 * time.Hour
	askPauseMax               = 10 * time.Minute
	eventLife                 = 24 * time.Hour
)

// listen looks after what Stripe has told, until ctx ends.
func (s *Service) listen(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := s.hear(ctx, atOnce); err != nil {
			return err
		}
		sleep(ctx, lookEvery)
	}
	return nil
}

// Hear looks at every open event and every dispute that is due, once, one after the other. It returns how many it looked at.
func (s *Service) Hear(ctx context.Context) (int, error) { return s.hear(ctx, 1) }

// hear looks at the events in the database first, and then asks Stripe, once for all events about the same thing: each was
// received before it is asked, so the answer is newer than all of them.
func (s *Service) hear(ctx context.Context, parallel int) (int, error) {
	var due []StripeEvent
	var disputes []Dispute
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		if due, err = dueEvents(tx); err == nil {
			disputes, err = dueDisputes(tx)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	var subjects []string
	questions := map[string][]StripeEvent{}
	for _, e := range due {
		e, ask, err := s.lookAgain(ctx, e)
		if err != nil {
			return 0, err
		}
		if !ask {
			continue
		}
		subject := topicOf(e.Type).subject(e)
		if questions[subject] == nil {
			subjects = append(subjects, subject)
		}
		questions[subject] = append(questions[subject], e)
	}
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, subject := range subjects {
		g.Go(func() error { return s.question(ctx, questions[subject]) })
	}
	for _, d := range disputes {
		g.Go(func() error { return s.refreshDispute(ctx, d) })
	}
	return len(due) + len(disputes), g.Wait()
}

// take records an event, and does what can be done about it with the database alone. One that is recorded already changes
// nothing.
func (s *Service) take(tx *store.Tx, e StripeEvent) error {
	e.ReceivedAt = tx.Now()
	t := topicOf(e.Type)
	if t == nil && e.Outcome == "" {
		e.Outcome, e.Payload = heardIgnored, ""
	}
	if e.Outcome == "" {
		known, err := recorded(tx, &e)
		if err != nil || known {
			return err
		}
		if e.Outcome, err = t.note(s, tx, &e); err != nil {
			return err
		}
	}
	switch e.Outcome {
	case heardEarly:
		e.DueAt = e.ReceivedAt.Add(earlyPause)
	case heardAsk:
		e.Outcome, e.DueAt = "", e.ReceivedAt // at once, but not in here
	default:
		e.HandledAt = e.ReceivedAt
	}
	return insertEvent(tx, e)
}

// recorded tells whether the event is recorded. Nearly always it names an intent that is known: then its charge, which is looked at
// next, comes with the answer.
func recorded(tx *store.Tx, e *StripeEvent) (bool, error) {
	c, known, found, err := chargeAndEvent(tx, e.IntentID, e.ID)
	switch {
	case err != nil:
		return false, err
	case !found:
		return knownEvent(tx, e.ID)
	}
	e.charge = &c
	return known, nil
}

// lookAgain takes an open event up once more, and puts it off before anything is asked, so that a crash in between holds
// up no other.
func (s *Service) lookAgain(ctx context.Context, e StripeEvent) (after StripeEvent, ask bool, err error) {
	t := topicOf(e.Type)
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		after, ask = e, false
		after.Tries++
		if t == nil { // recorded by a newer version of this program
			return closeEvent(tx, after, heardIgnored)
		}
		outcome, err := t.note(s, tx, &after)
		if err != nil {
			return err
		}
		now, end := tx.Now(), e.ReceivedAt.Add(eventLife)
		switch ask = outcome == heardAsk; {
		case ask:
			return postponeEvent(tx, after, now.Add(growing(earlyPause, askPauseMax, e.Tries)))
		case outcome != heardEarly:
			return closeEvent(tx, after, outcome)
		case !now.Before(end):
			return closeEvent(tx, after, heardUnknown)
		}
		due := now.Add(growing(earlyPause, earlyPauseMax, e.Tries))
		if end.Before(due) {
			due = end
		}
		return postponeEvent(tx, after, due)
	})
	return after, ask, err
}

// question asks Stripe about what these events have in common, and closes them. Without an answer they stay open; after a
// day the answer that Stripe does not know of it will do too.
func (s *Service) question(ctx context.Context, events []StripeEvent) error {
	e := events[0]
	err := topicOf(e.Type).ask(s, ctx, e)
	if err != nil {
		if errors.Is(err, store.ErrUnavailable) {
			return err
		}
		s.log.WarnContext(ctx, "an event of Stripe's is looked at again", "event", e.ID, "type", e.Type, "tries", e.Tries, "cause", err)
		if !errors.Is(err, errMissing) {
			return nil
		}
	}
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for _, e := range events {
			outcome := heardApplied
			if err != nil {
				outcome = heardUnknown
			}
			if err != nil && tx.Now().Before(e.ReceivedAt.Add(eventLife)) {
				continue
			}
			if err := closeEvent(tx, e, outcome); err != nil {
				return err
			}
		}
		return nil
	})
}
