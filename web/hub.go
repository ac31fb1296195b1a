package web

import (
	"context"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"time"
)

// Entry is one message of the event log. One without a document comes first and says behind which place the others follow.
type Entry struct {
	Seq      uint64
	Document []byte // the CloudEvents document
}

const (
	kept       = 10_000 // frames that a page can come back for
	mayWait    = 256    // frames that may wait for one page; one that is slower than that has to come back
	maxReaders = 20_000 // pages that one process serves
	readAgain  = time.Second
)

// hub passes what happens on the market on to the pages that show it. It reads the event log once for all of them, and
// keeps the last events, so that a page which lost its connection misses nothing.
type hub struct {
	events eventLog
	log    *slog.Logger

	mu      sync.Mutex
	begun   bool          // the log has been reached; before that, pages ask again and again
	over    bool          // no page is served any more
	closed  chan struct{} // then
	ring    []*frame      // by their place in the log, oldest first; a slice of a longer array
	last    uint64        // the newest place in the log that is known
	gap     uint64        // what happened up to this place is not kept, or not known
	readers map[string]map[*reader]bool
	count   int
}

// frame is one event as it is sent to the pages with any of its topics. As long as no page is open it stays as it came: reading
// events is a twentieth of what a lock costs.
type frame struct {
	seq    uint64
	topics []string
	text   []byte
	unread []byte // the event's document; nil once it has been read
}

// reader is one page.
type reader struct {
	topics  []string
	user    string // who is signed in there; empty: nobody
	wake    chan struct{}
	cut     func() // ends a write that does not get on; nil: there is none
	waiting []*frame
	dropped bool
}

// eventLog follows the event log until ctx ends; see Options.Events.
type eventLog = func(ctx context.Context, each func(Entry) error) error

func newHub(events eventLog, log *slog.Logger) *hub {
	return &hub{events: events, log: log, closed: make(chan struct{}), readers: map[string]map[*reader]bool{}}
}

// run follows the event log until ctx ends, then lets all pages go.
func (h *hub) run(ctx context.Context) {
	defer h.close()
	for ctx.Err() == nil {
		err := h.events(ctx, func(e Entry) error { h.take(e); return nil })
		if ctx.Err() == nil {
			h.log.Warn("pages are not live: the event log cannot be read", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(readAgain):
			}
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.over = true
		close(h.closed)
	}
}

// take passes one event on.
func (h *hub) take(e Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case e.Document == nil:
		h.startOver(e.Seq)
		return
	case e.Seq <= h.last: // another log, from its beginning
		h.startOver(e.Seq - 1)
	}
	h.last = e.Seq
	f := &frame{seq: e.Seq, unread: e.Document}
	if h.count == 0 {
		h.keep(f)
		return
	}
	if user := h.read(f); user != "" {
		h.check(user)
	}
	if len(f.topics) == 0 {
		return
	}
	h.keep(f)
	for _, topic := range f.topics {
		for r := range h.readers[topic] {
			r.give(f)
		}
	}
}

// read makes of the event what pages are told. It names a user whose account has changed. An event that is not for pages, or
// was said by none of our services, has no topics.
func (h *hub) read(f *frame) (user string) {
	if f.unread == nil {
		return ""
	}
	read, user, err := frameOf(Entry{f.seq, f.unread})
	if err != nil {
		h.log.Warn("an event cannot be shown to pages", "seq", f.seq, "error", err)
	}
	f.unread = nil
	if read != nil {
		*f = *read
	}
	return user
}

// startOver is for the beginning, and for a log that turns out to be another one: pages have to look for themselves.
func (h *hub) startOver(at uint64) {
	h.ring, h.last, h.gap, h.begun = nil, at, at, true
	f := &frame{seq: at, text: resetText(at)}
	for _, readers := range h.readers {
		for r := range readers {
			r.give(f)
		}
	}
}

// keep adds to the ring. The array behind it is made anew each time that it has been filled twice.
func (h *hub) keep(f *frame) {
	h.ring = append(h.ring, f)
	if over := len(h.ring) - kept; over > 0 {
		h.gap = h.ring[over-1].seq
		h.ring = h.ring[over:]
	}
	if cap(h.ring) < kept && len(h.ring) == kept {
		h.ring = append(make([]*frame, 0, 2*kept), h.ring...)
	}
}

// check makes the pages of somebody whose account has changed come back: their session may be over.
func (h *hub) check(user string) {
	for _, readers := range h.readers {
		for r := range readers {
			if r.user == user {
				r.drop()
			}
		}
	}
}

// Events that come soon after others are sent together: the more pages there are, the more of them.
const (
	togetherFew  = 20 * time.Millisecond
	togetherEach = 40 * time.Microsecond // more for each page
	togetherMost = 100 * time.Millisecond
)

// together is how long after events were sent to a page the next ones are waited for.
func (h *hub) together() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return min(togetherFew+time.Duration(h.count)*togetherEach, togetherMost)
}

// newest is the newest place in the log that is known; false if the log has never been reached.
func (h *hub) newest() (uint64, bool) {
	if h == nil {
		return 0, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, h.begun
}

// join lets a page hear of its topics, beginning behind a place in the log. False means that the hub is full, or does not
// hear anything itself.
func (h *hub) join(r *reader, after uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun || h.over || h.count >= maxReaders {
		return false
	}
	h.count++
	r.wake = make(chan struct{}, 1)
	for _, topic := range r.topics {
		if h.readers[topic] == nil {
			h.readers[topic] = map[*reader]bool{}
		}
		h.readers[topic][r] = true
	}
	// A page may know a little more than we do, from another process; very much more, it knows from another log.
	if after < h.gap || after > h.last+kept {
		r.give(&frame{seq: h.last, text: resetText(h.last)})
		return true
	}
	first := sort.Search(len(h.ring), func(i int) bool { return h.ring[i].seq > after })
	for _, f := range h.ring[first:] {
		h.read(f) // who has just come knows of their own account
		if slices.ContainsFunc(f.topics, func(topic string) bool { return slices.Contains(r.topics, topic) }) {
			r.waiting = append(r.waiting, f) // any number of them: they are sent at once
		}
	}
	if len(r.waiting) > 0 {
		r.signal()
	}
	return true
}

// leave is for a page that has gone.
func (h *hub) leave(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count--
	for _, topic := range r.topics {
		delete(h.readers[topic], r)
		if len(h.readers[topic]) == 0 {
			delete(h.readers, topic)
		}
	}
}

// next is what waits for the page; false means that it has to go and come back.
func (h *hub) next(r *reader) ([]*frame, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	frames := r.waiting
	r.waiting = nil
	return frames, !r.dropped
}

// give puts a frame on the page's pile. It is called with the hub locked.
func (r *reader) give(f *frame) {
	switch n := len(r.waiting); {
	case r.dropped, n > 0 && r.waiting[n-1] == f: // it comes once, however many of its topics the page has
	case n >= mayWait:
		r.drop()
	default:
		r.waiting = append(r.waiting, f)
		r.signal()
	}
}

func (r *reader) drop() {
	r.dropped, r.waiting = true, nil
	r.signal()
	if r.cut != nil {
		r.cut()
	}
}

func (r *reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default: // it has been told already
	}
}
