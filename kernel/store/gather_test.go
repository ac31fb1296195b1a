package store_test

import (
	"fmt"
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
	for round, rows := range []int{1, 1, 40, 2000, 3, 12_000, 1, 500, 1, 5_000, 2} {
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

func checked(t *testing.T, db *store.DB) (found string) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow("PRAGMA integrity_check").Scan(&found) })
	if err != nil {
		t.Fatal(err)
	}
	return found
}
