package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
)

// The oldest SQLite that is safe: earlier ones can corrupt the write-ahead log when it is reset.
const oldestSQLite = 3_051_003

// How many connections read at the same time; more than the cores of a small machine gain nothing.
const sqliteReaders = 4

// sqliteEngine is one file, used by one process at a time.
type sqliteEngine struct {
	name, path  string
	dir         string
	lock        *flock.Flock
	write, read *sql.DB
}

func newSQLite(o Options) *sqliteEngine {
	path := filepath.Join(o.Dir, o.Name+".db")
	return &sqliteEngine{name: o.Name, dir: o.Dir, path: path}
}

func (e *sqliteEngine) open(ctx context.Context) (write, read *sql.DB, err error) {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("cannot use the data folder: %w", err)
	}
	lock := flock.New(e.path+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot use the data folder: %w", err)
	}
	if !held {
		return nil, nil, fmt.Errorf("the database %s is in use by another process", e.path)
	}
	e.lock = lock
	if e.write, err = sql.Open("sqlite", e.dsn("_txlock=immediate")); err != nil {
		return nil, nil, err
	}
	e.write.SetMaxOpenConns(1)
	if e.read, err = sql.Open("sqlite", e.dsn("mode=ro")); err != nil {
		return nil, nil, err
	}
	e.read.SetMaxOpenConns(sqliteReaders)
	e.read.SetMaxIdleConns(sqliteReaders)
	if err := e.check(ctx); err != nil {
		return nil, nil, fmt.Errorf("cannot use the database %s: %w", e.path, err)
	}
	return e.write, e.read, nil
}

// dsn names the file. busy_timeout comes first, so that the settings after it wait for a lock too.
func (e *sqliteEngine) dsn(extra string) string {
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: e.path}).EscapedPath()}
	return file.String() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&" + extra
}

// check reads the settings back: an unknown one is ignored silently by the driver.
func (e *sqliteEngine) check(ctx context.Context) error {
	var version string
	if err := e.write.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	var major, minor, patch int
	fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	if major*1_000_000+minor*1_000+patch < oldestSQLite {
		return fmt.Errorf("SQLite %s is too old, 3.51.3 is needed", version)
	}
	for _, want := range []struct{ pragma, value string }{
		{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"},
	} {
		var got string
		if err := e.write.QueryRowContext(ctx, "PRAGMA "+want.pragma).Scan(&got); err != nil {
			return err
		}
		if got != want.value {
			return fmt.Errorf("%s is %s and not %s, so that commits could be lost", want.pragma, got, want.value)
		}
	}
	return nil
}

func (e *sqliteEngine) begin(w *writer, _ bool) error {
	_, err := w.exec("BEGIN IMMEDIATE", nil)
	return err
}

func (e *sqliteEngine) doomed(*sql.Conn) bool { return false }

// The primary result codes after which the engine, not a statement, has to be mended: sqlite.org/rescode.html.
var sqliteBroken = map[int]bool{
	5: true, 6: true, 7: true, 8: true, 10: true, 11: true, 13: true, 14: true, 26: true, // BUSY LOCKED NOMEM READONLY IOERR CORRUPT FULL CANTOPEN NOTADB
}

func (e *sqliteEngine) judge(err error) verdict {
	var failure *sqlite.Error
	if errors.As(err, &failure) && sqliteBroken[failure.Code()&0xff] {
		return broken
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || err != nil && err.Error() == errPoolClosed {
		return broken
	}
	return refused
}

// exclusive runs fn at once: the file is locked for this process.
func (e *sqliteEngine) exclusive(ctx context.Context, _ string, fn func(context.Context) error) error {
	return fn(ctx)
}

func (e *sqliteEngine) now() time.Time { return time.Now() }

func (e *sqliteEngine) postgres() bool { return false }

func (e *sqliteEngine) close() error {
	var errs []error
	for _, pool := range []*sql.DB{e.read, e.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if e.lock != nil {
		errs = append(errs, e.lock.Close())
	}
	return errors.Join(errs...)
}
