package stripesim

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/kernel/store"
)

// The states of a delivery.
const (
	deliveryPending = "pending"
	delivered       = "delivered"
	givenUp         = "given_up"
	dropped         = "dropped"
)

const (
	deliverFor     = 72 * time.Hour   // how long an event is offered to an endpoint
	deliverBatch   = 100              // deliveries that a round looks at
	concludeAtOnce = 20               // deliveries that a statement notes as taken: each number of them is a statement of its own
	webhookTime    = 10 * time.Second // for one attempt, unless Options say otherwise
)

// pauses are how long an endpoint is left alone after each failed attempt; the last one is repeated. Stripe's own begin
// with minutes: here somebody waits.
var pauses = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 12 * time.Hour,
}

// delivery is an event on its way to an endpoint.
type delivery struct {
	event     string
	kind      string // the event's type
	told      *event
	createdAt time.Time
	dueAt     time.Time
	attempts  int
	hook      *hook
}

// deliveryKey names a delivery.
type deliveryKey struct{ event, endpoint string }

func (d *delivery) key() deliveryKey { return deliveryKey{d.event, d.hook.id} }

// Delivery is what has become of an event that was to be sent to an endpoint.
type Delivery struct {
	Event    string    `json:"event"`
	Type     string    `json:"type"`
	Endpoint string    `json:"endpoint"`
	Status   string    `json:"status"` // pending, delivered, given_up, dropped
	Attempts int       `json:"attempts"`
	Answer   int       `json:"answer,omitempty"`  // HTTP status of the last attempt; 0: there was none
	Failure  string    `json:"failure,omitempty"` // why there was none
	Created  time.Time `json:"created"`
	Due      time.Time `json:"due"` // of the next attempt, or the last one
}

// queue writes down, in the transaction that events happen in, who is to hear of them.
func (c *call) queue(events []*event) error {
	hooks, err := c.sim.enabled(c.tx)
	if err != nil {
		return err
	}
	var queued []freshRow
	rows, args := []string{}, []any{store.Millis(c.tx.Now()), deliveryPending}
	for _, e := range events {
		for _, h := range hooks {
			if !h.hears(e.kind) {
				continue
			}
			rows = append(rows, "($1, $1, $2, "+places(len(args)+1, 2)+")")
			args = append(args, e.id, h.id)
			queued = append(queued, freshRow{e, h.id})
			e.pending++
		}
	}
	if len(queued) == 0 {
		return nil
	}
	c.tx.AfterCommit(func() {
		c.sim.fresh.add(queued)
		c.sim.wake()
	})
	return c.tx.Do(`INSERT INTO deliveries (created_at, due_at, status, event, endpoint) VALUES `+strings.Join(rows, ", "), args...)
}

// Deliver sends what is due, one after the other, and returns how many deliveries it attempted. It never waits for what is
// due later: a test that owns the clock moves it on and calls again.
func (s *Sim) Deliver(ctx context.Context) (int, error) {
	due, err := s.dueDeliveries(ctx, s.mostDue())
	if err != nil {
		return 0, err
	}
	return s.send(ctx, due, 1)
}

// mostDue is how many deliveries are read at once: those that are held back are among them in each round.
func (s *Sim) mostDue() int { return deliverBatch + s.mischief.holding() }

// round sends what is due, as far as it is known in memory, else as the database says.
func (s *Sim) round(ctx context.Context) (int, error) {
	if !s.mischief.none() {
		s.fresh.doubt()
	}
	due, err := s.freshDeliveries(ctx)
	if err == nil && len(due) == 0 {
		at, limit := time.Now(), s.mostDue()
		due, err = s.dueDeliveries(ctx, limit)
		s.fresh.note(due, len(due) < limit, at)
	}
	if err != nil {
		return 0, err
	}
	return s.send(ctx, due, deliverAtOnce)
}

