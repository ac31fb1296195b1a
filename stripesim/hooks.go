package stripesim

import (
	"sync"

	"ticketing/kernel/store"
)

// hooks are the endpoints that are enabled, as they were read last. They are remembered where only this process writes,
// while nobody is changing one.
type hooks struct {
	mu       sync.Mutex
	known    []*hook // in the order of their ids; nil: they have to be read
	changing int     // changes that are under way
	changes  int     // so far
}

// change is for whatever changes endpoints: from now until the end is called, after the commit or without one, nobody looks but
// into the database.
func (s *Sim) change() (end func()) {
	turn := func(by int) {
		s.hooks.mu.Lock()
		defer s.hooks.mu.Unlock()
		s.hooks.known, s.hooks.changing, s.hooks.changes = nil, s.hooks.changing+by, s.hooks.changes+1
	}
	turn(1)
	return func() {
		turn(-1)
		s.fresh.doubt()
		s.wake()
	}
}

// enabled are the endpoints that are enabled. They are shared: nobody may change them.
func (s *Sim) enabled(tx *store.Tx) ([]*hook, error) {
	s.hooks.mu.Lock()
	known, changes := s.hooks.known, s.hooks.changes
	s.hooks.mu.Unlock()
	if known != nil {
		return known, nil
	}
	known, err := store.All(tx, scanHook, `SELECT `+hookColumns+` FROM webhook_endpoints WHERE enabled ORDER BY id`)
	if err != nil {
		return nil, err
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	if tx.Embedded() && s.hooks.changing == 0 && s.hooks.changes == changes {
		s.hooks.known = known
	}
	return known, nil
}

// hookOf is the one with the id, nil if there is none.
func hookOf(all []*hook, id string) *hook {
	for _, h := range all {
		if h.id == id {
			return h
		}
	}
	return nil
}
