package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// groupPatience is how many milliseconds a group waits for a lock of another replica.
const groupPatience = "100"

func (e *postgresEngine) connect() (conn, error) {
	c, err := e.write.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return postgresConn{c}, nil
}

// postgresConn is a connection that writes. Its statements run under a context that nobody cancels: others share the
// transaction. pgx keeps its own prepared statements.
type postgresConn struct{ c *sql.Conn }

func (p postgresConn) exec(query string, args []any) (int64, error) {
	result, err := p.c.ExecContext(context.Background(), query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (p postgresConn) query(_ context.Context, query string, args []any) (Rows, error) {
	return rows(p.c.QueryContext(context.Background(), query, args...))
}

func (p postgresConn) queryRow(_ context.Context, query string, args []any) Row {
	return p.c.QueryRowContext(context.Background(), query, args...)
}

// begin has a group wait for a lock of another replica no longer than groupPatience. Two replicas that each commit several
// updates together can lock the same rows in opposite orders; PostgreSQL would look for that only after a second.
func (p postgresConn) begin(alone bool) error {
	if alone {
		_, err := p.exec("BEGIN", nil)
		return err
	}
	return p.below(func(c *pgconn.PgConn) error {
		return c.Exec(context.Background(), "BEGIN; SET LOCAL lock_timeout = "+groupPatience).Close()
	})
}

func (p postgresConn) doomed() (doomed bool) {
	err := p.below(func(c *pgconn.PgConn) error {
		doomed = c.TxStatus() == 'E'
		return nil
	})
	return doomed || err != nil
}

// below uses the connection below database/sql.
func (p postgresConn) below(use func(*pgconn.PgConn) error) error {
	return p.c.Raw(func(c any) error { return use(c.(*stdlib.Conn).Conn().PgConn()) })
}

func (p postgresConn) close() error {
	_, _ = p.exec("ROLLBACK", nil) // the error says that there was nothing to roll back
	err := p.c.Close()
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

// postgresPool runs the statements of views.
type postgresPool struct{ pool *sql.DB }

func (e *postgresEngine) readers() (readers, error) { return postgresPool{e.read}, nil }

func (p postgresPool) exec(string, []any) (int64, error) { return 0, errReadOnly }

func (p postgresPool) query(caller context.Context, query string, args []any) (Rows, error) {
	return rows(p.pool.QueryContext(caller, query, args...))
}

func (p postgresPool) queryRow(caller context.Context, query string, args []any) Row {
	return p.pool.QueryRowContext(caller, query, args...)
}

func (p postgresPool) close() error { return nil } // the engine closes it, which reads the clock until then

// rows keeps a nil pointer from becoming an interface that is not nil.
func rows(r *sql.Rows, err error) (Rows, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}
