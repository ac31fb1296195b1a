package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	runner "ticketing/kernel/run"
	"ticketing/web"
)

// fingerprinter is a service with routes whose bodies hold passwords.
type fingerprinter interface {
	Fingerprint(ctx context.Context, body, salt []byte) ([]byte, error)
}

// open lets requests in: from now on the process is ready.
func (m *machine) open(context.Context) error {
	healthz, readyz := httpapi.Health(m.checks())
	public := http.NewServeMux()
	public.Handle("GET /healthz", healthz)
	public.Handle("GET /readyz", readyz)
	if m.simulator != nil {
		public.Handle("/bank/", bankPage(m.simulator.Bank()))
		public.Handle("/connect/", bankPage(m.simulator.Bank()))
	}
	if err := m.mountPages(public); err != nil {
		return err
	}
	m.public.answerWith(httpapi.Edge(httpapi.EdgeOptions{
		TrustedProxies: m.TrustedProxies, Log: m.log, Larger: httpapi.LargerBodies(tables()...)}, public))
	m.ops.answerWith(m.operators(healthz, readyz))
	return m.announce()
}

// drainWithin leaves those who stop after the requests some of the time that all have.
const drainWithin = runner.StopWithin - 2*time.Second

// drain answers what has been asked, and lets nothing more in.
func (m *machine) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	return errors.Join(m.public.drain(ctx), m.ops.close(ctx))
}

// mountPages serves the API and its documents: within the site if web is among the roles, else alone.
func (m *machine) mountPages(public *http.ServeMux) (err error) {
	if !has(m.roles, "web") {
		public.Handle("/", m.api())
		public.Handle("GET /openapi.json", web.Document(openAPI))
		public.Handle("GET /asyncapi.json", web.Document(httpapi.AsyncAPI))
		return nil
	}
	m.site, err = web.New(web.Options{
		API: m.api(), Remotes: m.APIURL, OpenAPI: openAPI, AsyncAPI: httpapi.AsyncAPI, Log: m.log, Observe: m.metrics.observe, Events: m.pageEvents(),
	})
	if err == nil {
		public.Handle("/", m.site)
	}
	return err
}

// api is the services of this process, each below its own paths.
func (m *machine) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", httpapi.NotFound)
	for _, p := range m.parts {
		s, ok := p.service.(httpapi.Service)
		if !ok {
			continue
		}
		options := httpapi.Options{Verifier: m.verifier, Log: m.log, Private: p.private, Observe: m.metrics.observe}
		if f, ok := p.service.(fingerprinter); ok {
			options.Fingerprint = f.Fingerprint
		}
		handler := httpapi.Handler(options, p.db, s.Routes())
		for _, root := range roots(s.Routes()) {
			mux.Handle(root, handler)
			mux.Handle(root+"/", handler)
		}
	}
	return mux
}

// roots are the paths below which the routes lie: /api/tickets.
func roots(routes []httpapi.Route) []string {
	var list []string
	seen := map[string]bool{}
	for _, r := range routes {
		parts := strings.SplitN(strings.TrimPrefix(r.Path, "/"), "/", 3)
		root := "/" + strings.Join(parts[:min(2, len(parts))], "/")
		if !seen[root] {
			seen[root] = true
			list = append(list, root)
		}
	}
	return list
}

// checks are what the process depends on.
func (m *machine) checks() map[string]func(ctx context.Context) error {
	checks := map[string]func(ctx context.Context) error{}
	for _, db := range m.databases {
		checks["the database of "+db.Name()] = db.Ping
	}
	if m.events != nil {
		checks["the event log"] = func(context.Context) error { return m.events.Healthy() }
	}
	if m.keys != nil {
		checks["the keys of auth"] = m.keys
	}
	return checks
}

// bankPage lets the simulator's pages, for a bank's further step and for sellers to onboard, have the style that is written in it.
func bankPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// starting answers until the process is ready.
func starting(log *slog.Logger) http.Handler {
	healthz, _ := httpapi.Health(nil)
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", healthz)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		httpapi.WriteFault(w, r, fault.Busy.New("The service is starting.").After(time.Second))
	})
	return httpapi.Edge(httpapi.EdgeOptions{Log: log}, mux)
}
