package bus_test

import (
	"context"
	"fmt"
	"testing"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
)

// A reader that begins at any moment while many send passes on what is in the log: all of it, once, at its place, in order;
// also what was sent twice, and when it is too slow for what is passed on to it.
func TestReadersOfAnOwnLogMissNothing(t *testing.T) {
	log := embedded(t, t.TempDir())
	const senders, rounds, each, readers = 4, 20, 50, 6
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	publish(t, log, event.OrderCreated, "first")

	start, sent := make(chan struct{}), make(chan struct{}, senders)
	sends := make(chan struct{}, senders*rounds)
	for s := range senders {
		go func() {
			defer func() { sent <- struct{}{} }()
			<-start
			for r := range rounds {
				var ms []bus.Message
				for i := range each {
					id := fmt.Sprintf("s%d-r%d-%d", s, r, i)
					ms = append(ms, bus.Message{ID: id, Subject: "ticketing.OrderCreated." + id, Data: []byte(id)})
				}
				if r%10 == 9 {
					ms = append(ms, bus.Message{ID: "first", Subject: "ticketing.OrderCreated.first", Data: []byte("first")})
				}
				_, _ = log.Publish(context.Background(), ms) // of a repetition it is not certain what is where
				sends <- struct{}{}
			}
		}()
	}

	got := make([]chan bus.Message, readers)
	ended := make(chan error, readers)
	held := make(chan struct{})
	for r := range readers {
		got[r] = make(chan bus.Message, 2*senders*rounds*each)
		go func() {
			for range r * 5 { // the first ones are there before everything, the others come while it goes on
				<-sends
			}
			ended <- log.Tail(ctx, bus.Subjects(event.Orders), bus.From{}, func(m bus.Message) error {
				if r == 0 && m.ID == "first" {
					<-held
				}
				got[r] <- m
				return nil
			}, func() {})
		}()
	}
	close(start)
	for range senders {
		<-sent
	}
	close(held)
	publish(t, log, event.OrderUpdated, "last")
	want := contents(t, log)
	if len(want) < senders*rounds*each+2 {
		t.Fatalf("the log has %d messages", len(want))
	}
	for r := range readers {
		for n, w := range want {
			if m := <-got[r]; m.Seq != w.Seq || m.ID != w.ID || string(m.Data) != string(w.Data) {
				t.Fatalf("reader %d: message %d is %s at %d, and the log has %s at %d", r, n, m.ID, m.Seq, w.ID, w.Seq)
			}
		}
	}
	cancel()
	for range readers {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for r := range readers {
		if left := len(got[r]); left > 0 {
			t.Errorf("reader %d was told %d messages more", r, left)
		}
	}
}

// What a reader asks for may have wildcards anywhere, of what is there as of what comes.
func TestReadersOfAnOwnLogAskForAnySubject(t *testing.T) {
	for pattern, want := range map[string][]string{
		"ticketing.>": {"1", "2", "3", "4", "5", "6"}, "ticketing.*.*": {"1", "2", "3", "4", "5", "6"}, "ticketing.*.a": {"1", "2", "4"},
		"ticketing.OrderCreated.*": {"1", "6"}, "ticketing.OrderCreated.c": {"6"}, "ticketing.Order.>": nil, "ticketing.*.*.>": nil,
	} {
		t.Run(pattern, func(t *testing.T) {
			log := embedded(t, t.TempDir())
			say := func(id, subject string) {
				if _, err := log.Publish(t.Context(), []bus.Message{{ID: id, Subject: "ticketing." + subject}}); err != nil {
					t.Fatal(err)
				}
			}
			say("1", "OrderCreated.a")
			say("2", "TicketCreated.a")
			say("3", "TicketCreated.b")
			ctx, cancel := context.WithCancel(t.Context())
			caughtUp, seen, done := make(chan struct{}), make(chan string, 100), make(chan error, 1)
			go func() {
				done <- log.Tail(ctx, []string{pattern}, bus.From{}, func(m bus.Message) error { seen <- m.ID; return nil }, func() { close(caughtUp) })
			}()
			<-caughtUp
			say("4", "TicketUpdated.a")
			say("5", "TicketUpdated.b")
			say("6", "OrderCreated.c")
			expect(t, seen, want...)
			cancel()
			if err := <-done; err != nil || len(seen) > 0 {
				t.Errorf("Tail = %v, and passed %d messages more", err, len(seen))
			}
		})
	}
}
