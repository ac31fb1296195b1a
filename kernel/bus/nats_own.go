package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// own tells whether nobody but this process can write to the log: its server is inside it.
func (n *NATS) own() bool { return n.server != nil }

// consumeOwn is Consume for a log of our own. What was in it before is read; all else comes from this process, and is
// passed on by it as it is sent. How far the reader has got is kept beside the log.
func (n *NATS) consumeOwn(ctx context.Context, durable string, subjects []string, batch batchFunc) error {
	for ctx.Err() == nil {
		r := n.feed.open(subjects) // before the log is read, so that nothing comes between
		err := n.consumeFrom(ctx, durable, r, batch)
		n.feed.close(r)
		if err != nil {
			return err
		}
	}
	return nil
}

// consumeFrom reads the log up to its end and then what is fed; until ctx ends, or some of that is missing.
func (n *NATS) consumeFrom(ctx context.Context, durable string, r *reader, batch batchFunc) error {
	if err := n.catchUp(ctx, durable, r.subjects, batch); err != nil || ctx.Err() != nil {
		return err
	}
	for {
		fed, whole := r.take(ctx)
		if !whole {
			return nil
		}
		messages := make([]Message, len(fed))
		for i, f := range fed {
			messages[i] = f.message()
		}
		if n.insist(ctx, messages, batch) != nil {
			return nil // ctx has ended
		}
		n.places.passed(durable, r.subjects, fed[len(fed)-1])
	}
}

// catchUp reads what a consumer has not had of the log.
func (n *NATS) catchUp(ctx context.Context, durable string, subjects []string, batch batchFunc) error {
	from, err := n.whereFrom(ctx, durable, subjects)
	if ctx.Err() != nil {
		return nil // then nothing has failed
	}
	if err != nil {
		return err
	}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	var some []Message
	pass := func() error {
		if len(some) == 0 {
			return nil
		}
		if err := n.insist(ctx, some, batch); err != nil {
			return err
		}
		last := some[len(some)-1]
		n.places.reached(durable, subjects, place{last.ID, last.Seq})
		some = nil
		return nil
	}
	err = n.Tail(reading, subjects, From{Seq: from}, func(m Message) error {
		if some = append(some, m); len(some) < consumeBatch {
			return nil
		}
		return pass()
	}, cancel)
	if err == nil {
		err = pass()
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// readOwn is read for a log of our own.
func (t *tail) readOwn(ctx context.Context, reconnected <-chan struct{}) error {
	r := t.nats.feed.open(t.subjects) // before the log is read, so that nothing comes between
	defer t.nats.feed.close(r)
	if err := t.nats.sentSoFar(ctx); err != nil {
		return err
	}
	state, err := t.history(ctx, reconnected)
	if err != nil {
		return err
	}
	for next := max(state.Last+1, t.from.Seq); ; {
		some, whole := r.take(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if !whole {
			return errors.New("there were more messages than could wait")
		}
		for _, f := range some {
			m, err := f.stored(ctx)
			if err != nil {
				return err
			}
			if m.Seq < next { // it was read, or is none of those that are asked for
				continue
			}
			if err := t.pass(m); err != nil {
				return err
			}
			next = m.Seq + 1
		}
	}
}

// whereFrom is where a consumer goes on in the log: behind the place that it has reached, if that is still what it was.
func (n *NATS) whereFrom(ctx context.Context, durable string, subjects []string) (uint64, error) {
	if err := n.sentSoFar(ctx); err != nil {
		return 0, err
	}
	if err := n.retire(ctx, durable, subjects); err != nil {
		return 0, err
	}
	p, ok := n.places.of(durable, subjects)
	if !ok {
		return 0, nil
	}
	same, err := n.Has(ctx, p.seq, p.id)
	if err != nil || !same {
		return 0, err
	}
	return p.seq + 1, nil
}

// retire deletes the server's consumer of that name, which an earlier version of this program used, and notes how far it has
// got.
func (n *NATS) retire(ctx context.Context, durable string, subjects []string) error {
	ctx, cancel := n.request(ctx)
	defer cancel()
	s, err := n.stream(ctx)
	if err != nil {
		return err
	}
	c, err := s.Consumer(ctx, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the consumer %s: %w", durable, err)
	}
	info := c.CachedInfo()
	if m, err := s.GetMsg(ctx, info.AckFloor.Stream); err == nil && !lacks(info.Config, subjects) {
		n.places.reached(durable, subjects, place{m.Header.Get(jetstream.MsgIDHeader), m.Sequence})
	}
	return s.DeleteConsumer(ctx, durable)
}
