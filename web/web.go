// Package web is what a browser sees, and the gateway to the API.
//
// One origin serves all: the pages, the public documents, and /api, which the services of this process answer or which
// is forwarded to where they run. Pages hold no data of their own; what they show comes from the API and its documents.
package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
)

// Options are what a site is made of.
type Options struct {
	API       http.Handler          // the services of this process; nil when none of them runs here
	Remotes   map[string][]*url.URL // where services run elsewhere, by name; the empty name stands for all others
	OpenAPI   []byte                // the documents, as JSON
	AsyncAPI  []byte
	Transport http.RoundTripper // to the remotes; nil means one of our own
	Log       *slog.Logger      // nil means none
	// Observe is told of each request that was forwarded, and how long it took until its answer began; nil: nobody is.
	Observe func(method, route string, status int, took time.Duration)
}

// Site serves the pages, the documents and the gateway.
type Site struct {
	mux    *http.ServeMux
	pages  *pages
	client *api.Client // of the API behind the gateway
}

// New is an error only when a page or a document is broken.
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
	pages, err := newPages(o.Log)
	if err != nil {
		return nil, err
	}
	docs, err := newDocs(o.OpenAPI, o.AsyncAPI)
	if err != nil {
		return nil, err
	}
	gateway := newGateway(o)
	s := &Site{mux: http.NewServeMux(), pages: pages, client: api.New("http://market", api.InProcess(gateway))}
	for pattern, handler := range map[string]http.Handler{
		"GET /{$}":             http.HandlerFunc(s.home),
		"GET /docs":            s.docs(docs),
		"GET /payments/return": http.HandlerFunc(s.returned),
		"GET /problems/{$}":    http.HandlerFunc(s.problems),
		"GET /problems":        http.RedirectHandler("/problems/", http.StatusMovedPermanently),
		"GET /problems/{code}": http.HandlerFunc(s.problem),
		"GET /openapi.json":    Document(o.OpenAPI),
		"GET /asyncapi.json":   Document(o.AsyncAPI),
		"GET /static/{file}":   http.HandlerFunc(s.asset),
		"/api":                 gateway, // nothing is there, which net/http would answer with a redirect
		"/api/":                gateway,
		"/bank/":               gateway,
		"/connect/":            gateway,
	} {
		s.mux.Handle(pattern, handler)
	}
	return s, nil
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

// refuse answers what no route does: with a page for people, with a problem for programs.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, refusal http.Handler) {
	said := reason{header: http.Header{}}
	refusal.ServeHTTP(&said, r)
	err := fault.Unknown.New("There is nothing at this address.")
	if said.status == http.StatusMethodNotAllowed {
		w.Header()["Allow"] = said.header["Allow"]
		err = fault.BadMethod.New("This address does not answer to %s.", r.Method)
	}
	if !wantsPage(r) {
		httpapi.WriteFault(w, r, err)
		return
	}
	s.pages.render(w, r, int(err.Code.Kind), "missing", page{Title: err.Code.Title, Data: err})
}

// reason takes why the mux refuses, and none of what it says.
type reason struct {
	header http.Header
	status int
}

func (r *reason) Header() http.Header         { return r.header }
func (r *reason) WriteHeader(status int)      { r.status = status }
func (r *reason) Write(b []byte) (int, error) { return len(b), nil }

// wantsPage tells a person's browser from a program.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api")
}
