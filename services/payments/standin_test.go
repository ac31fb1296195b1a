package payments_test

import (
	"context"
	"encoding/json"
	"testing/fstest"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/payments"
)

// standIn is the part of orders that matters to payments, in a database and on a bus of its own: the rules of
// payments.Claims, each applied to the order's row while it is held, as orders does.
var standIn = store.Options{Kernel: []store.Migrations{bus.Migrations}, Migrations: fstest.MapFS{"0001_standin.sql": {Data: []byte(`
CREATE TABLE orders (id TEXT PRIMARY KEY, document TEXT NOT NULL, held BIGINT NOT NULL DEFAULT 0);
CREATE TABLE charges (id TEXT PRIMARY KEY, order_id TEXT NOT NULL, version BIGINT NOT NULL, status TEXT NOT NULL,
	counts BOOLEAN NOT NULL, document TEXT NOT NULL);
CREATE INDEX charges_order ON charges (order_id);
`)}}}

func document[T any](scan store.Scan) (v T, err error) {
	var text string
	if err = scan(&text); err == nil {
		err = json.Unmarshal([]byte(text), &v)
	}
	return v, err
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// hear is what orders does with a charge.
func (m *market) hear(tx *store.Tx, c event.Charge) error {
	if _, err := tx.Exec(`INSERT INTO charges (id, order_id, version, status, counts, document) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status, counts = excluded.counts,
			document = excluded.document`,
		c.ID, c.OrderID, c.Version, c.Status, c.Status == event.ChargeFailed && c.FailureCode != event.NotSubmitted, text(c)); err != nil {
		return err
	}
	tx.Touch(c.OrderID)
	if m.deaf.Load() {
		return nil
	}
	_, err := m.change(tx, c.OrderID, func(o *payments.Claims) (bool, error) {
		var undecided string
		var failed int
		err := tx.QueryRow(`SELECT coalesce(min(CASE WHEN status = 'Created' THEN id END), ''), coalesce(sum(CASE WHEN counts THEN 1 ELSE 0 END), 0)
			FROM charges WHERE order_id = $1`, c.OrderID).Scan(&undecided, &failed)
		return o.Hear(c.ID, c.Status, undecided, failed, max(m.options.Attempts, 1), tx.Now()), err
	})
	return err
}

// change applies a rule to the order, whose row is held, and says what has come of it if anything has.
func (m *market) change(tx *store.Tx, id string, rule func(*payments.Claims) (bool, error)) (event.Order, error) {
	o, ok, err := store.One(tx, document[event.Order], `UPDATE orders SET held = held + 1 WHERE id = $1 RETURNING document`, id)
	if err != nil || !ok {
		return o, err
	}
	c := payments.Claims{Status: o.Status, Reason: o.CancelReason, ChargeID: o.ChargeID, ExpiresAt: o.ExpiresAt}
	changed, err := rule(&c)
	if err != nil || !changed {
		return o, err
	}
	o.Status, o.CancelReason, o.ChargeID = c.Status, c.Reason, c.ChargeID
	o.Version++
	return o, m.put(tx, o)
}

// put stores the order and says what it is.
func (m *market) put(tx *store.Tx, o event.Order) error {
	_, err := tx.Exec(`INSERT INTO orders (id, document) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
		o.ID, text(o))
	if err != nil {
		return err
	}
	tx.Touch(o.ID)
	kind := event.OrderUpdated
	switch {
	case o.Status == event.Cancelled:
		kind = event.OrderCancelled
	case o.Version == 1:
		kind = event.OrderCreated
	}
	return m.orders.bus.Emit(tx, kind, o)
}

// say announces the order's state.
func (m *market) say(o event.Order) event.Order {
	m.t.Helper()
	m.must(m.orders.db.Update(ctx, func(tx *store.Tx) error { return m.put(tx, o) }))
	return o
}

// act applies a rule to the order and returns what it is then.
func (m *market) act(o event.Order, rule func(*payments.Claims) bool) event.Order {
	m.t.Helper()
	err := m.orders.db.Update(ctx, func(tx *store.Tx) (err error) {
		o, err = m.change(tx, o.ID, func(c *payments.Claims) (bool, error) { return rule(c), nil })
		return err
	})
	m.must(err)
	return o
}

// cancel is the buyer's wish, expire the end of the time to pay; either happens only if the rules allow it.
func (m *market) cancel(o event.Order) event.Order { return m.act(o, (*payments.Claims).Cancel) }

func (m *market) expire(o event.Order) event.Order {
	now := m.time()
	return m.act(o, func(c *payments.Claims) bool { return c.Expire(now) })
}

// become gives the order its next state, whatever the rules say of it.
func (m *market) become(o event.Order, status, reason string) event.Order {
	m.t.Helper()
	return m.act(o, func(c *payments.Claims) bool {
		if c.Status, c.Reason = status, reason; status == event.Cancelled {
			c.ChargeID = ""
		}
		return true
	})
}

// current is the order as it is.
func (m *market) current(o event.Order) event.Order {
	m.t.Helper()
	return m.act(o, func(*payments.Claims) bool { return false })
}

// awaitCharge waits until orders has heard what cond wants.
func (m *market) awaitCharge(orderID string, cond func(c event.Charge) bool) (found event.Charge) {
	m.t.Helper()
	waiting, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := m.orders.db.Await(waiting, orderID, func(tx *store.Tx) (bool, error) {
		all, err := store.All(tx, document[event.Charge], `SELECT document FROM charges WHERE order_id = $1 ORDER BY id`, orderID)
		for _, c := range all {
			if cond(c) {
				found = c
				return true, err
			}
		}
		return false, err
	})
	if err != nil {
		m.t.Fatalf("orders never heard the expected of order %s: %v", orderID, err)
	}
	return found
}

// known waits until payments has the order's version.
func (m *market) known(o event.Order) {
	m.t.Helper()
	m.applied(m.db, "order/"+o.ID, o.ID, o.Version)
}

// applied waits until a service has the version of what it follows.
func (m *market) applied(db *store.DB, key, entity string, version int64) {
	m.t.Helper()
	waiting, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := db.Await(waiting, key, func(tx *store.Tx) (bool, error) {
		var n int
		err := tx.QueryRow(`SELECT count(*) FROM inbox WHERE entity = $1 AND version >= $2`, entity, version).Scan(&n)
		return n == 1, err
	})
	if err != nil {
		m.t.Fatalf("%s never heard version %d of %s: %v", db.Name(), version, entity, err)
	}
}

// agree waits until orders and payments have heard of each other all there is to hear about the order.
func (m *market) agree(o event.Order) event.Order {
	m.t.Helper()
	if m.hand != nil {
		m.pump()
		return m.current(o)
	}
	for {
		var newest map[string]int64
		err := m.db.View(ctx, func(tx *store.Tx) error {
			newest = map[string]int64{}
			rows, err := tx.Query(`SELECT id, version FROM charges WHERE order_id = $1`, o.ID)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id string
				var version int64
				if err := rows.Scan(&id, &version); err != nil {
					return err
				}
				newest[id] = version
			}
			return rows.Err()
		})
		m.must(err)
		for id, version := range newest {
			m.applied(m.orders.db, o.ID, id, version)
		}
		before := m.current(o)
		m.known(before)
		if m.current(o).Version == before.Version {
			return before
		}
	}
}
