package expiration

import (
	"embed"
	"time"

	"ticketing/kernel/store"
)

//go:embed migrations
var files embed.FS

// Migrations are the tables of expiration.
var Migrations = store.Files(files, "migrations")

func scanDeadline(scan store.Scan) (d Deadline, err error) {
	var expiresAt int64
	err = scan(&d.OrderID, &expiresAt, &d.Said)
	d.ExpiresAt = store.Time(expiresAt)
	return d, err
}

// keep notes the deadline of an order; one that is noted already stays as it is.
func keep(tx *store.Tx, orderID string, expiresAt time.Time) error {
	return tx.Do(`INSERT INTO deadlines (order_id, expires_at, due_at) VALUES ($1, $2, $2) ON CONFLICT (order_id) DO NOTHING`,
		orderID, store.Millis(expiresAt))
}

func forget(tx *store.Tx, orderID string) error {
	return tx.Do(`DELETE FROM deadlines WHERE order_id = $1`, orderID)
}

// selectDue is the deadlines that have to ring, those first that have waited longest.
func selectDue(tx *store.Tx, limit int) ([]Deadline, error) {
	return store.All(tx, scanDeadline, `SELECT order_id, expires_at, said FROM deadlines WHERE due_at <= $1 ORDER BY due_at, order_id LIMIT $2`,
		store.Millis(tx.Now()), limit)
}

// rung notes that the alarm has rung; false if another process has rung it.
func rung(tx *store.Tx, d Deadline, again time.Time) (bool, error) {
	n, err := tx.Exec(`UPDATE deadlines SET said = $1, due_at = $2 WHERE order_id = $3 AND said = $1 - 1`,
		d.Said, store.Millis(again), d.OrderID)
	return n == 1, err
}

// nextDue is when the next alarm has to ring; the zero time if none has to.
func nextDue(tx *store.Tx) (time.Time, error) {
	due, _, err := store.One(tx, func(scan store.Scan) (ms int64, err error) { return ms, scan(&ms) },
		`SELECT due_at FROM deadlines ORDER BY due_at LIMIT 1`)
	return store.Time(due), err
}
