package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ticketing/kernel/store"
)

// logbook is what the database knows about the log.
type logbook struct {
	identity string // "" before the first comparison
	lost     uint64
	top      place // the last of our events in the log
}

func (b *Bus) logbook(ctx context.Context) (l logbook, err error) {
	err = b.db.View(ctx, func(tx *store.Tx) error {
		_, _, err := store.One(tx, func(scan store.Scan) (struct{}, error) {
			return struct{}{}, scan(&l.identity, &l.lost)
		}, `SELECT identity, lost FROM outbox_log`)
		if err != nil {
			return err
		}
		_, _, err = store.One(tx, func(scan store.Scan) (struct{}, error) {
			return struct{}{}, scan(&l.top.id, &l.top.seq)
		}, `SELECT id, seq FROM outbox WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1`)
		return err
	})
	return l, err
}

// whole tells whether the log looks like the one that the outbox was published to: the same, nothing lost in the middle,
// and the last of our events where it should be.
func (b *Bus) whole(ctx context.Context) (bool, error) {
	book, err := b.logbook(ctx) // before the log, which may have grown since but not shrunk
	if err != nil {
		return false, err
	}
	state, err := b.log.State(ctx)
	if err != nil {
		return false, err
	}
	return b.fits(ctx, book, state)
}

func (b *Bus) fits(ctx context.Context, book logbook, state LogState) (bool, error) {
	switch {
	case book.identity != state.Identity, state.lost() > book.lost, state.Last < book.top.seq:
		return false, nil
	case book.top.seq == 0:
		return true, nil
	}
	if l, ok := b.log.(owned); ok && l.own() && b.known.same(book.top, state) {
		return true, nil
	}
	has, err := b.log.Has(ctx, book.top.seq, book.top.id)
	if has && err == nil {
		b.known.note(book.top, state)
	}
	return has, err
}

// known is what the log was found to have. A server reads some megabytes to look at one message, which is not to be done every
// second for one that was published long ago.
type known struct {
	mu    sync.Mutex
	top   place
	state LogState
}

func (k *known) note(top place, state LogState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.top, k.state = top, state
}

// same tells whether the log had that message, and has only grown since.
func (k *known) same(top place, state LogState) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return top == k.top && state.Identity == k.state.Identity && state.Last >= k.state.Last && state.lost() == k.state.lost()
}

// compare makes the outbox say of each event whether the log has it, and where. A log that fits is read only from our last
// event on: what follows there was published by a process that ended before it could write that down.
func (b *Bus) compare(ctx context.Context) error {
	book, err := b.logbook(ctx)
	if err != nil {
		return err
	}
	state, err := b.log.State(ctx)
	if err != nil {
		return err
	}
	if book.identity != state.Identity {
		if book, err = b.startAgain(ctx, book, state); err != nil {
			return err
		}
	}
	fits, err := b.fits(ctx, book, state)
	if err != nil {
		return err
	}
	from := uint64(0)
	if fits {
		from = book.top.seq
	}
	missing, found, err := b.walk(ctx, from, book.top.seq)
	if err != nil {
		return fmt.Errorf("comparing the event log with the outbox: %w", err)
	}
	return b.correct(ctx, missing, found, state)
}

// startAgain forgets all places: they were in another log.
func (b *Bus) startAgain(ctx context.Context, book logbook, state LogState) (logbook, error) {
	var again int64
	err := b.db.Update(ctx, func(tx *store.Tx) (err error) {
		err = tx.Do(`INSERT INTO outbox_log (one, identity, lost) VALUES (1, $1, $2)
			ON CONFLICT (one) DO UPDATE SET identity = excluded.identity, lost = excluded.lost`,
			state.Identity, int64(state.lost()))
		if err == nil {
			again, err = tx.Exec(`UPDATE outbox SET seq = NULL WHERE seq IS NOT NULL`)
		}
		return err
	})
	if err == nil && book.identity != "" {
		b.slog.Warn("the event log is a new one: all events are published again", "events", again)
	}
	return logbook{identity: state.Identity, lost: state.lost()}, err
}

