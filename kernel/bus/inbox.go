package bus

import (
	"context"
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
	thing     func(event.State) string                            // nil if handlers of different events may be about the same
	read      func(event.Envelope, event.State) (delivery, error) // without a state, it is in the envelope's data
}

// company is how long an unhurried follower waits for further events.
const company = 100 * time.Millisecond

// Manner is how a kind is followed.
type Manner func(*follow)

// Unhurried has events wait for others, a tenth of a second, to be applied together. It is for a follower whom nobody waits for.
func Unhurried(f *follow) { f.unhurried = true }

// Of tells which thing an event is about, for a handler that has nothing to do with what it does about others of its kind (see
// store.UpdateOf): a batch of events shares round trips to the database then. Events of another kind never come between.
func Of[T event.State](thing func(T) string) Manner {
	return func(f *follow) { f.thing = func(s event.State) string { return thing(s.(T)) } }
}

// delivery is an event on its way to its handler.
type delivery struct {
	id, kind, entity string
	version          int64
	thing            string // among those of its kind; see Of
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
		thing := ""
		if f.thing != nil {
			thing = f.thing(s)
		}
		return delivery{
			id: e.ID, kind: kind.Name, entity: entity, version: version, thing: thing, at: e.Time, trace: tr,
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

// apply runs the handler if the event is newer than what is known of its entity, and notes the version in the inbox.
func (b *Bus) apply(tx *store.Tx, d delivery) (applied bool, err error) {
	n, err := tx.Exec(noteOne, d.kind, d.entity, d.version)
	if err != nil || n == 0 {
		return false, err
	}
	tx.AfterCommit(func() { b.counts.lags.note(b.db.Now().Sub(d.at)) })
	return true, d.handle(tx)
}

// applyAll is apply for events of one kind, each of another entity.
func (b *Bus) applyAll(tx *store.Tx, all []*underway) error {
	newer, err := noteVersions(tx, all)
	if err != nil {
		return err
	}
	var things []string
	var news []*underway
	for _, u := range all {
		if u.applied = newer[u.entity]; u.applied {
			things, news = append(things, u.thing), append(news, u)
		}
	}
	err = tx.Each(things, func(i int, tx *store.Tx) error {
		return tx.As(trace.With(tx.Context(), news[i].trace), func() error { return news[i].handle(tx) })
	})
	if err != nil {
		return err
	}
	tx.AfterCommit(func() {
		now := b.db.Now()
		for _, u := range all {
			if u.applied {
				b.counts.lags.note(now.Sub(u.at))
			}
		}
	})
	return nil
}

// noteVersions notes versions in the inbox and returns the entities of which an older one was known, or none. A statement is a
// call of SQLite and a round trip to PostgreSQL, which therefore gets one for all.
func noteVersions(tx *store.Tx, all []*underway) (newer map[string]bool, err error) {
	newer = make(map[string]bool, len(all))
	if tx.Embedded() {
		for _, u := range all {
			n, err := tx.Exec(noteOne, u.kind, u.entity, u.version)
			if err != nil {
				return nil, err
			}
			newer[u.entity] = n > 0
		}
		return newer, nil
	}
	kinds, entities, versions := make([]string, len(all)), make([]string, len(all)), make([]int64, len(all))
	for i, u := range all {
		kinds[i], entities[i], versions[i] = u.kind, u.entity, u.version
	}
	noted, err := store.All(tx, func(scan store.Scan) (id string, err error) { return id, scan(&id) }, noteMany, kinds, entities, versions)
	for _, id := range noted {
		newer[id] = true
	}
	return newer, err
}

const (
	noteOne  = `INSERT INTO inbox (kind, entity, version) VALUES ($1, $2, $3)` + noteNewer
	noteMany = `INSERT INTO inbox (kind, entity, version) SELECT kind, entity, version
		FROM unnest($1::text[], $2::text[], $3::bigint[]) AS noted (kind, entity, version)` + noteNewer + ` RETURNING entity`
	noteNewer = ` ON CONFLICT (kind, entity) DO UPDATE SET version = excluded.version WHERE inbox.version < excluded.version`
)
