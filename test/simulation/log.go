package simulation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"ticketing/kernel/bus"
)

// errAway is what the log answers while it cannot be reached.
var errAway = errors.New("the event log is away (" + simulated + ")")

// eventLog is the event log of a world. It delivers nothing by itself: what a service has not acknowledged waits in its
// queue, and the world draws from it in any order. It does not know duplicates, so that nobody can rely on that.
type eventLog struct {
	w        *World
	identity int
	link     uint64 // grows when the connection was lost, so that relays look again
	away     bool
	messages []bus.Message // by their place, with holes where some were lost
	last     uint64
	followed map[string][]string      // subjects of each service, without the entity
	queues   map[string][]bus.Message // what each service has not acknowledged
	floors   map[string]uint64        // how far each service's consumer has got: it sees nothing up to here
	old      []bus.Message            // everything that was ever in the log
	next     publishing
	damaged  bool // something was lost, so that the order of what is published again is another
}

// publishing is how the next call of Publish ends.
type publishing struct {
	stored, acked int // of the messages; -1 for all
	dies          bool
}

var wholly = publishing{stored: -1, acked: -1}

func newEventLog(w *World) *eventLog {
	return &eventLog{w: w, identity: 1, followed: map[string][]string{}, queues: map[string][]bus.Message{},
		floors: map[string]uint64{}, next: wholly}
}

// follow registers what a service reads.
func (l *eventLog) follow(service string, subjects []string) {
	l.followed[service] = nil
	for _, s := range subjects {
		l.followed[service] = append(l.followed[service], strings.TrimSuffix(s, "*"))
	}
}

// reads tells whether the service follows the message.
func (l *eventLog) reads(service string, m bus.Message) bool {
	return slices.ContainsFunc(l.followed[service], func(prefix string) bool { return strings.HasPrefix(m.Subject, prefix) })
}

// Publish stores messages; how many of them and how many of those it admits to was drawn before.
func (l *eventLog) Publish(_ context.Context, ms []bus.Message) (seqs []uint64, err error) {
	if l.away {
		return nil, errAway
	}
	how := l.next
	l.next = wholly
	stored, acked := len(ms), len(ms)
	if how.stored >= 0 {
		stored = min(how.stored, stored)
	}
	if how.acked >= 0 {
		acked = min(how.acked, stored)
	}
	for _, m := range ms[:stored] {
		l.last++
		m.Seq, m.Time = l.last, l.w.clock.of("")()
		l.messages, l.old = append(l.messages, m), append(l.old, m)
		seqs = append(seqs, m.Seq)
		for _, p := range l.w.parts {
			if l.reads(p.name, m) && m.Seq > l.floors[p.name] {
				l.queues[p.name] = append(l.queues[p.name], m)
			}
		}
	}
	if how.dies {
		runtime.Goexit() // the process ends here, before it can write down what was stored
	}
	if acked < len(ms) {
		err = fmt.Errorf("%d of %d events were not acknowledged (%s)", len(ms)-acked, len(ms), simulated)
	}
	return seqs[:acked], err
}

// State is which log this is and how far it reaches.
func (l *eventLog) State(context.Context) (bus.LogState, error) {
	if l.away {
		return bus.LogState{}, errAway
	}
	if s := l.w.options.Sabotage; s != nil && s.BlindLog {
		return bus.LogState{Identity: "log", First: 1, Last: math.MaxInt32, Messages: math.MaxInt32}, nil
	}
	s := bus.LogState{Identity: fmt.Sprint("log ", l.identity), Last: l.last, Messages: uint64(len(l.messages))}
	if len(l.messages) > 0 {
		s.First = l.messages[0].Seq
	}
	return s, nil
}

// Has tells whether the message at seq has that id.
func (l *eventLog) Has(_ context.Context, seq uint64, id string) (bool, error) {
	if l.away {
		return false, errAway
	}
	if s := l.w.options.Sabotage; s != nil && s.BlindLog {
		return true, nil
	}
	return slices.ContainsFunc(l.messages, func(m bus.Message) bool { return m.Seq == seq && m.ID == id }), nil
}

// Tail passes on what is there, and waits for no more.
func (l *eventLog) Tail(ctx context.Context, subjects []string, from bus.From, fn func(bus.Message) error, caughtUp func()) error {
	if l.away {
		return errAway
	}
	for _, m := range l.messages {
		follows := slices.ContainsFunc(subjects, func(s string) bool { return strings.HasPrefix(m.Subject, strings.TrimSuffix(s, "*")) })
		if m.Seq < from.Seq || !follows {
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

// Consume is not how a world delivers.
func (l *eventLog) Consume(context.Context, string, []string, func(context.Context, []bus.Message) error) error {
	return errors.New("the simulation delivers by itself")
}

// Rewind lets every service read the log from its start.
func (l *eventLog) Rewind(context.Context) error {
	if l.away {
		return errAway
	}
	for _, p := range l.w.parts {
		l.queues[p.name], l.floors[p.name] = nil, 0
		for _, m := range l.messages {
			if l.reads(p.name, m) {
				l.queues[p.name] = append(l.queues[p.name], m)
			}
		}
	}
	return nil
}

// Connection counts the connections, as a log across a network does.
func (l *eventLog) Connection() uint64 { return l.link }

// Reconnected never happens while somebody waits.
func (l *eventLog) Reconnected() <-chan struct{} { return nil }

// wipe replaces the log by an empty one.
func (l *eventLog) wipe() {
	l.identity++
	l.messages, l.last = nil, 0
	clear(l.queues)
	clear(l.floors)
	l.broken()
}

// cut loses the newest messages, as a backup that is restored does: the consumers are further than the log.
func (l *eventLog) cut(n int) {
	for _, p := range l.w.parts {
		l.floors[p.name] = l.last
	}
	l.messages = l.messages[:max(0, len(l.messages)-n)]
	l.last = 0
	if len(l.messages) > 0 {
		l.last = l.messages[len(l.messages)-1].Seq
	}
	l.forget(func(m bus.Message) bool { return m.Seq > l.last })
	l.broken()
}

// lose loses one message in the middle.
func (l *eventLog) lose(i int) {
	gone := l.messages[i].Seq
	l.messages = slices.Delete(l.messages, i, i+1)
	l.forget(func(m bus.Message) bool { return m.Seq == gone })
	l.broken()
}

func (l *eventLog) forget(gone func(bus.Message) bool) {
	for _, p := range l.w.parts {
		l.queues[p.name] = slices.DeleteFunc(l.queues[p.name], gone)
	}
}

// broken lets relays look whether the log still has everything.
func (l *eventLog) broken() {
	l.damaged = true
	if s := l.w.options.Sabotage; s == nil || !s.BlindLog {
		l.link++
	}
}

// take removes a message from a service's queue.
func (l *eventLog) take(service string, i int) bus.Message {
	m := l.queues[service][i]
	l.queues[service] = slices.Delete(l.queues[service], i, i+1)
	return m
}
