package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
)

// opsPage is one address of the operators' listener.
type opsPage struct {
	pattern string
	handler http.Handler
	about   string // for the index; empty: not listed
}

// operators is what the operators' listener answers.
func (m *machine) operators(healthz, readyz http.Handler) http.Handler {
	pages := []opsPage{
		{"GET /healthz", healthz, "whether the process runs"},
		{"GET /readyz", readyz, "whether all that it depends on is there"},
		{"GET /market", http.HandlerFunc(m.serveMarket), "where the public listener is"},
		{"GET /metrics", m.metrics.handler(), "metrics for Prometheus"},
		{"GET /debug/pprof/", http.HandlerFunc(pprof.Index), "profiles of the process"},
		{"GET /debug/pprof/profile", http.HandlerFunc(pprof.Profile), ""},
		{"GET /debug/pprof/trace", http.HandlerFunc(pprof.Trace), ""},
		{"GET /debug/pprof/symbol", http.HandlerFunc(pprof.Symbol), ""},
	}
	if m.stateful() {
		pages = append(pages,
			opsPage{"GET /events", http.HandlerFunc(m.serveEvents), "the event log, one JSON document a line (?type=, ?id=, ?follow=true)"},
			opsPage{"GET /audit", http.HandlerFunc(m.serveAudit), "the books checked against one another, as JSON"},
			opsPage{"POST /audit", http.HandlerFunc(m.serveAudit), ""},
			opsPage{"GET /failed", http.HandlerFunc(m.serveFailed), "events that a service could not handle"},
			opsPage{"POST /failed/{service}/{id}/retry", http.HandlerFunc(m.serveRetry), ""},
		)
	}
	if m.paying() != nil {
		pages = append(pages,
			opsPage{"GET /payments", http.HandlerFunc(m.servePayments), "payments that need a look: disagreements with the provider, refunds, disputes, charges in flight"},
			opsPage{"GET /payments/events", http.HandlerFunc(m.serveProviderEvents), "what the payment provider has told (?open=true, ?charge=, ?type=, ?source=, ?outcome=, ?before=ID; ?id= for one with its content)"},
		)
	}
	if auth := m.part("auth"); auth != nil {
		pages = append(pages, opsPage{"POST /rotate-keys", serveRotation(auth.service.(keyRotator)), ""})
	}
	if m.simulator != nil {
		control := m.simulator.Control()
		pages = append(pages,
			opsPage{"/v1/", m.simulator.Handler(), ""},
			opsPage{"/control/", control, ""},
			opsPage{"GET /control/", control, "the payment simulator: what shall go wrong, its webhooks and its ledger"},
		)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", opsIndex(pages))
	for _, p := range pages {
		mux.Handle(p.pattern, p.handler)
	}
	return guardOperators(m.ops, http.NewCrossOriginProtection().Handler(mux))
}

// guardOperators refuses what a page in the operator's own browser could have asked for: a request that reaches a listener
// of this machine under a name that is not this machine's comes from a name that was made to point here.
func guardOperators(l *listener, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.loopback() && !localName(r.Host) {
			httpapi.WriteFault(w, r, fault.CrossOrigin.New("Ask for this under the address that it listens on."))
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (l *listener) loopback() bool {
	addr, err := netip.ParseAddrPort(l.socket.Addr().String())
	return err == nil && addr.Addr().IsLoopback()
}

func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return host == "localhost"
}

func opsIndex(pages []opsPage) http.Handler {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>ticketing: operators</title></head><body>\n<h1>ticketing: operators</h1>\n<ul>\n")
	for _, p := range pages {
		if path, ok := strings.CutPrefix(p.pattern, "GET "); ok && p.about != "" {
			fmt.Fprintf(&b, "<li><a href=\"%[1]s\">%[1]s</a>: %s</li>\n", path, html.EscapeString(p.about))
		}
	}
	b.WriteString("</ul>\n</body></html>\n")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(b.String())) // an operator who went away needs no answer
	})
}

func writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	content, err := json.Marshal(v)
	if err != nil {
		httpapi.WriteFault(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(content, '\n')) // as above
}
