package bus

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

// follow is one kind of entity that the service follows.
type follow struct {
	kind      event.Kind
	unhurried bool
	read      func(event.Envelope, event.State) (delivery, error) // without a state, it is in the envelope's data
}

// company is how long an unhurried follower waits for further events.
const company = 100 * time.Millisecond

// Manner is how a kind is followed.
type Manner func(*follow)

// Unhurried has events wait for others, a tenth of a second, to be applied together. It is for a follower whom nobody waits for.
func Unhurried(f *follow) { f.unhurried = true }

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

// apply runs the handler if the event is newer than what is known of its entity, and notes the version in the inbox.
func (b *Bus) apply(tx *store.Tx, d delivery) (applied bool, err error) {
	n, err := tx.Exec(noteStatements[1], d.kind, d.entity, d.version)
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
	for _, u := range all {
		if u.applied = newer[u.entity]; !u.applied {
			continue
		}
		if err := tx.As(trace.With(tx.Context(), u.trace), func() error { return u.handle(tx) }); err != nil {
			return err
		}
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

// noteVersions notes versions in the inbox and returns the entities of which an older one was known, or none.
func noteVersions(tx *store.Tx, all []*underway) (newer map[string]bool, err error) {
	newer = make(map[string]bool, len(all))
	for len(all) > 0 {
		query, args, n := noteMany, noteColumns(all), len(all)
		if tx.Embedded() {
			n = sizeFor(len(all))
			query, args = noteStatements[n], noteRows(all[:n])
		}
		entities, err := store.All(tx, func(scan store.Scan) (id string, err error) { return id, scan(&id) },
			query+" RETURNING entity", args...)
		if err != nil {
			return nil, err
		}
		for _, id := range entities {
			newer[id] = true
		}
		all = all[n:]
	}
	return newer, nil
}

func noteRows(all []*underway) []any {
	args := []any{all[0].kind}
	for _, u := range all {
		args = append(args, u.entity, u.version)
	}
	return args
}

func noteColumns(all []*underway) []any {
	entities, versions := make([]string, len(all)), make([]int64, len(all))
	for i, u := range all {
		entities[i], versions[i] = u.entity, u.version
	}
	return []any{all[0].kind, entities, versions}
}

// noteMany notes however many versions, of entities of one kind. Only PostgreSQL has arrays: a round trip costs it more than the
// statement does.
const noteMany = `INSERT INTO inbox (kind, entity, version) SELECT $1, entity, version FROM unnest($2::text[], $3::bigint[])
	AS noted (entity, version)` + noteNewer

const noteNewer = ` ON CONFLICT (kind, entity) DO UPDATE SET version = excluded.version WHERE inbox.version < excluded.version`

// noteStatements note so many versions, of entities of one kind.
var noteStatements = map[int]string{64: noteStatement(64), 16: noteStatement(16), 4: noteStatement(4), 1: noteStatement(1)}

func noteStatement(n int) string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("($1, $%d, $%d)", 2*i+2, 2*i+3)
	}
	return "INSERT INTO inbox (kind, entity, version) VALUES " + strings.Join(values, ", ") + noteNewer
}
