package bus

import (
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// placesEvery is how often places are written down. After a crash events from since then come again, and are skipped.
const placesEvery = time.Second

// places are how far the consumers of a log of our own have got, in a file beside the log. It may be older than the truth, or
// missing: then events come again. It never is newer: a consumer has committed what it has passed.
type places struct {
	path     string
	identity string // of the log: in another one places mean nothing
	log      *slog.Logger

	mu      sync.Mutex
	all     map[string]consumed // by the consumer's name
	changed bool
	latest  map[string]fed // passed, and not known yet where in the log
	closing sync.Once
	stopped chan struct{}
	ended   chan struct{}
}

// placesFile is what is written down.
type placesFile struct {
	Log       string              `json:"log"`
	Consumers map[string]consumed `json:"consumers"`
}

// consumed is how far a consumer of these subjects has got.
type consumed struct {
	Subjects []string `json:"subjects"`
	ID       string   `json:"id"` // of the last event that it has had
	Seq      uint64   `json:"seq"`
}

func openPlaces(path, identity string, log *slog.Logger) *places {
	p := &places{path: path, identity: identity, log: log, all: map[string]consumed{}, latest: map[string]fed{},
		stopped: make(chan struct{}), ended: make(chan struct{})}
	var f placesFile
	text, err := os.ReadFile(path)
	if err == nil && json.Unmarshal(text, &f) == nil && f.Log == identity && f.Consumers != nil {
		p.all = f.Consumers // else, or with half a file, everything is read again
	}
	go p.keep()
	return p
}

// of is how far the consumer has got in all of these subjects; false if nobody knows.
func (p *places) of(durable string, subjects []string) (place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	c, ok := p.all[durable]
	for _, s := range subjects {
		ok = ok && slices.Contains(c.Subjects, s)
	}
	return place{c.ID, c.Seq}, ok && c.ID != ""
}

// reached notes that the consumer has had everything up to this place of the log.
func (p *places) reached(durable string, subjects []string, at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[durable], p.changed = consumed{subjects, at.id, at.seq}, true
	delete(p.latest, durable)
}

// passed notes that the consumer has had everything up to this message. As long as it is not known where an earlier one is
// in the log, that one is waited for.
func (p *places) passed(durable string, subjects []string, f fed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.all[durable]
	p.all[durable] = consumed{subjects, c.ID, c.Seq}
	if former, ok := p.latest[durable]; ok && !former.of.ended() {
		return
	}
	p.look()
	p.latest[durable] = f
}

// look finds out about the messages whose place was not known.
func (p *places) look() {
	for durable, f := range p.latest {
		if !f.of.ended() {
			continue
		}
		delete(p.latest, durable)
		if at, ok := f.place(); ok {
			c := p.all[durable]
			c.ID, c.Seq = at.id, at.seq
			p.all[durable], p.changed = c, true
		}
	}
}

// forget has all consumers begin at the start of the log when they are opened again.
func (p *places) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.all)
	clear(p.latest)
	p.changed = true
}

// keep writes places down every so often.
func (p *places) keep() {
	defer close(p.ended)
	tick := time.NewTicker(placesEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.write()
		case <-p.stopped:
			p.write()
			return
		}
	}
}

func (p *places) write() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.look(); !p.changed {
		return
	}
	text, err := json.Marshal(placesFile{p.identity, p.all})
	if err == nil {
		err = os.WriteFile(p.path+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(p.path+".new", p.path)
	}
	if err != nil {
		p.log.Warn("it cannot be written down how far the event log has been read", "error", err)
		return
	}
	p.changed = false
}

// close writes them down once more. Closing them again does nothing.
func (p *places) close() {
	p.closing.Do(func() { close(p.stopped) })
	<-p.ended
}
