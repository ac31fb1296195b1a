package store

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"zombiezen.com/go/sqlite"
)

// sqliteRows are the rows of a statement under way.
type sqliteRows struct {
	stmt   *sqliteStmt
	done   func() // may be nil
	err    error
	closed bool
}

func (r *sqliteRows) Next() bool {
	if r.closed {
		return false
	}
	row, err := r.stmt.Step()
	if r.err = err; !row {
		_ = r.Close() // what there is to say is in err
	}
	return row
}

func (r *sqliteRows) Scan(dest ...any) error {
	if r.closed {
		return errors.New("there is no row to scan")
	}
	return r.stmt.scan(dest)
}

func (r *sqliteRows) Err() error { return r.err }

func (r *sqliteRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed, r.stmt.open = true, false
	err := r.stmt.Reset()
	if r.done != nil {
		r.done()
	}
	return err
}

// scan reads the columns of the row that the statement is at.
func (s *sqliteStmt) scan(dest []any) error {
	if n := s.ColumnCount(); n != len(dest) {
		return fmt.Errorf("a row with %d columns is read into %d variables", n, len(dest))
	}
	for i, d := range dest {
		if err := s.column(i, d); err != nil {
			return fmt.Errorf("column %d (%s): %w", i+1, s.ColumnName(i), err)
		}
	}
	return nil
}

func (s *sqliteStmt) column(i int, dest any) error {
	kind := s.ColumnType(i)
	switch d := dest.(type) {
	case *string:
		if kind != sqlite.TypeNull {
			*d = s.ColumnText(i)
			return nil
		}
	case *int64:
		if kind == sqlite.TypeInteger {
			*d = s.ColumnInt64(i)
			return nil
		}
	case *[]byte:
		if kind != sqlite.TypeInteger && kind != sqlite.TypeFloat {
			*d = s.bytes(i, kind)
			return nil
		}
	case *any:
		*d = s.value(i, kind)
		return nil
	case sql.Scanner:
		return d.Scan(s.value(i, kind))
	}
	return s.reflected(i, kind, reflect.ValueOf(dest).Elem())
}

func (s *sqliteStmt) bytes(i int, kind sqlite.ColumnType) []byte {
	if kind == sqlite.TypeNull {
		return nil
	}
	b := make([]byte, s.ColumnLen(i))
	s.ColumnBytes(i, b)
	return b
}

// value is the column as database/sql has it.
func (s *sqliteStmt) value(i int, kind sqlite.ColumnType) any {
	switch kind {
	case sqlite.TypeInteger:
		return s.ColumnInt64(i)
	case sqlite.TypeText:
		return s.ColumnText(i)
	case sqlite.TypeFloat:
		return s.ColumnFloat(i)
	case sqlite.TypeBlob:
		return s.bytes(i, kind)
	}
	return nil
}

// reflected is for variables of types made of the plain ones, and of pointers, which are nil for NULL.
func (s *sqliteStmt) reflected(i int, kind sqlite.ColumnType, into reflect.Value) error {
	switch to := into.Kind(); {
	case to == reflect.Pointer && kind == sqlite.TypeNull:
		into.SetZero()
	case to == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return s.column(i, into.Interface())
	case to == reflect.String && kind == sqlite.TypeText:
		into.SetString(s.ColumnText(i))
	case into.CanInt() && kind == sqlite.TypeInteger:
		n := s.ColumnInt64(i)
		if into.OverflowInt(n) {
			return fmt.Errorf("%d does not fit into %s", n, into.Type())
		}
		into.SetInt(n)
	case into.CanUint() && kind == sqlite.TypeInteger:
		n := s.ColumnInt64(i)
		if n < 0 || into.OverflowUint(uint64(n)) {
			return fmt.Errorf("%d does not fit into %s", n, into.Type())
		}
		into.SetUint(uint64(n))
	case to == reflect.Bool && kind == sqlite.TypeInteger:
		into.SetBool(s.ColumnInt64(i) != 0)
	case to == reflect.Float64 && (kind == sqlite.TypeFloat || kind == sqlite.TypeInteger):
		into.SetFloat(s.ColumnFloat(i))
	default:
		return fmt.Errorf("%s cannot be read into %s", kind, into.Type())
	}
	return nil
}
