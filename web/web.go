// Package web is what a browser sees, and the gateway to the API.
//
// One origin serves all: the pages, the public documents, and /api, which the services of this process answer or which
// is forwarded to where they run. Pages hold no data of their own; what they show comes from the API and its documents.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"ticketing/api"
)

// Options are what a site is made of.
type Options struct {
	API       http.Handler           // the services of this process; nil when none of them runs here
	Remotes   map[string][]*url.URL  // where services run elsewhere, by name; the empty name stands for all others
	OpenAPI   func() ([]byte, error) // the documents, as JSON; asked for when somebody reads them
	AsyncAPI  func() ([]byte, error)
	Transport http.RoundTripper // to the remotes; nil means one of our own
	Log       *slog.Logger      // nil means none
	Now       func() time.Time  // the clock; nil means the machine's
	// Events follows the event log until ctx ends: from which place on, then what is there already and a page may come
	// back for, then what happens. Nil means that no log is in reach: pages ask again and again instead.
	Events func(ctx context.Context, each func(Entry) error) error
	// Observe is told of each request that was forwarded, and how long it took until its answer began; nil: nobody is.
	Observe func(method, route string, status int, took time.Duration)
}

// patience is how long a page waits for services that do not answer, between its repeats.
const patience = 2 * time.Second

// Site serves the pages, the documents and the gateway.
type Site struct {
	mux     *http.ServeMux
	pages   *pages
	docs    func() (*docs, error)
	nav     []navEntry
	client  *api.Client // of nobody; a visit acts for its visitor
	origins *http.CrossOriginProtection
	hub     *hub // nil when no event log is in reach
	kept    keptPages
	now     func() time.Time
	log     *slog.Logger
}

// New is an error only when a page is broken.
func New(o Options) (*Site, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Observe == nil {
		o.Observe = func(string, string, int, time.Duration) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	gateway := newGateway(o)
	s := &Site{
		mux: http.NewServeMux(), pages: pages, origins: http.NewCrossOriginProtection(), now: o.Now, log: o.Log,
		docs: sync.OnceValues(func() (*docs, error) { return newDocs(o.OpenAPI, o.AsyncAPI) }),
		// The same way as a browser's scripts take, so it is all one where a service runs.
		client: api.New("http://market", api.InProcess(gateway)).Patient(patience),
	}
	if o.Events != nil {
		s.hub = newHub(o.Events, o.Log)
	}
	for _, r := range s.routes() {
		s.mux.Handle(r.pattern, s.page(r.do))
		if path, ok := strings.CutPrefix(r.pattern, "GET "); ok && r.nav != "" {
			s.nav = append(s.nav, navEntry{strings.TrimSuffix(path, "{$}"), r.nav, r.signedIn})
		}
	}
	for pattern, handler := range map[string]http.Handler{
		"GET /problems":      http.RedirectHandler("/problems/", http.StatusMovedPermanently),
		"GET /openapi.json":  Document(o.OpenAPI),
		"GET /asyncapi.json": Document(o.AsyncAPI),
		"GET /static/{file}": http.HandlerFunc(s.asset),
		"/api":               gateway, // nothing is there, which net/http would answer with a redirect
		"/api/":              gateway,
		"/bank/":             gateway,
		"/connect/":          gateway,
	} {
		s.mux.Handle(pattern, handler)
	}
	return s, nil
}

// Run passes events on to the pages that are open, until ctx ends. Then it lets the pages go: their connections would
// never end by themselves.
func (s *Site) Run(ctx context.Context) error {
	if s.hub != nil {
		s.hub.run(ctx)
	}
	<-ctx.Done()
	return nil
}

// asset serves a file that pages refer to.
func (s *Site) asset(w http.ResponseWriter, r *http.Request) {
	if a, ok := s.pages.assets.byFile[r.PathValue("file")]; ok {
		a.ServeHTTP(w, r)
		return
	}
	s.refuse(w, r, http.NotFoundHandler())
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, pattern := s.mux.Handler(r)
	if pattern == "" {
		s.refuse(w, r, handler)
		return
	}
	s.mux.ServeHTTP(w, r)
}
