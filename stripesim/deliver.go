package stripesim

import (
	"cmp"
	"context"
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
	deliverFor   = 72 * time.Hour   // how long an event is offered to an endpoint
	deliverBatch = 100              // deliveries that a round looks at
	webhookTime  = 10 * time.Second // for one attempt, unless Options say otherwise
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

// queue writes down, in the transaction that an event happens in, who is to hear of it.
func (c *call) queue(eventID, kind string) error {
	if c.listeners == nil {
		var err error
		if c.listeners, err = store.All(c.tx, scanListener, `SELECT id, types FROM webhook_endpoints WHERE enabled ORDER BY id`); err != nil {
			return err
		}
	}
	for _, l := range c.listeners {
		if !l.hears(kind) {
			continue
		}
		now := store.Millis(c.tx.Now())
		err := c.tx.Do(`INSERT INTO deliveries (event, endpoint, created_at, due_at, status) VALUES ($1, $2, $3, $3, $4)`,
			eventID, l.id, now, deliveryPending)
		if err != nil {
			return err
		}
		c.tx.AfterCommit(c.sim.wake)
	}
	return nil
}

// Deliver sends what is due, one after the other, and returns how many deliveries it attempted. It never waits for what is
// due later: a test that owns the clock moves it on and calls again.
func (s *Sim) Deliver(ctx context.Context) (int, error) { return s.round(ctx, 1) }

// round sends what is due, so many at a time. Failed attempts are no error: they are tried again.
func (s *Sim) round(ctx context.Context, parallel int) (int, error) {
	due, err := s.dueDeliveries(ctx, deliverBatch+s.mischief.holding())
	if err != nil {
		return 0, err
	}
	lanes := s.mischief.arrange(due)
	n := 0
	for _, lane := range lanes {
		n += len(lane)
	}
	written := make(chan (<-chan error), n)
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, lane := range lanes {
		g.Go(func() error {
			for _, p := range lane {
				done, err := s.carry(ctx, p)
				if err != nil {
					return err
				}
				written <- done
			}
			return nil
		})
	}
	err = g.Wait()
	close(written)
	for done := range written {
		err = cmp.Or(err, <-done)
	}
	return n, err
}

// carry does with one delivery what is planned. What came of it is being written down when it returns: the next one need not
// wait for that, so that many share a commit.
func (s *Sim) carry(ctx context.Context, p plan) (written <-chan error, err error) {
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
	if answer/100 != 2 {
		s.log.DebugContext(ctx, "a webhook was not taken", "url", p.delivery.hook.url, "event", p.delivery.event, "status", answer, "failure", failure)
	}
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

// after is what follows from an answer; 0 means that there was none.
func (d *delivery) after(now time.Time, answer int, failure string) outcome {
	o := outcome{status: delivered, due: now, attempted: 1, answer: answer, failure: failure}
	if answer/100 == 2 {
		return o
	}
	next := now.Add(pauses[min(d.attempts, len(pauses)-1)])
	if next.After(d.createdAt.Add(deliverFor)) {
		o.status = givenUp
		return o
	}
	o.status, o.due = deliveryPending, next
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

func (s *Sim) dueDeliveries(ctx context.Context, limit int) (due []*delivery, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		hooks, err := store.All(tx, scanHook, `SELECT `+hookColumns+` FROM webhook_endpoints WHERE enabled`)
		if err != nil || len(hooks) == 0 {
			return err
		}
		byID := map[string]*hook{}
		for _, h := range hooks {
			byID[h.id] = h
		}
		due, err = store.All(tx, func(scan store.Scan) (*delivery, error) {
			var d delivery
			var endpoint string
			var at, dueAt int64
			told, err := scanEvent(func(columns ...any) error {
				return scan(append(columns, &endpoint, &at, &dueAt, &d.attempts)...)
			})
			d.event, d.kind, d.told = told.id, told.kind, told
			d.createdAt, d.dueAt, d.hook = store.Time(at), store.Time(dueAt), byID[endpoint]
			return &d, err
		}, `SELECT `+eventColumns+`, d.endpoint, d.created_at, d.due_at, d.attempts FROM deliveries d
			JOIN events ON events.id = d.event JOIN webhook_endpoints w ON w.id = d.endpoint
			WHERE d.status = $1 AND d.due_at <= $2 AND w.enabled ORDER BY d.due_at, d.event, d.endpoint LIMIT $3`,
			deliveryPending, store.Millis(tx.Now()), limit)
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
			WHERE d.status = $1 AND d.due_at > $2 AND w.enabled ORDER BY d.due_at LIMIT 1`, deliveryPending, store.Millis(tx.Now()))
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
