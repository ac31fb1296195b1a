package audit

import (
	"context"
	"fmt"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// books is everything that was read, in the order of the fields.
type books struct {
	currency  money.Currency
	read      map[string]bool // the services that were read
	logged    map[string]int  // how often each event is in the log, by id; nil if it was not read
	payments  []Payment
	asked     bool // the provider
	histories map[string]map[string]*history
	before    map[string]map[string]row   // each entity as the state has it, by kind: read before the outbox
	after     map[string]map[string]row   // the same, read after it
	inbox     map[string]map[string]int64 // the newest version that was applied, by "service kind" and entity
	failed    []string
	refunds   int                    // that are due
	rows      map[string][]refundRow // refunds by their charge, as payments knows them
	deadlines map[string]bool
	now       time.Time
	findings  []Finding
	busy      []string
}

// history is what was said about one entity, one entry for each version.
type history []said

// said is an event in the outbox.
type said struct {
	id        string
	version   int64
	published bool
	state     any
}

// newest is the entity's last state, nil if nothing was said about it.
func (h *history) newest() any {
	if h == nil || len(*h) == 0 {
		return nil
	}
	return (*h)[len(*h)-1].state
}

// follows is which services follow which kinds: what has to have arrived before the market is at rest.
var follows = map[string][]event.Kind{
	"tickets":    {event.Orders},
	"orders":     {event.Tickets, event.Rejections, event.Expiries, event.Charges},
	"expiration": {event.Orders},
	"payments":   {event.Orders},
}

// owners is who says what.
var owners = []struct {
	service string
	kind    event.Kind
}{
	{"auth", event.Users}, {"tickets", event.Tickets}, {"tickets", event.Rejections}, {"payments", event.Charges},
	{"expiration", event.Expiries}, {"orders", event.Orders},
}

// read reads the books: the log before the outboxes that it is a copy of, the provider before the charges that it was
// asked for, and those who act for orders before orders.
func read(ctx context.Context, s Sources) (*books, error) {
	b := &books{
		currency: s.Currency, read: map[string]bool{}, histories: map[string]map[string]*history{},
		before: map[string]map[string]row{}, after: map[string]map[string]row{}, inbox: map[string]map[string]int64{}, deadlines: map[string]bool{},
		rows: map[string][]refundRow{}, now: time.Now(), findings: []Finding{}, busy: []string{},
	}
	if s.Events != nil {
		b.logged = map[string]int{}
		if err := s.Events(ctx, func(e event.Envelope) { b.logged[e.ID]++ }); err != nil {
			return nil, fmt.Errorf("cannot read the event log: %w", err)
		}
	}
	if s.Payments != nil {
		var err error
		if b.payments, err = s.Payments(ctx); err != nil {
			return nil, fmt.Errorf("cannot ask the payment provider: %w", err)
		}
		b.asked = true
	}
	for _, name := range []string{"auth", "tickets", "payments", "expiration", "orders"} {
		db := s.DBs[name]
		if db == nil {
			continue
		}
		b.read[name] = true
		findings, failed := len(b.findings), len(b.failed)
		if err := db.View(ctx, func(tx *store.Tx) error {
			b.findings, b.failed = b.findings[:findings], b.failed[:failed] // a view may run again
			return b.readService(tx, name)
		}); err != nil {
			return nil, fmt.Errorf("cannot read the database of %s: %w", name, err)
		}
	}
	return b, nil
}

func (b *books) readService(tx *store.Tx, name string) error {
	b.now = tx.Now()
	for _, o := range owners {
		if o.service != name {
			continue
		}
		// The state before the outbox, which must have said all of it; and after it, when all that it says must be there.
		var err error
		if b.before[o.kind.Name], err = b.readRows(tx, o.kind); err != nil {
			return err
		}
		if err := b.readOutbox(tx, o.kind); err != nil {
			return err
		}
		if b.after[o.kind.Name], err = b.readRows(tx, o.kind); err != nil {
			return err
		}
	}
	if err := b.readInbox(tx, name); err != nil {
		return err
	}
	if err := each(tx, func(scan store.Scan) error {
		var id, kind, text string
		err := scan(&id, &kind, &text)
		b.failed = append(b.failed, fmt.Sprintf("%s could not apply the %s event %s: %s", name, kind, id, text))
		return err
	}, `SELECT id, kind, error FROM failed_event`); err != nil {
		return err
	}
	switch name {
	case "payments":
		if err := b.readRefunds(tx); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT count(*) FROM charges WHERE refund_due`).Scan(&b.refunds)
	case "expiration":
		return each(tx, func(scan store.Scan) error {
			var id string
			err := scan(&id)
			b.deadlines[id] = true
			return err
		}, `SELECT order_id FROM deadlines`)
	}
	return nil
}

func (b *books) readOutbox(tx *store.Tx, kind event.Kind) error {
	all := map[string]*history{}
	b.histories[kind.Name] = all
	return each(tx, func(scan store.Scan) error {
		var entity, document string
		var s said
		if err := scan(&s.id, &entity, &s.version, &document, &s.published); err != nil {
			return err
		}
		if all[entity] == nil {
			all[entity] = &history{}
		}
		s.state = b.decode(kind, s.id, document)
		*all[entity] = append(*all[entity], s)
		return nil
	}, `SELECT id, entity, version, document, seq IS NOT NULL FROM outbox WHERE kind = $1 ORDER BY entity, version`, kind.Name)
}

func (b *books) readInbox(tx *store.Tx, name string) error {
	for _, kind := range follows[name] {
		seen := map[string]int64{}
		b.inbox[name+" "+kind.Name] = seen
		if err := each(tx, func(scan store.Scan) error {
			var entity string
			var version int64
			err := scan(&entity, &version)
			seen[entity] = version
			return err
		}, `SELECT entity, version FROM inbox WHERE kind = $1`, kind.Name); err != nil {
			return err
		}
	}
	return nil
}

// each passes on every row of a query.
func each(tx *store.Tx, row func(store.Scan) error, query string, args ...any) error {
	_, err := store.All(tx, func(scan store.Scan) (struct{}, error) { return struct{}{}, row(scan) }, query, args...)
	return err
}

func (b *books) find(invariant int, format string, args ...any) {
	b.findings = append(b.findings, Finding{invariant, fmt.Sprintf(format, args...)})
}