// freshDeliveries are those that were committed here lately.
func (s *Sim) freshDeliveries(ctx context.Context) (due []*delivery, err error) {
	rows := s.fresh.take()
	if len(rows) == 0 {
		return nil, nil
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		hooks, err := s.enabled(tx)
		for _, r := range rows {
			if h := hookOf(hooks, r.endpoint); h != nil { // else it was changed meanwhile, and the database is read anyway
				due = append(due, &delivery{event: r.told.id, kind: r.told.kind, told: r.told, createdAt: r.told.createdAt,
					dueAt: r.told.createdAt, hook: h})
			}
		}
		return err
	})
	return due, err
}

// send makes an attempt at each, so many at a time. Those that fail are no error: they are tried again.
func (s *Sim) send(ctx context.Context, due []*delivery, parallel int) (int, error) {
	lanes := s.mischief.arrange(due)
	n := 0
	for _, lane := range lanes {
		n += len(lane)
	}
	written := make(chan (<-chan error), n)
	var taken taken
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, lane := range lanes {
		g.Go(func() error {
			for _, p := range lane {
				done, err := s.carry(ctx, p, &taken)
				if err != nil {
					return err
				}
				written <- done
			}
			return nil
		})
	}
	err := g.Wait()
	close(written)
	err = cmp.Or(err, s.concludeTaken(ctx, &taken))
	for done := range written {
		err = cmp.Or(err, <-done)
	}
	return n, err
}

// carry does with one delivery what is planned. That it was taken is written down at the end of the round, with the others'; what
// else came of it is being written down when it returns: the next one need not wait for that, so that many share a commit.
func (s *Sim) carry(ctx context.Context, p plan, taken *taken) (written <-chan error, err error) {
	switch {
	case p.drop:
		return s.conclude(ctx, p.delivery, func(tx *store.Tx) outcome { return outcome{status: dropped, due: tx.Now()} }), nil
	case p.late > 0:
		return s.conclude(ctx, p.delivery, func(tx *store.Tx) outcome {
			return outcome{status: deliveryPending, due: tx.Now().Add(p.late)}
		}), nil
	}
	var answer int
	var failure string
	for range 1 + p.copies {
		if answer, failure, err = s.post(ctx, p); err != nil || ctx.Err() != nil {
			return nothing, err // told to stop: what came of it is not known, and it is sent again
		}
	}
	if answer/100 == 2 {
		taken.add(p.delivery, answer)
		return nothing, nil
	}
	s.log.DebugContext(ctx, "a webhook was not taken", "url", p.delivery.hook.url, "event", p.delivery.event, "status", answer, "failure", failure)
	return s.conclude(ctx, p.delivery, func(tx *store.Tx) outcome {
		return p.delivery.after(tx.Now(), answer, failure)
	}), nil
}

// nothing is what there is to be written down of a delivery that was broken off.
var nothing = func() <-chan error {
	none := make(chan error)
	close(none)
	return none
}()

// outcome is where a delivery stands after something was done with it.
type outcome struct {
	status    string
	due       time.Time
	attempted int // 1 if it was sent
	answer    int
	failure   string
}

// after is what follows from an answer that is no yes; 0 means that there was none.
func (d *delivery) after(now time.Time, answer int, failure string) outcome {
	o := outcome{status: givenUp, due: now, attempted: 1, answer: answer, failure: failure}
	next := now.Add(pauses[min(d.attempts, len(pauses)-1)])
	if !next.After(d.createdAt.Add(deliverFor)) {
		o.status, o.due = deliveryPending, next
	}
	return o
}

// conclude writes the outcome down, unless the delivery has been decided or deleted meanwhile.
func (s *Sim) conclude(ctx context.Context, d *delivery, decide func(tx *store.Tx) outcome) <-chan error {
	return s.db.Start(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		o := decide(tx)
		return tx.Do(`UPDATE deliveries SET status = $1, due_at = $2, attempts = attempts + $3, answer = $4, failure = $5
			WHERE event = $6 AND endpoint = $7 AND status = $8`,
			o.status, store.Millis(o.due), o.attempted, o.answer, o.failure, d.event, d.hook.id, deliveryPending)
	})
}

// taken are the deliveries of a round that their endpoints have taken, by endpoint and answer.
type taken struct {
	mu     sync.Mutex
	events map[takenBy][]any
}

