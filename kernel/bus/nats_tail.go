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

// read passes on what the log has, and then what it gets: of a log of our own as it is sent, else through a second consumer. One
// that has passed on its last message looks for the next: in a log of very many entities the server reads all that follows for
// that, and keeps an index of it for minutes. So the first one is asked for what it has and no more, and the second one begins
// at the end.
func (t *tail) read(ctx context.Context, reconnected <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if t.nats.own() {
		return t.readOwn(ctx, reconnected)
	}
	state, err := t.history(ctx, reconnected)
	if err == nil && ctx.Err() == nil {
		err = t.follow(ctx, cancel, reconnected, state)
	}
	return errors.Join(err, context.Cause(ctx))
}

// history passes on what the log has, and returns a state of the log of which everything has been passed on.
func (t *tail) history(ctx context.Context, reconnected <-chan struct{}) (LogState, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := t.sameLog(ctx); err != nil {
		return LogState{}, err
	}
	state, consumer, drop, err := t.open(ctx, t.config())
	if err != nil {
		return state, err
	}
	defer drop()
	left, expected := consumer.CachedInfo().NumPending, uint64(1)
	for left > 0 && ctx.Err() == nil {
		batch, err := consumer.Fetch(int(min(left, consumeAhead)), jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(pullHeartbeat))
		if err != nil {
			return state, err
		}
		err = each(ctx, batch, reconnected, func(m jetstream.Msg) error {
			left--
			return t.take(m, &expected, state.Last)
		})
		if err != nil {
			return state, err
		}
	}
	if ctx.Err() == nil {
		t.atEnd()
	}
	state.Last = max(state.Last, t.last.Seq)
	return state, nil
}

// each passes on what is fetched, until all of it is there, or nothing more can come.
func each(ctx context.Context, batch jetstream.MessageBatch, reconnected <-chan struct{}, take func(jetstream.Msg) error) error {
	for {
		select {
		case m, more := <-batch.Messages():
			if !more {
				return batch.Error()
			}
			if ctx.Err() != nil {
				return nil
			}
			if err := take(m); err != nil {
				return err
			}
		case <-reconnected:
			return errors.New("the connection to the event log was lost")
		}
	}
}

// sameLog begins anew in another log, in which no place means what it did.
func (t *tail) sameLog(ctx context.Context) error {
	if t.last.Seq == 0 {
		return nil
	}
	same, err := t.nats.Has(ctx, t.last.Seq, t.last.ID)
	if err == nil && !same {
		t.last, t.from.Seq = Message{}, 0
	}
	return err
}

// follow passes on what comes after a state of the log.
func (t *tail) follow(ctx context.Context, cancel context.CancelCauseFunc, reconnected <-chan struct{}, seen LogState) error {
	config := t.config()
	config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = jetstream.DeliverByStartSequencePolicy, max(seen.Last+1, t.from.Seq), nil
	state, consumer, drop, err := t.open(ctx, config)
	if err != nil {
		return err
	}
	defer drop()
	if state.Identity != seen.Identity || state.Last < seen.Last {
		return errors.New("the log is another one, or has lost messages")
	}
	expected := uint64(1)
	return t.nats.pull(ctx, consumer, reconnected, func(m jetstream.Msg) {
		if ctx.Err() != nil {
			return
		}
		if err := t.take(m, &expected, state.Last); err != nil {
			cancel(err)
		}
	})
}

// open makes a consumer, and tells how far the log reached before that.
func (t *tail) open(ctx context.Context, config jetstream.ConsumerConfig) (state LogState, c jetstream.Consumer, drop func(), err error) {
	if state, err = t.nats.State(ctx); err != nil {
		return
	}
	request, cancel := t.nats.request(ctx)
	defer cancel()
	s, err := t.nats.stream(request)
	if err == nil {
		c, err = s.CreateConsumer(request, config)
	}
	drop = func() { // when that fails, the server forgets it by itself
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.DeleteConsumer(ctx, c.CachedInfo().Name)
	}
	return state, c, drop, err
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
	if err := t.pass(next); err != nil {
		return err
	}
	if meta.NumPending == 0 || next.Seq >= end {
		t.atEnd()
	}
	return nil
}

func (t *tail) pass(m Message) error {
	if err := t.fn(m); err != nil {
		t.failed = err
		return err
	}
	t.last = Message{ID: m.ID, Seq: m.Seq}
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
