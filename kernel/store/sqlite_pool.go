package store

import (
	"context"
	"errors"
	"sync"

	"zombiezen.com/go/sqlite"
)

// errPoolIsClosed is what views get once the database is closed.
var errPoolIsClosed = errors.New("the database is closed")

// sqlitePool runs the statements of views, each on a connection that has nothing else to do. They are not watched for whether
// their caller has gone: none of them takes long, and watching costs a fifth of a query's time.
type sqlitePool struct {
	free    chan *sqliteConn
	all     int
	closed  chan struct{}
	closing sync.Once
}

func newSQLitePool(path string, n int) (*sqlitePool, error) {
	p := &sqlitePool{free: make(chan *sqliteConn, n), closed: make(chan struct{})}
	for range n {
		c, err := openSQLite(path, sqlite.OpenReadOnly)
		if err != nil {
			return p, errors.Join(err, p.close())
		}
		p.free <- c
		p.all++
	}
	return p, nil
}

// take waits for a connection; give gives it back.
func (p *sqlitePool) take() (*sqliteConn, error) {
	select {
	case c := <-p.free:
		return c, nil
	case <-p.closed:
		return nil, errPoolIsClosed
	}
}

func (p *sqlitePool) give(c *sqliteConn) { p.free <- c }

func (p *sqlitePool) exec(string, []any) (int64, error) { return 0, errReadOnly }

func (p *sqlitePool) query(_ context.Context, query string, args []any) (Rows, error) {
	c, err := p.take()
	if err != nil {
		return nil, err
	}
	s, err := c.bound(query, args)
	if err != nil {
		p.give(c)
		return nil, err
	}
	s.open = true
	return &sqliteRows{stmt: s, done: func() { p.give(c) }}, nil
}

func (p *sqlitePool) queryRow(_ context.Context, query string, args []any) Row {
	c, err := p.take()
	if err != nil {
		return sqliteRow{err: err}
	}
	s, err := c.bound(query, args)
	if err != nil {
		p.give(c)
		return sqliteRow{err: err}
	}
	return sqliteRow{stmt: s, done: func() { p.give(c) }}
}

// close waits for the queries under way.
func (p *sqlitePool) close() error {
	var errs []error
	p.closing.Do(func() {
		close(p.closed)
		for range p.all {
			errs = append(errs, (<-p.free).close())
		}
	})
	return errors.Join(errs...)
}
