package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ticketing/kernel/store"
)

// What an update has been answered is in the files at once: whoever copies them has it, as after the end of the process. The
// updates are of every size, so that some fit in what is gathered of a file, some do not, some outgrow the engine's memory, and
// checkpoints come between.
func TestWhatIsAnsweredIsInTheFiles(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	db := open(t, store.Options{Name: "bank", Dir: dir, Migrations: tables})
	total := 0
	for round, rows := range []int{1, 1, 40, 2000, 3, 8_000, 1, 500, 1, 3_000, 2} {
		update(t, db, func(tx *store.Tx) error {
			for n := range rows {
				if err := insert(fmt.Sprintf("%s %d %d", strings.Repeat("name", 12), round, n), n)(tx); err != nil {
					return err
				}
			}
			_, err := tx.Exec("UPDATE account SET balance = balance + 1 WHERE balance % 7 = 0")
			return err
		})
		total += rows
		for _, name := range []string{"bank.db", "bank.db-wal"} {
			all, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(copied, name), all, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		again := open(t, store.Options{Name: "bank", Dir: copied, Migrations: tables})
		if got := count(t, again); got != total {
			t.Fatalf("round %d: the files have %d rows, want %d", round, got, total)
		}
		if got, want := checked(t, again), "ok"; got != want {
			t.Fatalf("round %d: the files are damaged: %s", round, got)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A checkpoint that a reader keeps from its end is not synced, and yet everybody reads from the database what it has copied so far.
func TestReadersBesideACheckpointThatIsHeldUp(t *testing.T) {
	db := open(t, store.Options{Name: "bank", Dir: t.TempDir(), Migrations: tables})
	total := 0
	fill := func(rows int) {
		update(t, db, func(tx *store.Tx) error {
			for range rows {
				if err := insert(fmt.Sprintf("%s %06d", strings.Repeat("name", 25), total), total)(tx); err != nil {
					return err
				}
				total++
			}
			return nil
		})
	}
	for round := range 2 {
		fill(1000 + 10*round) // some hundred pages, which are to be copied
		held := make(chan struct{})
		reading, read := make(chan struct{}), make(chan error)
		go func() {
			read <- db.View(t.Context(), func(tx *store.Tx) error {
				rows, err := tx.Query("SELECT id FROM account ORDER BY id")
				if err != nil {
					return err
				}
				defer rows.Close()
				rows.Next()
				close(reading)
				<-held
				return rows.Err()
			})
		}()
		<-reading
		for range 2 {
			fill(2000) // enough for a checkpoint, which gets as far as the reader is
			if got := count(t, db); got != total {
				t.Errorf("round %d: there are %d rows, want %d", round, got, total)
			}
			if got := checked(t, db); got != "ok" {
				t.Errorf("round %d: readers find the database damaged: %.200s", round, got)
			}
		}
		close(held)
		if err := <-read; err != nil || t.Failed() {
			t.Fatal(err)
		}
	}
}

// Whatever is written and copied meanwhile, a reader sees all of a commit or nothing of it.
func TestReadersSeeWholeCommits(t *testing.T) {
	db := open(t, store.Options{Name: "bank", Dir: t.TempDir(), Migrations: tables})
	const accounts, readers, rounds, moved = 2000, 2, 60, 200
	update(t, db, func(tx *store.Tx) error {
		for n := range accounts {
			if err := insert(fmt.Sprintf("%s %06d", strings.Repeat("name", 25), n), 1000)(tx); err != nil {
				return err
			}
		}
		return nil
	})
	done, seen := make(chan struct{}), make(chan error, readers)
	for range readers {
		go func() {
			var err error
			for over := false; err == nil && !over; {
				select {
				case <-done:
					over = true // after one more look
				default:
				}
				var n, sum int
				err = db.View(context.Background(), func(tx *store.Tx) error {
					return tx.QueryRow("SELECT count(*), sum(balance) FROM account").Scan(&n, &sum)
				})
				if err == nil && (n != accounts || sum != accounts*1000) {
					err = fmt.Errorf("there are %d accounts with %d in all, want %d and %d", n, sum, accounts, accounts*1000)
				}
			}
			seen <- err
		}()
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		update(t, db, func(tx *store.Tx) error {
			for range moved {
				for _, by := range []int{-1, 1} {
					id := fmt.Sprintf("%s %06d", strings.Repeat("name", 25), random.IntN(accounts))
					if err := tx.Do("UPDATE account SET balance = balance + $1 WHERE id = $2", by, id); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	close(done)
	for range readers {
		if err := <-seen; err != nil {
			t.Error(err)
		}
	}
}

func checked(t *testing.T, db *store.DB) (found string) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow("PRAGMA integrity_check").Scan(&found) })
	if err != nil {
		return err.Error()
	}
	return found
}
