package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// errReadOnly is what a View gets that wants to change something.
var errReadOnly = errors.New("a view cannot change the database")

// reader runs the statements of a View on the pool of reading connections.
type reader struct{ db *DB }

// prepared are the reading statements of a SQLite database, each parsed once for a connection: parsing takes longer than most
// queries. There are as many as the program has texts.
type prepared struct {
	pool  *sql.DB
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

func (p *prepared) stmt(query string) (*sql.Stmt, error) {
	p.mu.RLock()
	s := p.stmts[query]
	p.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.stmts[query]; s != nil {
		return s, nil
	}
	s, err := p.pool.PrepareContext(context.Background(), query)
	if err == nil {
		p.stmts[query] = s
	}
	return s, err
}

func (r reader) exec(string, []any) (sql.Result, error) { return nil, errReadOnly }

// The caller's context is passed on only where a query crosses a network: watching one costs SQLite a fifth of a query's time.

func (r reader) query(caller context.Context, query string, args []any) (*sql.Rows, error) {
	if r.db.Shared() { // pgx keeps its own prepared statements
		return r.db.readers.QueryContext(caller, query, args...)
	}
	s, err := r.db.prepared.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.WithoutCancel(caller), args...)
}

func (r reader) queryRow(caller context.Context, query string, args []any) *sql.Row {
	if r.db.Shared() {
		return r.db.readers.QueryRowContext(caller, query, args...)
	}
	if s, err := r.db.prepared.stmt(query); err == nil {
		return s.QueryRowContext(context.WithoutCancel(caller), args...)
	}
	return r.db.readers.QueryRowContext(context.WithoutCancel(caller), query, args...) // which fails in the same way
}
