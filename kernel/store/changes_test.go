package store_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"ticketing/kernel/store"
)

// What is kept under a number is what would be read, at every instant and whoever has seen a commit first.
func TestChangesNumberWhatCanBeRead(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		update(t, db, insert("a", 0))
		c, other := db.NewChanges(), db.NewChanges()
		balance := func() (n int64) {
			err := db.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT balance FROM account WHERE id = 'a'`).Scan(&n)
			})
			if err != nil {
				t.Error(err)
			}
			return n
		}
		before, still := c.Still()
		if still == db.Shared() {
			t.Fatalf("before any change: %v", still)
		}
		if db.Shared() { // others could write at any time
			update(t, db, func(tx *store.Tx) error { tx.Changes(c); return nil })
			if _, still := c.Still(); still {
				t.Error("it is certain of what other processes do")
			}
			return
		}
		update(t, db, func(tx *store.Tx) error { _, err := tx.Exec(`UPDATE account SET balance = 0`); return err })
		if err := db.Update(t.Context(), func(tx *store.Tx) error { tx.Changes(c); return errors.New("no") }); err == nil {
			t.Error("no error")
		}
		if now, still := c.Still(); !still || now != before {
			t.Errorf("%d became %d, %v, without a change", before, now, still)
		}

		const writers, changes, readers = 4, 150, 4
		var writing, reading sync.WaitGroup
		stop := make(chan struct{})
		var kept sync.Map // number → balance
		for range readers {
			reading.Go(func() {
				for last := int64(0); ; {
					number, still := c.Still()
					n := balance()
					if after, _ := c.Still(); still && after == number {
						if was, there := kept.LoadOrStore(number, n); there && was != n {
							t.Errorf("under %d it was %v and is %d", number, was, n)
						}
					}
					if n < last {
						t.Errorf("it went from %d to %d", last, n)
					}
					last = n
					select {
					case <-stop:
						return
					default:
					}
				}
			})
		}
		for w := range writers {
			writing.Go(func() {
				for i := range changes {
					err := db.Update(t.Context(), func(tx *store.Tx) error {
						tx.Changes(c)
						if _, err := tx.Exec(`UPDATE account SET balance = balance + 1 WHERE id = 'a'`); err != nil {
							return err
						}
						tx.Changes(c)
						if i%10 == w {
							return errors.New("not this one " + strconv.Itoa(i))
						}
						return nil
					})
					if err == nil {
						number, still := c.Still()
						n := balance()
						if was, there := kept.Load(number); still && there && was.(int64) > n {
							t.Errorf("under %d somebody has read %v, now it is %d", number, was, n)
						}
					}
				}
			})
		}
		writing.Wait()
		close(stop)
		reading.Wait()
		if now, still := c.Still(); !still || now == before {
			t.Errorf("%d, %v after everything", now, still)
		}
		if now, still := other.Still(); !still || now != 0 {
			t.Errorf("what nobody has changed is at %d, %v", now, still)
		}
	})
}
