package bus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

// Emit says that t happened to the entity whose state is s. It is said when the transaction commits, or never.
func (b *Bus) Emit(tx *store.Tx, t event.Type, s event.State) error {
	kind := s.Kind()
	entity, version := s.Entity()
	switch {
	case kind.Source != b.source || !slices.Contains(kind.Types, t):
		return fmt.Errorf("%s says no %s with the state of a %s", b.source, t, kind.Name)
	case entity == "" || strings.ContainsAny(entity, ".*> \t\r\n") || version < 1:
		return fmt.Errorf("%s %q version %d cannot be told of", kind.Name, entity, version)
	}
	id := tx.NewID()
	work := trace.From(tx.Context())
	if !work.Valid() { // a clock's, and nobody's request
		work = trace.Of(id)
	}
	envelope := event.Envelope{
		SpecVersion: specVersion, ID: id, Source: b.source, Type: t, Subject: entity, Time: tx.Now(),
		DataContentType: "application/json", DataSchema: event.DataSchema(s), TraceParent: work.Parent(),
	}
	document, err := encode(envelope, s)
	if err != nil {
		return fmt.Errorf("event of %s %s: %w", kind.Name, entity, err)
	}
	row := outboxRow{id, kind.Name, entity, version, string(t), string(document), &said{envelope, s}}
	err = tx.Do(`INSERT INTO outbox (id, kind, entity, version, type, document) VALUES ($1, $2, $3, $4, $5, $6)`,
		row.id, row.kind, row.entity, row.version, row.typ, row.document)
	if err != nil {
		return fmt.Errorf("outbox of %s %s version %d: %w", kind.Name, entity, version, err)
	}
	tx.AfterCommit(func() { b.emitted(row) })
	return nil
}

// emitted has the relay publish an event that has been committed, be it in this process or in another.
func (b *Bus) emitted(row outboxRow) {
	b.fresh.add(row)
	signal(b.woken)
	if h, ok := b.log.(hinter); ok && b.db.Shared() && !b.relaying.Load() {
		h.Hint(b.db.Name(), nil)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been signalled and nobody has looked yet
	}
}

// outboxRow is an event that has not been published.
type outboxRow struct {
	id, kind, entity string
	version          int64
	typ, document    string
	said             *said // nil if it was read from the outbox
}

func scanOutbox(scan store.Scan) (r outboxRow, err error) {
	err = scan(&r.id, &r.kind, &r.entity, &r.version, &r.typ, &r.document)
	return r, err
}

func (r outboxRow) message() Message {
	return Message{ID: r.id, Subject: subject(event.Type(r.typ), r.entity), Data: []byte(r.document), said: r.said}
}

// next are events to be published, up to a batch or a few more of the oldest.
func (b *Bus) next(ctx context.Context) ([]outboxRow, error) {
	// What is taken and not used has been committed: the outbox has it.
	if rows, whole := b.fresh.take(); whole && (!b.db.Shared() || b.lineage.has(rows)) {
		return rows, nil
	}
	rows, all, err := b.unpublished(ctx)
	b.fresh.note(rows, all)
	return rows, err
}

// unpublished reads the oldest events that are not in the log, those of one entity in the order of their versions, and tells
// whether that is all of them.
func (b *Bus) unpublished(ctx context.Context) (rows []outboxRow, all bool, err error) {
	limit := batchSize + b.unrecorded.count()
	err = b.db.View(ctx, func(tx *store.Tx) error {
		rows, err = store.All(tx, scanOutbox, `SELECT id, kind, entity, version, type, document FROM outbox
			WHERE seq IS NULL ORDER BY id LIMIT $1`, limit)
		if all = len(rows) < limit; err != nil || all {
			return err
		}
		// Ids come from the clocks of several processes: an earlier version may have a later id, outside of this batch.
		earlier, err := store.All(tx, scanOutbox, `SELECT DISTINCT o.id, o.kind, o.entity, o.version, o.type, o.document
			FROM outbox f JOIN outbox o ON o.kind = f.kind AND o.entity = f.entity AND o.version < f.version
			WHERE f.seq IS NULL AND f.id <= $1 AND o.seq IS NULL AND o.id > $1`, rows[len(rows)-1].id)
		rows = append(rows, earlier...)
		return err
	})
	rows = b.unrecorded.without(rows)
	sortVersions(rows)
	return rows, all && err == nil, err
}

// sortVersions puts the rows of each entity into the order of their versions, in the places that they have together.
func sortVersions(rows []outboxRow) {
	places := map[[2]string][]int{}
	for i, r := range rows {
		key := [2]string{r.kind, r.entity}
		places[key] = append(places[key], i)
	}
	for _, at := range places {
		if len(at) < 2 {
			continue
		}
		own := make([]outboxRow, len(at))
		for i, p := range at {
			own[i] = rows[p]
		}
		slices.SortFunc(own, func(a, b outboxRow) int { return cmp.Compare(a.version, b.version) })
		for i, p := range at {
			rows[p] = own[i]
		}
	}
}

// place is where an event is in the log.
type place struct {
	id  string
	seq uint64
}

// record writes down where events are in the log; only where nothing is written yet, if ifUnknown.
func record(tx *store.Tx, places []place, ifUnknown bool) error {
	unknown := ""
	if ifUnknown {
		unknown = " AND seq IS NULL"
	}
	if err := recordPlaces(tx, places, unknown); err != nil {
		return fmt.Errorf("recording what was published: %w", err)
	}
	return nil
}

// recordPlaces is one statement for all on PostgreSQL, as in noteVersions.
func recordPlaces(tx *store.Tx, places []place, condition string) error {
	if tx.Embedded() {
		for _, p := range places {
			if err := tx.Do(`UPDATE outbox SET seq = $1 WHERE id = $2`+condition, int64(p.seq), p.id); err != nil {
				return err
			}
		}
		return nil
	}
	ids, seqs := make([]string, len(places)), make([]int64, len(places))
	for i, p := range places {
		ids[i], seqs[i] = p.id, int64(p.seq)
	}
	return tx.Do(`UPDATE outbox SET seq = place FROM unnest($1::text[], $2::bigint[]) AS found (event, place) WHERE id = event`+condition,
		ids, seqs)
}
