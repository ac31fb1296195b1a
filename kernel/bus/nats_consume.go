package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	ackWait       = 2 * time.Second // then a message of a process that has died goes to another; a live one asks for more
	consumeBatch  = 256
	consumeAhead  = 512  // messages that are fetched before they are asked for
	maxAckPending = 4096 // of all processes together
	pullExpiry    = 30 * time.Second
	pullHeartbeat = 2 * time.Second
)

// Consume passes on what the durable consumer of that name has not acknowledged. All processes that use the name share it.
func (n *NATS) Consume(ctx context.Context, durable string, subjects []string, batch batchFunc) error {
	if n.own() {
		return n.consumeOwn(ctx, durable, subjects, batch)
	}
	in := make(chan jetstream.Msg, consumeAhead)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.fetch(ctx, durable, subjects, in)
	}()
	for {
		select {
		case first := <-in:
			n.pass(ctx, gather(first, in), batch)
		case <-ctx.Done():
			<-done
			for len(in) > 0 {
				_ = (<-in).Nak() // somebody else may have it at once
			}
			return nil
		}
	}
}

// gather takes what has arrived already.
func gather(first jetstream.Msg, in <-chan jetstream.Msg) []jetstream.Msg {
	ms := []jetstream.Msg{first}
	for len(ms) < consumeBatch {
		select {
		case m := <-in:
			ms = append(ms, m)
		default:
			return ms
		}
	}
	return ms
}

// pass gives a batch to its reader until it takes it. Meanwhile the server is told that it is being worked on.
func (n *NATS) pass(ctx context.Context, ms []jetstream.Msg, batch batchFunc) {
	stop := keepAlive(ms)
	defer stop()
	messages := make([]Message, len(ms))
	for i, m := range ms {
		messages[i] = message(m)
	}
	err := n.insist(ctx, messages, batch)
	for _, m := range ms {
		if err == nil {
			_ = m.Ack() // one that gets lost brings the message again, and the inbox skips it
		} else {
			_ = m.Nak()
		}
	}
}

// insist gives a batch to its reader until it takes it; an error means that ctx has ended before.
func (n *NATS) insist(ctx context.Context, ms []Message, batch batchFunc) error {
	var p pause
	for {
		err := batch(ctx, ms)
		if err == nil {
			return nil
		}
		if p.last == 0 && ctx.Err() == nil {
			n.log.Warn("events cannot be applied and are going to be delivered again", "events", len(ms), "error", err)
		}
		if ctx.Err() != nil || !p.wait(ctx, nil) {
			return err
		}
	}
}

// keepAlive has the server wait for the acknowledgement of messages for as long as stop is not called.
func keepAlive(ms []jetstream.Msg) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(ackWait / 2)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				for _, m := range ms {
					_ = m.InProgress()
				}
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// fetch has the messages of a durable consumer put into the channel, for as long as ctx lasts. It makes the consumer
// again when it is gone.
func (n *NATS) fetch(ctx context.Context, durable string, subjects []string, in chan<- jetstream.Msg) {
	var p pause
	for ctx.Err() == nil {
		reconnected := n.Reconnected()
		consumer, err := n.durable(ctx, durable, subjects)
		if err == nil {
			err = n.pull(ctx, consumer, reconnected, func(m jetstream.Msg) {
				p.reset()
				select {
				case in <- m:
				case <-ctx.Done():
					_ = m.Nak()
				}
			})
		}
		if err != nil && ctx.Err() == nil {
			n.log.Debug("a consumer of the event log starts again", "consumer", durable, "error", err)
			p.wait(ctx, reconnected)
		}
	}
}

// pull passes the messages of a consumer to take, until ctx ends, there is a new connection, or the consumer is lost. Take
// is not running any more when pull returns.
func (n *NATS) pull(ctx context.Context, c jetstream.Consumer, reconnected <-chan struct{}, take func(jetstream.Msg)) error {
	var mu sync.Mutex
	over := false
	passing := func(m jetstream.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			take(m)
		}
	}
	lost := make(chan error, 1)
	cc, err := c.Consume(passing, jetstream.PullMaxMessages(consumeAhead), jetstream.PullExpiry(pullExpiry),
		jetstream.PullHeartbeat(pullHeartbeat), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			select {
			case lost <- err:
			default:
			}
		}))
	if err != nil {
		return err
	}
	select {
	case err = <-lost:
	case <-cc.Closed():
		err = errors.New("the consumer was closed")
	case <-reconnected:
	case <-ctx.Done():
	}
	cc.Drain()
	select {
	case <-cc.Closed():
	case <-time.After(answerTimeout): // without a connection there is nothing to wait for
		cc.Stop()
	}
	mu.Lock()
	defer mu.Unlock()
	over = true
	return err
}

// durable looks the consumer up, or makes it, to begin at the start of the log.
func (n *NATS) durable(ctx context.Context, name string, subjects []string) (jetstream.Consumer, error) {
	ctx, cancel := n.request(ctx)
	defer cancel()
	stream, err := n.stream(ctx)
	if err != nil {
		return nil, err
	}
	config := jetstream.ConsumerConfig{
		Durable: name, FilterSubjects: subjects, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxAckPending: maxAckPending, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	c, err := stream.Consumer(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
	case err != nil:
		return nil, err
	case !lacks(c.CachedInfo().Config, subjects):
		return c, nil
	default: // it is made anew, from the start
		if err := stream.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, err
		}
	}
	return stream.CreateConsumer(ctx, config)
}

// lacks tells whether a consumer does not get all of these subjects.
func lacks(c jetstream.ConsumerConfig, subjects []string) bool {
	has := append([]string{c.FilterSubject}, c.FilterSubjects...)
	return slices.ContainsFunc(subjects, func(subject string) bool { return !slices.Contains(has, subject) })
}

// message is m as the bus knows it.
func message(m jetstream.Msg) Message {
	out := Message{ID: m.Headers().Get(jetstream.MsgIDHeader), Subject: m.Subject(), Data: m.Data()}
	if meta, err := m.Metadata(); err == nil {
		out.Seq, out.Time = meta.Sequence.Stream, meta.Timestamp.UTC()
	}
	return out
}
