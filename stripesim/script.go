package stripesim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"ticketing/kernel/store"
)

// maxDelay is the longest that a rule may hold a request up.
const maxDelay = 5 * time.Minute

// Rule makes requests go wrong: those that all its conditions fit. Rules live in this process and are forgotten at its end.
type Rule struct {
	Method    string `json:"method,omitempty"`    // GET, POST, DELETE; empty: all
	Path      string `json:"path,omitempty"`      // pattern: /v1/payment_intents/*/confirm; empty: all
	Operation string `json:"operation,omitempty"` // create, retrieve, update, delete, list, search, confirm, capture, cancel, refund …; empty: all
	Match     string `json:"match,omitempty"`     // part of the idempotency key, or of a value of the metadata sent or of the intent's

	Stage   string `json:"stage,omitempty"`    // before the request takes effect (as when empty), or after
	Status  int    `json:"status,omitempty"`   // answered instead of the truth
	Drop    bool   `json:"drop,omitempty"`     // the connection is lost instead
	Sticky  bool   `json:"sticky,omitempty"`   // before: the idempotency key remembers the status
	DelayMS int64  `json:"delay_ms,omitempty"` // the request is held up first, even if its client leaves

	Skip  int `json:"skip,omitempty"`  // requests that are left alone first
	Times int `json:"times,omitempty"` // requests that it happens to; 0: all, until it is cleared
	Used  int `json:"used"`            // requests that it has happened to
}

// The values of Rule.Stage.
const (
	stageBefore = "before"
	stageAfter  = "after"
)

func (s Stage) String() string {
	if s == After {
		return stageAfter
	}
	return stageBefore
}

func (r *Rule) check() error {
	if r.Stage == "" {
		r.Stage = stageBefore
	}
	r.Method, r.Used = strings.ToUpper(r.Method), 0
	_, malformed := path.Match(r.Path, "")
	switch {
	case malformed != nil:
		return fmt.Errorf("path: %q is not a pattern such as /v1/payment_intents/*/confirm", r.Path)
	case r.Stage != stageBefore && r.Stage != stageAfter:
		return fmt.Errorf("stage: %q is neither before nor after", r.Stage)
	case r.Status != 0 && (r.Status < 400 || r.Status > 599):
		return fmt.Errorf("status: %d is no status of an error", r.Status)
	case r.Status != 0 && r.Drop:
		return errors.New("a lost connection has no status: give status or drop")
	case r.Status == 0 && !r.Drop && r.DelayMS == 0:
		return errors.New("nothing would go wrong: give status, drop or delay_ms")
	case r.Sticky && (r.Status == 0 || r.Stage != stageBefore):
		return errors.New("sticky: what is remembered is a status, before the effect")
	case r.DelayMS < 0 || r.DelayMS > maxDelay.Milliseconds():
		return fmt.Errorf("delay_ms: at most %d", maxDelay.Milliseconds())
	case r.Skip < 0 || r.Times < 0:
		return errors.New("skip and times cannot be negative")
	}
	return nil
}

// fault is how the request goes wrong; nil if it is only held up.
func (r *Rule) fault() *Fault {
	if r.Status == 0 && !r.Drop {
		return nil
	}
	return &Fault{Status: r.Status, Sticky: r.Sticky}
}

// fits tells whether the rule concerns the request; words are what Match looks at.
func (r *Rule) fits(request *http.Request, stage Stage, words func() []string) bool {
	if r.Stage != stage.String() || r.Method != "" && r.Method != request.Method ||
		r.Operation != "" && r.Operation != operation(request.Pattern) {
		return false
	}
	if r.Path != "" {
		if ok, _ := path.Match(r.Path, request.URL.Path); !ok {
			return false
		}
	}
	return r.Match == "" || slices.ContainsFunc(words(), func(word string) bool { return strings.Contains(word, r.Match) })
}

// operation is what a route does, in a word: its last one, unless that is a collection or an id.
func operation(pattern string) string {
	method, route, _ := strings.Cut(pattern, " ")
	parts := strings.Split(strings.TrimPrefix(route, "/v1/"), "/")
	last := parts[len(parts)-1]
	switch {
	case len(parts) == 1 && method == http.MethodGet:
		return "list"
	case pattern == "POST /v1/refunds":
		return "refund"
	case len(parts) == 1:
		return "create"
	case last != "{id}":
		return last
	case method == http.MethodGet:
		return "retrieve"
	case method == http.MethodDelete:
		return "delete"
	}
	return "update"
}

// script is the rules of this process.
type script struct {
	mu    sync.Mutex
	rules []*Rule
}

// take is the rule that the request meets at this stage; false if it meets none.
func (s *script) take(request *http.Request, stage Stage, words func() []string) (Rule, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.Times > 0 && r.Used >= r.Times || !r.fits(request, stage, words) {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		r.Used++
		return *r, true
	}
	return Rule{}, false
}

// AddFaults adds rules. The first that a request meets happens to it, before Options.Fault is asked.
func (s *Sim) AddFaults(rules ...Rule) error {
	for i := range rules {
		if err := rules[i].check(); err != nil {
			return err
		}
	}
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	for _, r := range rules {
		s.script.rules = append(s.script.rules, &r)
	}
	return nil
}

// Faults are the rules at present.
func (s *Sim) Faults() []Rule {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	all := make([]Rule, len(s.script.rules))
	for i, r := range s.script.rules {
		all[i] = *r
	}
	return all
}

// ClearFaults forgets the rules.
func (s *Sim) ClearFaults() {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	s.script.rules = nil
}

// wrong is what goes wrong with the request at this stage, after it was held up.
func (s *Sim) wrong(r *http.Request, stage Stage, key string, values url.Values) *Fault {
	words := sync.OnceValue(func() []string { return s.words(r, key, values) })
	if rule, ok := s.script.take(r, stage, words); ok {
		time.Sleep(time.Duration(rule.DelayMS) * time.Millisecond)
		if f := rule.fault(); f != nil {
			return f
		}
	}
	return s.fault(r, stage)
}

// words are what the match of a rule looks at: the idempotency key, the metadata that is sent, and that of the intent which
// the request is about.
func (s *Sim) words(r *http.Request, key string, values url.Values) []string {
	words := []string{key}
	for name, all := range values {
		if strings.HasPrefix(name, "metadata[") {
			words = append(words, all...)
		}
	}
	id := r.PathValue("id")
	if id == "" {
		id = values.Get("payment_intent")
	}
	if id == "" {
		return words
	}
	err := s.db.View(context.WithoutCancel(r.Context()), func(tx *store.Tx) error {
		in, ok, err := findIntent(tx, id)
		if ok {
			words = slices.AppendSeq(words, maps.Values(in.details.Metadata))
		}
		return err
	})
	if err != nil {
		s.log.Error("the metadata cannot be read", "intent", id, "error", err)
	}
	return words
}
