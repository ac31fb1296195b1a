package bus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/test/postgres"
)

func emitUser(t *testing.T, db *store.DB, b *bus.Bus) error {
	return db.Update(t.Context(), func(tx *store.Tx) error {
		return b.Emit(tx, event.UserCreated, event.User{ID: "u1", Version: 1})
	})
}

// stream is what an operator with the NATS tools holds in hand.
func (e *external) stream() (jetstream.JetStream, jetstream.Stream, func()) {
	e.t.Helper()
	conn, err := nats.Connect(e.server.ClientURL())
	if err != nil {
		e.t.Fatal(err)
	}
	js, _ := jetstream.New(conn)
	s, err := js.Stream(context.Background(), bus.Stream)
	if err != nil {
		e.t.Fatal(err)
	}
	return js, s, conn.Close
}

func (e *external) deleteConsumers() {
	_, s, done := e.stream()
	defer done()
	for name := range s.ConsumerNames(context.Background()).Name() {
		if err := s.DeleteConsumer(context.Background(), name); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *external) deleteStream() {
	js, _, done := e.stream()
	defer done()
	if err := js.DeleteStream(context.Background(), bus.Stream); err != nil {
		e.t.Fatal(err)
	}
}

func TestStreamKeepsEverything(t *testing.T) {
	server := newExternal(t)
	server.connect()
	_, s, done := server.stream()
	defer done()
	c := s.CachedInfo().Config
	if c.Storage != jetstream.FileStorage || c.Discard != jetstream.DiscardNew || !c.DenyDelete || !c.DenyPurge || c.Replicas != 1 ||
		fmt.Sprint(c.Subjects) != "[ticketing.>]" || c.MaxMsgs > 0 || c.MaxAge > 0 || c.MaxBytes > 0 {
		t.Errorf("stream %+v", c)
	}
}

func TestForeignStreamIsRefused(t *testing.T) {
	server := newExternal(t)
	conn, err := nats.Connect(server.server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, _ := jetstream.New(conn)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: bus.Stream, Subjects: []string{"ticketing.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Connect(t.Context(), bus.NATSOptions{URL: server.server.ClientURL()}); err == nil {
		t.Error("a stream from which messages can be deleted was taken for the event log")
	}
}

func TestUnreachableLogIsOnePlainError(t *testing.T) {
	_, err := bus.Connect(t.Context(), bus.NATSOptions{URL: "nats://me:secret@127.0.0.1:1"})
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("Connect = %v", err)
	}
}

func TestEmbeddedLogHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	first := embedded(t, dir)
	if _, err := bus.Connect(t.Context(), bus.NATSOptions{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second owner got %v", err)
	}
	if err := first.Healthy(); err != nil {
		t.Error(err)
	}
	first.Close()
	if err := first.Healthy(); err == nil {
		t.Error("a closed log says that it is healthy")
	}
	embedded(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "jetstream.unreadable-1")); err == nil {
		t.Error("a healthy log was moved aside")
	}
}

func TestBrokerThatComesBackGetsEverything(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		server := newExternal(t)
		log, orders, tickets := server.connect(), open.db("orders"), open.db("tickets")
		b := bus.New(orders, log, bus.Options{Log: logger(t)})
		follower := bus.New(tickets, log, bus.Options{Log: logger(t)})
		bus.Follow(follower, see)
		running(t, b)
		running(t, follower)
		want := map[string][]int64{}
		for round := range 3 {
			before, during := fmt.Sprintf("r%d-before", round), fmt.Sprintf("r%d-during", round)
			emit(t, orders, b, before, 1, 2)
			server.stop()
			emit(t, orders, b, during, 1, 2)
			server.start()
			want[before], want[during] = []int64{1, 2}, []int64{1, 2}
			awaitSeen(t, tickets, newest(want))
		}
		wantVersions(t, log, want)
		if n := times(t, tickets); n < 6 || n > 12 {
			t.Errorf("the handler committed %d times for 12 events", n)
		}
	})
}

func TestReplicasShareTheWork(t *testing.T) {
	open := opener{t: t, o: store.Options{URL: postgres.URL(t)}}
	server := newExternal(t)
	const replicas, each = 3, 40
	var emitters, followers []*bus.Bus
	var orders []*store.DB
	tickets := open.db("tickets")
	for range replicas {
		log := server.connect()
		orders = append(orders, open.db("orders"))
		emitters = append(emitters, bus.New(orders[len(orders)-1], log, bus.Options{Log: logger(t)}))
		f := bus.New(open.db("tickets"), log, bus.Options{Log: logger(t)})
		bus.Follow(f, see)
		followers = append(followers, f)
		running(t, emitters[len(emitters)-1])
		running(t, f)
	}
	want := map[string][]int64{}
	for i := range each {
		for r := range replicas {
			id := fmt.Sprintf("r%d-o%d", r, i)
			emit(t, orders[r], emitters[r], id, 1)
			want[id] = []int64{1}
		}
	}
	awaitSeen(t, tickets, newest(want))
	wantVersions(t, server.connect(), want)
	var handled, published, relays uint64
	for r := range replicas {
		f, _ := followers[r].Stats(t.Context())
		e, _ := emitters[r].Stats(t.Context())
		handled, published = handled+f.Handled, published+e.Published
		if e.Published > 0 {
			relays++
		}
	}
	if handled != replicas*each || relays != 1 || times(t, tickets) != replicas*each {
		t.Errorf("%d events handled, %d published by %d relays, want %d by one", handled, published, relays, replicas*each)
	}
}

