package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

// message is an event of the log, as a service in another language might have written it.
func message(id string, o event.Order) bus.Message {
	return told(id, "/orders", event.OrderUpdated, o.ID, o)
}

func told(id, source string, typ event.Type, entity string, state any) bus.Message {
	data, _ := json.Marshal(state)
	doc, _ := json.Marshal(event.Envelope{
		SpecVersion: "1.0", ID: id, Source: source, Type: typ, Subject: entity,
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Data: data,
	})
	return bus.Message{ID: id, Subject: "ticketing." + string(typ) + "." + entity, Data: doc}
}

func TestRepeatedLateAndReorderedEventsAreAppliedOnce(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		db := open.db("tickets")
		b := bus.New(db, nil, bus.Options{})
		last := map[string]int64{}
		bus.Follow(b, func(ctx context.Context, tx *store.Tx, o event.Order) error {
			if o.Version <= last[o.ID] {
				t.Errorf("%s went from version %d to %d", o.ID, last[o.ID], o.Version)
			}
			last[o.ID] = o.Version
			return see(ctx, tx, o)
		})
		var ms []bus.Message
		for range 3 {
			for o := range 5 {
				for v := range 6 {
					ms = append(ms, message(fmt.Sprintf("e%d-%d", o, v), order(fmt.Sprintf("o%d", o), int64(v+1))))
				}
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		random.Shuffle(len(ms), func(i, j int) { ms[i], ms[j] = ms[j], ms[i] })
		for _, m := range ms {
			if err := b.Deliver(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		awaitSeen(t, db, map[string]int64{"o0": 6, "o1": 6, "o2": 6, "o3": 6, "o4": 6})
		s, err := b.Stats(t.Context())
		if err != nil || s.Handled+s.Skipped != uint64(len(ms)) || int64(s.Handled) != times(t, db) {
			t.Errorf("Stats = %+v, %v; the handler committed %d times", s, err, times(t, db))
		}
	})
}

// What handlers of different kinds do about the same row is done one after the other, whatever they say that their events are about.
func TestEventsOfAnotherKindDoNotComeBetween(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		db := open.db("tickets")
		b := bus.New(db, nil, bus.Options{})
		count := func(tx *store.Tx) error { // which nobody may come between
			n, _, err := store.One(tx, func(scan store.Scan) (n int64, err error) { return n, scan(&n) }, `SELECT times FROM seen WHERE entity = 'all'`)
			if err != nil {
				return err
			}
			_, err = tx.Exec(`INSERT INTO seen (entity, version, times) VALUES ('all', 1, $1) ON CONFLICT (entity) DO UPDATE SET times = $1`, n+1)
			return err
		}
		bus.Follow(b, func(_ context.Context, tx *store.Tx, _ event.Order) error { return count(tx) },
			bus.Of(func(event.Order) string { return "orders" }))
		bus.Follow(b, func(_ context.Context, tx *store.Tx, _ event.LockRejection) error { return count(tx) },
			bus.Of(func(event.LockRejection) string { return "rejections" }))
		const each = 60
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range each {
			o, r := fmt.Sprint("o", i), fmt.Sprint("r", i)
			rejection := told(r, "/tickets", event.TicketLockRejected, r, event.LockRejection{ID: r, OrderID: r, Version: 1})
			for _, m := range []bus.Message{message(o, order(o, 1)), rejection} {
				all.Go(func() {
					<-start
					if err := b.Deliver(t.Context(), m); err != nil {
						t.Error(err)
					}
				})
			}
		}
		close(start)
		all.Wait()
		if n := times(t, db); n != 2*each {
			t.Errorf("%d of %d events were counted", n, 2*each)
		}
	})
}

func TestHandlerGetsTheTraceOfTheEvent(t *testing.T) {
	b := bus.New(sqlite(t).db("tickets"), nil, bus.Options{})
	var got, inTx string
	bus.Follow(b, func(ctx context.Context, tx *store.Tx, o event.Order) error {
		got, inTx = trace.From(ctx).ID(), trace.From(tx.Context()).ID()
		return nil
	})
	if err := b.Deliver(t.Context(), message("e1", order("o1", 1))); err != nil {
		t.Fatal(err)
	}
	if want := "4bf92f3577b34da6a3ce929d0e0e4736"; got != want || inTx != want {
		t.Errorf("trace %q in ctx, %q in the transaction, want %q", got, inTx, want)
	}
}

// clock is a clock that tests put forward.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// failing follows orders with a handler that writes, then fails for as long as broken is set.
func failing(db *store.DB, broken *bool) *bus.Bus {
	b := bus.New(db, nil, bus.Options{})
	bus.Follow(b, func(ctx context.Context, tx *store.Tx, o event.Order) error {
		if err := see(ctx, tx, o); err != nil {
			return err
		}
		if *broken {
			return errors.New("not now")
		}
		return nil
	})
	return b
}

