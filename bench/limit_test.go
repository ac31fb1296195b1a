package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
)

// BenchmarkLimitAnswer is a bare handler that answers as many bytes as the real one: what HTTP itself costs on this machine.
func BenchmarkLimitAnswer(b *testing.B) {
	for _, size := range answerSizes {
		b.Run(size.name, func(b *testing.B) { benchmark(b, 10000, bareAnswers(b, size.bytes)) })
	}
}

// answerSizes are those of the real answers, about.
var answerSizes = []struct {
	name  string
	bytes int
}{{"ticket", 450}, {"list", 8600}, {"page", 23000}}

func bareAnswers(tb testing.TB, bytes int) work {
	body := make([]byte, bytes)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	length := strconv.Itoa(bytes)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the connection goes on
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", length)
		_, _ = w.Write(body) // a client that went away fails by itself
	})}
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	tb.Cleanup(func() { server.Close() })
	return func(tb testing.TB, count int) sample {
		clients := make([]*client, crowd)
		for i := range clients {
			clients[i] = newClient("http://"+listener.Addr().String(), "")
			defer clients[i].close()
		}
		return together(tb, crowd, count, func(person, _ int) error {
			_, err := clients[person].want(200, "GET", "/", "")
			return err
		})
	}
}

// BenchmarkLimitCommit is one row a commit: what the disk allows who does not commit in groups.
func BenchmarkLimitCommit(b *testing.B) {
	benchmark(b, 2000, func(tb testing.TB, count int) sample {
		d := newBare(tb, "commit", 1)
		defer d.close()
		return together(tb, crowd, count, func(_, n int) error { return d.store(bareStep{row: n, version: 1}) })
	})
}

// BenchmarkLimitList is a ticket and its event in a commit that waiting ones share.
func BenchmarkLimitList(b *testing.B) { benchmark(b, 10000, bareLists) }

func bareLists(tb testing.TB, count int) sample {
	d := newBare(tb, "list", bareGroup)
	defer d.close()
	return together(tb, crowd, count, func(_, n int) error { return d.store(bareStep{row: n, version: 1}) })
}

// BenchmarkLimitRead is a list of 20 rows by a prepared statement, and a row by its key.
func BenchmarkLimitRead(b *testing.B) {
	b.Run("list", func(b *testing.B) {
		benchmark(b, 5000, bareReads(b, `SELECT id, state, version, held FROM entities WHERE held = 0 AND $1 >= 0 ORDER BY id DESC LIMIT 20`))
	})
	b.Run("row", func(b *testing.B) {
		benchmark(b, 20000, bareReads(b, `SELECT id, state, version, held FROM entities WHERE id = $1`))
	})
}

func bareReads(tb testing.TB, query string) work {
	d := newBare(tb, "read", bareGroup)
	together(tb, crowd, small, func(_, n int) error { return d.store(bareStep{row: n, version: 1}) })
	statements := make(chan *sqlite.Stmt, 4)
	for range cap(statements) {
		conn := openBare(tb, d.path)
		statement := conn.Prep(query)
		statements <- statement
		tb.Cleanup(func() { conn.Close() })
	}
	tb.Cleanup(d.close)
	return func(tb testing.TB, count int) sample {
		return together(tb, crowd, count, func(_, n int) error {
			statement := <-statements
			defer func() { statements <- statement }()
			statement.BindInt64(1, int64(n%small))
			for {
				row, err := statement.Step()
				if err != nil || !row {
					return firstOf(err, statement.Reset())
				}
				_, _, _, _ = statement.ColumnInt64(0), statement.ColumnText(1), statement.ColumnInt64(2), statement.ColumnInt64(3)
			}
		})
	}
}

// openBare opens the file with the settings of the real ones.
func openBare(tb testing.TB, path string) *sqlite.Conn {
	tb.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
	if err != nil {
		tb.Fatal(err)
	}
	conn.SetBusyTimeout(5 * time.Second)
	for _, setting := range []string{`PRAGMA synchronous = FULL`, `PRAGMA temp_store = MEMORY`} {
		if err := runBare(conn.Prep(setting)); err != nil {
			tb.Fatal(err)
		}
	}
	return conn
}

