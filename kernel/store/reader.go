package store

import (
	"context"
	"database/sql"
	"errors"
)

// errReadOnly is what a View gets that wants to change something.
var errReadOnly = errors.New("a view cannot change the database")

// reader runs the statements of a View on the pool of reading connections.
type reader struct{ db *DB }

func (r reader) exec(string, []any) (sql.Result, error) { return nil, errReadOnly }

func (r reader) query(caller context.Context, query string, args []any) (*sql.Rows, error) {
	return r.db.readers.QueryContext(r.context(caller), query, args...)
}

func (r reader) queryRow(caller context.Context, query string, args []any) *sql.Row {
	return r.db.readers.QueryRowContext(r.context(caller), query, args...)
}

// context is the caller's only where a query crosses a network: watching one costs SQLite a fifth of a query's time.
func (r reader) context(caller context.Context) context.Context {
	if r.db.Shared() {
		return caller
	}
	return context.WithoutCancel(caller)
}
