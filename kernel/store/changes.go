package store

import (
	"slices"
	"sync/atomic"
)

// Changes tells whoever keeps what was read whether it still is what would be read. Updates say by Tx.Changes that they
// change what the reader has read; what others of the same database do then spoils nothing.
//
// It is a number that is odd while such a change is being committed. So there is no instant in which somebody has seen a
// commit, by whichever way, and somebody else is still given what was kept before it.
type Changes struct {
	number atomic.Uint64
	shared bool
}

// NewChanges is for what is read from this database.
func (db *DB) NewChanges() *Changes { return &Changes{shared: db.Shared()} }

// Still is the number of the state that can be read now; false while it is not certain, which is always so where other
// processes may write too. What is read after a call is of that state or a newer one; so what was kept under a number is as
// good as read anew if Still gives the same number again.
func (c *Changes) Still() (uint64, bool) {
	n := c.number.Load()
	return n, n%2 == 0 && !c.shared
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