func TestHandlerMeetsADatabaseThatIsAway(t *testing.T) {
	open := sqlite(t)
	log, orders, tickets := embedded(t, t.TempDir()), open.db("orders"), open.db("tickets")
	b := bus.New(orders, log, bus.Options{})
	follower := bus.New(tickets, log, bus.Options{})
	var calls atomic.Int64
	bus.Follow(follower, func(ctx context.Context, tx *store.Tx, o event.Order) error {
		if calls.Add(1) <= 3 {
			return store.ErrUnavailable
		}
		return see(ctx, tx, o)
	})
	running(t, b)
	running(t, follower)
	emit(t, orders, b, "o1", 1)
	awaitSeen(t, tickets, map[string]int64{"o1": 1})
	if f := failed(t, follower); len(f) != 0 || calls.Load() != 4 {
		t.Errorf("%d calls, set aside: %+v", calls.Load(), f)
	}
}

func TestFailedEventHoldsNobodyUp(t *testing.T) {
	open := sqlite(t)
	log, orders, tickets := embedded(t, t.TempDir()), open.db("orders"), open.db("tickets")
	b := bus.New(orders, log, bus.Options{})
	follower := bus.New(tickets, log, bus.Options{})
	var allowed atomic.Bool
	bus.Follow(follower, func(ctx context.Context, tx *store.Tx, o event.Order) error {
		if o.ID == "bad" && !allowed.Load() {
			panic("this event is poison")
		}
		return see(ctx, tx, o)
	})
	running(t, b)
	running(t, follower)
	emit(t, orders, b, "bad", 1)
	emit(t, orders, b, "good", 1)
	awaitSeen(t, tickets, map[string]int64{"good": 1})
	allowed.Store(true)
	for { // it may be being set aside right now
		if f := failed(t, follower); len(f) > 0 {
			if err := follower.Retry(t.Context(), f[0].ID); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	awaitSeen(t, tickets, map[string]int64{"good": 1, "bad": 1})
}

func TestTailFollowsThroughARestart(t *testing.T) {
	server := newExternal(t)
	log, db := server.connect(), sqlite(t).db("orders")
	b := bus.New(db, log, bus.Options{})
	running(t, b)
	emit(t, db, b, "o1", 1, 2, 3)
	if err := b.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := contents(t, log)
	for name, c := range map[string]struct {
		from bus.From
		want int
	}{
		"beginning": {bus.From{}, 3}, "a place": {bus.From{Seq: all[1].Seq}, 2}, "a time": {bus.From{Time: all[2].Time}, 1},
		"the end": {bus.From{Seq: 99}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got := 0
			err := log.Tail(ctx, bus.Subjects(event.Orders), c.from, func(bus.Message) error { got++; return nil }, cancel)
			if got != c.want || err != nil {
				t.Errorf("Tail passed %d messages, %v, want %d", got, err, c.want)
			}
		})
	}

	caughtUp, seen, done := make(chan struct{}, 2), make(chan bus.Message, 10), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		done <- log.Tail(ctx, bus.Subjects(event.Orders), bus.From{}, func(m bus.Message) error {
			seen <- m
			return nil
		}, func() { caughtUp <- struct{}{} })
	}()
	<-caughtUp
	server.stop()
	emit(t, db, b, "o1", 4, 5)
	server.start()
	for i := range 5 {
		if m := <-seen; m.Seq != uint64(i+1) {
			t.Fatalf("message %d was the one at %d", i+1, m.Seq)
		}
	}
	cancel()
	if err := <-done; err != nil || len(caughtUp) != 0 {
		t.Errorf("Tail = %v; caught up %d more times", err, len(caughtUp))
	}
	err := log.Tail(t.Context(), bus.Subjects(event.Orders), bus.From{}, func(bus.Message) error { return errStop }, func() {})
	if !errors.Is(err, errStop) {
		t.Errorf("Tail = %v, want what fn returned", err)
	}
}

func TestTailGoesOnAfterWhatWasThere(t *testing.T) {
	const there = 1300 // more than are fetched at a time
	var ids []string
	for i := range there {
		ids = append(ids, fmt.Sprint("there-", i))
	}
	for name, c := range map[string]struct {
		from bus.From
		want []string
	}{
		"the beginning": {bus.From{}, append(slices.Clone(ids), "later", "last")},
		"a later place": {bus.From{Seq: there + 3}, []string{"last"}},
	} {
		t.Run(name, func(t *testing.T) {
			log := embedded(t, t.TempDir())
			publish(t, log, event.UserCreated, ids...)
			publish(t, log, event.OrderCreated, "other")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			caughtUp, seen, done := make(chan struct{}), make(chan string, there+10), make(chan error, 1)
			go func() {
				done <- log.Tail(ctx, bus.Subjects(event.Users), c.from, func(m bus.Message) error { seen <- m.ID; return nil },
					func() { close(caughtUp) })
			}()
			<-caughtUp
			publish(t, log, event.UserUpdated, "later")
			publish(t, log, event.OrderUpdated, "another")
			publish(t, log, event.UserUpdated, "last")
			expect(t, seen, c.want...)
			cancel()
			if err := <-done; err != nil || len(seen) > 0 {
				t.Errorf("Tail = %v, and passed %d messages more", err, len(seen))
			}
		})
	}
}
