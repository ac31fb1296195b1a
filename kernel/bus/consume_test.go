package bus_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
)

// publish puts messages about orders into the log, as their relay would.
func publish(t *testing.T, log bus.Log, typ event.Type, ids ...string) {
	t.Helper()
	var ms []bus.Message
	for _, id := range ids {
		ms = append(ms, bus.Message{ID: id, Subject: fmt.Sprintf("ticketing.%s.%s", typ, id), Data: []byte(id)})
	}
	if seqs, err := log.Publish(t.Context(), ms); err != nil || len(seqs) != len(ms) {
		t.Fatalf("Publish = %v, %v", seqs, err)
	}
}

// consume reads until stop is called, or the test ends.
func consume(t *testing.T, log bus.Log, durable string, subjects []string, batch func([]bus.Message) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- log.Consume(ctx, durable, subjects, func(_ context.Context, ms []bus.Message) error { return batch(ms) })
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Consume = %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// expect reads ids until it has all of them, in that order, and nothing else.
func expect(t *testing.T, got <-chan string, want ...string) {
	t.Helper()
	for _, id := range want {
		select {
		case g := <-got:
			if g != id {
				t.Fatalf("message %q came, want %q", g, id)
			}
		case <-time.After(patience):
			t.Fatalf("message %q does not come", id)
		}
	}
}

func pass(got chan<- string) func([]bus.Message) error {
	return func(ms []bus.Message) error {
		for _, m := range ms {
			got <- m.ID
		}
		return nil
	}
}

func TestNextProcessTakesOverWhatWasLeft(t *testing.T) {
	dir := t.TempDir()
	log := embedded(t, dir)
	publish(t, log, event.OrderCreated, "a", "b")
	got := make(chan string, 100)
	stop := consume(t, log, "tickets-order", bus.Subjects(event.Orders), pass(got))
	expect(t, got, "a", "b")
	stop()

	publish(t, log, event.OrderCreated, "c", "d", "e")
	tried := make(chan struct{}, 100)
	stop = consume(t, log, "tickets-order", bus.Subjects(event.Orders), func([]bus.Message) error {
		tried <- struct{}{}
		return errors.New("the database is away")
	})
	<-tried
	<-tried // the same batch comes again
	stop()
	log.Close()

	consume(t, embedded(t, dir), "tickets-order", bus.Subjects(event.Orders), pass(got))
	expect(t, got, "c", "d", "e")
}

func TestFollowerOfMoreReadsFromTheStart(t *testing.T) {
	log := embedded(t, t.TempDir())
	publish(t, log, event.OrderCreated, "a")
	publish(t, log, event.OrderUpdated, "b")
	got := make(chan string, 100)
	consume(t, log, "tickets-order", bus.Subjects(event.Orders)[:1], pass(got))()
	stop := consume(t, log, "tickets-order", bus.Subjects(event.Orders)[:1], pass(got))
	expect(t, got, "a")
	stop()
	consume(t, log, "tickets-order", bus.Subjects(event.Orders), pass(got))
	expect(t, got, "a", "b")
}

func TestSlowBatchIsNotGivenToAnother(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: waits for seconds")
	}
	server := newExternal(t)
	got, open := make(chan string, 100), make(chan struct{})
	for range 2 {
		consume(t, server.connect(), "tickets-order", bus.Subjects(event.Orders), func(ms []bus.Message) error {
			err := pass(got)(ms)
			<-open
			return err
		})
	}
	publish(t, server.connect(), event.OrderCreated, "a")
	expect(t, got, "a")
	time.Sleep(5 * time.Second) // longer than the server waits for an acknowledgement or a sign of life
	close(open)
	publish(t, server.connect(), event.OrderCreated, "b")
	expect(t, got, "b")
}

func TestFollowsNamesTheSubjects(t *testing.T) {
	broken := false
	if got := fmt.Sprint(failing(sqlite(t).db("tickets"), &broken).Follows()); got !=
		"[ticketing.OrderCreated.* ticketing.OrderUpdated.* ticketing.OrderCancelled.*]" {
		t.Errorf("Follows = %s", got)
	}
}

// Whenever a reader is stopped, that is no error.
func TestStoppingAReaderIsNoError(t *testing.T) {
	log := embedded(t, t.TempDir())
	publish(t, log, event.OrderCreated, "a")
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- log.Consume(ctx, fmt.Sprintf("reader-%d", i%3), bus.Subjects(event.Orders), func(context.Context, []bus.Message) error { return nil })
		}()
		for range i {
			runtime.Gosched()
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatalf("the reader that was stopped after %d turns: %v", i, err)
		}
	}
}
