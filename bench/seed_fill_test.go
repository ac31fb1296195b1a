package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
)

const (
	seedCommit    = 10_000 // rows that share a commit
	seedStatement = 16     // rows that share a statement
)

// table is the rows that each story has in a table of a service.
type table struct {
	service, name, columns string
	row                    func(n int) ([]any, error)
	kinds                  string // of seeds that have such rows
}

// fill writes the stories into the databases of a data folder, a service beside the other, and then their events' places.
func (s *seed) fill(tb testing.TB, dir string) {
	tb.Helper()
	if err := s.readUsers(dir); err != nil {
		tb.Fatal(err)
	}
	tables := append(s.tables(), s.inboxes()...)
	log, err := openSeedLog(dir)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.close()
	for _, o := range s.outboxes() {
		o, err := log.publish(s, o)
		if err != nil {
			tb.Fatal(err)
		}
		tables = append(tables, o)
	}
	if err := log.skip(dir); err != nil {
		tb.Fatal(err)
	}
	var all errgroup.Group
	for _, service := range []string{"tickets", "orders", "expiration", "payments"} {
		all.Go(func() error { return s.fillService(dir, service, tables) })
	}
	if err := all.Wait(); err != nil {
		tb.Fatal(err)
	}
}

func openSeedDB(dir, service string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, service+".db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=cache_size(-200000)&_pragma=wal_autocheckpoint(20000)&_txlock=immediate")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func (s *seed) readUsers(dir string) error {
	db, err := openSeedDB(dir, "auth")
	if err != nil {
		return err
	}
	defer db.Close()
	s.users = make([]string, 2*crowd)
	for n := range s.users {
		err := db.QueryRow(`SELECT id FROM users WHERE email = $1`, fmt.Sprintf("person%d@example.com", n)).Scan(&s.users[n])
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *seed) fillService(dir, service string, tables []table) error {
	db, err := openSeedDB(dir, service)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, t := range tables {
		if t.service == service && strings.Contains(t.kinds, s.kind) {
			if err := s.fillTable(db, t); err != nil {
				return fmt.Errorf("%s.%s: %w", service, t.name, err)
			}
		}
	}
	if service == "tickets" {
		if err := indexWords(db); err != nil {
			return fmt.Errorf("the words of tickets: %w", err)
		}
	}
	_, err = db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

func (s *seed) fillTable(db *sql.DB, t table) error {
	width := strings.Count(t.columns, ",") + 1
	for from := 0; from < s.count; from += seedCommit {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		to := min(from+seedCommit, s.count)
		for n := from; n < to && err == nil; n += seedStatement {
			err = insertRows(tx, t, width, n, min(n+seedStatement, to))
		}
		if err != nil {
			return firstOf(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// indexWords makes the tickets searchable, which the service does for each that it lists.
func indexWords(db *sql.DB) error {
	for _, statement := range []string{
		`INSERT INTO ticket_numbers (ticket_id) SELECT id FROM tickets ORDER BY created_at, id`,
		`INSERT INTO ticket_search (rowid, search) SELECT number, search FROM ticket_numbers JOIN tickets ON id = ticket_id ORDER BY number`,
	} {
		if _, err := db.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

func insertRows(tx *sql.Tx, t table, width, from, to int) error {
	args := make([]any, 0, width*(to-from))
	for n := from; n < to; n++ {
		row, err := t.row(n)
		if err != nil {
			return err
		}
		args = append(args, row...)
	}
	marks := "(" + strings.Repeat("?, ", width-1) + "?)"
	_, err := tx.Exec(`INSERT INTO `+t.name+` (`+t.columns+`) VALUES `+strings.Repeat(marks+", ", to-from-1)+marks, args...)
	return err
}

// seedLog is the event log of a data folder.
type seedLog struct {
	server   *server.Server
	conn     *nats.Conn
	js       jetstream.JetStream
	identity string // as the outboxes know it
}

func openSeedLog(dir string) (*seedLog, error) {
	ctx := context.Background()
	s, err := server.NewServer(&server.Options{
		ServerName: "ticketing", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: filepath.Join(dir, "events"),
	})
	if err != nil {
		return nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		return nil, fmt.Errorf("the event log in %s does not start", dir)
	}
	l := &seedLog{server: s}
	if l.conn, err = nats.Connect("", nats.InProcessServer(s)); err != nil {
		return nil, err
	}
	if l.js, err = jetstream.New(l.conn); err != nil {
		return nil, err
	}
	stream, err := l.js.Stream(ctx, bus.Stream)
	if err != nil {
		return nil, err
	}
	l.identity = stream.CachedInfo().Created.UTC().Format(time.RFC3339Nano)
	return l, nil
}

func (l *seedLog) close() {
	l.conn.Close()
	l.server.Shutdown()
	l.server.WaitForShutdown()
}

// said is one event of each story.
type said struct {
	service, kinds string
	what           int // of the event's id
	typ            event.Type
	state          func(n int) event.State
}

// publish puts the events into the log and returns the rows of the outbox, which know their places. Only the last one has an
// id that the server keeps: it would hold all of them in memory for two minutes, and nobody repeats them.
func (l *seedLog) publish(s *seed, o said) (table, error) {
	t := table{service: o.service, kinds: o.kinds, name: "outbox", columns: "id, kind, entity, version, type, document, seq"}
	if !strings.Contains(o.kinds, s.kind) {
		return t, nil
	}
	var first uint64
	var acks []jetstream.PubAckFuture
	for n := range s.count {
		id := s.id(o.what, n)
		document, err := s.document(id, o.typ, s.at(n).UTC(), o.state(n))
		if err != nil {
			return t, err
		}
		entity, _ := o.state(n).Entity()
		m := &nats.Msg{Subject: "ticketing." + string(o.typ) + "." + entity, Data: document, Header: nats.Header{}}
		if n == s.count-1 {
			m.Header.Set(jetstream.MsgIDHeader, id)
		}
		ack, err := l.js.PublishMsgAsync(m)
		if err != nil {
			return t, err
		}
		if acks = append(acks, ack); len(acks) == 1000 || n == s.count-1 {
			at, err := places(acks)
			if err != nil {
				return t, err
			}
			if first == 0 {
				first = at
			}
			acks = nil
		}
	}
	t.row = func(n int) ([]any, error) {
		state := o.state(n)
		entity, version := state.Entity()
		id := s.id(o.what, n)
		document, err := s.document(id, o.typ, s.at(n).UTC(), state)
		return []any{id, state.Kind().Name, entity, version, string(o.typ), string(document), int64(first) + int64(n)}, err
	}
	return t, nil
}

// places waits until all is stored and returns the place of the first.
func places(acks []jetstream.PubAckFuture) (first uint64, err error) {
	for i, ack := range acks {
		select {
		case stored := <-ack.Ok():
			if i == 0 {
				first = stored.Sequence
			}
		case err := <-ack.Err():
			return 0, err
		}
	}
	return first, nil
}

// follows is the kinds of events that each service follows.
var follows = map[string][]event.Kind{
	"tickets": {event.Orders}, "expiration": {event.Orders}, "payments": {event.Orders},
	"orders": {event.Tickets, event.Rejections, event.Expiries, event.Charges},
}

// skip takes the followers to the end of the log, in the file in which the market keeps how far they are: their inboxes know
// all of it.
func (l *seedLog) skip(dir string) error {
	ctx := context.Background()
	stream, err := l.js.Stream(ctx, bus.Stream)
	if err != nil {
		return err
	}
	last, err := stream.GetMsg(ctx, stream.CachedInfo().State.LastSeq)
	if err != nil {
		return err
	}
	consumers := map[string]any{}
	for service, kinds := range follows {
		for _, k := range kinds {
			consumers[service+"-"+k.Name] = map[string]any{
				"subjects": bus.Subjects(k), "id": last.Header.Get(jetstream.MsgIDHeader), "seq": last.Sequence,
			}
		}
	}
	text, err := json.Marshal(map[string]any{"log": l.identity, "consumers": consumers})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "events", "places.json"), text, 0o600)
}
