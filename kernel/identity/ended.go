package identity

import (
	"sync"
	"time"

	"ticketing/kernel/event"
)

// Ended is what a process knows of sessions that are over before their tokens expire. It is fed from the log, by each
// process for itself, from SessionTTL before it started; what it is told only ever ends sessions, so events may come
// late, twice and in any order. It forgets what has expired anyway. It is safe for concurrent use.
type Ended struct {
	mu       sync.RWMutex
	sessions map[string]time.Time // session id → when its token expires
	epochs   map[string]epoch     // user id → the newest epoch
	newest   time.Time            // the time of the newest event: the clock by which things are forgotten
	sweepAt  int                  // the size at which to look for what can be forgotten
}

type epoch struct {
	number int64
	kept   string    // the session that began it, which goes on
	until  time.Time // every token of an earlier epoch has expired by then
}

// minSweep is the size below which forgetting is not worth a look.
const minSweep = 1024

// NewEnded knows of no session that is over.
func NewEnded() *Ended {
	return &Ended{sessions: map[string]time.Time{}, epochs: map[string]epoch{}, sweepAt: minSweep}
}

// Apply learns from an account's state which of its sessions are over.
func (e *Ended) Apply(u event.User) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if u.UpdatedAt.After(e.newest) {
		e.newest = u.UpdatedAt
	}
	for _, s := range u.EndedSessions {
		if s.ExpiresAt.After(e.newest) {
			e.sessions[s.ID] = s.ExpiresAt
		}
	}
	if known := e.epochs[u.ID]; u.SessionEpoch > known.number {
		e.epochs[u.ID] = epoch{u.SessionEpoch, u.KeptSession, u.UpdatedAt.Add(SessionTTL)}
	}
	if e.size() >= e.sweepAt {
		e.sweep()
	}
}

// Has tells whether c's session is over.
func (e *Ended) Has(c Caller) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if _, ended := e.sessions[c.SessionID]; ended {
		return true
	}
	newest := e.epochs[c.UserID]
	return c.Epoch < newest.number && c.SessionID != newest.kept
}

// Len is how many sessions and accounts it remembers.
func (e *Ended) Len() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.size()
}

func (e *Ended) size() int { return len(e.sessions) + len(e.epochs) }

// sweep forgets what has expired. It runs each time the size has doubled, so it costs next to nothing an event.
func (e *Ended) sweep() {
	for id, expires := range e.sessions {
		if !expires.After(e.newest) {
			delete(e.sessions, id)
		}
	}
	for id, ep := range e.epochs {
		if !ep.until.After(e.newest) {
			delete(e.epochs, id)
		}
	}
	e.sweepAt = max(minSweep, 2*e.size())
}
