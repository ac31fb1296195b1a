package store_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"ticketing/kernel/store"
)

func TestAConnectionThatDiedIsReplaced(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		if !db.Shared() {
			t.Skip("a file has no connection that could die")
		}
		update(t, db, insert("a", 1))
		update(t, open(t, o), func(tx *store.Tx) error {
			_, err := tx.Exec("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()")
			return err
		})
		update(t, db, insert("b", 2))
		if got := balance(t, db, "b"); got != 2 {
			t.Fatalf("balance %d, want 2", got)
		}
	})
}

func TestAClosedDatabaseIsUnavailable(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), insert("a", 1)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("an update is answered with %v", err)
		}
		err := db.View(t.Context(), func(tx *store.Tx) error {
			_, _, err := store.One(tx, func(scan store.Scan) (n int, err error) { return n, scan(&n) }, "SELECT 1")
			return err
		})
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a view is answered with %v", err)
		}
	})
}

// A database that was closed is one file, which can be copied.
func TestClosingLeavesOneFile(t *testing.T) {
	o := store.Options{Name: "bank", Dir: t.TempDir(), Migrations: tables}
	db := open(t, o)
	update(t, db, insert("a", 1))
	if got := balance(t, db, "a"); got != 1 {
		t.Fatalf("balance %d, want 1", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(o.Dir, "bank.db?*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "bank.db.lock" {
		t.Errorf("beside the database there are %v, %v", left, err)
	}
}

// An engine that is set up to forget commits refuses to start, and says in one line which setting it is.
func TestUnsafeSettingsRefuseToStart(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		if o.URL == "" {
			t.Skip("the settings of a file are ours alone; they are read back at every start")
		}
		db := open(t, o)
		update(t, db, func(tx *store.Tx) error {
			var name string
			if err := tx.QueryRow("SELECT current_database()").Scan(&name); err != nil {
				return err
			}
			_, err := tx.Exec("ALTER DATABASE " + name + " SET synchronous_commit = off")
			return err
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		unsafe, err := store.Open(t.Context(), o)
		if err == nil {
			unsafe.Close()
			t.Fatal("it has started")
		}
		if text := err.Error(); !strings.Contains(text, "synchronous_commit is off") || strings.Contains(text, "\n") {
			t.Errorf("it says %q", text)
		}
	})
}
