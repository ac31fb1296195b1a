package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Tx is a transaction of Update, or the reads of View.
type Tx struct {
	db      *DB
	caller  context.Context
	run     runner
	at      time.Time // what Now has answered, zero before the first call
	err     error     // the first error that the transaction cannot go on after
	keys    []string
	hooks   []func()
	changes []*Changes
}

// runner executes statements: the writer's connection, or the pool of readers.
type runner interface {
	exec(query string, args []any) (changed int64, err error)
	query(caller context.Context, query string, args []any) (Rows, error)
	queryRow(caller context.Context, query string, args []any) Row
}

// Scan reads the columns of one row.
type Scan = func(dest ...any) error

// Rows are what a query has found: Next goes on to the next row, the first included.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error // why Next is false, nil at the end
	Close() error
}

// Row is the only row of a query. Scan has to be called, once.
type Row interface {
	Scan(dest ...any) error // sql.ErrNoRows if there is none
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	changed, err := tx.run.exec(query, args)
	return changed, tx.note(err)
}

// Do runs a statement of which only its failure matters. PostgreSQL gets it together with the next statement or the commit,
// which saves a round trip: whatever comes next fails with its error, be it the transaction.
func (tx *Tx) Do(query string, args ...any) error {
	w, ok := tx.run.(writes)
	if !ok {
		return tx.note(errReadOnly)
	}
	return tx.note(w.put(query, args))
}

// Query runs a query. The rows must be closed before the next statement.
func (tx *Tx) Query(query string, args ...any) (Rows, error) {
	rows, err := tx.run.query(tx.caller, query, args)
	return rows, tx.note(err)
}

// QueryRow runs a query for one row; Scan returns sql.ErrNoRows if there is none.
func (tx *Tx) QueryRow(query string, args ...any) Row {
	return tx.run.queryRow(tx.caller, query, args)
}

// Now is the time of the transaction by the database's clock: UTC, whole milliseconds, the same at every call.
func (tx *Tx) Now() time.Time {
	if tx.at.IsZero() {
		tx.at = tx.db.now().UTC().Truncate(time.Millisecond)
	}
	return tx.at
}

// NewID is a new UUIDv7.
func (tx *Tx) NewID() string { return tx.db.newID() }

// Context has the values of the caller's context, never its cancellation.
func (tx *Tx) Context() context.Context { return context.WithoutCancel(tx.caller) }

// As runs fn with what ctx carries, as the trace of a request, in the place of what the caller's context does.
func (tx *Tx) As(ctx context.Context, fn func() error) error {
	defer func(before context.Context) { tx.caller = before }(tx.caller)
	tx.caller = ctx
	return fn()
}

// Touch wakes everybody who awaits one of the keys, after the commit.
func (tx *Tx) Touch(keys ...string) { tx.keys = append(tx.keys, keys...) }

// AfterCommit runs f after the commit, before Update returns. It must not block.
func (tx *Tx) AfterCommit(f func()) { tx.hooks = append(tx.hooks, f) }

// Embedded says that the database is a file of this process: SQLite.
func (tx *Tx) Embedded() bool { return !tx.db.engine.postgres() }

// Either is the statement for the engine in use, where one text cannot serve both.
func (tx *Tx) Either(sqlite, postgres string) string {
	if tx.db.engine.postgres() {
		return postgres
	}
	return sqlite
}

// note keeps the first error after which the transaction cannot be committed, in case the function swallows it.
func (tx *Tx) note(err error) error {
	if err != nil && tx.err == nil && tx.db.engine.judge(err) != refused {
		tx.err = err
	}
	return err
}

// committed runs what was asked for after the commit.
func (tx *Tx) committed() {
	for _, f := range tx.hooks {
		f()
	}
}

// One scans the only row of a query; false means that there is none.
func One[T any](tx *Tx, scan func(Scan) (T, error), query string, args ...any) (T, bool, error) {
	v, err := scan(tx.QueryRow(query, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		var none T
		return none, false, nil
	}
	return v, err == nil, tx.note(err)
}

// All scans every row of a query; without rows it is empty, not nil.
func All[T any](tx *Tx, scan func(Scan) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, tx.note(rows.Err())
}
