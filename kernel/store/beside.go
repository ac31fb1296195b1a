package store

import (
	"cmp"
	"context"
)

// UpdateOf is Update for a function of which every statement is about one thing: nothing that it reads and decides by is changed
// by an update of another thing, unless the database keeps a constraint on it. In PostgreSQL such updates share round trips
// besides the commit, in one transaction, in which no row's lock keeps them apart. Those of the same thing run one after the other.
func (db *DB) UpdateOf(ctx context.Context, thing string, fn func(tx *Tx) error) error {
	return <-db.StartOf(ctx, thing, fn)
}

// StartOf is UpdateOf without waiting, as Start is of Update.
func (db *DB) StartOf(ctx context.Context, thing string, fn func(tx *Tx) error) <-chan error {
	return db.writer.start(&update{ctx: ctx, fn: fn, weight: 1, thing: thing})
}

// Each runs fn for each of the things, as UpdateOf does with updates of these things; the tx that fn gets is to be used in it
// alone. It ends with the first error. A thing without a name is all things.
func (tx *Tx) Each(things []string, fn func(i int, tx *Tx) error) error {
	lanes, ok := tx.run.(laned)
	if !ok {
		for i := range things {
			if err := fn(i, tx); err != nil {
				return err
			}
		}
		return nil
	}
	for from, to := range independent(len(things), func(i int) string { return things[i] }) {
		if err := tx.beside(lanes, from, to, fn); err != nil {
			return err
		}
	}
	return nil
}

// beside runs fn for the things from one to before another, which have nothing to do with each other.
func (tx *Tx) beside(c laned, from, to int, fn func(i int, tx *Tx) error) error {
	if to-from == 1 {
		return fn(from, tx)
	}
	at := tx.Now()
	each := make([]Tx, to-from)
	err := c.beside(len(each), func(i int, lane writes) error {
		each[i] = Tx{db: tx.db, caller: tx.caller, run: lane, at: at}
		return cmp.Or(fn(from+i, &each[i]), each[i].err)
	})
	for i := range each {
		tx.keys = append(tx.keys, each[i].keys...)
		tx.hooks = append(tx.hooks, each[i].hooks...)
		tx.changes = append(tx.changes, each[i].changes...)
	}
	return tx.note(err)
}

// laned is a connection that runs functions side by side: as far as each of them waits for a statement, those statements are
// one round trip. What they do is done in their order between two round trips. An error of one is that of all.
type laned interface {
	beside(n int, fn func(i int, lane writes) error) error
}

// independent yields the parts of 0…n, in order, in each of which no thing is there twice: [from, to). A thing without a name is a
// part of its own.
func independent(n int, thing func(i int) string) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		seen := map[string]bool{}
		from := 0
		for i := range n {
			t := thing(i)
			if i > from && (t == "" || seen[t] || thing(i-1) == "") {
				if !yield(from, i) {
					return
				}
				from = i
				clear(seen)
			}
			seen[t] = true
		}
		if from < n {
			yield(from, n)
		}
	}
}
