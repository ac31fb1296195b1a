package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"ticketing/kernel/store"
	"ticketing/test/postgres"
)

var tables = fstest.MapFS{
	"0001_account.sql": {Data: []byte(`
CREATE TABLE account (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT NOT NULL,
    open BOOLEAN NOT NULL DEFAULT TRUE,
    balance BIGINT NOT NULL CHECK (balance >= 0)
);
CREATE UNIQUE INDEX one_open ON account (owner) WHERE open;
`)},
	"sqlite/0001_only.sql":   {Data: []byte("CREATE TABLE only_here (n INTEGER) STRICT;\n")},
	"postgres/0001_only.sql": {Data: []byte("CREATE TABLE only_here (n INTEGER[]);\n")},
}

// everyEngine runs the test on both databases: what the store promises, it promises for both.
func everyEngine(t *testing.T, test func(t *testing.T, o store.Options)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, store.Options{Name: "bank", Dir: t.TempDir(), Migrations: tables})
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, store.Options{Name: "bank", URL: postgres.URL(t), Migrations: tables})
	})
}

func open(t *testing.T, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func update(t *testing.T, db *store.DB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func insert(id string, balance int) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO account (owner, balance, id) VALUES ($2, $3, $1)", id, "owner of "+id, balance)
		return err
	}
}

func balance(t *testing.T, db *store.DB, id string) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow("SELECT balance FROM account WHERE id = $1", id).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow("SELECT count(*) FROM account").Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStateSurvivesReopening(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		update(t, db, insert("a", 7))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if got := balance(t, open(t, o), "a"); got != 7 {
			t.Fatalf("balance after reopening is %d, want 7", got)
		}
	})
}

func TestAnErrorRollsBackItsOwnUpdateOnly(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		refused := errors.New("refused")
		// The first update holds the writer until all others wait behind it, so that they share a commit.
		gate, answers := make(chan struct{}), []<-chan error{}
		first := db.Start(t.Context(), func(*store.Tx) error { <-gate; return nil })
		for i := range 30 {
			answers = append(answers, db.Start(t.Context(), func(tx *store.Tx) error {
				if err := insert(fmt.Sprint("id", i), i)(tx); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return refused
				case 2:
					panic("a bug")
				}
				return nil
			}))
		}
		close(gate)
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		for i, answer := range answers {
			err := <-answer
			switch {
			case i%3 == 0 && err != nil, i%3 == 1 && err != refused, i%3 == 2 && (err == nil || !strings.Contains(err.Error(), "a bug")):
				t.Errorf("update %d: %v", i, err)
			}
		}
		if got := count(t, db); got != 10 {
			t.Fatalf("%d rows, want those of the 10 updates that succeeded", got)
		}
	})
}

func TestAStatementErrorCannotBeSwallowed(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		update(t, db, insert("a", 1))
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if err := insert("b", 2)(tx); err != nil {
				return err
			}
			tx.Exec("INSERT INTO account (id, owner, balance) VALUES ($1, $1, 0)", "a") // fails
			_, err := tx.Exec("UPDATE account SET balance = 5 WHERE id = $1", "b")
			return err
		})
		// SQLite can go on after a refused statement, PostgreSQL cannot: either all of the rest is there, or an error.
		if rows := count(t, db); (err == nil) != (rows == 2) {
			t.Fatalf("error %v with %d rows", err, rows)
		}
	})
}

func TestUpdatesRunInTheOrderOfStart(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		var order []int
		var last <-chan error
		for i := range 500 {
			last = db.Start(t.Context(), func(tx *store.Tx) error { order = append(order, i); return nil })
		}
		if err := <-last; err != nil {
			t.Fatal(err)
		}
		for i, got := range order {
			if got != i {
				t.Fatalf("update %d ran as number %d", got, i)
			}
		}
	})
}

func TestACancelledCallerIsNotRun(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.Update(ctx, insert("a", 1)); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want the context's", err)
		}
		if got := count(t, db); got != 0 {
			t.Fatalf("%d rows of a caller that had gone", got)
		}
	})
}

func TestHooksRunAfterTheCommitOnly(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		ran := 0
		update(t, db, func(tx *store.Tx) error {
			tx.AfterCommit(func() { ran++ })
			return nil
		})
		db.Update(t.Context(), func(tx *store.Tx) error {
			tx.AfterCommit(func() { ran += 100 })
			return errors.New("no")
		})
		if ran != 1 {
			t.Fatalf("hooks ran %d times, want 1", ran)
		}
	})
}

func TestSixteenWritersTakeFromOneAccount(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		dbs := []*store.DB{open(t, o)}
		if dbs[0].Shared() {
			dbs = append(dbs, open(t, o)) // a replica
		}
		for round := range 20 {
			id := fmt.Sprint("round", round)
			update(t, dbs[0], insert(id, 5))
			gate, wg, won := make(chan struct{}), sync.WaitGroup{}, make(chan int64, 16)
			for i := range 16 {
				wg.Go(func() {
					<-gate
					var taken int64
					err := dbs[i%len(dbs)].Update(t.Context(), func(tx *store.Tx) (err error) {
						taken, err = tx.Exec("UPDATE account SET balance = balance - 1 WHERE id = $1 AND balance > 0", id)
						return err
					})
					if err != nil {
						t.Error(err)
					}
					won <- taken
				})
			}
			close(gate)
			wg.Wait()
			close(won)
			var total int64
			for n := range won {
				total += n
			}
			if total != 5 || balance(t, dbs[0], id) != 0 {
				t.Fatalf("round %d: %d took, %d left, want 5 and 0", round, total, balance(t, dbs[0], id))
			}
		}
	})
}

