// Package bus carries events from the database of one service to those of the others, through the event log.
//
// An event is written into the outbox in the transaction that changes the state it tells of: both commit or neither. A
// relay publishes the outbox to the log, JetStream. Followers apply what they read in a transaction that also records, in
// the inbox, which version of the entity they have now seen. Databases are the truth; the log is a copy of all outboxes
// that can be thrown away at any time.
//
// What is promised:
//
//   - Every committed event gets into the log, however often processes, brokers and databases stop in between; one that
//     was rolled back never does. It gets there once: a relay that does not know whether the log has an event reads the
//     log before it publishes again.
//   - The events of one entity are published in the order of their versions, and lie in the log in that order unless the
//     broker failed in between. Between entities there is no order.
//   - A follower may be given an event twice, late, or out of order (a replica has taken over from another, an earlier event failed
//     and is repeated). It applies only what is newer than what it has: at any time it has seen some version of an entity
//     and never goes back. A version may be skipped, the newest never is. Hence handlers answer to the state that they
//     are given, not to what may have changed since the last one.
//   - A handler's effects are those of one transaction, which events that came together share, applied once. A handler may run
//     more than once for that.
//   - A handler that fails holds nobody up: its event is set aside and tried again, at last parked for an operator. Only
//     a database that is out of order stops a follower, until it is back.
//   - A log that is new, was deleted, or has lost messages is filled again from the outboxes: before the process reports
//     ready, and within a second or so while it runs. Followers then read the log from its start and skip what they know.
//   - Where the log's server is in this process, followers are handed events as they are sent, and the log has causes before
//     effects. That is how a market in one process is fast; nothing else depends on it.
//
// Only this package knows NATS.
package bus

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the tables of a bus: outbox, inbox and failed events.
var Migrations = store.Migrations{Name: "bus", FS: store.Files(files, "migrations")}

// Options are what a bus may be given.
type Options struct {
	Log *slog.Logger // nil means none
}

// Bus is the event traffic of one service: what it says and what it follows.
type Bus struct {
	db       *store.DB
	log      Log
	slog     *slog.Logger
	source   string   // CloudEvents source of the service: /orders
	subjects []string // of the events that it says
	follows  []*follow

	relayMu    sync.Mutex
	compared   bool     // the log has been compared with the outbox …
	link       uint64   // … over this connection, and nothing has gone wrong since
	flights    []flight // of events, which the log has not answered about
	known      known
	unrecorded unrecorded
	fresh      fresh
	lineage    lineage // where other processes write, too
	relaying   atomic.Bool
	woken      chan struct{} // there may be something to publish
	retry      chan struct{} // there may be something to repeat
	counts     counts
}

// New is the bus of the service that db belongs to. Follow comes next, then Prepare, then Run.
func New(db *store.DB, log Log, o Options) *Bus {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{
		db: db, log: log, slog: o.Log.With("service", db.Name()), source: "/" + db.Name(),
		woken: make(chan struct{}, 1), retry: make(chan struct{}, 1),
	}
	for _, k := range event.Kinds {
		if k.Source == b.source {
			b.subjects = append(b.subjects, Subjects(k)...)
		}
	}
	return b
}

// Subjects are those of the events of a kind, whatever their entity.
func Subjects(k event.Kind) []string {
	var all []string
	for _, t := range k.Types {
		all = append(all, subject(t, "*"))
	}
	return all
}

func subject(t event.Type, entity string) string { return fmt.Sprintf("ticketing.%s.%s", t, entity) }

// leadership is held by the one replica of a service that handles its events. Were they shared, each replica would commit half as
// many together, for a database that writes one commit after the other anyway. Requests are shared by all. Its name is that of
// the lock under which versions before published, so that two of different versions never publish at once.
const leadership = "relay"

// Run publishes, follows and repeats until ctx ends, or waits to do so until the replica that does has ended. An engine that is
// away is waited for.
func (b *Bus) Run(ctx context.Context) error {
	defer b.wakeOthers()()
	var p pause
	for ctx.Err() == nil {
		began := time.Now()
		if err := b.db.Exclusive(ctx, leadership, b.work); err != nil && ctx.Err() == nil {
			b.slog.Warn("the event bus starts again", "error", err)
			if time.Since(began) > shortPause { // it was not the same trouble all the time
				p.reset()
			}
			p.wait(ctx, nil)
		}
	}
	return nil
}

// work is what the leader does.
func (b *Bus) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if len(b.subjects) > 0 {
		g.Go(func() error { return b.relay(ctx) })
	}
	if len(b.follows) > 0 {
		g.Go(func() error { return b.repeat(ctx) })
	}
	for _, f := range b.follows {
		g.Go(func() error { return b.follow(ctx, f) })
	}
	return g.Wait()
}

func (b *Bus) follow(ctx context.Context, f *follow) error {
	deliver := b.deliverAll
	if f.unhurried {
		deliver = func(ctx context.Context, ms []Message) error {
			select {
			case <-time.After(company): // the next batch gathers meanwhile
			case <-ctx.Done():
			}
			return b.deliverAll(ctx, ms)
		}
	}
	var p pause
	for ctx.Err() == nil {
		err := b.log.Consume(ctx, b.db.Name()+"-"+f.kind.Name, Subjects(f.kind), deliver)
		if err != nil && ctx.Err() == nil {
			b.slog.Warn("a follower starts again", "kind", f.kind.Name, "error", err)
			p.wait(ctx, nil)
		}
	}
	return nil
}

// Stats is how the bus is doing.
type Stats struct {
	Unpublished int64  // events that wait to be published
	Failed      int64  // events that are going to be tried again
	Parked      int64  // dead letters
	Published   uint64 // since the start, by this process
	Handled     uint64 // events applied, since the start, by this process
	Skipped     uint64 // events that were older than what was known, likewise
	Failures    uint64 // times that a handler failed, likewise
	Lags        Lags   // of the events applied, since the start, by this process
}

// counts are the parts of Stats that are kept in memory.
type counts struct {
	published, handled, skipped, failures atomic.Uint64
	lags                                  lags
}

// Stats reads the counters, and counts what waits in the database.
func (b *Bus) Stats(ctx context.Context) (Stats, error) {
	s := Stats{
		Published: b.counts.published.Load(), Handled: b.counts.handled.Load(), Skipped: b.counts.skipped.Load(),
		Failures: b.counts.failures.Load(), Lags: b.counts.lags.read(),
	}
	err := b.db.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT (SELECT count(*) FROM outbox WHERE seq IS NULL),
			(SELECT count(*) FROM failed_event WHERE NOT parked), (SELECT count(*) FROM failed_event WHERE parked)`).
			Scan(&s.Unpublished, &s.Failed, &s.Parked)
	})
	return s, err
}

// The shortest and the longest pause after something went wrong.
const (
	shortPause = 50 * time.Millisecond
	longPause  = 5 * time.Second
)

// pause grows every time it is waited for.
type pause struct{ last time.Duration }

// wait returns false when ctx ended; early cuts the pause short.
func (p *pause) wait(ctx context.Context, early <-chan struct{}) bool {
	p.last = min(max(2*p.last, shortPause), longPause)
	timer := time.NewTimer(p.last)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func (p *pause) reset() { p.last = 0 }
