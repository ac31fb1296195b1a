package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/test/postgres"
)

// patience is how long a test waits for what must come; it only shows when a test fails.
const patience = 30 * time.Second

// engines runs a test on both databases.
func engines(t *testing.T, test func(t *testing.T, open opener)) {
	t.Run("SQLite", func(t *testing.T) { test(t, sqlite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, opener{t: t, o: store.Options{URL: postgres.URL(t)}}) })
}

// opener opens the databases of services. One in SQLite has one owner, so it is opened once; one in PostgreSQL is opened
// again at every call, as replicas do.
type opener struct {
	t    testing.TB
	o    store.Options
	once map[string]*store.DB // nil for PostgreSQL
}

func sqlite(t testing.TB) opener {
	return opener{t: t, o: store.Options{Dir: t.TempDir()}, once: map[string]*store.DB{}}
}

func (o opener) db(name string) *store.DB {
	o.t.Helper()
	if db := o.once[name]; db != nil {
		return db
	}
	options := o.o
	options.Name, options.Kernel = name, []store.Migrations{bus.Migrations}
	options.Migrations = fstest.MapFS{"0001_seen.sql": {Data: []byte(
		"CREATE TABLE seen (entity TEXT PRIMARY KEY, version BIGINT NOT NULL, times BIGINT NOT NULL);\n")}}
	db, err := store.Open(context.Background(), options)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { db.Close() })
	if o.once != nil {
		o.once[name] = db
	}
	return db
}

// embedded is a log inside this process, in dir.
func embedded(t testing.TB, dir string) *bus.NATS {
	t.Helper()
	n, err := bus.Connect(context.Background(), bus.NATSOptions{Dir: dir, Log: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// external is a NATS server as operators run one, which can be stopped and started again.
type external struct {
	t      testing.TB
	dir    string
	port   int
	server *server.Server
}

func newExternal(t testing.TB) *external {
	e := &external{t: t, dir: t.TempDir(), port: -1}
	e.start()
	t.Cleanup(e.stop)
	return e
}

func (e *external) start() {
	e.t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: e.port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: e.dir,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		e.t.Fatal("the NATS server does not start")
	}
	e.server = s
	if e.port < 0 {
		var port int
		fmt.Sscanf(s.ClientURL(), "nats://127.0.0.1:%d", &port)
		e.port = port
	}
}

func (e *external) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

func (e *external) connect() *bus.NATS {
	e.t.Helper()
	n, err := bus.Connect(context.Background(), bus.NATSOptions{URL: e.server.ClientURL(), Log: logger(e.t)})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(n.Close)
	return n
}

// logger writes to the test's own log.
func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(&testWriter{t: t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct {
	mu   sync.Mutex
	t    testing.TB
	done bool
}

func (w *testWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.done = w.t.Context().Err() != nil // after the test, its log is closed
	}
	if !w.done {
		w.t.Log(string(b[:len(b)-1]))
	}
	return len(b), nil
}

// running runs the bus until the returned function is called, or the test ends.
func running(t testing.TB, b *bus.Bus) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	if err := b.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func order(id string, version int64) event.Order {
	return event.Order{ID: id, Status: event.Created, Version: version}
}

// emit says that an order has these versions, each in a transaction of its own.
func emit(t testing.TB, db *store.DB, b *bus.Bus, id string, versions ...int64) {
	t.Helper()
	for _, v := range versions {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			return b.Emit(tx, event.OrderUpdated, order(id, v))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// see is a handler that writes down which version of an order it saw, and how often it was called for that order.
func see(_ context.Context, tx *store.Tx, o event.Order) error {
	_, err := tx.Exec(`INSERT INTO seen (entity, version, times) VALUES ($1, $2, 1)
		ON CONFLICT (entity) DO UPDATE SET version = excluded.version, times = seen.times + 1`, o.ID, o.Version)
	tx.Touch("seen")
	return err
}

// awaitSeen waits until the newest seen versions are these.
func awaitSeen(t testing.TB, db *store.DB, want map[string]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var got map[string]int64
	err := db.Await(ctx, "seen", func(tx *store.Tx) (bool, error) {
		got = map[string]int64{}
		_, err := store.All(tx, func(scan store.Scan) (struct{}, error) {
			var entity string
			var version int64
			err := scan(&entity, &version)
			got[entity] = version
			return struct{}{}, err
		}, `SELECT entity, version FROM seen`)
		return fmt.Sprint(got) == fmt.Sprint(want), err
	})
	if err != nil {
		t.Fatalf("%v: seen %v, want %v", err, got, want)
	}
}

// times is how often the handler was called for all orders together, and committed.
func times(t testing.TB, db *store.DB) (n int64) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT coalesce(sum(times), 0) FROM seen`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// contents is what is in the log now.
func contents(t testing.TB, log bus.Log) (all []bus.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	atEnd := false
	err := log.Tail(ctx, []string{"ticketing.>"}, bus.From{}, func(m bus.Message) error {
		if !atEnd {
			all = append(all, m)
		}
		return nil
	}, func() { atEnd = true; cancel() })
	if err != nil || !atEnd {
		t.Fatalf("reading the log: %v", errors.Join(err, ctx.Err()))
	}
	return all
}

// versions are those in the log, by entity, in the order of the log.
func versions(t testing.TB, log bus.Log) map[string][]int64 {
	t.Helper()
	all := map[string][]int64{}
	for _, m := range contents(t, log) {
		e, err := bus.Decode(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != m.ID || m.Subject != "ticketing."+string(e.Type)+"."+e.Subject {
			t.Errorf("message %+v has the document %+v", m, e)
		}
		o, err := bus.State[event.Order](e)
		if err != nil {
			t.Fatal(err)
		}
		all[o.ID] = append(all[o.ID], o.Version)
	}
	return all
}

func wantVersions(t testing.TB, log bus.Log, want map[string][]int64) {
	t.Helper()
	if got := versions(t, log); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
}