func TestReplicasThatWouldDeadlockBothSucceed(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		if !db.Shared() {
			t.Skip("one process has one writer")
		}
		replica := open(t, o)
		update(t, db, insert("a", 0))
		update(t, db, insert("b", 0))
		add := func(first, second string) func(tx *store.Tx) error {
			return func(tx *store.Tx) error {
				for _, id := range []string{first, second} {
					if _, err := tx.Exec("UPDATE account SET balance = balance + 1 WHERE id = $1", id); err != nil {
						return err
					}
				}
				return nil
			}
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { update(t, db, add("a", "b")) })
			wg.Go(func() { update(t, replica, add("b", "a")) })
		}
		wg.Wait()
		if a, b := balance(t, db, "a"), balance(t, db, "b"); a != 40 || b != 40 {
			t.Fatalf("balances %d and %d, want 40", a, b)
		}
	})
}

func TestConflictsAreRowCounts(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		try := func(id, owner string) (rows int64) {
			update(t, db, func(tx *store.Tx) (err error) {
				rows, err = tx.Exec(`INSERT INTO account (id, owner, balance) VALUES ($1, $2, 0)
					ON CONFLICT (owner) WHERE open DO NOTHING`, id, owner)
				return err
			})
			return rows
		}
		if first, second := try("a", "ann"), try("b", "ann"); first != 1 || second != 0 {
			t.Fatalf("rows %d and %d, want 1 and 0", first, second)
		}
	})
}

func TestViewsCannotChangeAnything(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		if err := db.View(t.Context(), insert("a", 1)); err == nil {
			t.Fatal("a view has changed the database")
		}
	})
}

func TestAwait(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		looks := make(chan struct{}, 1000)
		exists := func(tx *store.Tx) (bool, error) {
			var n int
			err := tx.QueryRow("SELECT count(*) FROM account WHERE id = 'a'").Scan(&n)
			looks <- struct{}{}
			return n == 1, err
		}
		done := make(chan error)
		go func() { done <- db.Await(t.Context(), "a", exists) }()
		<-looks
		update(t, db, func(tx *store.Tx) error { tx.Touch("a"); return insert("a", 1)(tx) })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.Await(ctx, "a", exists); err != nil {
			t.Fatalf("a condition that holds already needs no waiting, got %v", err)
		}
		never := func(*store.Tx) (bool, error) { return false, nil }
		if err := db.Await(ctx, "a", never); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want the context's", err)
		}
	})
}

func TestAwaitSeesOtherProcesses(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		if !db.Shared() {
			t.Skip("one process has the file to itself")
		}
		replica, done := open(t, o), make(chan error)
		go func() {
			done <- db.Await(t.Context(), "a", func(tx *store.Tx) (bool, error) {
				var n int
				return n == 1, tx.QueryRow("SELECT count(*) FROM account").Scan(&n)
			})
		}()
		update(t, replica, insert("a", 1))
		cancelled, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		select {
		case <-done:
		case <-cancelled.Done():
			t.Fatal("the commit of another process was not seen")
		}
	})
}

func TestExclusiveRunsInOneProcessAtATime(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		if !db.Shared() {
			t.Skip("one process has the file to itself")
		}
		replica := open(t, o)
		entered, leave, second := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go db.Exclusive(t.Context(), "job", func(context.Context) error { close(entered); <-leave; return nil })
		<-entered
		go replica.Exclusive(t.Context(), "job", func(context.Context) error { close(second); return nil })
		other := make(chan struct{})
		go replica.Exclusive(t.Context(), "other job", func(context.Context) error { close(other); return nil })
		<-other
		select {
		case <-second:
			t.Fatal("two processes run the same job")
		default:
		}
		close(leave)
		<-second
	})
}

func TestTimesAreMilliseconds(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		at := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.FixedZone("", 3600))
		o.Now, o.NewID = func() time.Time { return at }, func() string { return "an id" }
		db := open(t, o)
		update(t, db, func(tx *store.Tx) error {
			if got := store.Time(store.Millis(tx.Now())); !got.Equal(tx.Now()) || tx.Now().Location() != time.UTC {
				t.Errorf("%v does not survive the database, %v", tx.Now(), got)
			}
			if tx.NewID() != "an id" {
				t.Errorf("the id is %q", tx.NewID())
			}
			return nil
		})
	})
}

func TestOneAndAll(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		scan := func(scan store.Scan) (id string, err error) { return id, scan(&id) }
		check := func(tx *store.Tx) error {
			if _, found, err := store.One(tx, scan, "SELECT id FROM account WHERE id = $1", "a"); found || err != nil {
				t.Errorf("found %v, %v in an empty table", found, err)
			}
			all, err := store.All(tx, scan, "SELECT id FROM account")
			if len(all) != 0 || all == nil {
				t.Errorf("all of nothing is %#v", all)
			}
			return err
		}
		update(t, db, check)
		if err := db.View(t.Context(), check); err != nil {
			t.Fatal(err)
		}
		err := db.View(t.Context(), func(tx *store.Tx) error {
			_, _, err := store.One(tx, scan, "SELECT nonsense FROM account")
			return err
		})
		if err == nil || errors.Is(err, sql.ErrNoRows) || errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("a wrong statement is answered with %v", err)
		}
	})
}
