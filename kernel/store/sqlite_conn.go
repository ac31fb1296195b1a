package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

// busyTimeout is how long a connection waits for another one that writes.
const busyTimeout = 5 * time.Second

// sqliteConn is one connection to a file, for one goroutine at a time. Statements are parsed once; there are as many as the
// program has texts.
type sqliteConn struct {
	c     *sqlite.Conn
	stmts map[string]*sqliteStmt
}

// sqliteStmt is a statement that has been parsed.
type sqliteStmt struct {
	*sqlite.Stmt
	args []int // which argument each of its parameters is, from 0: "$2" may stand before "$1"
	want int   // arguments
	open bool  // there are rows that have not been closed
}

// openSQLite opens the file with the settings that make commits durable, and reads them back: an unknown one would be ignored.
func openSQLite(path string, flags sqlite.OpenFlags) (*sqliteConn, error) {
	writes, name := flags&sqlite.OpenReadWrite != 0, path
	if writes {
		uri, err := gatheringURI(path)
		if err != nil {
			return nil, err
		}
		name, flags = uri, flags|sqlite.OpenURI
	}
	c, err := sqlite.OpenConn(name, flags)
	if err != nil {
		return nil, err
	}
	c.SetBusyTimeout(busyTimeout)
	conn := &sqliteConn{c: c, stmts: map[string]*sqliteStmt{}}
	if !writes {
		return conn, nil
	}
	if err := conn.beDurable(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return conn, nil
}

func (c *sqliteConn) beDurable() error {
	for _, set := range []struct{ pragma, value string }{
		{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"},
		{"temp_store", "2"}, // what a statement may have to undo is kept in memory, not in a file
	} {
		var got string
		if err := c.transient("PRAGMA "+set.pragma+" = "+set.value, nil); err != nil {
			return err
		}
		if err := c.transient("PRAGMA "+set.pragma, &got); err != nil {
			return err
		}
		if got != set.value {
			return fmt.Errorf("%s is %s and not %s, as it has to be", set.pragma, got, set.value)
		}
	}
	return nil
}

// transient runs a statement that is not going to be used again, and reads the first column of its first row.
func (c *sqliteConn) transient(query string, into *string) error {
	s, _, err := c.c.PrepareTransient(query)
	if err != nil {
		return err
	}
	row, err := s.Step()
	if err == nil && row && into != nil {
		*into = s.ColumnText(0)
	}
	return errors.Join(err, s.Finalize())
}

func (c *sqliteConn) stmt(query string) (*sqliteStmt, error) {
	s := c.stmts[query]
	if s == nil {
		parsed, err := c.c.Prepare(query)
		if err != nil {
			return nil, err
		}
		if s, err = newSQLiteStmt(parsed); err != nil {
			return nil, err
		}
		c.stmts[query] = s
	}
	if s.open {
		return nil, fmt.Errorf("the rows of this query have not been closed: %s", query)
	}
	return s, nil
}

func newSQLiteStmt(parsed *sqlite.Stmt) (*sqliteStmt, error) {
	s := &sqliteStmt{Stmt: parsed}
	for i := range parsed.BindParamCount() {
		name := parsed.BindParamName(i + 1)
		n, err := strconv.Atoi(strings.TrimPrefix(name, "$"))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("a statement has a parameter %q, but they are $1, $2, …", name)
		}
		s.args, s.want = append(s.args, n-1), max(s.want, n)
	}
	return s, nil
}

// bound is the statement with its arguments.
func (c *sqliteConn) bound(query string, args []any) (*sqliteStmt, error) {
	s, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	if len(args) != s.want {
		return nil, fmt.Errorf("a statement with %d parameters has %d arguments: %s", s.want, len(args), query)
	}
	for i, arg := range s.args {
		if err := s.bind(i+1, args[arg]); err != nil {
			return nil, fmt.Errorf("argument %d of %s: %w", arg+1, query, err)
		}
	}
	return s, nil
}

func (s *sqliteStmt) bind(i int, arg any) error {
	switch v := arg.(type) {
	case string:
		s.BindText(i, v)
	case int64:
		s.BindInt64(i, v)
	case int:
		s.BindInt64(i, int64(v))
	case bool:
		s.BindBool(i, v)
	case nil:
		s.BindNull(i)
	case []byte:
		if v == nil {
			s.BindNull(i)
		} else {
			s.BindBytes(i, v)
		}
	case float64:
		s.BindFloat(i, v)
	case time.Time:
		return errors.New("times are kept in milliseconds")
	default: // types made of these, and pointers to them
		plain, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return err
		}
		return s.bind(i, plain)
	}
	return nil
}

func (c *sqliteConn) exec(query string, args []any) (int64, error) {
	s, err := c.bound(query, args)
	if err != nil {
		return 0, err
	}
	for more := true; more; {
		if more, err = s.Step(); err != nil {
			return 0, err // it has been reset
		}
	}
	return int64(c.c.Changes()), s.Reset()
}

func (c *sqliteConn) query(_ context.Context, query string, args []any) (Rows, error) {
	s, err := c.bound(query, args)
	if err != nil {
		return nil, err
	}
	s.open = true
	return &sqliteRows{stmt: s}, nil
}

func (c *sqliteConn) queryRow(_ context.Context, query string, args []any) Row {
	s, err := c.bound(query, args)
	if err != nil {
		return sqliteRow{err: err}
	}
	return sqliteRow{stmt: s}
}

func (c *sqliteConn) begin(bool) error {
	_, err := c.exec("BEGIN IMMEDIATE", nil)
	return err
}

// put has nothing to gain from waiting: a statement is a call.
func (c *sqliteConn) put(query string, args []any) error {
	_, err := c.exec(query, args)
	return err
}

func (c *sqliteConn) forget() {}

func (c *sqliteConn) commit() (late, err error) {
	_, err = c.exec("COMMIT", nil)
	return nil, err
}

func (c *sqliteConn) rollback() error {
	_, err := c.exec("ROLLBACK", nil)
	return err
}

func (c *sqliteConn) answered() bool { return true }

func (c *sqliteConn) doomed() bool { return false }

func (c *sqliteConn) dead() bool { return false }

// close undoes what has not been committed.
func (c *sqliteConn) close() error { return c.c.Close() }

// sqliteRow is a query that is run when its row is scanned.
type sqliteRow struct {
	stmt *sqliteStmt
	done func() // may be nil
	err  error
}

func (r sqliteRow) Scan(dest ...any) error {
	if r.done != nil {
		defer r.done()
	}
	if r.err != nil {
		return r.err
	}
	row, err := r.stmt.Step()
	if err != nil {
		return err
	}
	if row {
		err = r.stmt.scan(dest)
	} else {
		err = sql.ErrNoRows
	}
	return errors.Join(err, r.stmt.Reset())
}