func failed(t *testing.T, b *bus.Bus) []bus.FailedEvent {
	t.Helper()
	all, err := b.Failed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func retryDue(t *testing.T, b *bus.Bus, want int) {
	t.Helper()
	if n, err := b.RetryDue(t.Context()); n != want || err != nil {
		t.Fatalf("RetryDue = %d, %v, want %d", n, err, want)
	}
}

func TestFailedEventIsRepeatedUntilItSucceeds(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		clock, broken := newClock(), true
		open.o.Now = clock.now
		db := open.db("tickets")
		b := failing(db, &broken)
		if err := b.Deliver(t.Context(), message("e1", order("o1", 1))); err != nil {
			t.Fatal(err)
		}
		for i, pause := range []time.Duration{1, 2, 4, 8} {
			retryDue(t, b, 0) // not yet
			if f := failed(t, b); len(f) != 1 || f[0].Attempts != int64(i+1) || f[0].Parked || f[0].Error != "not now" ||
				!f[0].NextAt.Equal(clock.at.Add(pause*time.Second)) || f[0].ID != "e1" || f[0].Entity != "o1" {
				t.Fatalf("after %d attempts at %v: %+v", i+1, clock.at, f)
			}
			clock.at = clock.at.Add(pause * time.Second)
			retryDue(t, b, 1)
		}
		awaitSeen(t, db, map[string]int64{}) // what a failed handler wrote is gone
		broken = false
		clock.at = clock.at.Add(time.Minute)
		retryDue(t, b, 1)
		awaitSeen(t, db, map[string]int64{"o1": 1})
		if f := failed(t, b); len(f) != 0 {
			t.Errorf("still failed: %+v", f)
		}
	})
}

func TestHopelessEventIsParkedAndCanBeRetried(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		clock, broken := newClock(), true
		open.o.Now = clock.now
		db := open.db("tickets")
		b := failing(db, &broken)
		if err := b.Deliver(t.Context(), message("e1", order("o1", 1))); err != nil {
			t.Fatal(err)
		}
		for range 7 {
			clock.at = clock.at.Add(time.Minute)
			retryDue(t, b, 1)
		}
		clock.at = clock.at.Add(time.Hour)
		retryDue(t, b, 0)
		if f := failed(t, b); len(f) != 1 || !f[0].Parked || f[0].Attempts != 8 || !f[0].NextAt.IsZero() {
			t.Fatalf("after 8 attempts: %+v", f)
		}
		if s, err := b.Stats(t.Context()); err != nil || s.Parked != 1 || s.Failed != 0 || s.Failures != 8 {
			t.Errorf("Stats = %+v, %v", s, err)
		}
		if err := b.Retry(t.Context(), "unknown"); !fault.Is(err, fault.Unknown) {
			t.Errorf("Retry of an unknown event: %v", err)
		}
		broken = false
		if err := b.Retry(t.Context(), "e1"); err != nil {
			t.Fatal(err)
		}
		retryDue(t, b, 1)
		awaitSeen(t, db, map[string]int64{"o1": 1})
	})
}

func TestOvertakenFailureIsDropped(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		broken := true
		db := open.db("tickets")
		b := failing(db, &broken)
		if err := b.Deliver(t.Context(), message("e1", order("o1", 1))); err != nil {
			t.Fatal(err)
		}
		broken = false
		if err := b.Deliver(t.Context(), message("e2", order("o1", 2))); err != nil {
			t.Fatal(err)
		}
		retryDue(t, b, 1)
		if f := failed(t, b); len(f) != 0 || times(t, db) != 1 {
			t.Errorf("still failed: %+v; the handler committed %d times", f, times(t, db))
		}
		awaitSeen(t, db, map[string]int64{"o1": 2})
	})
}

func TestEngineFailureIsNotTheEvents(t *testing.T) {
	db := sqlite(t).db("tickets")
	b := bus.New(db, nil, bus.Options{})
	bus.Follow(b, func(context.Context, *store.Tx, event.Order) error {
		return fmt.Errorf("far away: %w", store.ErrUnavailable)
	})
	if err := b.Deliver(t.Context(), message("e1", order("o1", 1))); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Deliver = %v, want it to be asked for again", err)
	}
	if f := failed(t, b); len(f) != 0 {
		t.Errorf("set aside: %+v", f)
	}
}

func TestUnreadableMessageIsParkedAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		db := open.db("tickets")
		broken := false
		b := failing(db, &broken)
		other := message("e4", order("o1", 1))
		other.Data = []byte(`{"specversion":"1.0","id":"e4","source":"/strangers","type":"OrderUpdated","subject":"o1","data":{"id":"o1","version":1}}`)
		for _, m := range []bus.Message{
			{ID: "e1", Data: []byte("no JSON \x00 \xff")},
			{Seq: 7, Data: []byte(`{"specversion":"0.3"}`)},
			{ID: "e3", Data: message("e3", event.Order{ID: "o1"}).Data},
			other,
		} {
			if err := b.Deliver(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		var ids []string
		for _, f := range failed(t, b) {
			if !f.Parked || f.Error == "" {
				t.Errorf("not parked: %+v", f)
			}
			ids = append(ids, f.ID)
		}
		slices.Sort(ids)
		if fmt.Sprint(ids) != "[e1 e3 e4 message-7]" {
			t.Errorf("parked %v", ids)
		}
		retryDue(t, b, 0)
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(message("e1", order("o1", 1)).Data)
	f.Add([]byte(`{"specversion":"1.0","id":"a","source":"/orders","type":"OrderCreated","subject":"b","data":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, document []byte) {
		e, err := bus.Decode(document)
		if err != nil {
			return
		}
		if e.ID == "" || e.Type == "" || e.Subject == "" || e.Source == "" {
			t.Fatalf("an event without %+v was taken", e)
		}
		o, err := bus.State[event.Order](e)
		if err != nil {
			return
		}
		if id, version := o.Entity(); id != e.Subject || version < 1 || e.Source != "/orders" {
			t.Fatalf("%+v was taken as version %d of %q", e, version, id)
		}
	})
}
