package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// groupPatience is how many milliseconds a group waits for a lock of another replica. Two replicas that each commit several
// updates together can lock the same rows in opposite orders; PostgreSQL would look for that only after a second.
const groupPatience = "100"

const closeTimeout = time.Second

func (e *postgresEngine) connect() (conn, error) {
	c, err := pgx.ConnectConfig(context.Background(), e.config)
	if err != nil {
		return nil, err
	}
	return &postgresConn{c: c}, nil
}

// postgresConn is a connection that writes. Its statements run under a context that nobody cancels: others share the
// transaction. A round trip costs more than most statements do, so what nobody waits for is sent with the next statement that
// somebody does. pgx keeps its own prepared statements.
type postgresConn struct {
	c     *pgx.Conn
	later []statement // in their order
	heard bool        // the server has answered something in this transaction
}

type statement struct {
	query string
	args  []any
}

func (p *postgresConn) put(query string, args []any) error {
	p.later = append(p.later, statement{query, args})
	return nil
}

func (p *postgresConn) exec(query string, args []any) (int64, error) {
	if len(p.later) == 0 {
		tag, err := p.c.Exec(context.Background(), query, args...)
		return tag.RowsAffected(), p.hear(err)
	}
	batch, err := p.send(query, args)
	if err != nil {
		return 0, err
	}
	tag, err := batch.Exec()
	return tag.RowsAffected(), p.hear(end(batch, err))
}

func (p *postgresConn) query(_ context.Context, query string, args []any) (Rows, error) {
	if len(p.later) == 0 {
		found, err := p.c.Query(context.Background(), query, args...)
		return &postgresRows{Rows: found}, p.hear(err)
	}
	batch, err := p.send(query, args)
	if err != nil {
		return nil, err
	}
	found, err := batch.Query()
	if err != nil {
		return nil, end(batch, err)
	}
	return &postgresRows{found, batch}, nil
}

func (p *postgresConn) queryRow(_ context.Context, query string, args []any) Row {
	return postgresRow{p, query, args}
}

// send sends what has been put off together with this statement, and hears the answers to the former.
func (p *postgresConn) send(query string, args []any) (pgx.BatchResults, error) {
	var all pgx.Batch
	for _, s := range p.later {
		all.Queue(s.query, s.args...)
	}
	all.Queue(query, args...)
	batch := p.c.SendBatch(context.Background(), &all)
	before := len(p.later)
	p.later = p.later[:0]
	for range before {
		if _, err := batch.Exec(); p.hear(err) != nil {
			return nil, end(batch, err)
		}
	}
	return batch, nil
}

// end ends a batch, whose first error is the one to know.
func end(batch pgx.BatchResults, err error) error {
	if last := batch.Close(); err == nil {
		return last
	}
	return err
}

// hear notes that the server has answered, be it that it refuses. Last words that it left when it ended the connection
// are no answer.
func (p *postgresConn) hear(err error) error {
	var refusal *pgconn.PgError
	if err == nil || errors.As(err, &refusal) && refusal.SeverityUnlocalized != "FATAL" {
		p.heard = true
	}
	return err
}

func (p *postgresConn) forget() { p.later = p.later[:0] }

func (p *postgresConn) begin(alone bool) error {
	p.forget()
	p.heard = false
	err := p.put("BEGIN", nil)
	if !alone {
		err = p.put("SET LOCAL lock_timeout = "+groupPatience, nil)
	}
	return err
}

func (p *postgresConn) commit() (late, err error) {
	if last := len(p.later) - 1; !p.heard && last >= 0 {
		// On a connection that may be dead, a commit must not be the first thing to be sent: were its answer lost, nobody could
		// tell that it is not to be tried again.
		s := p.later[last]
		p.later = p.later[:last]
		if _, late := p.exec(s.query, s.args); late != nil {
			return late, nil
		}
	}
	batch, late := p.send("COMMIT", nil)
	if late != nil {
		return late, nil
	}
	_, err = batch.Exec()
	return nil, end(batch, err)
}

func (p *postgresConn) rollback() error {
	p.forget()
	if p.c.PgConn().TxStatus() == 'I' { // it was put off and never begun
		return nil
	}
	_, err := p.exec("ROLLBACK", nil)
	return err
}

func (p *postgresConn) answered() bool { return p.heard }

func (p *postgresConn) doomed() bool { return p.c.PgConn().TxStatus() == 'E' || p.dead() }

func (p *postgresConn) dead() bool { return p.c.IsClosed() }

func (p *postgresConn) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return p.c.Close(ctx)
}

// postgresRows are what a query has found, and the batch that it came with.
type postgresRows struct {
	pgx.Rows
	batch pgx.BatchResults // nil if it came alone
}

func (r *postgresRows) Close() error {
	r.Rows.Close()
	if r.batch == nil {
		return r.Rows.Err()
	}
	return end(r.batch, r.Rows.Err())
}

// postgresRow is a query for one row, which is made when it is scanned.
type postgresRow struct {
	p     *postgresConn
	query string
	args  []any
}

func (r postgresRow) Scan(dest ...any) error {
	if len(r.p.later) == 0 {
		return r.p.hear(r.p.c.QueryRow(context.Background(), r.query, r.args...).Scan(dest...))
	}
	batch, err := r.p.send(r.query, r.args)
	if err != nil {
		return err
	}
	return end(batch, batch.QueryRow().Scan(dest...))
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
