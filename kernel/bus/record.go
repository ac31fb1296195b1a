package bus

import (
	"context"

	"ticketing/kernel/store"
)

// unrecorded are events that are in the log while the outbox does not say so yet. One record is under way at a time; what is
// published meanwhile goes with the next.
type unrecorded struct {
	waiting []place
	writing []place         // of the record under way
	ids     map[string]bool // of both
	outcome <-chan error    // of the record under way; nil if there is none
}

func (u *unrecorded) add(p place) {
	if u.ids == nil {
		u.ids = map[string]bool{}
	}
	u.ids[p.id] = true
	u.waiting = append(u.waiting, p)
}

func (u *unrecorded) count() int { return len(u.ids) }

// without leaves out what is in the log already.
func (u *unrecorded) without(rows []outboxRow) []outboxRow {
	fresh := rows[:0]
	for _, r := range rows {
		if !u.ids[r.id] {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

// record begins to write down what waits for it, unless that goes on already. The commit is shared with whatever else is
// being written.
func (b *Bus) record() {
	u := &b.unrecorded
	if u.outcome != nil || len(u.waiting) == 0 {
		return
	}
	u.writing, u.waiting = u.waiting, nil
	places := u.writing
	u.outcome = b.db.Start(context.Background(), func(tx *store.Tx) error { return record(tx, places, false) })
}

// written takes the outcome of the record under way, and begins the next one. If it failed, comparing has to tell what the
// outbox says.
func (b *Bus) written(err error) error {
	u := &b.unrecorded
	u.outcome = nil
	if err != nil {
		*u = unrecorded{}
		b.compared = false
		return err
	}
	for _, p := range u.writing {
		delete(u.ids, p.id)
	}
	u.writing = nil
	b.record()
	return nil
}

// recorded returns when everything that was published is written down.
func (b *Bus) recorded() error {
	for b.unrecorded.outcome != nil {
		if err := b.written(<-b.unrecorded.outcome); err != nil {
			return err
		}
	}
	return nil
}

// recording is where the outcome of the record under way comes; nil if there is none.
func (b *Bus) recording() <-chan error {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	return b.unrecorded.outcome
}

func (b *Bus) noteRecord(err error) error {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	return b.written(err)
}

func (b *Bus) finishRecord() error {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	return b.recorded()
}
