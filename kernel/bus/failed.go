package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

const (
	maxAttempts = 8           // after which an event is parked
	maxAgain    = time.Minute // the longest time to the next attempt; the first is after a second
	againBatch  = 64
	againEvery  = 250 * time.Millisecond // how often events that are due are looked for
)

// FailedEvent is an event that its handler could not apply.
type FailedEvent struct {
	ID       string
	Kind     string // "" if it could not be read
	Entity   string
	Version  int64
	Document string
	Attempts int64
	Error    string // of the last attempt
	FailedAt time.Time
	NextAt   time.Time // zero when parked
	Parked   bool      // a dead letter: not tried again until Retry
}

const failedColumns = `id, kind, entity, version, document, attempts, error, failed_at, next_at, parked`

func scanFailed(scan store.Scan) (f FailedEvent, err error) {
	var failed, next int64
	err = scan(&f.ID, &f.Kind, &f.Entity, &f.Version, &f.Document, &f.Attempts, &f.Error, &failed, &next, &f.Parked)
	f.FailedAt, f.NextAt = store.Time(failed), store.Time(next)
	return f, err
}

// Failed lists the events that could not be applied, the oldest 1,000.
func (b *Bus) Failed(ctx context.Context) (all []FailedEvent, err error) {
	err = b.db.View(ctx, func(tx *store.Tx) error {
		all, err = store.All(tx, scanFailed, `SELECT `+failedColumns+` FROM failed_event ORDER BY failed_at, id LIMIT 1000`)
		return err
	})
	return all, err
}

// Retry makes a failed event due now, with all its attempts before it again, parked or not; fault.Unknown if there is none.
func (b *Bus) Retry(ctx context.Context, id string) error {
	err := b.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE failed_event SET attempts = 0, parked = FALSE, next_at = $1 WHERE id = $2`,
			store.Millis(tx.Now()), id)
		if err == nil && n == 0 {
			return fault.Unknown.New("There is no failed event with this id.")
		}
		return err
	})
	signal(b.retry)
	return err
}

// setAside keeps an event whose handler has failed for the first time.
func (b *Bus) setAside(ctx context.Context, d *underway, cause error) error {
	b.slog.Warn("an event could not be applied and will be tried again", "event", d.id, "kind", d.kind,
		"entity", d.entity, "version", d.version, "traceId", d.trace.ID(), "error", cause)
	return b.db.Update(ctx, func(tx *store.Tx) error {
		now := tx.Now()
		return keepFailed(tx, FailedEvent{
			ID: d.id, Kind: d.kind, Entity: d.entity, Version: d.version, Document: string(d.message.Data),
			Attempts: 1, Error: cause.Error(), FailedAt: now, NextAt: now.Add(again(1)),
		})
	})
}

// parkUnreadable keeps a message that no attempt could ever apply.
func (b *Bus) parkUnreadable(ctx context.Context, m Message, cause error) <-chan error {
	id := m.ID
	if id == "" {
		id = fmt.Sprintf("message-%d", m.Seq)
	}
	b.slog.Error("a message of the event log could not be read and is parked", "event", id, "subject", m.Subject, "error", cause)
	return b.db.Start(ctx, func(tx *store.Tx) error {
		return keepFailed(tx, FailedEvent{
			ID: text(id), Document: text(string(m.Data)), Error: text(cause.Error()), FailedAt: tx.Now(), Parked: true,
		})
	})
}

func keepFailed(tx *store.Tx, f FailedEvent) error {
	return tx.Do(`INSERT INTO failed_event (`+failedColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO NOTHING`, f.ID, f.Kind, f.Entity, f.Version, text(f.Document), f.Attempts, text(f.Error),
		store.Millis(f.FailedAt), store.Millis(f.NextAt), f.Parked)
}

// text is s as every database takes it.
func text(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�") }

// again is the time to the next attempt.
func again(attempts int64) time.Duration {
	return min(time.Second<<min(attempts-1, 10), maxAgain)
}

// repeat tries failed events again when they are due, for as long as ctx lasts.
func (b *Bus) repeat(ctx context.Context) error {
	tick := time.NewTicker(againEvery)
	defer tick.Stop()
	var p pause
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.retry:
		case <-tick.C:
		}
		if _, err := b.RetryDue(ctx); err != nil && ctx.Err() == nil {
			b.slog.Warn("failed events cannot be tried again", "error", err)
			p.wait(ctx, nil)
			continue
		}
		p.reset()
	}
}

// RetryDue tries the failed events again that are due, and drops those whose entity has moved on; it returns how many were
// tried.
func (b *Bus) RetryDue(ctx context.Context) (tried int, err error) {
	var due []FailedEvent
	err = b.db.View(ctx, func(tx *store.Tx) error {
		due, err = store.All(tx, scanFailed, `SELECT `+failedColumns+` FROM failed_event WHERE NOT parked AND next_at <= $1
			OR EXISTS (SELECT 1 FROM inbox i WHERE i.kind = failed_event.kind AND i.entity = failed_event.entity
				AND i.version >= failed_event.version AND failed_event.version > 0)
			ORDER BY next_at, id LIMIT $2`, store.Millis(tx.Now()), againBatch)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, f := range due {
		if err := b.tryAgain(ctx, f); err != nil {
			return tried, err
		}
		tried++
	}
	return tried, nil
}

// tryAgain applies a failed event in a transaction that also forgets the failure. An event that its entity has overtaken is
// applied by doing nothing.
func (b *Bus) tryAgain(ctx context.Context, f FailedEvent) error {
	d, err := b.open(Message{Data: []byte(f.Document)})
	if err == nil {
		var applied bool
		err = b.db.Update(trace.With(ctx, d.trace), func(tx *store.Tx) (err error) {
			if applied, err = b.apply(tx, d); err != nil {
				return err
			}
			err = tx.Do(`DELETE FROM failed_event WHERE id = $1`, f.ID)
			return err
		})
		if err == nil {
			b.count(applied)
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) {
			return err
		}
		b.counts.failures.Add(1)
	}
	return b.failAgain(ctx, f, err)
}

func (b *Bus) count(applied bool) {
	if applied {
		b.counts.handled.Add(1)
	} else {
		b.counts.skipped.Add(1)
	}
}

// failAgain notes one more attempt in vain; the last one parks the event.
func (b *Bus) failAgain(ctx context.Context, f FailedEvent, cause error) error {
	f.Attempts++
	f.Parked = f.Attempts >= maxAttempts
	if f.Parked {
		b.slog.Error("an event is parked: no attempt to apply it succeeded", "event", f.ID, "kind", f.Kind,
			"entity", f.Entity, "version", f.Version, "attempts", f.Attempts, "error", cause)
	}
	return b.db.Update(ctx, func(tx *store.Tx) error {
		next := tx.Now().Add(again(f.Attempts))
		if f.Parked {
			next = time.Time{}
		}
		return tx.Do(`UPDATE failed_event SET attempts = $1, error = $2, next_at = $3, parked = $4 WHERE id = $5`,
			f.Attempts, text(cause.Error()), store.Millis(next), f.Parked, f.ID)
	})
}
