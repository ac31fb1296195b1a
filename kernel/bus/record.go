package bus

import (
	"context"
	"time"

	"ticketing/kernel/store"
)

// Where events are is recorded when there is enough of that or some time has passed. Should the process end before that,
// comparing finds them in the log.
const (
	recordDelay = 250 * time.Millisecond
	recordBatch = 256

	lastAnswers = time.Second // that a relay waits for at its end
)

// unrecorded are events that have been sent to the log while the outbox does not say so yet. One record is under way at a time; what is
// published meanwhile goes with the next.
type unrecorded struct {
	waiting []place
	ids     map[string]bool // of what is on its way into the log, what waits, and what is being written
	writing *writing        // the record under way; nil if there is none
}

// writing is a record under way.
type writing struct {
	places []place
	done   chan struct{}
	err    error // once it is done
}

// know notes that an event is on its way into the log, and forget that it may not have got there.
func (u *unrecorded) know(id string) {
	if u.ids == nil {
		u.ids = map[string]bool{}
	}
	u.ids[id] = true
}

func (u *unrecorded) forget(id string) { delete(u.ids, id) }

func (u *unrecorded) add(p place) {
	u.know(p.id)
	u.waiting = append(u.waiting, p)
}

func (u *unrecorded) count() int { return len(u.ids) }

// without leaves out what is in the log already, or on its way there.
func (u *unrecorded) without(rows []outboxRow) []outboxRow {
	fresh := rows[:0]
	for _, r := range rows {
		if !u.ids[r.id] {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

// recordSome begins a record if that is worth it.
func (b *Bus) recordSome() {
	if len(b.unrecorded.waiting) >= recordBatch {
		b.record()
	}
}

// record begins to write down what waits for it, unless that goes on already. The commit is shared with whatever else is
// being written.
func (b *Bus) record() {
	u := &b.unrecorded
	if u.writing != nil || len(u.waiting) == 0 {
		return
	}
	w := &writing{places: u.waiting, done: make(chan struct{})}
	u.writing, u.waiting = w, nil
	outcome := b.db.StartOf(context.Background(), "places", func(tx *store.Tx) error { return record(tx, w.places, false) })
	go func() {
		w.err = <-outcome
		close(w.done)
	}()
}

// written takes the outcome of the record under way, once it is done, and begins the next one. If it failed, comparing has
// to tell what the outbox says.
func (b *Bus) written() error {
	u := &b.unrecorded
	w := u.writing
	if w.err != nil {
		*u = unrecorded{}
		b.compared = false
		return w.err
	}
	for _, p := range w.places {
		delete(u.ids, p.id)
	}
	u.writing = nil
	b.recordSome()
	return nil
}

// recorded returns when everything that was published is written down.
func (b *Bus) recorded() error {
	for {
		b.record()
		if b.unrecorded.writing == nil {
			return nil
		}
		<-b.unrecorded.writing.done
		if err := b.written(); err != nil {
			return err
		}
	}
}

// someUnrecorded tells whether something is to be recorded when its time has come.
func (b *Bus) someUnrecorded() bool {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	return len(b.unrecorded.waiting) > 0
}

func (b *Bus) beginRecord() {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	b.record()
}

// recording is closed when the record under way is done; nil if there is none.
func (b *Bus) recording() <-chan struct{} {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	if b.unrecorded.writing == nil {
		return nil
	}
	return b.unrecorded.writing.done
}

// noteRecord takes the outcome of the record under way if it is done: somebody else may have been faster.
func (b *Bus) noteRecord() error {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	if b.unrecorded.writing == nil {
		return nil
	}
	select {
	case <-b.unrecorded.writing.done:
		return b.written()
	default:
		return nil
	}
}

// finish waits for a moment for the answers about what has been sent, and records them. What is left out is found by comparing.
func (b *Bus) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	_ = b.allLanded(ctx)
	_ = b.recorded()
}
