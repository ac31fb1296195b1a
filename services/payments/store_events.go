package payments

import (
	"strconv"
	"strings"
	"time"

	"ticketing/kernel/store"
)

const (
	eventColumns = `id, type, object_id, intent_id, charge_id, payload, ` + eventState
	lightColumns = `id, type, object_id, intent_id, charge_id, '', ` + eventState // without the payload
	eventState   = `source, outcome, tries, created_at, received_at, handled_at, due_at`
)

func scanEvent(scan store.Scan) (e StripeEvent, err error) {
	var created, received, handled, due int64
	err = scan(&e.ID, &e.Type, &e.ObjectID, &e.IntentID, &e.ChargeID, &e.Payload, &e.Source, &e.Outcome, &e.Tries,
		&created, &received, &handled, &due)
	e.CreatedAt, e.ReceivedAt, e.HandledAt, e.DueAt = store.Time(created), store.Time(received), store.Time(handled), store.Time(due)
	return e, err
}

// knownEvent tells whether the event is recorded.
func knownEvent(tx *store.Tx, id string) (bool, error) {
	_, known, err := store.One(tx, func(scan store.Scan) (found string, err error) {
		err = scan(&found)
		return found, err
	}, `SELECT id FROM stripe_events WHERE id = $1`, id)
	return known, err
}

// insertEvent records an event, unless it is recorded already.
func insertEvent(tx *store.Tx, e StripeEvent) error {
	return tx.Do(`INSERT INTO stripe_events (`+eventColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT DO NOTHING`,
		e.ID, e.Type, e.ObjectID, e.IntentID, e.ChargeID, e.Payload, e.Source, e.Outcome, e.Tries, store.Millis(e.CreatedAt),
		store.Millis(e.ReceivedAt), store.Millis(e.HandledAt), store.Millis(e.DueAt))
}

// dueEvents are open events whose time to be looked at has come.
func dueEvents(tx *store.Tx) ([]StripeEvent, error) {
	return store.All(tx, scanEvent, `SELECT `+lightColumns+` FROM stripe_events WHERE due_at > 0 AND due_at <= $1
		ORDER BY due_at, id LIMIT $2`, store.Millis(tx.Now()), dueBatch)
}

// postponeEvent sets the next look at an open event.
func postponeEvent(tx *store.Tx, e StripeEvent, due time.Time) error {
	return tx.Do(`UPDATE stripe_events SET due_at = $1, tries = $2, charge_id = $3 WHERE id = $4 AND outcome = ''`,
		store.Millis(due), e.Tries, e.ChargeID, e.ID)
}

// closeEvent notes what came of an open event.
func closeEvent(tx *store.Tx, e StripeEvent, outcome string) error {
	return tx.Do(`UPDATE stripe_events SET outcome = $1, charge_id = $2, handled_at = $3, due_at = 0 WHERE id = $4 AND outcome = ''`,
		outcome, e.ChargeID, store.Millis(tx.Now()), e.ID)
}

// knownEvents are those of the ids that are recorded.
func knownEvents(tx *store.Tx, ids []string) (map[string]bool, error) {
	all, err := store.All(tx, func(scan store.Scan) (id string, err error) {
		err = scan(&id)
		return id, err
	}, `SELECT id FROM stripe_events WHERE id IN (`+places(1, len(ids))+`)`, asArgs(ids)...)
	known := make(map[string]bool, len(all))
	for _, id := range all {
		known[id] = true
	}
	return known, err
}

// forgetPayloads empties the payloads that came before, so many at a time.
func forgetPayloads(tx *store.Tx, before time.Time, most int) error {
	return tx.Do(`UPDATE stripe_events SET payload = '' WHERE id IN
		(SELECT id FROM stripe_events WHERE payload <> '' AND received_at < $1 LIMIT $2)`, store.Millis(before), most)
}

// selectEvents are the events that the filter lets through, newest first.
func selectEvents(tx *store.Tx, f EventFilter) ([]StripeEvent, error) {
	columns, where, args := lightColumns, []string{"1 = 1"}, []any{}
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where = append(where, condition)
	}
	if f.ID != "" {
		columns = eventColumns
		and("id = ?", f.ID)
	}
	if f.ChargeID != "" {
		and("charge_id = ? AND charge_id <> ''", f.ChargeID)
	}
	if f.Type != "" {
		and("type = ?", f.Type)
	}
	if f.Source != "" {
		and("source = ?", f.Source)
	}
	if f.Outcome != "" {
		and("outcome = ?", f.Outcome)
	}
	if f.Open {
		and("due_at > 0")
	}
	if f.Before != "" {
		and("(received_at, id) < (SELECT received_at, id FROM stripe_events WHERE id = ?)", f.Before)
	}
	return store.All(tx, scanEvent, `SELECT `+columns+` FROM stripe_events WHERE `+strings.Join(where, " AND ")+
		` ORDER BY received_at DESC, id DESC LIMIT `+strconv.Itoa(f.limit()), args...)
}

// pollState is how far Stripe's list of events has been read, and when it is read again; zero if it never was.
func pollState(tx *store.Tx, name string) (seen, next time.Time, err error) {
	at, _, err := store.One(tx, func(scan store.Scan) (at [2]int64, err error) {
		err = scan(&at[0], &at[1])
		return at, err
	}, `SELECT seen_at, next_at FROM stripe_polls WHERE name = $1`, name)
	return store.Time(at[0]), store.Time(at[1]), err
}

func savePoll(tx *store.Tx, name string, seen, next time.Time) error {
	return tx.Do(`INSERT INTO stripe_polls (name, seen_at, next_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, next_at = excluded.next_at`,
		name, store.Millis(seen), store.Millis(next))
}

// chargeAndEvent is chargeOfIntent, and whether the event is recorded; that is not known where the charge is not found.
func chargeAndEvent(tx *store.Tx, stripeID, eventID string) (c Charge, known, found bool, err error) {
	if stripeID == "" {
		return c, false, false, nil
	}
	c, found, err = store.One(tx, func(scan store.Scan) (Charge, error) {
		return scanCharge(func(dest ...any) error { return scan(append(dest, &known)...) })
	}, `SELECT `+chargeColumns+`, EXISTS (SELECT 1 FROM stripe_events WHERE id = $2) FROM charges WHERE stripe_id = $1`, stripeID, eventID)
	return c, known, found, err
}

// chargeOfIntent is the charge that Stripe's intent belongs to.
func chargeOfIntent(tx *store.Tx, stripeID string) (Charge, bool, error) {
	if stripeID == "" {
		return Charge{}, false, nil
	}
	return store.One(tx, scanCharge, `SELECT `+chargeColumns+` FROM charges WHERE stripe_id = $1`, stripeID)
}
