package store_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"ticketing/kernel/store"
	"ticketing/test/postgres"
)

// deaf stands before a server. While it is armed, the answer to what is sent next is lost, and the connection with it.
type deaf struct {
	net.Listener
	server string
	armed  atomic.Bool
}

// newDeaf returns it with the URL that leads through it.
func newDeaf(t *testing.T, server string) (*deaf, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &deaf{Listener: l, server: u.Host}
	t.Cleanup(func() { _ = l.Close() })
	go d.serve()
	u.Host = l.Addr().String()
	return d, u.String()
}

func (d *deaf) serve() {
	for {
		client, err := d.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", d.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		go func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		}()
		go func() {
			defer client.Close()
			for answer := make([]byte, 64<<10); ; {
				n, err := server.Read(answer)
				if err != nil || d.armed.CompareAndSwap(true, false) {
					return
				}
				if _, err := client.Write(answer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// Whatever is lost of a connection, an update that says that it has succeeded has happened once, and none has happened twice.
func TestAnUpdateWhoseAnswerIsLostIsNotRepeatedAfterItsCommit(t *testing.T) {
	direct := postgres.URL(t)
	d, through := newDeaf(t, direct)
	o := store.Options{Name: "bank", URL: through, Migrations: tables}
	db := open(t, o)
	update(t, db, insert("a", 0))
	for name, add := range map[string]func(tx *store.Tx) error{
		"nothing is waited for": func(tx *store.Tx) error { return tx.Do(`UPDATE account SET balance = balance + 1 WHERE id = 'a'`) },
		"a statement is waited for": func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE account SET balance = balance + 1 WHERE id = 'a'`)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				before := balance(t, db, "a")
				d.armed.Store(true)
				err := db.Update(t.Context(), add)
				d.armed.Store(false)
				added := balance(t, db, "a") - before
				if added > 1 || err == nil && added != 1 {
					t.Fatalf("%v: %d was added", err, added)
				}
			}
		})
	}
}

// A connection that dies is replaced, whatever the driver says about it and whatever the function makes of that: the driver
// has other words for it where it had something to tidy up first.
func TestADeadConnectionIsNoRefusal(t *testing.T) {
	url := postgres.URL(t)
	db := open(t, store.Options{Name: "bank", URL: url, Migrations: tables})
	update(t, db, insert("a", 1))
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close(context.Background()) })
	// cut ends the database's connections until they are gone: one to read the clock may be opened at any time.
	cut := func() {
		for left := 1; left > 0; {
			err := other.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&left)
			if err != nil {
				t.Error(err)
				return
			}
		}
	}
	add := func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE account SET balance = balance + 1 WHERE id = 'a'`)
		return err
	}
	refused := func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE account SET balance = -1 WHERE id = 'a'`)
		return err
	}
	read := func(tx *store.Tx) error {
		var n int
		return tx.QueryRow(`SELECT balance FROM account WHERE id = 'a'`).Scan(&n)
	}
	for name, c := range map[string]struct {
		before func(tx *store.Tx) error // is refused, and leaves the driver something to tidy up
		during func(tx *store.Tx) error // runs after the first statement, with the connection cut
	}{
		"before it":                           {before: refused},
		"in it":                               {during: add},
		"in it, and it goes on":               {during: func(tx *store.Tx) error { _ = add(tx); return read(tx) }},
		"in it, and it does not care":         {during: func(tx *store.Tx) error { _ = add(tx); return nil }},
		"in it, and it has an error to tell":  {during: func(tx *store.Tx) error { _ = add(tx); return sql.ErrNoRows }},
		"in it, where only a read is refused": {during: func(tx *store.Tx) error { _ = read(tx); return read(tx) }},
	} {
		t.Run(name, func(t *testing.T) {
			if c.before != nil {
				if err := db.Update(t.Context(), c.before); err == nil || errors.Is(err, store.ErrUnavailable) {
					t.Fatal(err)
				}
				if err := db.View(t.Context(), func(tx *store.Tx) error {
					return tx.QueryRow(`SELECT 1 / (balance - balance) FROM account`).Scan(new(int))
				}); err == nil || errors.Is(err, store.ErrUnavailable) {
					t.Fatal(err)
				}
				cut()
			}
			was := balance(t, db, "a")
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				if err := add(tx); err != nil || c.during == nil {
					return err
				}
				cut()
				return c.during(tx)
			})
			if c.during == nil && err != nil || c.during != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Fatal(err)
			}
			update(t, db, add)
			want := was + 1
			if err == nil {
				want++
			}
			if now := balance(t, db, "a"); now != want {
				t.Errorf("%d, want %d", now, want)
			}
		})
	}
}

// A server on the same machine can be reached through its socket.
func TestThroughASocket(t *testing.T) {
	direct := postgres.URL(t)
	db := open(t, store.Options{Name: "bank", URL: postgres.Socket(direct), Migrations: tables})
	update(t, db, insert("a", 1))
	if n := balance(t, open(t, store.Options{Name: "bank", URL: direct, Migrations: tables}), "a"); n != 1 {
		t.Errorf("the balance is %d, want 1", n)
	}
	other, err := store.Open(t.Context(), store.Options{Name: "bank", URL: "postgres:///nowhere?host=/nowhere&user=u&password=hunter2"})
	if err == nil {
		other.Close()
		t.Fatal("a database that is not there was opened")
	}
	if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "\n") || !strings.Contains(text, "/nowhere") {
		t.Errorf("want one line that says where, without a password, got:\n%s", text)
	}
}
