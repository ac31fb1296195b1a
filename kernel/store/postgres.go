package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"ticketing/kernel/config"
)

// errPoolClosed is the text of an error that database/sql has no value for.
const errPoolClosed = "sql: database is closed"

const (
	oldestPostgres  = 13_00_00
	postgresIdle    = 14_00_00 // knows idle_session_timeout
	postgresReaders = 4
	// A statement that takes longer is given up: a lost network must not hold a lock for ever.
	statementTimeout = "15000"
	clockInterval    = 5 * time.Second
)

// postgresEngine is one schema of a database that other processes use at the same time.
type postgresEngine struct {
	name, url   string
	config      *pgx.ConnConfig
	write, read *sql.DB
	log         *slog.Logger
	locks       *locker
	offset      atomic.Int64 // the database's clock minus ours, in nanoseconds
	stop        chan struct{}
}

func newPostgres(o Options) *postgresEngine {
	return &postgresEngine{name: o.Name, url: o.URL, log: o.Log, stop: make(chan struct{})}
}

func (e *postgresEngine) open(ctx context.Context) error {
	settings, err := pgx.ParseConfig(e.url)
	if err != nil {
		return fmt.Errorf("the database URL is not valid: %s", e.where())
	}
	settings.RuntimeParams["search_path"] = pgx.Identifier{e.name}.Sanitize()
	settings.RuntimeParams["statement_timeout"] = statementTimeout
	// A host that is gone says nothing more: what its sessions hold is free after some seconds.
	settings.RuntimeParams["tcp_keepalives_idle"] = "3"
	settings.RuntimeParams["tcp_keepalives_interval"] = "1"
	settings.RuntimeParams["tcp_keepalives_count"] = "3"
	settings.RuntimeParams["application_name"] = "ticketing " + e.name
	settings.RuntimeParams["default_transaction_isolation"] = "read committed"
	settings.RuntimeParams["jit"] = "off" // a plan that takes milliseconds to be compiled is never run for as long as that pays
	if settings.ConnectTimeout == 0 {
		settings.ConnectTimeout = 5 * time.Second
	}
	e.config = settings.Copy()
	// What is written is found by its key, and the plan that was made for an empty table has to be the one for a full one.
	e.config.RuntimeParams["enable_seqscan"] = "off"
	e.config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	e.write, e.read = stdlib.OpenDB(*settings), stdlib.OpenDB(*settings)
	e.write.SetMaxIdleConns(1)
	e.read.SetMaxOpenConns(postgresReaders)
	e.read.SetMaxIdleConns(postgresReaders)
	if err := e.write.PingContext(ctx); err != nil {
		return fmt.Errorf("cannot reach the database of %s at %s: %s", e.name, e.where(), reason(err))
	}
	version, err := e.check(ctx)
	if err != nil {
		return fmt.Errorf("cannot use the database of %s at %s: %w", e.name, e.where(), err)
	}
	if err := e.measureClock(ctx); err != nil {
		return err
	}
	e.locks = newLocker(e.write, version >= postgresIdle)
	go e.followClock()
	return nil
}

func (e *postgresEngine) migrate(ctx context.Context, o Options) error {
	return migrate(ctx, e.write, true, o)
}

// where is the URL without its password.
func (e *postgresEngine) where() string { return config.RedactURL(e.url) }

// check returns the server's version.
func (e *postgresEngine) check(ctx context.Context) (version int, err error) {
	if err := e.write.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return 0, err
	}
	if version < oldestPostgres {
		return 0, fmt.Errorf("PostgreSQL 13 or newer is needed")
	}
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := e.write.QueryRowContext(ctx, "SELECT current_setting($1)", setting).Scan(&value); err != nil {
			return 0, err
		}
		if value == "off" {
			return 0, fmt.Errorf("%s is off, so that commits could be lost", setting)
		}
	}
	_, err = e.write.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{e.name}.Sanitize())
	var failure *pgconn.PgError
	if errors.As(err, &failure) && failure.Code == "23505" { // a replica made it at the same instant
		return version, nil
	}
	return version, err
}

func (e *postgresEngine) judge(err error) verdict {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		switch {
		case failure.Code == "40001", failure.Code == "40P01", failure.Code == "55P03":
			return repeat // not serializable, deadlock, waited too long for a lock
		case len(failure.Code) == 5 && (failure.Code[:2] == "08" || failure.Code[:2] == "53" || failure.Code[:2] == "57" || failure.Code[:2] == "58"):
			return broken // connection, resources, operator, system
		}
		return refused
	}
	var network net.Error
	switch {
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, pgconn.ErrConnClosed), err != nil && err.Error() == errPoolClosed,
		errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded):
		return broken
	}
	return refused
}

func (e *postgresEngine) exclusive(ctx context.Context, name string, fn func(context.Context) error) error {
	return e.locks.run(ctx, e.name+"/"+name, fn)
}

// now is the database's clock: ours, corrected by how far they are apart.
func (e *postgresEngine) now() time.Time { return time.Now().Add(time.Duration(e.offset.Load())) }

// measureClock compares the clocks over a few short round trips and keeps the shortest one's answer.
func (e *postgresEngine) measureClock(ctx context.Context) error {
	best := time.Hour
	for range 3 {
		sent := time.Now()
		var micros int64
		err := e.read.QueryRowContext(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").Scan(&micros)
		if err != nil {
			return err
		}
		if took := time.Since(sent); took < best {
			best = took
			e.offset.Store(int64(time.UnixMicro(micros).Sub(sent.Add(took / 2))))
		}
	}
	return nil
}

func (e *postgresEngine) followClock() {
	tick := time.NewTicker(clockInterval)
	defer tick.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-tick.C:
			if err := e.measureClock(context.Background()); err != nil {
				e.log.Warn("cannot read the database's clock", "database", e.name, "error", err)
			}
		}
	}
}

func (e *postgresEngine) ping(ctx context.Context) error { return e.read.PingContext(ctx) }

func (e *postgresEngine) postgres() bool { return true }

func (e *postgresEngine) close() error {
	close(e.stop)
	var errs []error
	if e.locks != nil {
		e.locks.close()
	}
	for _, pool := range []*sql.DB{e.read, e.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// reason is an error of the driver in one line, with the last of the attempts that it lists below each other.
func reason(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	if len(lines) == 1 {
		return lines[0]
	}
	return strings.TrimSpace(lines[0]) + " " + strings.TrimSpace(lines[len(lines)-1])
}
