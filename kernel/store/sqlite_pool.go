package store

import (
	"context"
	"errors"
	"sync"

	"zombiezen.com/go/sqlite"
)

// errPoolIsClosed is what views get once the database is closed.
var errPoolIsClosed = errors.New("the database is closed")

// sqlitePool runs the statements of views, each on a connection that has nothing else to do: on the one that was used last, which
// has what is asked for often in its memory, so that the others need none for that. Statements are not watched for whether
// their caller has gone: none of them takes long, and watching costs a fifth of a query's time.
type sqlitePool struct {
	free    chan struct{} // one for each idle connection
	mu      sync.Mutex
	idle    []*sqliteConn
	all     int
	closed  chan struct{}
	closing sync.Once
}

func newSQLitePool(path string, n int) (*sqlitePool, error) {
	p := &sqlitePool{free: make(chan struct{}, n), closed: make(chan struct{})}
	for range n {
		c, err := openSQLite(path, sqlite.OpenReadOnly)
		if err != nil {
			return p, errors.Join(err, p.close())
		}
		p.give(c)
		p.all++
	}
	return p, nil
}

// take waits for a connection; give gives it back.
func (p *sqlitePool) take() (*sqliteConn, error) {
	select {
	case <-p.free:
	case <-p.closed:
		return nil, errPoolIsClosed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c, nil
}

func (p *sqlitePool) give(c *sqliteConn) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	p.free <- struct{}{}
}

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
			<-p.free
		}
		for _, c := range p.idle {
			errs = append(errs, c.close())
		}
	})
	return errors.Join(errs...)
}