// walk reads our events in the log, from a place on, beside the places in the outbox, up to top. Both are in the same
// order, so neither has to be held in memory. What the outbox places wrongly is missing; what it has not placed is found.
func (b *Bus) walk(ctx context.Context, from, top uint64) (missing, found []place, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows := &placed{bus: b, ctx: ctx, last: place{seq: from}, top: top}
	atEnd := false
	err = b.log.Tail(ctx, b.subjects, From{Seq: from}, func(m Message) error {
		if atEnd {
			return nil
		}
		known := false
		for {
			row, ok, err := rows.peek()
			if err != nil {
				return err
			}
			if !ok || row.seq > m.Seq {
				break
			}
			if row.seq == m.Seq && row.id == m.ID {
				known = true
			} else {
				missing = append(missing, row)
			}
			rows.next()
		}
		if !known {
			found = append(found, place{m.ID, m.Seq})
		}
		return nil
	}, func() { atEnd = true; cancel() })
	if !atEnd {
		return nil, nil, errors.Join(err, context.Cause(ctx))
	}
	rows.ctx = context.WithoutCancel(ctx)
	for {
		row, ok, err := rows.peek()
		if err != nil || !ok {
			return missing, found, err
		}
		missing = append(missing, row)
		rows.next()
	}
}

// correct writes down what walk learnt. Messages that were lost are followed anew from the start of the log: consumers may
// have been at places that are going to be given to other events.
func (b *Bus) correct(ctx context.Context, missing, found []place, state LogState) error {
	lost := lostOf(missing, found)
	if lost > 0 {
		b.slog.Warn("the event log has lost events: they are published again", "events", lost)
		if err := b.log.Rewind(ctx); err != nil {
			return fmt.Errorf("rewinding the followers of the event log: %w", err)
		}
	}
	return b.db.Update(ctx, func(tx *store.Tx) error {
		for _, p := range missing {
			if err := tx.Do(`UPDATE outbox SET seq = NULL WHERE id = $1 AND seq = $2`, p.id, int64(p.seq)); err != nil {
				return err
			}
		}
		if err := record(tx, found, true); err != nil {
			return err
		}
		return tx.Do(`UPDATE outbox_log SET lost = $1 WHERE lost <> $1`, int64(state.lost()))
	})
}

// lostOf counts what is missing and was not found elsewhere.
func lostOf(missing, found []place) int {
	elsewhere := make(map[string]bool, len(found))
	for _, p := range found {
		elsewhere[p.id] = true
	}
	lost := 0
	for _, p := range missing {
		if !elsewhere[p.id] {
			lost++
		}
	}
	return lost
}

// placed reads the places in the outbox in their order, a page at a time.
type placed struct {
	bus  *Bus
	ctx  context.Context
	page []place
	last place  // the last one read, or where to begin
	top  uint64 // where to end
	done bool
}

func (p *placed) peek() (place, bool, error) {
	if len(p.page) == 0 && !p.done {
		if err := p.read(); err != nil {
			return place{}, false, err
		}
	}
	if len(p.page) == 0 {
		return place{}, false, nil
	}
	return p.page[0], true, nil
}

func (p *placed) next() { p.last, p.page = p.page[0], p.page[1:] }

func (p *placed) read() error {
	const size = 1000
	return p.bus.db.View(p.ctx, func(tx *store.Tx) (err error) {
		p.page, err = store.All(tx, func(scan store.Scan) (r place, err error) {
			err = scan(&r.id, &r.seq)
			return r, err
		}, `SELECT id, seq FROM outbox WHERE seq IS NOT NULL AND seq <= $1 AND (seq, id) > ($2, $3)
			ORDER BY seq, id LIMIT $4`, int64(p.top), int64(p.last.seq), p.last.id, size)
		p.done = len(p.page) < size
		return err
	})
}
