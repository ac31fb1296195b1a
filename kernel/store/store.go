// Package store keeps the state of a service: one database of its own, in SQLite or PostgreSQL, by one SQL text.
//
// A use case is one transaction: Update runs it, View reads. Updates that wait at the same moment are committed together
// (group commit): each in a savepoint of its own, all in one fsync, each caller answered after that commit and with its
// own error. So an update's function must not wait for anything outside the database, and it may run more than once: the
// engine may ask for a repeat, and then variables that it captured must be set anew.
//
// What an answer promised must survive a power cut. The settings that make it so are read back when the database is
// opened; an engine that is set up to forget refuses to start.
//
// SQL is written for both engines: $1 placeholders, RETURNING, ON CONFLICT, BIGINT milliseconds and minor units. A
// decision is one conditional statement and its row count, which is right under READ COMMITTED too.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// ErrUnavailable marks a failure of the engine (gone, full, read-only), not of a statement: trying later makes sense.
var ErrUnavailable = errors.New("the database is not available")

// errClosed is what updates get once the database is being closed.
var errClosed = fmt.Errorf("%w: it is being closed", ErrUnavailable)

// errReadOnly is what a View gets that wants to change something.
var errReadOnly = errors.New("a view cannot change the database")

// Options say which database a service has.
type Options struct {
	Name       string           // of the service: the file auth.db, or the schema auth
	Dir        string           // folder of the SQLite file; used when URL is empty
	URL        string           // postgres://…; empty means SQLite
	Migrations fs.FS            // numbered files of SQL; folders "sqlite" and "postgres" hold what only that engine understands
	Kernel     []Migrations     // further sets of tables, of the kernel
	Now        func() time.Time // nil means the database's own clock
	NewID      func() string    // nil means UUIDv7
	Log        *slog.Logger     // nil means none
}

// Migrations is a set of tables with a version of its own.
type Migrations struct {
	Name string
	FS   fs.FS
}

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	name    string
	engine  engine
	readers readers
	writer  *writer
	waits   *waits
	now     func() time.Time
	newID   func() string
	log     *slog.Logger
	closing sync.Once

	announce atomic.Pointer[func(keys []string)] // nil if nobody has to be told
}

// engine is what differs between SQLite and PostgreSQL.
type engine interface {
	// open connects and checks the settings.
	open(ctx context.Context) error
	// migrate brings the tables up to date.
	migrate(ctx context.Context, o Options) error
	// connect is a connection for the writer.
	connect() (conn, error)
	// readers are the connections that only read. They are opened after migrate.
	readers() (readers, error)
	// ping asks the database for a sign of life.
	ping(ctx context.Context) error
	// judge says what an error means for the transaction that it happened in.
	judge(err error) verdict
	// exclusive runs fn while no other process of the service runs that name.
	exclusive(ctx context.Context, name string, fn func(context.Context) error) error
	// now is the database's clock.
	now() time.Time
	postgres() bool
	close() error
}

// readers are connections that only read.
type readers interface {
	runner
	close() error
}

// writes runs statements that may change something.
type writes interface {
	runner
	// put runs a statement whose row count is of no interest, now or together with the next one. Then that fails with its error.
	put(query string, args []any) error
}

// conn is one connection that writes, for one goroutine.
type conn interface {
	writes
	// forget drops what has been put and not been run.
	forget()
	// begin begins a transaction, for one update alone or for a group.
	begin(alone bool) error
	// commit ends the transaction. It may be late that a statement fails that was put: then it is there to be rolled back.
	commit() (late, err error)
	rollback() error
	// answered tells whether the engine has done anything in this transaction. If not, the connection had died before.
	answered() bool
	// doomed tells whether the transaction can only be rolled back.
	doomed() bool
	// dead tells whether the connection is of no more use, whatever the last statement's error was about.
	dead() bool
	// close gives the connection up, and what was not committed on it.
	close() error
}

// verdict is what an error means.
type verdict int

const (
	refused verdict = iota // the statement or its function is to blame; the transaction can go on
	repeat                 // the engine asks to run the transaction again
	broken                 // the engine itself failed
)

// Open connects, checks that commits are durable, and brings the tables up to date. Its error is one plain line.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var e engine
	if o.URL != "" {
		e = newPostgres(o)
	} else {
		e = newSQLite(o)
	}
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if err := e.migrate(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot prepare the tables of %s: %w", o.Name, err), e.close())
	}
	readers, err := e.readers()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot read the database of %s: %w", o.Name, err), e.close())
	}
	db := &DB{
		name: o.Name, engine: e, readers: readers, waits: newWaits(), now: o.Now, newID: o.NewID, log: o.Log,
	}
	if db.now == nil {
		db.now = e.now
	}
	if db.newID == nil {
		db.newID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	db.writer = newWriter(db)
	return db, nil
}

// Name is the service's name.
func (db *DB) Name() string { return db.name }

// Shared says that other processes may use the same database at the same time.
func (db *DB) Shared() bool { return db.engine.postgres() }

// Now is the time by the database's clock.
func (db *DB) Now() time.Time { return db.now() }

// Update runs fn in one transaction and returns after its commit; fn's error rolls it back and is returned as it is.
// When ctx ends before the transaction has begun, fn is not run; after that the outcome is awaited whatever ctx says.
func (db *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	return <-db.Start(ctx, fn)
}

// Start is Update without waiting. Updates run in the order of the calls of Start; the channel gets one value.
func (db *DB) Start(ctx context.Context, fn func(tx *Tx) error) <-chan error {
	return db.writer.start(&update{ctx: ctx, fn: fn, weight: 1})
}

// UpdateMany is Update for a function that does the work of n updates, as far as their sharing a commit goes.
func (db *DB) UpdateMany(ctx context.Context, n int, fn func(tx *Tx) error) error {
	return <-db.writer.start(&update{ctx: ctx, fn: fn, weight: n})
}

// View runs fn on a connection pool that can only read. Each statement sees the newest commit. Connections that have died
// since they were last used are replaced, so fn may run more than once.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	began := time.Now()
	for try := 0; ; try++ {
		err := fn(&Tx{db: db, caller: ctx, run: db.readers})
		if err == nil || db.engine.judge(err) == refused {
			return err
		}
		if !db.Shared() || try > postgresReaders || ctx.Err() != nil || time.Since(began) > time.Second {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// Exclusive waits until no other process of the service runs name, then runs fn and returns its error. The context of fn
// ends when the right to run is lost; another process may begin within the second after that.
func (db *DB) Exclusive(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	return db.engine.exclusive(ctx, name, fn)
}

// NewID is a new UUIDv7.
func (db *DB) NewID() string { return db.newID() }

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.engine.ping(ctx) }

// Close finishes the updates that have been started and closes the database. Closing it again does nothing.
func (db *DB) Close() (err error) {
	db.closing.Do(func() {
		db.writer.close()
		db.waits.close()
		err = db.readers.close()
		db.writer.disconnect() // the last one, which leaves a SQLite database in one file
		err = errors.Join(err, db.engine.close())
	})
	return err
}

// Millis is t as the database holds it: milliseconds since 1970, 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time is the inverse of Millis, in UTC.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
