package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const ephemeralAfter = time.Minute // until the server forgets the consumer of a Tail whose process has gone

// Tail reads the log in order, through an ephemeral consumer that is made anew whenever something is in doubt.
func (n *NATS) Tail(ctx context.Context, subjects []string, from From, fn func(Message) error, caughtUp func()) error {
	t := &tail{nats: n, subjects: subjects, from: from, fn: fn, caughtUp: caughtUp}
	var p pause
	for ctx.Err() == nil {
		reconnected := n.Reconnected()
		before := t.last.Seq
		err := t.read(ctx, reconnected)
		if t.failed != nil {
			return t.failed
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if t.last.Seq != before {
			p.reset()
		}
		n.log.Debug("reading the event log starts again", "error", err)
		p.wait(ctx, reconnected)
	}
	return nil
}

// tail is where a Tail has got to.
type tail struct {
	nats     *NATS
	subjects []string
	from     From
	fn       func(Message) error
	caughtUp func() // nil once it was called
	last     Message
	failed   error // what fn returned
}

func (t *tail) read(ctx context.Context, reconnected <-chan struct{}) error {
	state, stream, consumer, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer func() { // when that fails, the server forgets it by itself
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = stream.DeleteConsumer(ctx, consumer.CachedInfo().Name)
	}()
	if consumer.CachedInfo().NumPending == 0 {
		t.atEnd()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	expected := uint64(1)
	err = t.nats.pull(ctx, consumer, reconnected, func(m jetstream.Msg) {
		if ctx.Err() != nil {
			return
		}
		if err := t.take(m, &expected, state.Last); err != nil {
			cancel(err)
		}
	})
	return errors.Join(err, context.Cause(ctx))
}

// open makes a consumer for what has not been seen, and tells how far the log reached before that.
func (t *tail) open(ctx context.Context) (state LogState, s jetstream.Stream, c jetstream.Consumer, err error) {
	if state, err = t.nats.State(ctx); err != nil {
		return
	}
	if t.last.Seq > 0 {
		same, err := t.nats.Has(ctx, t.last.Seq, t.last.ID)
		if err != nil {
			return state, nil, nil, err
		}
		if !same {
			t.last, t.from.Seq = Message{}, 0 // another log, in which no place means what it did
		}
	}
	ctx, cancel := t.nats.request(ctx)
	defer cancel()
	if s, err = t.nats.stream(ctx); err == nil {
		c, err = s.CreateConsumer(ctx, t.config())
	}
	return state, s, c, err
}

// take passes one message on, if it is the next one.
func (t *tail) take(m jetstream.Msg, expected *uint64, end uint64) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	if meta.Sequence.Consumer != *expected {
		return errors.New("a message got lost on the way")
	}
	*expected++
	next := message(m)
	if err := t.fn(next); err != nil {
		t.failed = err
		return err
	}
	t.last = Message{ID: next.ID, Seq: next.Seq}
	if meta.NumPending == 0 || next.Seq >= end {
		t.atEnd()
	}
	return nil
}

func (t *tail) atEnd() {
	if t.caughtUp != nil {
		t.caughtUp()
		t.caughtUp = nil
	}
}

func (t *tail) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		FilterSubjects: t.subjects, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		InactiveThreshold: ephemeralAfter, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	switch {
	case t.last.Seq > 0:
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, t.last.Seq+1
	case t.from.Seq > 0:
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, t.from.Seq
	case !t.from.Time.IsZero():
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &t.from.Time
	}
	return c
}
