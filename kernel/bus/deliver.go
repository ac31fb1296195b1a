package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

// underway is a message on its way to its handler.
type underway struct {
	delivery
	message Message
	fault   error // why it cannot be read
	outcome <-chan error
	applied bool // once the outcome is there: it was newer than what was known
}

// Deliver gives one message to its follower. It returns nil when that is done with for good: applied, known already, or set
// aside among the failed events. An error means that the message must be delivered again.
func (b *Bus) Deliver(ctx context.Context, m Message) error { return b.deliverAll(ctx, []Message{m}) }

// deliverAll gives messages to their followers: all at once as long as that goes well, each for itself when one of them fails.
func (b *Bus) deliverAll(ctx context.Context, ms []Message) error {
	all := b.openAll(ms)
	if len(all) > 1 && !slices.ContainsFunc(all, func(u *underway) bool { return u.fault != nil }) {
		err := b.together(ctx, all)
		if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) {
			return err
		}
	}
	return b.oneByOne(ctx, all)
}

func (b *Bus) openAll(ms []Message) []*underway {
	all := make([]*underway, len(ms))
	for i, m := range ms {
		d, err := b.open(m)
		all[i] = &underway{delivery: d, message: m, fault: err}
	}
	return all
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

// together applies events in one update: of each entity only the newest, as if the others had come late.
func (b *Bus) together(ctx context.Context, all []*underway) error {
	newest := newestOf(all)
	err := b.db.UpdateMany(ctx, len(newest), func(tx *store.Tx) error { return b.applyAll(tx, newest) })
	if err != nil {
		return err
	}
	for _, u := range newest {
		b.count(u.applied)
	}
	b.counts.skipped.Add(uint64(len(all) - len(newest)))
	return nil
}

func newestOf(all []*underway) []*underway {
	versions := make(map[string]int64, len(all))
	for _, u := range all {
		versions[u.kind+u.entity] = max(versions[u.kind+u.entity], u.version)
	}
	var newest []*underway
	for _, u := range all {
		if key := u.kind + u.entity; u.version == versions[key] {
			newest = append(newest, u)
			delete(versions, key) // the same version twice is one event, repeated
		}
	}
	return newest
}

// oneByOne applies each event in an update of its own; those share commits.
func (b *Bus) oneByOne(ctx context.Context, all []*underway) (failure error) {
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
