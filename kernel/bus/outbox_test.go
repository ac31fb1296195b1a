package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

var errStop = errors.New("stop here")

func TestOnlyCommittedEventsArePublished(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		log, db := embedded(t, t.TempDir()), open.db("orders")
		b := bus.New(db, log, bus.Options{})
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			return errors.Join(b.Emit(tx, event.OrderCreated, order("never", 1)), errStop)
		})
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		emit(t, db, b, "said", 1)
		for range 3 {
			if _, err := b.Relay(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wantVersions(t, log, map[string][]int64{"said": {1}})
	})
}

// slow is a log whose server is too busy to answer at first.
type slow struct {
	bus.Log
	left int
}

func (s *slow) State(ctx context.Context) (bus.LogState, error) {
	if s.left > 0 {
		s.left--
		return bus.LogState{}, fmt.Errorf("state: %w", context.DeadlineExceeded)
	}
	return s.Log.State(ctx)
}

func TestALogThatTakesLongIsAskedAgain(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		log, db := &slow{embedded(t, t.TempDir()), 3}, open.db("orders")
		b := bus.New(db, log, bus.Options{})
		emit(t, db, b, "said", 1)
		if err := b.Prepare(t.Context()); err != nil || log.left > 0 {
			t.Fatalf("Prepare: %v, with %d timeouts to come", err, log.left)
		}
		wantVersions(t, log.Log, map[string][]int64{"said": {1}})
	})
}

func TestEmittedDocument(t *testing.T) {
	log, db := embedded(t, t.TempDir()), sqlite(t).db("orders")
	b := bus.New(db, log, bus.Options{})
	tr := trace.New()
	var at string
	err := db.Update(trace.With(t.Context(), tr), func(tx *store.Tx) error {
		at = tx.Now().String()
		return b.Emit(tx, event.OrderCreated, order("o1", 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Relay(t.Context()); n != 1 || err != nil {
		t.Fatalf("Relay = %d, %v", n, err)
	}
	all := contents(t, log)
	e, err := bus.Decode(all[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	if e.Source != "/orders" || e.Type != event.OrderCreated || e.Subject != "o1" || e.TraceParent != tr.Parent() ||
		e.Time.String() != at || e.DataSchema != "urn:ticketing:schema:Order" || e.DataContentType != "application/json" {
		t.Errorf("document %+v, emitted at %s in trace %s", e, at, tr.Parent())
	}
}

func TestEmitRefuses(t *testing.T) {
	db := sqlite(t).db("orders")
	b := bus.New(db, embedded(t, t.TempDir()), bus.Options{})
	emit(t, db, b, "told", 1)
	for name, c := range map[string]struct {
		typ   event.Type
		state event.State
	}{
		"what another service says": {event.TicketCreated, event.Ticket{ID: "t1", Version: 1}},
		"a type of another kind":    {event.TicketCreated, order("o1", 1)},
		"no id":                     {event.OrderCreated, order("", 1)},
		"an id with dots":           {event.OrderCreated, order("a.b", 1)},
		"no version":                {event.OrderCreated, order("o1", 0)},
		"a version twice":           {event.OrderUpdated, order("told", 1)},
	} {
		err := db.Update(t.Context(), func(tx *store.Tx) error { return b.Emit(tx, c.typ, c.state) })
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// forgetful is a log whose answers get lost: it stores what it is given, but says so only of the first few.
type forgetful struct {
	bus.Log
	said int
}

func (f *forgetful) Publish(ctx context.Context, ms []bus.Message) ([]uint64, error) {
	seqs, err := f.Log.Publish(ctx, ms)
	if err != nil {
		return seqs, err
	}
	return seqs[:min(f.said, len(seqs))], errStop
}

func TestLostAnswersPublishNothingTwice(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		log, db := embedded(t, t.TempDir()), open.db("orders")
		want := map[string][]int64{}
		for round := range 4 {
			// Each round is a process that dies before it has written down what it published.
			b := bus.New(db, &forgetful{Log: log, said: round % 2}, bus.Options{})
			for i := range 3 {
				id := fmt.Sprintf("r%d-o%d", round, i)
				emit(t, db, b, id, 1, 2)
				want[id] = []int64{1, 2}
			}
			if _, err := b.Relay(t.Context()); !errors.Is(err, errStop) {
				t.Fatal(err)
			}
		}
		counter := &counting{Log: log}
		b := bus.New(db, counter, bus.Options{})
		if err := b.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if counter.published != 0 {
			t.Errorf("%d events were sent again although the log had them", counter.published)
		}
		wantVersions(t, log, want)
	})
}

// However soon a log answers, whoever prepares goes on until nothing is left.
func TestEverythingIsPublishedBatchByBatch(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		embedded, db := embedded(t, t.TempDir()), open.db("orders")
		for name, log := range map[string]bus.Log{"at once": &counting{Log: embedded}, "later": embedded} {
			b := bus.New(db, log, bus.Options{})
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				for i := range 700 {
					if err := b.Emit(tx, event.OrderCreated, order(fmt.Sprintf("%c%d", name[0], i), 1)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := b.Relay(t.Context()); n != 256 || err != nil {
				t.Errorf("a log that answers %s: Relay = %d, %v", name, n, err)
			}
			if err := b.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s, err := b.Stats(t.Context()); err != nil || s.Unpublished != 0 {
				t.Errorf("a log that answers %s: %d events are left, %v", name, s.Unpublished, err)
			}
		}
	})
}

// counting counts what is sent to the log.
type counting struct {
	bus.Log
	published int
	rewinds   int
}

func (c *counting) Publish(ctx context.Context, ms []bus.Message) ([]uint64, error) {
	c.published += len(ms)
	return c.Log.Publish(ctx, ms)
}

func (c *counting) Rewind(ctx context.Context) error {
	c.rewinds++
	return c.Log.Rewind(ctx)
}

func TestVersionsOfAnEntityArePublishedInOrder(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		// Ids fall: as if each event came from a replica whose clock is behind that of the one before.
		next := 9999
		open.o.NewID = func() string { next--; return fmt.Sprintf("id-%04d", next) }
		log, db := embedded(t, t.TempDir()), open.db("orders")
		b := bus.New(db, log, bus.Options{})
		const orders, each = 7, 100
		for v := range int64(each) {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				for o := range orders {
					if err := b.Emit(tx, event.OrderUpdated, order(fmt.Sprintf("o%d", o), v+1)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		for id, got := range versions(t, log) {
			for i, v := range got {
				if v != int64(i+1) {
					t.Fatalf("%s was published as %v", id, got)
				}
			}
			if len(got) != each {
				t.Errorf("%s has %d versions in the log, want %d", id, len(got), each)
			}
		}
	})
}
