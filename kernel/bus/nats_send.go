package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errGap is for a server of our own that has stored more or less than what it was sent.
var errGap = errors.New("the event log did not take all events as they were sent")

// mostSendings is how many Sendings are under way at most; one more waits for its place.
const mostSendings = 1024

// sent is a Sending whose answers have not come yet. Where nobody else writes to the log, the place of the last message
// tells those of all.
type sent struct {
	*Sending
	answers []jetstream.PubAckFuture
}

// Publish stores messages, and waits for the server to say so.
func (n *NATS) Publish(ctx context.Context, ms []Message) (seqs []uint64, err error) {
	s := n.Send(ms)
	select {
	case <-s.done:
		return s.seqs, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Send has messages stored behind those of all calls before. To followers in this process they are passed on at once: what
// those say of it is sent later, and so it lies behind it in the log.
func (n *NATS) Send(ms []Message) *Sending {
	s := newSending(ms)
	n.sendMu.Lock()
	defer n.sendMu.Unlock()
	if n.over {
		s.end(nil, errNotConnected)
		return s
	}
	n.newest = s
	answers, err := n.write(ms)
	if n.own() {
		n.feed.pass(s)
	}
	if err != nil {
		err = fmt.Errorf("publishing to the event log: %w", err)
	}
	s.err = err
	n.sendings <- sent{s, answers}
	return s
}

// write sends messages. The server answers about each of them, or about the last one alone.
func (n *NATS) write(ms []Message) (answers []jetstream.PubAckFuture, err error) {
	if !n.conn.IsConnected() {
		return nil, errNotConnected
	}
	for i, m := range ms {
		wire := &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{jetstream.MsgIDHeader: {m.ID}}}
		if n.own() && i < len(ms)-1 {
			err = n.conn.PublishMsg(wire)
		} else {
			var answer jetstream.PubAckFuture
			// Sent again by the client, a message would come after later ones.
			if answer, err = n.js.PublishMsgAsync(wire, jetstream.WithRetryAttempts(0)); err == nil {
				answers = append(answers, answer)
			}
		}
		if err != nil {
			return answers, err
		}
	}
	return answers, nil
}

// settle ends one Sending after the other, as the answers come, until there are no more.
func (n *NATS) settle() {
	defer close(n.settled)
	for s := range n.sendings {
		seqs, err := s.await()
		if n.own() {
			seqs, err = n.reckon(s, seqs, err)
		}
		s.end(seqs, err)
	}
}

// await waits for the answers, which come within some seconds, if only to say that none will.
func (s sent) await() (seqs []uint64, err error) {
	for _, answer := range s.answers {
		select {
		case ack := <-answer.Ok():
			seqs = append(seqs, ack.Sequence)
		case err := <-answer.Err():
			return seqs, fmt.Errorf("publishing to the event log: %w", err)
		}
	}
	return seqs, s.err
}

// reckon finds the places of all messages by that of the last. They follow the last place before, or some are missing.
func (n *NATS) reckon(s sent, seqs []uint64, err error) ([]uint64, error) {
	before, known := n.last, n.lastKnown
	n.lastKnown = false // unless all is well
	if err != nil || len(seqs) == 0 {
		return nil, err
	}
	n.last, n.lastKnown = seqs[0], true
	count := uint64(len(s.messages))
	if count > 1 && (!known || n.last != before+count) {
		return nil, errGap // one that it had before, maybe
	}
	seqs = make([]uint64, count)
	for i := range seqs {
		seqs[i] = n.last - count + 1 + uint64(i)
	}
	return seqs, nil
}

// sentSoFar waits until it is known what became of all that has been sent.
func (n *NATS) sentSoFar(ctx context.Context) error {
	n.sendMu.Lock()
	s := n.newest
	n.sendMu.Unlock()
	if s == nil {
		return nil
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endSending lets no more messages in, and waits for the answers about those that are on their way.
func (n *NATS) endSending() {
	n.sendMu.Lock()
	first := !n.over
	if n.over = true; first {
		close(n.sendings)
	}
	n.sendMu.Unlock()
	<-n.settled
}
