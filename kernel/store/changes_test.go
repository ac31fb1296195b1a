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
		before, still := c.Still(t.Context())
		if again, _ := c.Still(t.Context()); !still || again != before {
			t.Fatalf("before any change: %v, %d, then %d", still, before, again)
		}
		processes := []*store.DB{db}
		if db.Shared() {
			processes = append(processes, open(t, o))
		} else { // what others of this database do spoils nothing
			update(t, db, func(tx *store.Tx) error { return tx.Do(`UPDATE account SET balance = 0`) })
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error { tx.Changes(c); return errors.New("no") }); err == nil {
			t.Error("no error")
		}
		if now, still := c.Still(t.Context()); !still || !db.Shared() && now != before {
			t.Errorf("%d became %d, %v, without a change", before, now, still)
		}

		const writers, changes, readers = 4, 150, 4
		var writing, reading sync.WaitGroup
		stop := make(chan struct{})
		var kept sync.Map // number → balance
		for range readers {
			reading.Go(func() {
				for last := int64(0); ; {
					number, still := c.Still(t.Context())
					n := balance()
					if after, _ := c.Still(t.Context()); still && after == number {
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
					err := processes[i%len(processes)].Update(t.Context(), func(tx *store.Tx) error {
						tx.Changes(c)
						if err := tx.Do(`UPDATE account SET balance = balance + 1 WHERE id = 'a'`); err != nil {
							return err
						}
						tx.Changes(c)
						if i%10 == w {
							return errors.New("not this one " + strconv.Itoa(i))
						}
						return nil
					})
					if err == nil {
						number, still := c.Still(t.Context())
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
		if now, still := c.Still(t.Context()); !still || now == before {
			t.Errorf("%d, %v after everything", now, still)
		}
		if now, still := other.Still(t.Context()); !still || !db.Shared() && now != 0 {
			t.Errorf("what nobody has changed is at %d, %v", now, still)
		}
	})
}