type takenBy struct {
	endpoint string
	answer   int
}

func (t *taken) add(d *delivery, answer int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.events == nil {
		t.events = map[takenBy][]any{}
	}
	by := takenBy{d.hook.id, answer}
	t.events[by] = append(t.events[by], d.event)
}

// concludeTaken writes them down, in one transaction.
func (s *Sim) concludeTaken(ctx context.Context, t *taken) error {
	if len(t.events) == 0 {
		return nil
	}
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for by, all := range t.events {
			for events := range slices.Chunk(all, concludeAtOnce) {
				args := append([]any{delivered, store.Millis(tx.Now()), by.answer, by.endpoint, deliveryPending}, events...)
				err := tx.Do(`UPDATE deliveries SET status = $1, due_at = $2, attempts = attempts + 1, answer = $3, failure = ''
					WHERE endpoint = $4 AND status = $5 AND event IN (`+places(6, len(events))+`)`, args...)
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// isPending is written out, as in the index of what is due: with a parameter in its place PostgreSQL does not know that the
// index has all of them, and looks through all deliveries that ever were.
const isPending = `d.status = '` + deliveryPending + `'`

// dueQuery finds deliveries that are due at $1, up to $2 of them, with their events.
const dueQuery = `SELECT ` + eventColumns + `, d.endpoint, d.created_at, d.due_at, d.attempts FROM deliveries d
	JOIN events ON events.id = d.event JOIN webhook_endpoints w ON w.id = d.endpoint
	WHERE ` + isPending + ` AND d.due_at <= $1 AND w.enabled ORDER BY d.due_at, d.event, d.endpoint LIMIT $2`

func (s *Sim) dueDeliveries(ctx context.Context, limit int) (due []*delivery, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		hooks, err := s.enabled(tx)
		if err != nil || len(hooks) == 0 {
			return err
		}
		due, err = store.All(tx, func(scan store.Scan) (*delivery, error) {
			var d delivery
			var endpoint string
			var at, dueAt int64
			told, err := scanEvent(func(columns ...any) error {
				return scan(append(columns, &endpoint, &at, &dueAt, &d.attempts)...)
			})
			d.event, d.kind, d.told = told.id, told.kind, told
			d.createdAt, d.dueAt, d.hook = store.Time(at), store.Time(dueAt), hookOf(hooks, endpoint)
			return &d, err
		}, dueQuery, store.Millis(tx.Now()), limit)
		return err
	})
	known := due[:0]
	for _, d := range due {
		if d.hook != nil { // one that was made between the two statements is there in the next round
			known = append(known, d)
		}
	}
	return known, err
}

// nextDelivery is how long it is until one is due that is not yet; false if there is none.
func (s *Sim) nextDelivery(ctx context.Context) (left time.Duration, ok bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		at, found, err := store.One(tx, func(scan store.Scan) (at int64, err error) {
			err = scan(&at)
			return at, err
		}, `SELECT d.due_at FROM deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint
			WHERE `+isPending+` AND d.due_at > $1 AND w.enabled ORDER BY d.due_at LIMIT 1`, store.Millis(tx.Now()))
		left, ok = store.Time(at).Sub(tx.Now()), found
		return err
	})
	return left, ok, err
}

// Deliveries are the newest deliveries, newest first.
func (s *Sim) Deliveries(ctx context.Context, limit int) (all []Delivery, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		all, err = store.All(tx, func(scan store.Scan) (d Delivery, err error) {
			var at, due int64
			err = scan(&d.Event, &d.Type, &d.Endpoint, &d.Status, &d.Attempts, &d.Answer, &d.Failure, &at, &due)
			d.Created, d.Due = store.Time(at), store.Time(due)
			return d, err
		}, `SELECT d.event, e.type, d.endpoint, d.status, d.attempts, d.answer, d.failure, d.created_at, d.due_at
			FROM deliveries d JOIN events e ON e.id = d.event ORDER BY d.event DESC, d.endpoint LIMIT $1`, limit)
		return err
	})
	return all, err
}
