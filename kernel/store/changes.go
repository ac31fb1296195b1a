package store

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Changes tells whoever keeps what was read whether it still is what would be read. Updates say by Tx.Changes that they
// change what the reader has read; what others of the same database do then spoils nothing.
//
// It is a number that is odd while such a change is being committed. So there is no instant in which somebody has seen a
// commit, by whichever way, and somebody else is still given what was kept before it. Where other processes write too, the
// database is asked, and every commit in it counts as a change.
type Changes struct {
	number atomic.Uint64
	states *states // nil where only this process writes
}

// NewChanges is for what is read from this database.
func (db *DB) NewChanges() *Changes {
	if !db.Shared() {
		return &Changes{}
	}
	return &Changes{states: &states{db: db}}
}

// Still is the number of the state that can be read now, which never decreases; false while it is not certain. What is read
// after a call is of that state or a newer one; so what was kept under a number is as good as read anew if Still gives the
// same number again.
func (c *Changes) Still(ctx context.Context) (uint64, bool) {
	if c.states != nil {
		return c.states.now(ctx)
	}
	n := c.number.Load()
	return n, n%2 == 0
}

// states numbers what can be seen in a database that other processes write to. All who ask while it is being looked at get
// the answer of the next look, which begins after they have asked.
type states struct {
	db *DB

	mu      sync.Mutex
	looking bool
	next    *look // for those who have come since the look under way began; nil if nobody has

	last   string // only the look under way uses these
	number uint64
}

// look is one question to the database.
type look struct {
	done   chan struct{}
	number uint64
	ok     bool
}

func (s *states) now(ctx context.Context) (uint64, bool) {
	s.mu.Lock()
	if s.next == nil {
		s.next = &look{done: make(chan struct{})}
	}
	l := s.next
	if !s.looking {
		s.looking = true
		go s.loop()
	}
	s.mu.Unlock()
	select {
	case <-l.done:
		return l.number, l.ok
	case <-ctx.Done():
		return 0, false
	}
}

// loop looks until nobody asks any more.
func (s *states) loop() {
	for {
		s.mu.Lock()
		l := s.next
		s.next = nil
		if s.looking = l != nil; !s.looking {
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		l.number, l.ok = s.look()
		close(l.done)
	}
}

// look compares snapshots: as long as they are the same, no transaction that changes anything has ended. After a restart, be
// it of another copy of the database, nothing is known.
func (s *states) look() (uint64, bool) {
	var seen string
	err := s.db.View(context.Background(), func(tx *Tx) error {
		return tx.QueryRow("SELECT pg_current_snapshot()::text || ' ' || pg_postmaster_start_time()::text").Scan(&seen)
	})
	if err != nil {
		return 0, false
	}
	if seen != s.last {
		s.last = seen
		s.number++
	}
	return s.number, true
}

// Changes says that the transaction changes what others may keep.
func (tx *Tx) Changes(c *Changes) { tx.changes = append(tx.changes, c) }

// unsettle marks what these updates change, just before they are committed. Only the writer does that, so that every number
// is made odd once.
func (w *writer) unsettle(group []*update) {
	for _, u := range group {
		if u.tx == nil {
			continue
		}
		for _, c := range u.tx.changes {
			if !slices.Contains(w.unsettled, c) {
				c.number.Add(1)
				w.unsettled = append(w.unsettled, c)
			}
		}
	}
}

// settle is for when the outcome is known, or can never become known on this connection any more.
func (w *writer) settle() {
	for _, c := range w.unsettled {
		c.number.Add(1)
	}
	w.unsettled = w.unsettled[:0]
}
