package bus

import (
	"cmp"
	"context"
)

// Sending is messages on their way into the log, behind those that were sent before them.
type Sending struct {
	messages []Message
	done     chan struct{} // closed when it is known what became of them
	seqs     []uint64      // then, the places of the leading ones that were stored
	err      error         // then, why that is not all of them; what came after those may have been stored too
}

func newSending(ms []Message) *Sending { return &Sending{messages: ms, done: make(chan struct{})} }

// end says what became of the messages.
func (s *Sending) end(seqs []uint64, err error) {
	s.seqs, s.err = seqs, err
	close(s.done)
}

// ended tells whether it is known what became of the messages.
func (s *Sending) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// mostFlying is how many events a relay sends before the log has answered about the first.
const mostFlying = 1024

// flight is events that have been sent and of which the log has not said yet that it has them.
type flight struct {
	rows    []outboxRow
	sending *Sending
	link    uint64 // the connection over which they were sent
}

// makeRoom waits for answers as long as too many events are on their way. Where the outbox is read for the next ones, they
// would be read again, so all are waited for.
func (b *Bus) makeRoom(ctx context.Context) error {
	if b.db.Shared() {
		return b.allLanded(ctx)
	}
	flying := 0
	for _, f := range b.flights {
		flying += len(f.rows)
	}
	for flying > mostFlying {
		flying -= len(b.flights[0].rows)
		if err := b.land(ctx); err != nil {
			return err
		}
	}
	return nil
}

// depart sends events on their way. A log that cannot take them without being waited for has answered when it returns.
func (b *Bus) depart(ctx context.Context, rows []outboxRow, link uint64) {
	messages := make([]Message, len(rows))
	for i, r := range rows {
		messages[i] = r.message()
		b.unrecorded.know(r.id)
	}
	if b.db.Shared() {
		b.lineage.note(rows)
	}
	var s *Sending
	if sender, ok := b.log.(sender); ok {
		s = sender.Send(messages)
	} else {
		s = newSending(messages)
		s.end(b.log.Publish(ctx, messages))
	}
	b.flights = append(b.flights, flight{rows, s, link})
}

// landing is closed when the log has answered about the first flight; nil if there is none.
func (b *Bus) landing() <-chan struct{} {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	if len(b.flights) == 0 {
		return nil
	}
	return b.flights[0].sending.done
}

// noteLanded takes the answers that have come.
func (b *Bus) noteLanded() error {
	b.relayMu.Lock()
	defer b.relayMu.Unlock()
	return b.landed()
}

// landed is noteLanded for who has the lock.
func (b *Bus) landed() (err error) {
	for err == nil && len(b.flights) > 0 && b.flights[0].sending.ended() {
		err = b.land(context.Background())
	}
	return err
}

// allLanded waits for all answers. It returns the first error.
func (b *Bus) allLanded(ctx context.Context) (err error) {
	for len(b.flights) > 0 {
		err = cmp.Or(err, b.land(ctx))
	}
	return err
}

// land waits for the answer about the first flight. What the log has not said to have is not known to be unpublished: the
// outbox and the log have to be compared then.
func (b *Bus) land(ctx context.Context) (err error) {
	f := b.flights[0]
	b.flights = b.flights[1:]
	select {
	case <-f.sending.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	var seqs []uint64
	switch {
	case err != nil:
	case b.connection() != f.link:
		err = errReconnected // it may have been another log that took them
	default:
		seqs, err = f.sending.seqs, f.sending.err
	}
	for i, r := range f.rows {
		if i < len(seqs) {
			b.unrecorded.add(place{r.id, seqs[i]})
		} else {
			b.unrecorded.forget(r.id)
		}
	}
	if err != nil {
		b.compared = false
	}
	b.recordSome()
	b.counts.published.Add(uint64(len(seqs)))
	return err
}
