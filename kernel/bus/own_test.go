package bus_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// What a follower says about an event lies behind that event in the log, although it hears of it before the log does.
func TestTheLogHasCausesBeforeEffects(t *testing.T) {
	open := sqlite(t)
	log, orders, tickets := embedded(t, t.TempDir()), open.db("orders"), open.db("tickets")
	asking, answering := bus.New(orders, log, bus.Options{Log: logger(t)}), bus.New(tickets, log, bus.Options{Log: logger(t)})
	bus.Follow(answering, func(ctx context.Context, tx *store.Tx, o event.Order) error {
		if err := see(ctx, tx, o); err != nil {
			return err
		}
		return answering.Emit(tx, event.TicketUpdated, event.Ticket{ID: o.ID, Version: o.Version})
	})
	running(t, asking)
	running(t, answering)
	want := map[string]int64{}
	for i := range 300 {
		id := fmt.Sprintf("o%03d", i)
		emit(t, orders, asking, id, 1)
		want[id] = 1
	}
	awaitSeen(t, tickets, want)
	awaitPublished(t, asking)
	awaitPublished(t, answering)
	if s, err := answering.Stats(t.Context()); err != nil || s.Lags.Count != s.Handled || s.Lags.Within[time.Minute] != s.Handled || s.Handled == 0 {
		t.Errorf("%d events were applied, and took: %+v, %v", s.Handled, s.Lags, err)
	}
	asked := map[string]bool{}
	for _, m := range contents(t, log) {
		_, id, _ := strings.Cut(strings.TrimPrefix(m.Subject, "ticketing."), ".")
		if strings.HasPrefix(m.Subject, "ticketing.Order") {
			asked[id] = true
		} else if !asked[id] {
			t.Fatalf("the log has %s before its cause", m.Subject)
		}
	}
}

// A follower that is too slow for what is passed on to it reads the rest from the log.
func TestAFollowerThatWasHeldUpReadsTheLog(t *testing.T) {
	log := embedded(t, t.TempDir())
	begun, open, got := make(chan struct{}, 100_000), make(chan struct{}), make(chan string, 100_000)
	publish(t, log, event.OrderCreated, "first")
	consume(t, log, "tickets-order", bus.Subjects(event.Orders), func(ms []bus.Message) error {
		begun <- struct{}{}
		<-open
		return pass(got)(ms)
	})
	<-begun
	want := []string{"first"}
	for batch := range 60 {
		var ids []string
		for i := range 200 {
			ids = append(ids, fmt.Sprintf("b%02d-%03d", batch, i))
		}
		publish(t, log, event.OrderCreated, ids...)
		want = append(want, ids...)
	}
	close(open)
	seen := map[string]bool{}
	for len(seen) < len(want) {
		seen[<-got] = true
	}
	for _, id := range want {
		if !seen[id] {
			t.Fatalf("%s did not come", id)
		}
	}
}

// A follower of a log that an earlier version kept goes on where the server's consumer was.
func TestAConsumerOfTheServerIsTakenOver(t *testing.T) {
	server := newExternal(t)
	got := make(chan string, 100)
	before := server.connect()
	publish(t, before, event.OrderCreated, "a", "b")
	stop := consume(t, before, "tickets-order", bus.Subjects(event.Orders), pass(got))
	expect(t, got, "a", "b")
	stop()
	publish(t, before, event.OrderCreated, "c")
	before.Close()
	server.stop()

	log := embedded(t, server.dir)
	consume(t, log, "tickets-order", bus.Subjects(event.Orders), pass(got))
	expect(t, got, "c")
	publish(t, log, event.OrderCreated, "d")
	expect(t, got, "d")
}

// A process that ends without a word leaves places that are older than the truth; so does a backup of the log's folder.
func TestOldPlacesBringEventsAgain(t *testing.T) {
	dir := t.TempDir()
	log, got := embedded(t, dir), make(chan string, 100)
	publish(t, log, event.OrderCreated, "a")
	consume(t, log, "tickets-order", bus.Subjects(event.Orders), pass(got))
	expect(t, got, "a")
	log.Close()
	file := filepath.Join(dir, "places.json")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	log = embedded(t, dir)
	consume(t, log, "tickets-order", bus.Subjects(event.Orders), pass(got))
	publish(t, log, event.OrderCreated, "b", "c")
	expect(t, got, "b", "c")
	log.Close()
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	consume(t, embedded(t, dir), "tickets-order", bus.Subjects(event.Orders), pass(got))
	expect(t, got, "b", "c")
}

// Many senders at once get the places of their messages right, whoever comes between.
func TestSendersLearnTheirPlaces(t *testing.T) {
	log := embedded(t, t.TempDir())
	const senders, rounds, each = 8, 20, 7
	start, places := make(chan struct{}), make(chan map[uint64]string, senders)
	for s := range senders {
		go func() {
			mine := map[uint64]string{}
			<-start
			for r := range rounds {
				var ids []string
				var ms []bus.Message
				for i := range each {
					id := fmt.Sprintf("s%d-r%d-%d", s, r, i)
					ids = append(ids, id)
					ms = append(ms, bus.Message{ID: id, Subject: "ticketing.OrderCreated." + id, Data: []byte(id)})
				}
				seqs, err := log.Publish(context.Background(), ms)
				if err != nil || len(seqs) != each || !slices.IsSorted(seqs) {
					t.Errorf("Publish = %v, %v", seqs, err)
				}
				for i, seq := range seqs {
					mine[seq] = ids[i]
				}
			}
			places <- mine
		}()
	}
	close(start)
	told := map[uint64]string{}
	for range senders {
		for seq, id := range <-places {
			told[seq] = id
		}
	}
	for _, m := range contents(t, log) {
		if told[m.Seq] != m.ID {
			t.Errorf("%s is at %d, where %q was said to be", m.ID, m.Seq, told[m.Seq])
		}
	}
	// A message that the log has already takes no place of its own: then nothing is certain.
	again := []bus.Message{{ID: "new", Subject: "ticketing.OrderCreated.new"}, {ID: told[1], Subject: "ticketing.OrderCreated.x"}}
	if seqs, err := log.Publish(t.Context(), again); err == nil {
		t.Errorf("a repeated message got the place %v", seqs)
	}
}
