package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"
	"time"
)

const (
	lockRetry = 500 * time.Millisecond // how often a lock that another process has is tried
	lockCheck = time.Second            // how often one that we have is checked
	lockIdle  = "5s"                   // a process that does not check for so long has come to a halt: others may have its locks
)

// locker holds advisory locks of PostgreSQL, all on one connection: they end with it, whatever becomes of the process.
type locker struct {
	pool *sql.DB
	idle bool // the server can be told of lockIdle
	mu   sync.Mutex
	conn *sql.Conn // nil while none is held
	held map[string]context.CancelFunc
}

func newLocker(pool *sql.DB, idle bool) *locker {
	return &locker{pool: pool, idle: idle, held: map[string]context.CancelFunc{}}
}

func (l *locker) run(ctx context.Context, key string, fn func(context.Context) error) error {
	for {
		mine, cancel := context.WithCancel(ctx)
		if l.try(ctx, key, cancel) {
			err := l.guard(mine, key, fn)
			lost := mine.Err() != nil && ctx.Err() == nil
			l.release(key)
			cancel()
			if !lost {
				return err
			}
		}
		cancel()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// guard runs fn and meanwhile looks whether the connection that holds the lock is alive.
func (l *locker) guard(ctx context.Context, key string, fn func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	tick := time.NewTicker(lockCheck)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			l.check()
		}
	}
}

func (l *locker) try(ctx context.Context, key string, cancel context.CancelFunc) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, taken := l.held[key]; taken {
		return false
	}
	if l.conn == nil {
		conn, err := l.pool.Conn(ctx)
		if err != nil {
			return false
		}
		l.conn = conn
		if l.idle {
			if _, err := conn.ExecContext(ctx, "SET idle_session_timeout = '"+lockIdle+"'"); err != nil {
				l.drop()
				return false
			}
		}
	}
	var got bool
	err := l.conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key).Scan(&got)
	if err != nil && ctx.Err() == nil {
		l.drop()
	}
	if got {
		l.held[key] = cancel
	}
	return got
}

func (l *locker) release(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, mine := l.held[key]; !mine {
		return
	}
	delete(l.held, key)
	_, err := l.conn.ExecContext(context.Background(), "SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)
	switch {
	case err != nil:
		l.drop()
	case len(l.held) == 0: // nobody would check it any more
		l.handBack()
	}
}

// handBack gives the pool a session that holds no lock: to begin another one costs the server more than all that is done here.
func (l *locker) handBack() {
	if l.idle {
		if _, err := l.conn.ExecContext(context.Background(), "RESET idle_session_timeout"); err != nil {
			l.drop()
			return
		}
	}
	l.conn.Close()
	l.conn = nil
}

func (l *locker) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockCheck)
	defer cancel()
	if _, err := l.conn.ExecContext(ctx, "SELECT 1"); err != nil {
		l.drop()
	}
}

// drop gives the connection up, and with it every lock: whoever ran under one is told.
func (l *locker) drop() {
	for key, cancel := range l.held {
		cancel()
		delete(l.held, key)
	}
	// The pool must not hand the session on: its locks would live on with it.
	l.conn.Raw(func(any) error { return errDiscard })
	l.conn.Close()
	l.conn = nil
}

func (l *locker) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.drop()
	}
}

var errDiscard = fmt.Errorf("given up: %w", driver.ErrBadConn)
