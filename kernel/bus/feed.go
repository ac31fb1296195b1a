package bus

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
)

// mostFed is how many messages wait for a follower at most. When there are more, it reads the log again.
const mostFed = 8192

// feed passes what this process sends to its own followers, without the way through the log.
type feed struct {
	mu      sync.Mutex
	readers []*reader
}

// fed is one message of a Sending.
type fed struct {
	of *Sending
	n  int
}

func (f fed) message() Message { return f.of.messages[f.n] }

// stored is the message with its place in the log, once that is known.
func (f fed) stored(ctx context.Context) (Message, error) {
	select {
	case <-f.of.done:
	case <-ctx.Done():
		return Message{}, ctx.Err()
	}
	p, ok := f.place()
	if !ok {
		return Message{}, errors.New("the log may not have all that it was sent")
	}
	m := f.message()
	m.Seq = p.seq
	return m, nil
}

// place is where the message is in the log; false while that is not known.
func (f fed) place() (place, bool) {
	if !f.of.ended() || f.n >= len(f.of.seqs) {
		return place{}, false
	}
	return place{f.message().ID, f.of.seqs[f.n]}, true
}

// reader is a follower's end of the feed.
type reader struct {
	subjects []string
	mu       sync.Mutex
	waiting  []fed
	lost     bool // there were too many
	woken    chan struct{}
}

func (f *feed) open(subjects []string) *reader {
	r := &reader{subjects: subjects, woken: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers = append(f.readers, r)
	return r
}

func (f *feed) close(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers = slices.DeleteFunc(f.readers, func(other *reader) bool { return other == r })
}

func (f *feed) pass(s *Sending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.readers {
		r.pass(s)
	}
}

func (r *reader) pass(s *Sending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	some := false
	for i, m := range s.messages {
		if matches(m.Subject, r.subjects) {
			r.waiting, some = append(r.waiting, fed{s, i}), true
		}
	}
	if len(r.waiting) > mostFed {
		r.waiting, r.lost = nil, true
	}
	if some {
		signal(r.woken)
	}
}

// take waits for messages and returns up to a batch of them; false when some are missing, or ctx ends.
func (r *reader) take(ctx context.Context) (batch []fed, whole bool) {
	for ctx.Err() == nil {
		r.mu.Lock()
		n, lost := min(len(r.waiting), consumeBatch), r.lost
		batch, r.waiting = r.waiting[:n:n], r.waiting[n:]
		more := len(r.waiting) > 0
		r.mu.Unlock()
		switch {
		case lost:
			return nil, false
		case more:
			signal(r.woken)
			return batch, true
		case n > 0:
			return batch, true
		}
		select {
		case <-r.woken:
		case <-ctx.Done():
		}
	}
	return nil, false
}

// matches tells whether a subject is among those that a reader asks for, which may have wildcards. Nearly always the words before
// them tell that it is not.
func matches(subject string, patterns []string) bool {
	for _, p := range patterns {
		plain := len(p)
		if i := strings.IndexAny(p, "*>"); i >= 0 {
			plain = i
		}
		if strings.HasPrefix(subject, p[:plain]) && server.SubjectMatchesFilter(subject, p) {
			return true
		}
	}
	return false
}
