package stripesim

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// keptRequests is how many requests are remembered.
const keptRequests = 500

// Request is one that the API has had.
type Request struct {
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Key      string    `json:"idempotency_key,omitempty"`
	ID       string    `json:"request_id,omitempty"`
	Status   int       `json:"status"` // as answered; 0: the connection was lost
	Replayed bool      `json:"replayed"`
	Fault    string    `json:"fault,omitempty"` // before or after it took effect something went wrong on purpose
}

// requestLog remembers the last requests to this process.
type requestLog struct {
	mu   sync.Mutex
	last []Request // oldest first
}

func (l *requestLog) add(at time.Time, r *http.Request, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.last) == keptRequests {
		l.last = slices.Delete(l.last, 0, keptRequests/10)
	}
	l.last = append(l.last, Request{At: at, Method: r.Method, Path: r.URL.Path, Key: r.Header.Get("Idempotency-Key"),
		ID: a.requestID, Status: a.status, Replayed: a.original != "", Fault: a.fault})
}

// Requests are the last requests to this process, newest first.
func (s *Sim) Requests() []Request {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	all := append([]Request{}, s.requests.last...)
	slices.Reverse(all)
	return all
}

// ForgetRequests empties the log of requests.
func (s *Sim) ForgetRequests() {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.last = nil
}
