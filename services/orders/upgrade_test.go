package orders_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/orders"
	"ticketing/test/service"
)

// A payment that was in flight when orders learnt of claims has its order too, and the sellers are known.
func TestPaymentsInFlightHaveTheirOrders(t *testing.T) {
	each(t, long, 2, func(t *testing.T, h house) {
		first, err := fs.ReadFile(orders.Migrations, "0001_orders.sql")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		open := func(migrations fs.FS) *store.DB {
			db, err := store.Open(t.Context(), store.Options{Name: "before", Dir: dir, URL: h.URL, Migrations: migrations})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			return db
		}
		db := open(fstest.MapFS{"0001_orders.sql": {Data: first}})
		paying, failed, paid, quiet := service.NewID(), service.NewID(), service.NewID(), service.NewID()
		in := func(statement string, args ...any) {
			t.Helper()
			if err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(statement, args...); return err }); err != nil {
				t.Fatal(err)
			}
		}
		for id, status := range map[string]string{paying: event.AwaitingPayment, failed: event.AwaitingPayment, paid: event.Completed, quiet: event.Created} {
			in(`INSERT INTO orders (id, user_id, status, expires_at, ticket_id, ticket_version, title, price, currency, version, created_at, updated_at)
				VALUES ($1, 'buyer', $2, 0, $1, 1, '', 1, 'usd', 2, 0, 0)`, id, status)
			in(`INSERT INTO tickets (id, seller_id, title, price, currency, starts_at, status, order_id, version)
				VALUES ($1, $2, '', 1, 'usd', 0, 'locked', $1, 2)`, id, "seller of "+id)
		}
		for id, c := range map[string]struct{ order, status string }{
			"a": {paying, event.ChargeFailed}, "b": {paying, event.Created}, "c": {failed, event.ChargeFailed}, "d": {paid, event.Completed},
		} {
			in(`INSERT INTO charges (id, order_id, status, version) VALUES ($1, $2, $3, 1)`, id, c.order, c.status)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open(orders.Migrations)
		for id, want := range map[string]string{paying: "b", failed: "", paid: "", quiet: ""} {
			var charge, seller string
			err := db.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT charge_id, seller_id FROM orders WHERE id = $1`, id).Scan(&charge, &seller)
			})
			if err != nil || charge != want || seller != "seller of "+id {
				t.Errorf("the payment %q of the seller %q has the order, want %q of %q (%v)", charge, seller, want, "seller of "+id, err)
			}
		}
	})
}
