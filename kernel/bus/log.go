package bus

import (
	"context"
	"time"

	"ticketing/kernel/event"
)

// Message is one message of the event log.
type Message struct {
	ID      string    // of the event; "" if a stranger left it out
	Subject string    // ticketing.<Type>.<entity id>
	Data    []byte    // the CloudEvents document
	Seq     uint64    // its place in the log, from 1
	Time    time.Time // when the log got it; zero if this process sent it and passes it on itself

	said *said // what the document says, where it need not be read; nil if it comes from the log
}

// said is an event as it was said in this process.
type said struct {
	event.Envelope // without its data
	state          event.State
}

// LogState tells one event log from another, and how far it reaches.
type LogState struct {
	Identity    string // another log has another one
	First, Last uint64 // the places of the first and the last message; 0 while it is empty
	Messages    uint64 // how many it holds
}

// lost is how many messages the log had and has no more.
func (s LogState) lost() uint64 { return s.Last - min(s.Messages, s.Last) }

// From is where a Tail begins: at a place, at a time, or, when both are zero, at the beginning.
type From struct {
	Seq  uint64
	Time time.Time
}

// Log is the event log as the bus needs it. NATS is one; simulations and tests bring their own.
type Log interface {
	// Publish stores messages in their order. It returns the places of the leading ones that were stored, and why it
	// stopped if that is not all of them. What came after those may have been stored too.
	Publish(ctx context.Context, ms []Message) (seqs []uint64, err error)
	// State is the log's own word, never a cached one.
	State(ctx context.Context) (LogState, error)
	// Has tells whether the message at seq has that id.
	Has(ctx context.Context, seq uint64, id string) (bool, error)
	// Consume passes on what the durable consumer of that name has not acknowledged, in order, one batch at a time, and
	// acknowledges a batch when it returns nil; otherwise the batch comes again, after a growing pause. A consumer that
	// the log does not know, or no more, begins at the start of the log. It returns nil when ctx ends.
	Consume(ctx context.Context, durable string, subjects []string, batch batchFunc) error
	// Tail reads in order without leaving a trace, and calls caughtUp once, when everything that was in the log at the call
	// has been passed to fn. It follows the log until ctx ends, then returns nil; or until fn fails, then with its error.
	// When the log turns out to be another one, it begins anew: fn may see a message again.
	Tail(ctx context.Context, subjects []string, from From, fn func(Message) error, caughtUp func()) error
	// Rewind makes every durable consumer begin at the start of the log again.
	Rewind(ctx context.Context) error
}

// sender is a Log that takes messages without being waited for.
type sender interface {
	// Send is Publish that returns at once. Messages are stored behind those of the calls before.
	Send(ms []Message) *Sending
}

// batchFunc takes messages in their order; an error has them come again.
type batchFunc = func(ctx context.Context, ms []Message) error

// linked is a Log at the other end of a connection. Whatever was behind it may have changed once it was lost.
type linked interface {
	Connection() uint64           // grows with every new connection
	Reconnected() <-chan struct{} // closed at the next new connection
}

// owned is a Log that nobody else may be able to write to: then it keeps what it has for as long as this process runs.
type owned interface {
	own() bool
}

// hinter is a Log that can wake other processes. Hints may get lost.
type hinter interface {
	Hint(topic string, data []byte)
	OnHint(topic string, f func(data []byte)) (stop func(), err error)
}
