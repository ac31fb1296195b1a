package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // for database/sql
	"zombiezen.com/go/sqlite"
)

// The oldest SQLite that is safe: earlier ones can corrupt the write-ahead log when it is reset.
const oldestSQLite = 3_051_003

// How many connections read at the same time; more than the cores of a small machine gain nothing.
const sqliteReaders = 4

// sqliteEngine is one file, used by one process at a time.
type sqliteEngine struct {
	name, path string
	dir        string
	lock       *flock.Flock
	first      *sqliteConn // that nobody has asked for yet
	pool       *sqlitePool
}

func newSQLite(o Options) *sqliteEngine {
	path := filepath.Join(o.Dir, o.Name+".db")
	return &sqliteEngine{name: o.Name, dir: o.Dir, path: path}
}

func (e *sqliteEngine) open(context.Context) error {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return fmt.Errorf("cannot use the data folder: %w", err)
	}
	lock := flock.New(e.path+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("cannot use the data folder: %w", err)
	}
	if !held {
		return fmt.Errorf("the database %s is in use by another process", e.path)
	}
	e.lock = lock
	if e.first, err = openSQLite(e.path, sqlite.OpenReadWrite|sqlite.OpenCreate); err != nil {
		return fmt.Errorf("cannot use the database %s: %w", e.path, err)
	}
	if err := checkVersion(e.first); err != nil {
		return fmt.Errorf("cannot use the database %s: %w", e.path, err)
	}
	return nil
}

func (e *sqliteEngine) connect() (conn, error) {
	if c := e.first; c != nil {
		e.first = nil
		return c, nil
	}
	c, err := openSQLite(e.path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (e *sqliteEngine) readers() (r readers, err error) {
	e.pool, err = newSQLitePool(e.path, sqliteReaders)
	return e.pool, err
}

// migrate uses a connection of its own: the library that migrates works through database/sql.
func (e *sqliteEngine) migrate(ctx context.Context, o Options) error {
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: e.path}).EscapedPath()}
	db, err := sql.Open("sqlite", file.String()+"?_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(migrate(ctx, db, false, o), db.Close())
}

func checkVersion(c *sqliteConn) error {
	var version string
	if err := c.queryRow(context.Background(), "SELECT sqlite_version()", nil).Scan(&version); err != nil {
		return err
	}
	var major, minor, patch int
	fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	if major*1_000_000+minor*1_000+patch < oldestSQLite {
		return fmt.Errorf("SQLite %s is too old, 3.51.3 is needed", version)
	}
	return nil
}

// The primary result codes after which the engine, not a statement, has to be mended: sqlite.org/rescode.html.
var sqliteBroken = map[sqlite.ResultCode]bool{
	sqlite.ResultBusy: true, sqlite.ResultLocked: true, sqlite.ResultNoMem: true, sqlite.ResultReadOnly: true,
	sqlite.ResultIOErr: true, sqlite.ResultCorrupt: true, sqlite.ResultFull: true, sqlite.ResultCantOpen: true,
	sqlite.ResultNotADB: true,
}

func (e *sqliteEngine) judge(err error) verdict {
	if errors.Is(err, errPoolIsClosed) || sqliteBroken[sqlite.ErrCode(err).ToPrimary()] {
		return broken
	}
	return refused
}

func (e *sqliteEngine) ping(context.Context) error {
	return e.pool.queryRow(context.Background(), "SELECT 1", nil).Scan(new(int64))
}

// exclusive runs fn at once: the file is locked for this process.
func (e *sqliteEngine) exclusive(ctx context.Context, _ string, fn func(context.Context) error) error {
	return fn(ctx)
}

func (e *sqliteEngine) now() time.Time { return time.Now() }

func (e *sqliteEngine) postgres() bool { return false }

func (e *sqliteEngine) close() error {
	var errs []error
	if e.pool != nil {
		errs = append(errs, e.pool.close())
	}
	if e.first != nil {
		errs = append(errs, e.first.close())
	}
	if e.lock != nil {
		errs = append(errs, e.lock.Close())
	}
	return errors.Join(errs...)
}
