package bus

import (
	"context"
	"errors"
	"time"

	"ticketing/kernel/store"
)

const (
	batchSize  = 256         // events that are published at a time
	pollShared = time.Second // how often other replicas' commits are looked for: a net under their hints
	checkEvery = time.Second // how often the log is checked to be the one that was published to

	startPatience = 3 * time.Minute // for a log that does not answer at a start
)

var errReconnected = errors.New("the connection to the event log was lost while publishing")

// Relay publishes the oldest unpublished events, 256 or a few more, and returns how many, once it is recorded where they are.
// The caller sees to it that one process of the service does so at a time.
func (b *Bus) Relay(ctx context.Context) (published int, err error) {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	before := b.counts.published.Load() // answers may have come already when publish returns
	_, err = b.publish(ctx)
	err = errors.Join(err, b.allLanded(ctx), b.recorded())
	return int(b.counts.published.Load() - before), err
}

// publishOn is Relay without waiting for the log's answers or for the record.
func (b *Bus) publishOn(ctx context.Context) (sent int, err error) {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	return b.publish(ctx)
}

// publish is Relay without waiting: the next events need be neither behind the answers about these nor behind a commit that
// only says where they are. Should the process end before that commit, comparing finds them.
func (b *Bus) publish(ctx context.Context) (sent int, err error) {
	if err := b.makeRoom(ctx); err != nil {
		return 0, err
	}
	link := b.connection()
	if !b.compared || b.link != link {
		if err := b.allLanded(ctx); err != nil && ctx.Err() != nil {
			return 0, err
		}
		if err := b.recorded(); err != nil {
			return 0, err
		}
		if err := b.compare(ctx); err != nil {
			return 0, err
		}
		b.compared, b.link = true, link
		b.fresh.doubt()
	}
	rows, err := b.next(ctx)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	b.depart(ctx, rows, link)
	return len(rows), b.landed()
}

// connection counts the connections to the log; it is constant if the log has none.
func (b *Bus) connection() uint64 {
	if l, ok := b.log.(linked); ok {
		return l.Connection()
	}
	return 0
}

// relayAll publishes until nothing is left.
func (b *Bus) relayAll(ctx context.Context) error {
	for {
		if n, err := b.Relay(ctx); err != nil || n == 0 {
			return err
		}
	}
}

// relay publishes for as long as ctx lasts.
func (b *Bus) relay(ctx context.Context) error {
	b.relaying.Store(true)
	defer b.relaying.Store(false)
	b.fresh.want(true)
	defer b.fresh.want(false)
	defer b.finish()
	if h, ok := b.log.(hinter); ok && b.db.Shared() {
		if stop, err := h.OnHint(b.db.Name(), func([]byte) { b.lookForOthers() }); err == nil {
			defer stop()
		}
	}
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	var poll <-chan time.Time
	if b.db.Shared() {
		ticker := time.NewTicker(pollShared)
		defer ticker.Stop()
		poll = ticker.C
	}
	var due <-chan time.Time
	polled := false // what this process has published is to be recorded, lest it be read in vain, and then the outbox is read
	for look := true; ctx.Err() == nil; {
		if polled && b.recording() == nil {
			polled, look = false, true
			b.fresh.doubt()
		}
		if look {
			b.publishAll(ctx)
		}
		look = true
		if due == nil && b.someUnrecorded() {
			due = time.After(recordDelay)
		}
		select {
		case <-ctx.Done():
		case <-b.woken:
		case <-poll:
			polled, look = true, false
			b.beginRecord()
		case <-b.landing():
			look = b.noteLanded() != nil
		case <-b.recording():
			look = b.noteRecord() != nil
		case <-due:
			due, look = nil, false
			b.beginRecord()
		case <-check.C:
			b.check(ctx)
		}
	}
	return nil
}

// lookForOthers has the relay look for what other processes have committed.
func (b *Bus) lookForOthers() {
	b.fresh.doubt()
	signal(b.woken)
}

// publishAll publishes what there is; with a growing pause for as long as that fails.
func (b *Bus) publishAll(ctx context.Context) {
	var p pause
	failing := false
	for {
		reconnected := b.reconnected()
		n, err := b.publishOn(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if failing {
				b.slog.Info("events are published again")
				failing = false
			}
			if p.reset(); n < batchSize {
				return
			}
			continue
		case !failing:
			b.slog.Warn("events cannot be published and wait in the outbox", "error", err)
			failing = true
		}
		if !p.wait(ctx, reconnected) {
			return
		}
	}
}

// reconnected ends a pause early when the log is back; nil, and never, if the log has no connection.
func (b *Bus) reconnected() <-chan struct{} {
	if l, ok := b.log.(linked); ok {
		return l.Reconnected()
	}
	return nil
}

// check has the log compared with the outbox if it does not look as it should.
func (b *Bus) check(ctx context.Context) {
	if whole, err := b.whole(ctx); err == nil && !whole {
		b.relayMu.Lock()
		b.compared = false
		b.relayMu.Unlock()
	}
}

// Prepare returns when everything that was in the outbox at the call is in the log; so a log that is new or has lost
// messages has them back. It is called before Run, and before the service says that it is ready.
func (b *Bus) Prepare(ctx context.Context) error {
	if len(b.subjects) == 0 {
		return nil
	}
	// A server that has just been started may have to read through a large log before it answers, which takes a minute or so
	// on a slow disk. It gets on with that each time that it is asked.
	var p pause
	for began := time.Now(); ; {
		err := b.prepare(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || time.Since(began) > startPatience {
			return err
		}
		b.slog.Warn("the event log takes long to answer", "error", err)
		p.wait(ctx, nil)
	}
}

// prepare is Prepare for a log that answers.
func (b *Bus) prepare(ctx context.Context) error {
	if !b.db.Shared() {
		return b.relayAll(ctx)
	}
	// Whichever replica has the right to relay does it: this one or another, for which this one waits.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, 2)
	go func() { results <- b.db.Exclusive(ctx, leadership, b.relayAll) }()
	go func() { results <- b.awaitPublished(ctx) }()
	err := <-results
	cancel()
	<-results
	return err
}

// awaitPublished waits until another process has published what is in the outbox now.
func (b *Bus) awaitPublished(ctx context.Context) error {
	var last string
	err := b.db.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT coalesce(max(id), '') FROM outbox`).Scan(&last)
	})
	if err != nil {
		return err
	}
	return b.db.Await(ctx, "bus", func(tx *store.Tx) (bool, error) {
		// In this order: whoever finds the log to be another one notes that together with what is unpublished now. The count
		// is of then or later, so it cannot be that of the log before.
		if whole, err := b.whole(ctx); err != nil || !whole {
			return false, err
		}
		var left int64
		err := tx.QueryRow(`SELECT count(*) FROM outbox WHERE seq IS NULL AND id <= $1`, last).Scan(&left)
		return left == 0, err
	})
}
