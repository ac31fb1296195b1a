package store_test

import (
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

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