// runBare runs a statement to its end.
func runBare(s *sqlite.Stmt, args ...any) error {
	for i, arg := range args {
		switch v := arg.(type) {
		case int:
			s.BindInt64(i+1, int64(v))
		case string:
			s.BindText(i+1, v)
		}
	}
	for {
		if row, err := s.Step(); err != nil || !row {
			return firstOf(err, s.Reset())
		}
	}
}

// bareGroup is how many steps share a commit at most.
const bareGroup = 256

// bare is a database with nothing in it but states, a version of each, and what was said of them: the same settings as the
// real ones, a writer with a queue, and groups that share a commit.
type bare struct {
	name  string
	path  string
	group int
	conn  *sqlite.Conn
	queue chan bareCall
	ended chan struct{}
	said  func([]bareStep) // after a commit, in its order
}

// bareStep takes a row to its next version, if it has the one before.
type bareStep struct{ row, version, stage int }

type bareCall struct {
	steps []bareStep
	seqs  bool // the steps have been published: nothing but that is written down
	done  chan error
}

func newBare(tb testing.TB, name string, group int) *bare {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name+".db")
	d := &bare{name: name, path: path, group: group, conn: openBare(tb, path), queue: make(chan bareCall, 4096), ended: make(chan struct{})}
	for _, table := range []string{
		`CREATE TABLE entities (id INTEGER PRIMARY KEY, state TEXT NOT NULL, version BIGINT NOT NULL, held BIGINT NOT NULL)`,
		`CREATE TABLE outbox (id TEXT PRIMARY KEY, document TEXT NOT NULL, seq BIGINT)`,
		`CREATE TABLE inbox (entity TEXT PRIMARY KEY, version BIGINT NOT NULL)`,
	} {
		if err := runBare(d.conn.Prep(table)); err != nil {
			tb.Fatal(err)
		}
	}
	go d.write()
	return d
}

// store takes a step and returns after its commit.
func (d *bare) store(step bareStep) error {
	done := make(chan error, 1)
	d.queue <- bareCall{steps: []bareStep{step}, done: done}
	return <-done
}

func (d *bare) close() {
	close(d.queue)
	<-d.ended
	d.conn.Close()
}

// bareTexts are the statements of a writer.
var bareTexts = []string{
	`BEGIN IMMEDIATE`, `COMMIT`,
	`INSERT INTO entities (id, state, version, held) VALUES ($1, $2, $3, 0)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version WHERE entities.version < excluded.version`,
	`INSERT INTO outbox (id, document) VALUES ($1, $2)`,
	`INSERT INTO inbox (entity, version) VALUES ($1, $2) ON CONFLICT (entity) DO UPDATE SET version = excluded.version WHERE inbox.version < excluded.version`,
	`UPDATE outbox SET seq = 1 WHERE id = $1`,
}

func (d *bare) write() {
	defer close(d.ended)
	run := make([]func(args ...any) error, len(bareTexts))
	for i, text := range bareTexts {
		s := d.conn.Prep(text)
		run[i] = func(args ...any) error { return runBare(s, args...) }
	}
	for first := range d.queue {
		calls := []bareCall{first}
		for len(calls) < d.group && len(d.queue) > 0 {
			calls = append(calls, <-d.queue)
		}
		d.commit(calls, run)
	}
}

// commit runs the calls in one transaction and answers them all.
func (d *bare) commit(calls []bareCall, run []func(args ...any) error) {
	err := run[0]()
	var steps []bareStep
	for _, c := range calls {
		for _, s := range c.steps {
			id := fmt.Sprintf("%012d-%04d", s.row, s.stage)
			if c.seqs {
				err = firstOf(err, run[5](id))
				continue
			}
			err = firstOf(err, run[2](s.row, bareState, s.version), run[3](id, bareDocument), run[4](id, s.version))
			steps = append(steps, s)
		}
	}
	err = firstOf(err, run[1]())
	for _, c := range calls {
		c.done <- err
	}
	if d.said != nil && len(steps) > 0 && err == nil {
		d.said(steps)
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// bareState and bareDocument are as large as a row and an event are.
var (
	bareState    = string(make([]byte, 250))
	bareDocument = string(make([]byte, 750))
)

// bareWait is how long a bare saga may take before the machine is thought to hang.
const bareWait = 30 * time.Second
