package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// errStopped ends a lane when another one has failed.
var errStopped = errors.New("another part of the transaction has failed")

// lane is what one of several functions sees of the connection that they share. A function runs until it asks for something,
// and goes on when all others have asked or ended, and the server has answered. They never run at the same time.
type lane struct {
	later []statement // that nobody waits for, before asked
	asked statement
	got   answer
	next  func() (struct{}, bool) // runs the function until it asks; false when it has ended
	pause func(struct{}) bool     // called by the function to ask; false if it is to end
	err   error                   // of the function
}

// answer is all that the server says to a statement.
type answer struct {
	types   *pgtype.Map
	columns []pgconn.FieldDescription
	rows    [][][]byte
	changed int64
}

func (p *postgresConn) beside(n int, fn func(i int, lane writes) error) error {
	running := make([]*lane, n)
	for i := range running {
		l := &lane{}
		var stop func()
		l.next, stop = iter.Pull(func(pause func(struct{}) bool) {
			l.pause = pause
			l.err = fn(i, l)
		})
		defer stop()
		running[i] = l
	}
	for len(running) > 0 {
		var asking []*lane
		var all []statement
		answered := map[int]*lane{} // by the place of their statements among all
		for _, l := range running {
			_, asks := l.next()
			if !asks && l.err != nil {
				return l.err
			}
			all = append(all, l.later...)
			l.later = l.later[:0]
			if asks {
				answered[len(all)] = l
				all = append(all, l.asked)
				asking = append(asking, l)
			}
		}
		p.later = append(p.later, all...)
		if len(asking) > 0 {
			if err := p.answer(len(p.later)-len(all), answered); err != nil {
				return err
			}
		}
		running = asking
	}
	return nil
}

// answer sends all that is to be sent, and gives the lanes what the server says to theirs, which are counted from first.
func (p *postgresConn) answer(first int, lanes map[int]*lane) (err error) {
	var all pgx.Batch
	for _, s := range p.later {
		all.Queue(s.query, s.args...)
	}
	sent := len(p.later)
	p.later = p.later[:0]
	batch := p.c.SendBatch(context.Background(), &all)
	for i := 0; i < sent && err == nil; i++ {
		if l := lanes[i-first]; l != nil {
			l.got, err = p.read(batch)
		} else {
			_, err = batch.Exec()
		}
		_ = p.hear(err)
	}
	return end(batch, err)
}

// read reads the answer to the next statement.
func (p *postgresConn) read(batch pgx.BatchResults) (a answer, err error) {
	found, err := batch.Query()
	if err != nil {
		return a, err
	}
	defer found.Close()
	a.types = p.c.TypeMap()
	for found.Next() {
		if a.columns == nil {
			a.columns = slices.Clone(found.FieldDescriptions()) // they and the values are overwritten by the next statement's
		}
		a.rows = append(a.rows, clone(found.RawValues()))
	}
	found.Close()
	a.changed = found.CommandTag().RowsAffected()
	return a, found.Err()
}

// clone is a copy of a row. Columns without a value stay nil.
func clone(row [][]byte) [][]byte {
	size := 0
	for _, v := range row {
		size += len(v)
	}
	text, own := make([]byte, 0, size), make([][]byte, len(row))
	for i, v := range row {
		if v != nil {
			from := len(text)
			text = append(text, v...)
			own[i] = text[from:len(text):len(text)]
		}
	}
	return own
}

// ask has a statement sent with those of the others and returns when it has been answered.
func (l *lane) ask(query string, args []any) (answer, error) {
	l.asked = statement{query, args}
	if !l.pause(struct{}{}) {
		return answer{}, errStopped
	}
	return l.got, nil
}

func (l *lane) put(query string, args []any) error {
	l.later = append(l.later, statement{query, args})
	return nil
}

func (l *lane) exec(query string, args []any) (int64, error) {
	a, err := l.ask(query, args)
	return a.changed, err
}

func (l *lane) query(_ context.Context, query string, args []any) (Rows, error) {
	a, err := l.ask(query, args)
	if err != nil {
		return nil, err
	}
	return &answerRows{answer: a}, nil
}

func (l *lane) queryRow(_ context.Context, query string, args []any) Row {
	return laneRow{l, query, args}
}

// answerRows are the rows of an answer, of which the first at is read.
type answerRows struct {
	answer
	at int
}

func (r *answerRows) Next() bool {
	if r.at < len(r.rows) {
		r.at++
		return true
	}
	return false
}

func (r *answerRows) Scan(dest ...any) error {
	return pgx.ScanRow(r.types, r.columns, r.rows[r.at-1], dest...)
}

func (r *answerRows) Err() error { return nil }

func (r *answerRows) Close() error { return nil }

// laneRow is a query for one row, which is made when it is scanned.
type laneRow struct {
	lane  *lane
	query string
	args  []any
}

func (r laneRow) Scan(dest ...any) error {
	a, err := r.lane.ask(r.query, r.args)
	if err != nil {
		return err
	}
	if len(a.rows) == 0 {
		return sql.ErrNoRows
	}
	return pgx.ScanRow(a.types, a.columns, a.rows[0], dest...)
}
