package stripesim

import (
	"fmt"
	"path"
	"slices"
	"sync"
	"time"
)

// The kinds of mischief.
const (
	Duplicate    = "duplicate"     // sent more than once
	Reorder      = "reorder"       // some are held back, and sent later in the reverse order
	Drop         = "drop"          // never sent
	Delay        = "delay"         // sent later
	BadSignature = "bad_signature" // signed with another secret
	OldTimestamp = "old_timestamp" // signed long ago
)

// Mischief is something that goes wrong with webhooks. It lives in this process and is forgotten at its end; what it holds
// back is durable and is sent when it is cleared.
type Mischief struct {
	Kind    string `json:"kind"`
	Type    string `json:"type,omitempty"`     // pattern of event types, such as payment_intent.* ; empty: all
	Count   int    `json:"count,omitempty"`    // Duplicate: further copies (1). Reorder: how many are held back (2)
	DelayMS int64  `json:"delay_ms,omitempty"` // Delay: how late (a minute). OldTimestamp: how old (ten minutes)
	Skip    int    `json:"skip,omitempty"`     // deliveries that are left alone first
	Times   int    `json:"times,omitempty"`    // deliveries that it happens to; 0: all, until it is cleared
	Used    int    `json:"used"`               // deliveries that it has happened to
}

func (m *Mischief) check() error {
	if _, err := path.Match(m.Type, ""); err != nil {
		return fmt.Errorf("type: %q is not a pattern of event types", m.Type)
	}
	if m.Count < 0 || m.DelayMS < 0 || m.Skip < 0 || m.Times < 0 {
		return fmt.Errorf("count, delay_ms, skip and times cannot be negative")
	}
	m.Used = 0
	switch m.Kind {
	case Duplicate:
		m.Count = max(m.Count, 1)
	case Reorder:
		m.Count = max(m.Count, 2)
	case Delay:
		m.DelayMS = orMillis(m.DelayMS, time.Minute)
	case OldTimestamp:
		m.DelayMS = orMillis(m.DelayMS, 10*time.Minute)
	case Drop, BadSignature:
	default:
		return fmt.Errorf("kind: %q is none of %s, %s, %s, %s, %s, %s", m.Kind, Duplicate, Reorder, Drop, Delay, BadSignature, OldTimestamp)
	}
	return nil
}

func orMillis(ms int64, otherwise time.Duration) int64 {
	if ms == 0 {
		return otherwise.Milliseconds()
	}
	return ms
}

// plan is what is done with a delivery that is due.
type plan struct {
	delivery *delivery
	drop     bool
	late     time.Duration // it is put off
	copies   int           // that are sent besides
	forged   bool
	age      time.Duration // of the signature
}

// mischiefs is the script of what goes wrong with webhooks.
type mischiefs struct {
	mu   sync.Mutex
	list []*Mischief
	held map[deliveryKey]*Mischief // held back, by which of the list
}

func newMischiefs() *mischiefs { return &mischiefs{held: map[deliveryKey]*Mischief{}} }

func (s *mischiefs) holding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// none tells whether everything goes its way.
func (s *mischiefs) none() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)+len(s.held) == 0
}

// arrange plans a round: each lane is sent in its order, the lanes at the same time.
func (s *mischiefs) arrange(due []*delivery) (lanes [][]plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := map[*Mischief][]plan{}
	for _, d := range due {
		m := s.held[d.key()]
		if m == nil {
			if m = s.take(d); m == nil {
				lanes = append(lanes, []plan{{delivery: d}})
				continue
			}
			m.Used++
		}
		if m.Kind != Reorder {
			lanes = append(lanes, []plan{m.plan(d)})
			continue
		}
		s.held[d.key()] = m
		if waiting[m] = append(waiting[m], plan{delivery: d}); len(waiting[m]) == m.Count {
			lanes = append(lanes, s.release(waiting[m]))
			delete(waiting, m)
		}
	}
	return lanes
}

// take is what happens to a delivery, nil if nothing does: the first of the list that concerns it and is not used up.
func (s *mischiefs) take(d *delivery) *Mischief {
	for _, m := range s.list {
		if m.Type != "" {
			if ok, _ := path.Match(m.Type, d.kind); !ok {
				continue
			}
		}
		switch {
		case m.Kind == Delay && d.dueAt.After(d.createdAt): // it was put off before
			continue
		case m.Times > 0 && m.Used >= m.Times:
			continue
		case m.Skip > 0:
			m.Skip--
			continue
		}
		return m
	}
	return nil
}

// release is the lane of those that were held back.
func (s *mischiefs) release(held []plan) []plan {
	for _, p := range held {
		delete(s.held, p.delivery.key())
	}
	slices.Reverse(held)
	return held
}

func (m *Mischief) plan(d *delivery) plan {
	p := plan{delivery: d}
	span := time.Duration(m.DelayMS) * time.Millisecond
	switch m.Kind {
	case Duplicate:
		p.copies = m.Count
	case Drop:
		p.drop = true
	case Delay:
		p.late = span
	case BadSignature:
		p.forged = true
	case OldTimestamp:
		p.age = span
	}
	return p
}

// AddMischief adds to what goes wrong with webhooks. The first that concerns a delivery happens to it.
func (s *Sim) AddMischief(all ...Mischief) error {
	for i := range all {
		if err := all[i].check(); err != nil {
			return err
		}
	}
	s.mischief.mu.Lock()
	defer s.mischief.mu.Unlock()
	for _, m := range all {
		s.mischief.list = append(s.mischief.list, &m)
	}
	return nil
}

// Mischief is what goes wrong with webhooks at present.
func (s *Sim) Mischief() []Mischief {
	s.mischief.mu.Lock()
	defer s.mischief.mu.Unlock()
	all := make([]Mischief, len(s.mischief.list))
	for i, m := range s.mischief.list {
		all[i] = *m
	}
	return all
}

// ClearMischief lets webhooks go their way again, those that were held back included.
func (s *Sim) ClearMischief() {
	s.mischief.mu.Lock()
	s.mischief.list, s.mischief.held = nil, map[deliveryKey]*Mischief{}
	s.mischief.mu.Unlock()
	s.fresh.doubt()
	s.wake()
}
