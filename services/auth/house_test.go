package auth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/identity"
	"ticketing/kernel/store"
	"ticketing/services/auth"
	"ticketing/test/postgres"
)

const secret = "correct horse battery staple"

// clock is the time of everything in a test.
type clock struct{ ms atomic.Int64 }

func (c *clock) Now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// hashes stand for argon2id: quick, counted, and held up while a test wants that.
type hashes struct {
	made atomic.Int64
	gate atomic.Pointer[chan struct{}] // hashes wait until it is closed
	at   chan struct{}                 // gets one value for each hash that waits
}

func (h *hashes) derive(password, salt []byte, _ auth.HashCost) []byte {
	h.made.Add(1)
	if gate := h.gate.Load(); gate != nil {
		h.at <- struct{}{}
		<-*gate
	}
	sum := sha256.Sum256(append(bytes.Clone(salt), password...))
	return sum[:]
}

// hold makes hashes wait from now on; open lets them go.
func (h *hashes) hold() (open func()) {
	gate := make(chan struct{})
	h.gate.Store(&gate)
	return func() { h.gate.Store(nil); close(gate) }
}

// house is auth in one process, with everything it works with, and an event log.
type house struct {
	*auth.Service
	t       *testing.T
	clock   *clock
	hashes  *hashes
	db      *store.DB
	url     string
	log     bus.Log
	handler http.Handler
	written *logged
	ended   *identity.Ended
}

// logged is what auth has logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// onEach runs a test on both engines.
func onEach(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, "")) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, postgres.URL(t))) })
}

func open(t *testing.T, url string) *house {
	t.Helper()
	log, err := bus.Connect(t.Context(), bus.NATSOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	c := &clock{}
	c.ms.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return build(t, url, log, c, &hashes{at: make(chan struct{}, 1000)})
}

// replica is another process of auth over the same PostgreSQL and the same log.
func (h *house) replica() *house { return build(h.t, h.url, h.log, h.clock, h.hashes) }

func build(t *testing.T, url string, log bus.Log, c *clock, hs *hashes) *house {
	t.Helper()
	h := &house{t: t, clock: c, hashes: hs, url: url, log: log, written: &logged{}, ended: identity.NewEnded()}
	lines := slog.New(slog.NewTextHandler(h.written, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := store.Open(t.Context(), store.Options{
		Name: "auth", Dir: t.TempDir(), URL: url, Migrations: auth.Migrations,
		Kernel: []store.Migrations{bus.Migrations, httpapi.Migrations}, Now: c.Now, Log: lines,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.db = db
	b := bus.New(db, log, bus.Options{Log: lines})
	h.Service = auth.New(db, b, auth.Options{
		Now: c.Now, Ended: h.ended, Log: lines, Hashes: 4, Derive: hs.derive,
		HashCost: auth.HashCost{Memory: 8, Time: 1, Threads: 1},
	})
	h.Follow(b)
	h.handler = httpapi.Edge(httpapi.EdgeOptions{Log: lines}, httpapi.Handler(httpapi.Options{
		Verifier: identity.NewVerifier(h.Keys(), h.ended, c.Now), Log: lines, Private: true, Fingerprint: h.Fingerprint,
	}, db, h.Routes()))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	running.Go(func() { _ = h.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// neighbour is another service's process: it knows auth by its key set and by the event log.
type neighbour struct {
	*identity.Verifier
	mu    sync.Mutex
	seen  map[string]int64 // versions of users
	moved chan struct{}    // closed at the next event
	texts bytes.Buffer
}

func (h *house) neighbour() *neighbour {
	ended := identity.NewEnded()
	client := &http.Client{Transport: transport{h.handler}}
	n := &neighbour{
		Verifier: identity.NewVerifier(identity.RemoteKeys("http://auth/api/users/jwks", client, h.clock.Now), ended, h.clock.Now),
		seen:     map[string]int64{}, moved: make(chan struct{}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.t.Cleanup(cancel)
	go func() {
		_ = h.log.Tail(ctx, bus.Subjects(event.Users), bus.From{}, func(m bus.Message) error {
			e, err := bus.Decode(m.Data)
			if err != nil {
				return err
			}
			u, err := bus.State[event.User](e)
			if err != nil {
				return err
			}
			ended.Apply(u)
			n.mu.Lock()
			defer n.mu.Unlock()
			n.texts.Write(m.Data)
			n.seen[u.ID] = max(n.seen[u.ID], u.Version)
			close(n.moved)
			n.moved = make(chan struct{})
			return nil
		}, func() {})
	}()
	return n
}

// await waits until the neighbour has heard of that version.
func (n *neighbour) await(t *testing.T, id string, version int64) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		n.mu.Lock()
		seen, moved := n.seen[id], n.moved
		n.mu.Unlock()
		if seen >= version {
			return
		}
		select {
		case <-moved:
		case <-timeout:
			t.Fatalf("version %d of %s is not in the log, only %d", version, id, seen)
		}
	}
}

// transport sends requests straight to a handler.
type transport struct{ http.Handler }

func (h transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// person is somebody at an address, with a browser that keeps the session's cookie.
type person struct {
	house   *house
	address string
	cookie  string
}

func (h *house) person(address string) *person { return &person{house: h, address: address} }

// reply is an answer.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (r reply) code() string { s, _ := r.body["code"].(string); return s }

// field is the first field that a problem blames.
func (r reply) field() string {
	errs, _ := r.body["errors"].([]any)
	if len(errs) == 0 {
		return ""
	}
	s, _ := errs[0].(map[string]any)["field"].(string)
	return s
}

func (p *person) do(method, path string, body any, headers ...string) reply {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			p.house.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, reader)
	r.RemoteAddr = p.address + ":4711"
	if strings.Contains(p.address, ":") {
		r.RemoteAddr = "[" + p.address + "]:4711"
	}
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if p.cookie != "" {
		r.AddCookie(&http.Cookie{Name: identity.Cookie, Value: p.cookie})
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.house.handler.ServeHTTP(w, r)
	res := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &res.body)
	for _, c := range w.Result().Cookies() {
		if c.Name == identity.Cookie {
			p.cookie = c.Value
		}
	}
	return res
}

func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

func (p *person) signUp(email string) reply {
	return p.do("POST", "/api/users/signup", credentials(email, secret))
}

func (p *person) signIn(email, password string) reply {
	return p.do("POST", "/api/users/signin", credentials(email, password))
}

// me is the e-mail of whoever the person is signed in as; "" if nobody.
func (p *person) me(headers ...string) string {
	p.house.t.Helper()
	r := p.do("GET", "/api/users/currentuser", nil, headers...)
	if r.status != 200 {
		p.house.t.Fatalf("currentuser: %d %s", r.status, r.text)
	}
	u, _ := r.body["currentUser"].(map[string]any)
	email, _ := u["email"].(string)
	return email
}

func want(t *testing.T, r reply, status int, code, field string) {
	t.Helper()
	if r.status != status || r.code() != code || r.field() != field {
		t.Fatalf("got %d %s on %q, want %d %s on %q: %s", r.status, r.code(), r.field(), status, code, field, r.text)
	}
}
