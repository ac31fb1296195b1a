// Package service runs one service of the market alone, as the world sees it: its HTTP answers, what it says on a real
// event log, and what it makes of events that others say. The others are stand-ins that a test speaks through.
package service

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
	"ticketing/test/postgres"
	"ticketing/test/prepared"
)

// Patience is how long a test waits for what must come; it only shows when a test fails.
const Patience = 20 * time.Second

// Market is what the services of a test share: an event log, a clock, and where their databases are.
type Market struct {
	testing.TB
	*Clock
	Log    *bus.NATS
	URL    string // of PostgreSQL, or empty
	dir    string
	record record
}

// Clock is the time of every database of a market. It begins now, since ids hold the time of their making, and stands
// still until it is moved.
type Clock struct{ ms atomic.Int64 }

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// Advance moves the time.
func (c *Clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// Each runs the test on every database that services run on.
func Each(t *testing.T, test func(t *testing.T, m *Market)) {
	t.Run("sqlite", func(t *testing.T) { test(t, New(t, "")) })
	t.Run("postgres", func(t *testing.T) { test(t, New(t, postgres.URL(t))) })
}

// New is a market whose services use the PostgreSQL at that URL, or SQLite if it is empty.
func New(t testing.TB, url string) *Market {
	t.Helper()
	// Not t.TempDir: a server that is just going may write one more file while the folder is removed.
	dir, err := os.MkdirTemp("", "ticketing-market-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &Market{TB: t, Clock: &Clock{}, URL: url, dir: dir}
	m.ms.Store(time.Now().UnixMilli())
	if m.Log, err = bus.Connect(context.Background(), bus.NATSOptions{Dir: filepath.Join(dir, "log")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Log.Close)
	m.listen()
	return m
}

// Shared says that several processes of a service can use its database at once.
func (m *Market) Shared() bool { return m.URL != "" }

// Process is one process of a service.
type Process struct {
	*Market
	DB      *store.DB
	Bus     *bus.Bus
	Handler http.Handler
	about   document
	stop    func()
}

// Parts are what a service is, besides its tables.
type Parts struct {
	Routes  []httpapi.Route
	Private bool
	Run     func(ctx context.Context) error // its work in the background; may be nil
}

// Start starts a process of a service. On PostgreSQL it may be called again for a replica; on SQLite after Stop.
func (m *Market) Start(name string, tables fs.FS, clock func() time.Time, build func(db *store.DB, b *bus.Bus) Parts) *Process {
	m.Helper()
	return m.start(store.Options{Name: name, Dir: m.dir, URL: m.URL, Migrations: tables, Now: clock}, build)
}

func (m *Market) start(o store.Options, build func(db *store.DB, b *bus.Bus) Parts) *Process {
	m.Helper()
	o.Kernel = []store.Migrations{bus.Migrations, httpapi.Migrations}
	if o.Now == nil {
		o.Now = m.Now
	}
	db, err := prepared.Open(context.Background(), o)
	if err != nil {
		m.Fatal(err)
	}
	b := bus.New(db, m.Log, bus.Options{})
	parts := build(db, b)
	p := &Process{Market: m, DB: db, Bus: b, about: m.document(parts.Routes)}
	p.Handler = httpapi.Edge(httpapi.EdgeOptions{Larger: httpapi.LargerBodies(parts.Routes)}, httpapi.Handler(httpapi.Options{Verifier: names{}, Private: parts.Private}, db, parts.Routes))
	running, cancel := context.WithCancel(context.Background())
	if err := b.Prepare(running); err != nil {
		m.Fatal(err)
	}
	var work sync.WaitGroup
	for _, run := range []func(context.Context) error{b.Run, parts.Run} {
		if run != nil {
			work.Go(func() {
				if err := run(running); err != nil {
					m.Errorf("%s stopped by itself: %v", o.Name, err)
				}
			})
		}
	}
	var once sync.Once
	p.stop = func() {
		once.Do(func() {
			cancel()
			work.Wait()
			if err := db.Close(); err != nil {
				m.Error(err)
			}
		})
	}
	m.Cleanup(p.stop)
	return p
}

// Stop ends the process in order.
func (p *Process) Stop() { p.stop() }
