package payments_test

import (
	"context"
	"errors"
	"strings"
	"sync"

	"ticketing/kernel/bus"
)

// handLog is an event log in memory that delivers when it is told to: what happens is then a matter of the test alone, and
// takes no time.
type handLog struct {
	mu       sync.Mutex
	messages []bus.Message
}

func (l *handLog) Publish(_ context.Context, ms []bus.Message) (seqs []uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range ms {
		m.Seq = uint64(len(l.messages) + 1)
		l.messages, seqs = append(l.messages, m), append(seqs, m.Seq)
	}
	return seqs, nil
}

func (l *handLog) State(context.Context) (bus.LogState, error) {
	n := uint64(len(l.from(1)))
	return bus.LogState{Identity: "by hand", First: min(n, 1), Last: n, Messages: n}, nil
}

// from are the messages from a place on.
func (l *handLog) from(seq uint64) []bus.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := max(seq, 1) - 1; at < uint64(len(l.messages)) {
		return l.messages[at:]
	}
	return nil
}

func (l *handLog) Has(_ context.Context, seq uint64, id string) (bool, error) {
	found := l.from(seq)
	return len(found) > 0 && found[0].ID == id, nil
}

func (l *handLog) Tail(ctx context.Context, subjects []string, from bus.From, fn func(bus.Message) error, caughtUp func()) error {
	for _, m := range l.from(from.Seq) {
		if !follows(subjects, m) {
			continue
		}
		if err := fn(m); err != nil {
			return err
		}
	}
	caughtUp()
	<-ctx.Done()
	return nil
}

func (l *handLog) Consume(context.Context, string, []string, func(context.Context, []bus.Message) error) error {
	return errors.New("this log delivers by hand")
}

func (l *handLog) Rewind(context.Context) error { return nil }

func follows(subjects []string, m bus.Message) bool {
	for _, s := range subjects {
		if strings.HasPrefix(m.Subject, strings.TrimSuffix(s, "*")) {
			return true
		}
	}
	return false
}

// pump publishes and delivers until payments and orders have told each other everything.
func (m *market) pump() {
	m.t.Helper()
	m.pumpBetween(&m.side, m.orders)
}

func (m *market) pumpBetween(sides ...*side) {
	m.t.Helper()
	for {
		moved := 0
		for _, s := range sides {
			n, err := s.bus.Relay(ctx)
			m.must(err)
			moved += n
		}
		for _, s := range sides {
			for _, message := range m.hand.from(s.read + 1) {
				if follows(s.bus.Follows(), message) {
					m.must(s.bus.Deliver(ctx, message))
				}
				s.read, moved = message.Seq, moved+1
			}
		}
		if moved == 0 {
			return
		}
	}
}
