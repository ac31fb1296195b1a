package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

// follow is one kind of entity that the service follows.
type follow struct {
	kind      event.Kind
	unhurried bool
	read      func(event.Envelope) (delivery, error)
}

// company is how long an unhurried follower waits for further events.
const company = 20 * time.Millisecond

// Manner is how a kind is followed.
type Manner func(*follow)

// Unhurried has events wait some milliseconds for others, to share a commit. It is for a follower whom nobody waits for.
func Unhurried(f *follow) { f.unhurried = true }

// delivery is an event on its way to its handler.
type delivery struct {
	id, kind, entity string
	version          int64
	document         string
	at               time.Time
	trace            trace.Trace
	handle           func(tx *store.Tx) error
}

// Follow has handle called with the newest state of every entity of kind T, those included that were there before. It works
// in the transaction that it is given; its ctx carries the trace of the event. Follow comes before Run, once for a kind.
func Follow[T event.State](b *Bus, handle func(ctx context.Context, tx *store.Tx, s T) error, manners ...Manner) {
	var none T
	kind := none.Kind()
	for _, f := range b.follows {
		if f.kind.Name == kind.Name {
			panic(fmt.Sprintf("%s follows %s twice", b.db.Name(), kind.Name))
		}
	}
	f := &follow{kind: kind}
	for _, manner := range manners {
		manner(f)
	}
	b.follows = append(b.follows, f)
	f.read = func(e event.Envelope) (delivery, error) {
		s, err := State[T](e)
		if err != nil {
			return delivery{}, err
		}
		tr, _ := trace.Parse(e.TraceParent)
		entity, version := s.Entity()
		return delivery{
			id: e.ID, kind: kind.Name, entity: entity, version: version, at: e.Time, trace: tr,
			handle: func(tx *store.Tx) error { return handle(tx.Context(), tx, s) },
		}, nil
	}
}

// Follows are the subjects of the events that the service follows.
func (b *Bus) Follows() []string {
	var all []string
	for _, f := range b.follows {
		all = append(all, Subjects(f.kind)...)
	}
	return all
}

// Deliver gives one message to its follower. It returns nil when that is done with for good: applied, known already, or set
// aside among the failed events. An error means that the message must be delivered again.
func (b *Bus) Deliver(ctx context.Context, m Message) error { return b.deliverAll(ctx, []Message{m}) }

// deliverAll gives messages to their followers, in their order and, as it goes, in one transaction.
func (b *Bus) deliverAll(ctx context.Context, ms []Message) error {
	deliveries := make([]delivery, len(ms))
	outcomes := make([]<-chan error, len(ms))
	skipped := make([]bool, len(ms))
	for i, m := range ms {
		d, err := b.open(m.Data)
		if err != nil {
			outcomes[i] = b.parkUnreadable(ctx, m, err)
			continue
		}
		deliveries[i] = d
		outcomes[i] = b.db.Start(trace.With(ctx, d.trace), func(tx *store.Tx) error {
			applied, err := b.apply(tx, d)
			skipped[i] = !applied
			return err
		})
	}
	var failure error
	for i, outcome := range outcomes {
		err := <-outcome
		if deliveries[i].handle != nil {
			err = b.settle(ctx, deliveries[i], skipped[i], err)
		}
		if err != nil && failure == nil {
			failure = err
		}
	}
	return failure
}

// open finds the follower of a message.
func (b *Bus) open(document []byte) (delivery, error) {
	e, err := Decode(document)
	if err != nil {
		return delivery{}, err
	}
	for _, f := range b.follows {
		for _, t := range f.kind.Types {
			if t == e.Type {
				d, err := f.read(e)
				d.document = string(document)
				return d, err
			}
		}
	}
	return delivery{}, fmt.Errorf("the event %s of type %s is not followed here", e.ID, e.Type)
}

// apply runs the handler if the event is newer than what is known of its entity, and notes the version in the inbox.
func (b *Bus) apply(tx *store.Tx, d delivery) (applied bool, err error) {
	n, err := tx.Exec(`INSERT INTO inbox (kind, entity, version) VALUES ($1, $2, $3)
		ON CONFLICT (kind, entity) DO UPDATE SET version = excluded.version WHERE inbox.version < excluded.version`,
		d.kind, d.entity, d.version)
	if err != nil || n == 0 {
		return false, err
	}
	b.counts.lag.Store(int64(tx.Now().Sub(d.at)))
	return true, d.handle(tx)
}

// settle decides what the outcome of a delivery means; its error asks for the message to be delivered again.
func (b *Bus) settle(ctx context.Context, d delivery, skipped bool, err error) error {
	switch {
	case err == nil && skipped:
		b.counts.skipped.Add(1)
		return nil
	case err == nil:
		b.counts.handled.Add(1)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, store.ErrUnavailable):
		return err
	}
	b.counts.failures.Add(1)
	return b.setAside(ctx, d, err)
}
