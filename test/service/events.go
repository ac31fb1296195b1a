package service

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// record is everything that has been in the event log, in its order.
type record struct {
	mu    sync.Mutex
	all   []event.Envelope
	seen  map[string]bool
	moved chan struct{} // closed at the next event
}

// listen records the log for as long as the test lasts.
func (m *Market) listen() {
	m.record.seen, m.record.moved = map[string]bool{}, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := m.Log.Tail(ctx, []string{"ticketing.>"}, bus.From{}, m.record.take, func() {})
		if err != nil {
			m.Errorf("reading the event log: %v", err)
		}
	}()
	m.Cleanup(func() { cancel(); <-done })
}

func (r *record) take(m bus.Message) error {
	e, err := bus.Decode(m.Data)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Data, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[e.ID] {
		r.seen[e.ID] = true
		r.all = append(r.all, e)
	}
	close(r.moved)
	r.moved = make(chan struct{})
	return nil
}

// History is every state of an entity that the log has told of, in the order of the log. The test fails unless each was
// said by the one service that may, and they are the versions 1, 2, 3 and so on.
func History[T event.State](m *Market, id string) (states []T, types []event.Type) {
	m.Helper()
	m.record.mu.Lock()
	defer m.record.mu.Unlock()
	return history[T](m, id)
}

func history[T event.State](m *Market, id string) (states []T, types []event.Type) {
	m.Helper()
	var none T
	for _, e := range m.record.all {
		if e.Subject != id || !slices.Contains(none.Kind().Types, e.Type) {
			continue
		}
		s, err := bus.State[T](e)
		if err != nil {
			m.Fatal(err)
		}
		states, types = append(states, s), append(types, e.Type)
		if _, version := s.Entity(); version != int64(len(states)) {
			m.Fatalf("%s %s is at version %d as number %d", e.Type, id, version, len(states))
		}
	}
	return states, types
}

// Await waits until cond holds for the history of an entity, and returns that.
func Await[T event.State](m *Market, id string, cond func(states []T) bool) []T {
	m.Helper()
	timeout := time.After(Patience)
	for {
		m.record.mu.Lock()
		states, types := history[T](m, id)
		moved := m.record.moved
		m.record.mu.Unlock()
		if cond(states) {
			return states
		}
		select {
		case <-moved:
		case <-timeout:
			m.Fatalf("of %s the log only tells %v %+v", id, types, states)
		}
	}
}

// AwaitVersion waits until the log tells of that version of an entity, and returns it.
func AwaitVersion[T event.State](m *Market, id string, version int) T {
	m.Helper()
	return Await(m, id, func(states []T) bool { return len(states) >= version })[version-1]
}

// Idle waits until all that the process has said is in the log, and returns how many events that are.
func (p *Process) Idle() (said int) {
	p.Helper()
	p.eventually(func(tx *store.Tx) (bool, error) {
		var left int
		err := tx.QueryRow(`SELECT count(*), count(*) FILTER (WHERE seq IS NULL) FROM outbox`).Scan(&said, &left)
		return left == 0, err
	})
	return said
}

// Knows waits until the process has applied that version of an entity.
func (p *Process) Knows(s event.State) {
	p.Helper()
	id, version := s.Entity()
	p.eventually(func(tx *store.Tx) (bool, error) {
		var n int
		err := tx.QueryRow(`SELECT count(*) FROM inbox WHERE kind = $1 AND entity = $2 AND version >= $3`, s.Kind().Name, id, version).Scan(&n)
		return n == 1, err
	})
}

func (p *Process) eventually(cond func(tx *store.Tx) (bool, error)) {
	p.Helper()
	for begin := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		var holds bool
		err := p.DB.View(context.Background(), func(tx *store.Tx) (err error) { holds, err = cond(tx); return err })
		switch {
		case err != nil:
			p.Fatal(err)
		case holds:
			return
		case time.Since(begin) > Patience:
			p.Fatal("it never came to that")
		}
	}
}

// Failed fails the test if an event could not be applied by the process.
func (p *Process) Failed() {
	p.Helper()
	all, err := p.Bus.Failed(context.Background())
	if err != nil {
		p.Fatal(err)
	}
	for _, f := range all {
		p.Errorf("the %s %s, version %d, could not be applied: %s", f.Kind, f.Entity, f.Version, f.Error)
	}
}

// StandIn is a process that has the name of a service and no behaviour but what the test gives it, on a database of its
// own. Its follow may be nil.
func (m *Market) StandIn(name string, follow func(b *bus.Bus)) *Process {
	m.Helper()
	return m.start(store.Options{Name: name, Dir: filepath.Join(m.dir, "stand-ins")}, func(_ *store.DB, b *bus.Bus) Parts {
		if follow != nil {
			follow(b)
		}
		return Parts{}
	})
}

// Say has the process say something.
func (p *Process) Say(t event.Type, s event.State) {
	p.Helper()
	err := p.DB.Update(context.Background(), func(tx *store.Tx) error { return p.Bus.Emit(tx, t, s) })
	if err != nil {
		p.Fatal(err)
	}
}

// Deliver gives the process an event by hand, as the log could at this moment: late, again, or out of order.
func (p *Process) Deliver(t event.Type, s event.State) {
	p.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		p.Fatal(err)
	}
	entity, _ := s.Entity()
	document, err := json.Marshal(event.Envelope{
		SpecVersion: "1.0", ID: NewID(), Source: s.Kind().Source, Type: t, Subject: entity, Time: p.Now(),
		DataContentType: "application/json", Data: data,
	})
	if err != nil {
		p.Fatal(err)
	}
	if err := p.Bus.Deliver(context.Background(), bus.Message{Data: document}); err != nil {
		p.Errorf("%s: %v", t, err)
	}
}
