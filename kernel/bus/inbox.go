package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

// follow is one kind of entity that the service follows.
type follow struct {
	kind      event.Kind
	unhurried bool
	except    func(event.State) bool                              // nil: nothing is left out
	read      func(event.Envelope, event.State) (delivery, error) // without a state, it is in the envelope's data
}

// company is how long an unhurried follower waits for further events.
const company = 100 * time.Millisecond

// Manner is how a kind is followed.
type Manner func(*follow)

// Unhurried has events wait for others, a tenth of a second, to share a commit; of those of one entity only the newest is then
// applied. It is for a follower whom nobody waits for.
func Unhurried(f *follow) { f.unhurried = true }

// Except leaves out states after which the follower would do nothing, whatever it has seen of the entity before. They cost it
// nothing then, and are not noted in the inbox.
func Except[T event.State](nothing func(T) bool) Manner {
	return func(f *follow) {
		f.except = func(s event.State) bool { return nothing(s.(T)) }
	}
}

// delivery is an event on its way to its handler.
type delivery struct {
	id, kind, entity string
	version          int64
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
	f.read = func(e event.Envelope, known event.State) (delivery, error) {
		s, ok := known.(T)
		if !ok {
			var err error
			if s, err = State[T](e); err != nil {
				return delivery{}, err
			}
		}
		tr, _ := trace.Parse(e.TraceParent)
		entity, version := s.Entity()
		if f.except != nil && f.except(s) {
			return delivery{kind: kind.Name, entity: entity, version: version}, nil
		}
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
	return b.carryOut(ctx, b.openAll(ms))
}

// deliverNewest is deliverAll without what a later message says anew about the same entity.
func (b *Bus) deliverNewest(ctx context.Context, ms []Message) error {
	all := b.openAll(ms)
	newest := make(map[string]int64, len(all))
	for _, u := range all {
		newest[u.entity] = max(newest[u.entity], u.version)
	}
	left := slices.DeleteFunc(all, func(u *underway) bool { return u.handle != nil && u.version < newest[u.entity] })
	b.counts.skipped.Add(uint64(len(ms) - len(left)))
	return b.carryOut(ctx, left)
}

// underway is a message on its way to its handler.
type underway struct {
	delivery
	message Message
	fault   error // why it cannot be read
	outcome <-chan error
	applied bool // once the outcome is there: it was newer than what was known
}

// openAll reads messages, without those that make no difference.
func (b *Bus) openAll(ms []Message) []*underway {
	all := make([]*underway, 0, len(ms))
	for _, m := range ms {
		d, err := b.open(m)
		if err != nil || d.handle != nil {
			all = append(all, &underway{delivery: d, message: m, fault: err})
		}
	}
	return all
}

func (b *Bus) carryOut(ctx context.Context, all []*underway) (failure error) {
	for _, u := range all {
		if u.fault != nil {
			u.outcome = b.parkUnreadable(ctx, u.message, u.fault)
			continue
		}
		u.outcome = b.db.Start(trace.With(ctx, u.trace), func(tx *store.Tx) (err error) {
			u.applied, err = b.apply(tx, u.delivery)
			return err
		})
	}
	for _, u := range all {
		err := <-u.outcome
		if u.fault == nil {
			err = b.settle(ctx, u, err)
		}
		if err != nil && failure == nil {
			failure = err
		}
	}
	return failure
}

// open finds the follower of a message.
func (b *Bus) open(m Message) (d delivery, err error) {
	var e event.Envelope
	var state event.State
	if m.said != nil {
		e, state = m.said.Envelope, m.said.state
	} else if e, err = Decode(m.Data); err != nil {
		return delivery{}, err
	}
	for _, f := range b.follows {
		if slices.Contains(f.kind.Types, e.Type) {
			return f.read(e, state)
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
func (b *Bus) settle(ctx context.Context, u *underway, err error) error {
	switch {
	case err == nil:
		b.count(u.applied)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, store.ErrUnavailable):
		return err
	}
	b.counts.failures.Add(1)
	return b.setAside(ctx, u, err)
}
