package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"ticketing/kernel/store"
)

// Other processes are told what a commit has touched, and nothing of what was rolled back.
func TestCommitsAreAnnounced(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		var told []string
		db.Announce(func(keys []string) { told = append(told, keys...) })
		update(t, db, func(tx *store.Tx) error { tx.Touch("a", "b"); return nil })
		refused := errors.New("no")
		err := db.Update(t.Context(), func(tx *store.Tx) error { tx.Touch("never"); return refused })
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		update(t, db, func(tx *store.Tx) error { tx.Touch("c"); return nil })
		update(t, db, func(*store.Tx) error { return nil }) // the announcement comes before the next commit
		if want := []string{"a", "b", "c"}; !slices.Equal(told, want) {
			t.Errorf("told of %q, want %q", told, want)
		}
	})
}

// A listener looks when its key is touched here or elsewhere, be it before it waits.
func TestListenersLookOnceTheirKeyIsTouched(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		for round := range 50 {
			l := db.Listen("a")
			var came atomic.Bool
			touch := func() {
				came.Store(true)
				if round%2 == 0 {
					db.Wake("b", "a")
				} else {
					update(t, db, func(tx *store.Tx) error { tx.Touch("a"); return nil })
				}
			}
			if round%3 == 0 {
				touch()
			} else {
				go touch()
			}
			if err := l.Await(t.Context(), func(*store.Tx) (bool, error) { return came.Load(), nil }); err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		looks := 0
		l := db.Listen("a")
		defer l.Close()
		if err := l.Await(ctx, func(*store.Tx) (bool, error) { looks++; return false, nil }); !errors.Is(err, context.Canceled) || looks != 1 {
			t.Errorf("who is given up is answered with %v after %d looks, not one", err, looks)
		}
	})
}

// Whoever gives up while the writer looks for them does not share their variables with it any more.
func TestGivingUpMeetsTheWriter(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		update(t, db, insert("a", 0))
		for round := range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			start, done := make(chan struct{}), make(chan error, 1)
			var seen int
			go func() {
				<-start
				err := db.Await(ctx, "a", func(tx *store.Tx) (bool, error) {
					err := tx.QueryRow(`SELECT balance FROM account WHERE id = 'a'`).Scan(&seen)
					return seen > round, err
				})
				if err == nil && seen <= round || err != nil && !errors.Is(err, context.Canceled) {
					err = fmt.Errorf("%w after %d was seen in round %d", errors.Join(err, errWrong), seen, round)
				}
				done <- err
			}()
			close(start)
			if round%2 == 0 {
				cancel()
			}
			update(t, db, func(tx *store.Tx) error {
				tx.Touch("a")
				_, err := tx.Exec(`UPDATE account SET balance = balance + 1 WHERE id = 'a'`)
				return err
			})
			if err := <-done; errors.Is(err, errWrong) {
				t.Fatal(err)
			}
			cancel()
		}
	})
}

var errWrong = errors.New("the wrong answer")

// A condition can only look.
func TestAConditionCannotWrite(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		l := db.Listen("a")
		defer l.Close()
		done := make(chan error, 1)
		go func() {
			done <- l.Await(t.Context(), func(tx *store.Tx) (bool, error) {
				return true, insert("b", 0)(tx)
			})
		}()
		for waiting := true; waiting; {
			update(t, db, func(tx *store.Tx) error { tx.Touch("a"); return nil })
			select {
			case err := <-done:
				waiting = false
				if err == nil {
					t.Error("a condition wrote")
				}
			default:
			}
		}
	})
}

// However often others wake a key, nobody hangs who begins to await it at that moment.
func TestAwaitBeginsAmongWakeUps(t *testing.T) {
	db := open(t, store.Options{Name: "bank", Dir: t.TempDir(), Migrations: tables})
	start, over := make(chan struct{}), make(chan struct{})
	var waker sync.WaitGroup
	waker.Go(func() {
		<-start
		for {
			select {
			case <-over:
				return
			default:
				db.Wake("a")
			}
		}
	})
	close(start)
	for range 30_000 {
		if err := db.Await(t.Context(), "a", func(*store.Tx) (bool, error) { return true, nil }); err != nil {
			t.Fatal(err)
		}
	}
	close(over)
	waker.Wait()
}
