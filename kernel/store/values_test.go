package store_test

import (
	"database/sql"
	"errors"
	"testing"
	"testing/fstest"

	"ticketing/kernel/store"
)

// TestValuesComeBack puts every kind of value in and takes it out again, in an order of parameters that is not theirs.
func TestValuesComeBack(t *testing.T) {
	everyEngine(t, func(t *testing.T, o store.Options) {
		o.Migrations = fstest.MapFS{"0001_values.sql": {Data: []byte(`
CREATE TABLE kept (id BIGINT PRIMARY KEY, word TEXT, open BOOLEAN, number BIGINT);
`)}}
		db := open(t, o)
		type word string
		type row struct {
			word   *word
			open   bool
			number sql.NullInt64
		}
		hello, empty := word("ha\x00llo ü"), word("")
		if db.Shared() {
			hello = "hallo ü" // PostgreSQL has no text with a zero in it
		}
		for i, want := range []row{{nil, false, sql.NullInt64{}}, {&hello, true, sql.NullInt64{Int64: -1 << 62, Valid: true}}, {&empty, true, sql.NullInt64{Valid: true}}} {
			update(t, db, func(tx *store.Tx) error {
				n, err := tx.Exec("INSERT INTO kept (number, open, word, id) VALUES ($4, $3, $2, $1)", i, want.word, want.open, want.number)
				if n != 1 {
					t.Errorf("%d rows were put in", n)
				}
				return err
			})
			var got row
			err := db.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow("SELECT word, open, number FROM kept WHERE id = $1", i).Scan(&got.word, &got.open, &got.number)
			})
			if err != nil || (got.word == nil) != (want.word == nil) || got.word != nil && *got.word != *want.word || got.open != want.open || got.number != want.number {
				t.Errorf("%v came back as %v, %v", want, got, err)
			}
		}
		for name, wrong := range map[string]func(tx *store.Tx) error{
			"NULL is no text": func(tx *store.Tx) error { return tx.QueryRow("SELECT word FROM kept WHERE id = 0").Scan(new(string)) },
			"a column too many": func(tx *store.Tx) error {
				return tx.QueryRow("SELECT word, id FROM kept WHERE id = 1").Scan(new(string))
			},
			"no row":                func(tx *store.Tx) error { return tx.QueryRow("SELECT id FROM kept WHERE id = 9").Scan(new(int)) },
			"an argument is wanted": func(tx *store.Tx) error { return tx.QueryRow("SELECT id FROM kept WHERE id = $1").Scan(new(int)) },
		} {
			if err := db.View(t.Context(), wrong); err == nil || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
