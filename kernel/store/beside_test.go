package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"ticketing/kernel/store"
)

// accounts are n names of accounts, of which there are as many, each with its number as its balance.
func accounts(t *testing.T, db *store.DB, n int) (names []string) {
	t.Helper()
	for i := range n {
		names = append(names, fmt.Sprintf("account %d", i))
	}
	update(t, db, func(tx *store.Tx) error {
		for i, name := range names {
			if err := insert(name, i)(tx); err != nil {
				return err
			}
		}
		return nil
	})
	return names
}

// double reads a balance and writes it twice as large, in as many statements as the number says and more.
func double(tx *store.Tx, name string, statements int) error {
	var before, after int
	if err := tx.QueryRow(`SELECT balance FROM account WHERE id = $1`, name).Scan(&before); err != nil {
		return err
	}
	for range statements {
		found, err := store.All(tx, func(scan store.Scan) (s string, err error) { return s, scan(&s) }, `SELECT id FROM account WHERE owner = $1`, "owner of "+name)
		if err != nil || len(found) != 1 || found[0] != name {
			return fmt.Errorf("%s: found %q, %w", name, found, err)
		}
	}
	if err := tx.Do(`UPDATE account SET balance = $1 WHERE id = $2`, before+1, name); err != nil {
		return err
	}
	if n, err := tx.Exec(`UPDATE account SET balance = $1 WHERE id = $2 AND balance = $3`, 2*before, name, before+1); n != 1 || err != nil {
		return fmt.Errorf("%s: %d accounts were changed, %w", name, n, err)
	}
	if statements%2 == 0 {
		return nil // nothing that somebody waits for is the last
	}
	err := tx.QueryRow(`SELECT balance FROM account WHERE id = $1`, name).Scan(&after)
	if err == nil && after != 2*before {
		err = fmt.Errorf("%s: %d instead of %d was read", name, after, 2*before)
	}
	return err
}

func TestEachGetsItsOwnAnswers(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		names := accounts(t, db, 20)
		ran := 0
		update(t, db, func(tx *store.Tx) error {
			ran = 0
			return tx.Each(names, func(i int, tx *store.Tx) error {
				tx.Touch(names[i])
				tx.AfterCommit(func() { ran++ })
				return double(tx, names[i], i%4)
			})
		})
		for i, name := range names {
			if got := balance(t, db, name); got != 2*i {
				t.Errorf("%s has %d, not %d", name, got, 2*i)
			}
		}
		if ran != len(names) {
			t.Errorf("%d of %d were told of the commit", ran, len(names))
		}
	})
}

// What is about the same thing sees what was done before it, and what is about anything is alone.
func TestEachKeepsTheOrderOfOneThing(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		accounts(t, db, 3)
		things := []string{"account 1", "account 2", "account 1", "account 1", "", "account 2", "account 1"}
		sum := 0
		update(t, db, func(tx *store.Tx) error {
			return tx.Each(things, func(i int, tx *store.Tx) error {
				if things[i] == "" {
					return tx.QueryRow(`SELECT CAST(sum(balance) AS BIGINT) FROM account`).Scan(&sum)
				}
				return double(tx, things[i], 0)
			})
		})
		if sum != 8+4 {
			t.Errorf("before all things there were 12, but %d were seen", sum)
		}
		if one, two := balance(t, db, "account 1"), balance(t, db, "account 2"); one != 16 || two != 8 {
			t.Errorf("%d and %d, not 16 and 8", one, two)
		}
	})
}

func TestAnErrorOfOneIsThatOfAll(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		names := accounts(t, db, 9)
		refused := errors.New("refused")
		for name, fail := range map[string]func(tx *store.Tx) error{
			"its own": func(*store.Tx) error { return refused },
			"a statement's": func(tx *store.Tx) error {
				_, err := tx.Exec(`UPDATE account SET balance = -1 WHERE id = 'account 4'`)
				return errors.Join(refused, err)
			},
			"a panic": func(*store.Tx) error { panic("a bug") },
			"of what nobody waits for": func(tx *store.Tx) error {
				return tx.Do(`UPDATE account SET balance = -1 WHERE id = 'account 4'`)
			},
			"swallowed": func(tx *store.Tx) error {
				_, _ = tx.Exec(`UPDATE account SET balance = balance - 1 WHERE no_column`)
				return refused
			},
		} {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				return tx.Each(names, func(i int, tx *store.Tx) error {
					if err := double(tx, names[i], i%3); err != nil || i != 4 {
						return err
					}
					return fail(tx)
				})
			})
			if err == nil || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			for i, name := range names {
				if got := balance(t, db, name); got != i {
					t.Fatalf("%s has %d, not %d, although the update has failed", name, got, i)
				}
			}
		}
	})
}

// Updates of different things share everything but their outcome.
func TestUpdatesOfThingsFailAlone(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		names := accounts(t, db, 16)
		refused := errors.New("refused")
		for round := range 30 {
			start, all := make(chan struct{}), sync.WaitGroup{}
			for i := range 3 * len(names) {
				name := names[i%len(names)]
				fails := round%3 == 0 && i%7 == round%7
				all.Go(func() {
					<-start
					err := db.UpdateOf(t.Context(), name, func(tx *store.Tx) error {
						var had int
						if err := tx.QueryRow(`SELECT balance FROM account WHERE id = $1`, name).Scan(&had); err != nil {
							return err
						}
						if _, err := tx.Exec(`UPDATE account SET balance = $1 WHERE id = $2`, had+1, name); err != nil {
							return err
						}
						if fails {
							if i%2 == 0 {
								panic("a bug")
							}
							return refused
						}
						return nil
					})
					if (err != nil) != fails || fails && i%2 != 0 && err != refused {
						t.Errorf("an update that fails %t: %v", fails, err)
					}
				})
			}
			before := 0
			for _, name := range names {
				before += balance(t, db, name)
			}
			close(start)
			all.Wait()
			added := -before
			for _, name := range names {
				added += balance(t, db, name)
			}
			want := 0
			for i := range 3 * len(names) {
				if !(round%3 == 0 && i%7 == round%7) {
					want++
				}
			}
			if added != want {
				t.Fatalf("round %d: %d was added by %d updates", round, added, want)
			}
		}
	})
}

// Many who wait for different things of one commit are each told what is true of theirs.
func TestAllWhoWaitAreLookedFor(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		names := accounts(t, db, 12)
		for round := range 30 {
			var all sync.WaitGroup
			ready := make(chan struct{}, len(names))
			for i, name := range names {
				l := db.Listen(name)
				all.Go(func() {
					defer l.Close()
					ready <- struct{}{}
					var seen int
					err := l.Await(t.Context(), func(tx *store.Tx) (bool, error) {
						if i == 5 && round%4 == 0 {
							return false, errWrong
						}
						err := tx.QueryRow(`SELECT balance FROM account WHERE id = $1`, name).Scan(&seen)
						return seen > i+round, err
					})
					switch {
					case i == 5 && round%4 == 0:
						if !errors.Is(err, errWrong) {
							t.Errorf("a condition that fails: %v", err)
						}
					case err != nil || seen != i+round+1:
						t.Errorf("%s: %d was seen, not %d, %v", name, seen, i+round+1, err)
					}
				})
			}
			for range names {
				<-ready
			}
			update(t, db, func(tx *store.Tx) error { tx.Touch(names...); return nil }) // nothing new
			update(t, db, func(tx *store.Tx) error {
				tx.Touch(names...)
				return tx.Do(`UPDATE account SET balance = balance + 1`)
			})
			all.Wait()
		}
	})
}
