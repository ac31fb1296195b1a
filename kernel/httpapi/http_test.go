package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/httpapi"
	"ticketing/kernel/trace"
)

func TestExactDecimals(t *testing.T) {
	h := served(&toy{})
	for sent, want := range map[string]string{"19.99": "19.99", "0.10": "0.1", "1e2": "100", "999.99": "999.99", "1000.0": "1000"} {
		r := ask(h, "POST", "/api/notes", `{"title":"a","price":`+sent+`,"unknown":{"is":"ignored"}}`, signed)
		if body := text(t, r); r.StatusCode != 201 || !strings.Contains(body, `"price":`+want+`,`) {
			t.Errorf("%s: %d %s", sent, r.StatusCode, body)
		}
	}
}

func TestContentTypesOfJSON(t *testing.T) {
	h := served(&toy{})
	for _, kind := range []string{"", "application/json", "application/json; charset=UTF-8", "Application/JSON", "application/merge-patch+json"} {
		r := ask(h, "POST", "/api/notes", milk, signed, "Content-Type: "+kind)
		if r.StatusCode != 201 {
			t.Errorf("%q: %d", kind, r.StatusCode)
		}
	}
	r := ask(h, "POST", "/api/raw", `{"a": 1 }`, "Content-Type: text/plain")
	if body := text(t, r); r.StatusCode != 200 || !strings.Contains(body, `{\"a\": 1 }`) || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("raw: %d %s", r.StatusCode, body)
	}
}

func TestHeadAndOptions(t *testing.T) {
	h := served(&toy{})
	get, head := ask(h, "GET", "/api/notes/"+knownID, ""), ask(h, "HEAD", "/api/notes/"+knownID, "")
	if head.StatusCode != 200 || head.Header.Get("ETag") != `"7"` || head.Header.Get("Content-Length") != get.Header.Get("Content-Length") || text(t, head) != "" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
	if r := ask(h, "HEAD", "/api/notes/x", ""); r.StatusCode != 404 || text(t, r) != "" {
		t.Errorf("HEAD of nothing: %d", r.StatusCode)
	}
	if r := ask(h, "OPTIONS", "/api/notes/"+knownID, ""); r.StatusCode != 204 || r.Header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS, PUT" {
		t.Errorf("OPTIONS: %d %q", r.StatusCode, r.Header.Get("Allow"))
	}
}

func TestConditions(t *testing.T) {
	h := served(&toy{})
	path := "/api/notes/" + knownID
	for header, want := range map[string]int{
		`If-None-Match: "7"`: 304, `If-None-Match: W/"7"`: 304, `If-None-Match: "1", "7"`: 304, `If-None-Match: *`: 304,
		`If-None-Match: "8"`: 200, `If-None-Match: 7`: 200, "X: y": 200,
	} {
		r := ask(h, "GET", path, "", header)
		if r.StatusCode != want || r.Header.Get("ETag") != `"7"` || (want == 304) != (text(t, r) == "") {
			t.Errorf("GET with %s: %d, want %d", header, r.StatusCode, want)
		}
	}
	for header, want := range map[string]int{
		`If-Match: "7"`: 200, `If-Match: "6", "7"`: 200, `If-Match: *`: 200, "X: y": 200,
		`If-Match: "6"`: 412, `If-Match: W/"7"`: 412, `If-Match: 7`: 412, `If-Match: "77"`: 412,
	} {
		if r := ask(h, "PUT", path, milk, header, signed); r.StatusCode != want {
			t.Errorf("PUT with %s: %d, want %d", header, r.StatusCode, want)
		}
	}
	if r := ask(h, "DELETE", path, "", `If-Match: "7"`); r.StatusCode != 204 || text(t, r) != "" {
		t.Errorf("DELETE: %d", r.StatusCode)
	}
}

func TestPagesLinkToOneAnother(t *testing.T) {
	h := served(&toy{})
	target, seen, pages := "/api/notes?limit=15&colour=red", 0, 0
	for target != "" {
		r := ask(h, "GET", target, "")
		var list []note
		if err := json.Unmarshal([]byte(text(t, r)), &list); err != nil || list == nil {
			t.Fatalf("%s: %d %v", target, r.StatusCode, err)
		}
		seen, pages = seen+len(list), pages+1
		link := r.Header.Get("Link")
		if link != "" && !strings.Contains(link, "colour=red") || strings.Count(link, "cursor=") > 1 {
			t.Errorf("link %q", link)
		}
		target, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
	if seen != 45 || pages != 4 {
		t.Errorf("%d notes on %d pages", seen, pages)
	}
	r := ask(h, "GET", "/api/notes", "")
	cursor := strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Link"), "</api/notes?cursor="), `>; rel="next"`)
	for i := range cursor {
		bent := cursor[:i] + string(cursor[i]^1) + cursor[i+1:]
		if p := problem(t, ask(h, "GET", "/api/notes?cursor="+bent, "")); p.Status != 400 || p.Errors[0].Field != "cursor" {
			t.Errorf("bent cursor %s: %d", bent, p.Status)
		}
	}
	if ask(h, "GET", "/api/notes?cursor="+cursor, "").StatusCode != 200 {
		t.Error("the cursor itself is refused")
	}
	if httpapi.NextLink(context.Background(), "new", 1) != "" {
		t.Error("a link without a request")
	}
}

func TestCaching(t *testing.T) {
	s := &toy{}
	o := s.options()
	o.Private = true
	private := httpapi.Edge(httpapi.EdgeOptions{}, httpapi.Handler(o, nil, s.Routes()))
	for _, c := range []struct {
		h      http.Handler
		header string
		want   string
	}{{served(s), "X: y", "no-cache"}, {served(s), signed, "no-store"}, {served(s), "Cookie: session=good", "no-store"}, {private, "X: y", "no-store"}} {
		if got := ask(c.h, "GET", "/api/notes", "", c.header).Header.Get("Cache-Control"); got != c.want {
			t.Errorf("%s: %q, want %q", c.header, got, c.want)
		}
	}
}

func TestCrossOriginLetsOthersThrough(t *testing.T) {
	h := served(&toy{})
	for _, headers := range [][]string{
		{"Cookie: session=good"},
		{"Cookie: session=good", "Sec-Fetch-Site: same-origin"},
		{"Cookie: session=good", "Origin: http://example.com"}, // the host of httptest's requests
		{signed, "Sec-Fetch-Site: cross-site"},                 // no cookie to abuse
	} {
		if r := ask(h, "POST", "/api/notes", milk, headers...); r.StatusCode != 201 {
			t.Errorf("%v: %d", headers, r.StatusCode)
		}
	}
	if r := ask(h, "GET", "/api/notes", "", "Sec-Fetch-Site: cross-site"); r.StatusCode != 200 {
		t.Errorf("reading: %d", r.StatusCode)
	}
}

func TestClientBehindProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		remote, forwarded, proto string
		client, key              string
		secure                   bool
	}{
		{"203.0.113.9:1", "1.2.3.4", "https", "203.0.113.9", "203.0.113.9", false},
		{"10.0.0.1:1", "", "", "10.0.0.1", "10.0.0.1", false},
		{"10.0.0.1:1", "1.2.3.4", "https", "1.2.3.4", "1.2.3.4", true},
		{"10.0.0.1:1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "http, https", "1.2.3.4", "1.2.3.4", true},
		{"10.0.0.1:1", "6.6.6.6, 1.2.3.4", "https, http", "1.2.3.4", "1.2.3.4", false},
		{"10.0.0.1:1", "1.2.3.4, nonsense, 10.0.0.2", "", "10.0.0.2", "10.0.0.2", false},
		{"10.0.0.1:1", "10.0.0.3", "", "10.0.0.3", "10.0.0.3", false},
		{"[::ffff:10.0.0.1]:1", "::ffff:1.2.3.4", "", "1.2.3.4", "1.2.3.4", false},
		{"[fd00::1]:1", "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", false},
		{"pipe", "1.2.3.4", "https", "invalid IP", "invalid IP", false},
	} {
		var client, key string
		var secure bool
		h := httpapi.Edge(httpapi.EdgeOptions{TrustedProxies: trusted}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client, key, secure = httpapi.ClientAddr(r.Context()).String(), httpapi.ClientKey(r.Context()), httpapi.Secure(r.Context())
			w.WriteHeader(204)
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if client != c.client || key != c.key || secure != c.secure || (w.Header().Get("Strict-Transport-Security") != "") != c.secure {
			t.Errorf("%+v: got %s %s %t", c, client, key, secure)
		}
	}
}

func TestTraceAndSecurityHeaders(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	var seen string
	h := httpapi.Edge(httpapi.EdgeOptions{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = trace.From(r.Context()).ID()
	}))
	r := ask(h, "GET", "/", "", "Traceparent: "+parent)
	if want := "4bf92f3577b34da6a3ce929d0e0e4736"; seen != want || r.Header.Get("X-Trace-Id") != want {
		t.Errorf("trace %s, header %s", seen, r.Header.Get("X-Trace-Id"))
	}
	if ask(h, "GET", "/", "").Header.Get("X-Trace-Id") == ask(h, "GET", "/", "", "Traceparent: x").Header.Get("X-Trace-Id") {
		t.Error("two requests have one trace")
	}
	for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Content-Security-Policy"} {
		if r.Header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
}

// TestGatewayHasHeadersOnce puts one edge behind another.
func TestGatewayHasHeadersOnce(t *testing.T) {
	inner := httptest.NewServer(served(&toy{}))
	defer inner.Close()
	target, _ := url.Parse(inner.URL)
	r := ask(httpapi.Edge(httpapi.EdgeOptions{}, httputil.NewSingleHostReverseProxy(target)), "GET", "/api/notes/x", "")
	problem(t, r)
	for name, values := range r.Header {
		if len(values) > 1 {
			t.Errorf("%s: %q", name, values)
		}
	}
	inner.Close()
	if p := problem(t, ask(httpapi.Edge(httpapi.EdgeOptions{}, httputil.NewSingleHostReverseProxy(target)), "GET", "/api/notes", "")); p.Status != 503 {
		t.Errorf("behind a gateway that reaches nobody: %d", p.Status)
	}
}

// TestLogTellsNoSecrets reads what an operator gets to see.
func TestLogTellsNoSecrets(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := &toy{}
	o := s.options()
	o.Log = log
	h := httpapi.Edge(httpapi.EdgeOptions{Log: log}, httpapi.Handler(o, nil, s.Routes()))
	ask(h, "GET", "/api/notes?token=hidden1", "", "Authorization: Bearer hidden2", "Cookie: session=hidden3")
	ask(h, "POST", "/api/signin", `{"password":"hidden4"}`)
	p := problem(t, ask(h, "GET", "/api/panic", ""))
	problem(t, ask(h, "GET", "/api/broken", ""))
	for _, want := range []string{"path=/api/notes", "status=200", p.TraceID, "inner secret", "stack=", "toy_test.go"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the log", want)
		}
	}
	if strings.Contains(out.String(), "hidden") {
		t.Errorf("a secret is in the log: %s", out.String())
	}
}

// TestHalfAnAnswerIsAborted: after a panic in the middle of an answer the client must not take it for a whole one.
func TestHalfAnAnswerIsAborted(t *testing.T) {
	server := httptest.NewServer(httpapi.Edge(httpapi.EdgeOptions{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic("no more")
	})))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := res.Body.Read(make([]byte, 100)); err == nil {
		t.Error("the answer ended as if it were whole")
	}
}

func TestHealth(t *testing.T) {
	var broken error
	healthz, readyz := httpapi.Health(map[string]func(context.Context) error{
		"database": func(context.Context) error { return broken },
		"broker":   func(context.Context) error { return nil },
	})
	mux := http.NewServeMux()
	mux.Handle("/healthz", healthz)
	mux.Handle("/readyz", readyz)
	h := httpapi.Edge(httpapi.EdgeOptions{}, mux)
	for _, path := range []string{"/healthz", "/readyz"} {
		if r := ask(h, "GET", path, ""); r.StatusCode != 200 || text(t, r) != `{"status":"ok"}` {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	broken = errors.New("secret address refused")
	if r := ask(h, "GET", "/healthz", ""); r.StatusCode != 200 {
		t.Errorf("healthz: %d", r.StatusCode)
	}
	p := problem(t, ask(h, "GET", "/readyz", ""))
	if p.Status != 503 || len(p.Errors) != 1 || p.Errors[0].Field != "database" {
		t.Errorf("readyz: %+v", p)
	}
}

func TestLimiter(t *testing.T) {
	now := time.Unix(1000, 0)
	l := httpapi.NewLimiter(time.Minute, 3, func() time.Time { return now })
	for range 3 {
		if _, ok := l.Allow("a"); !ok {
			t.Fatal("refused within the burst")
		}
	}
	for range 5 { // asking again does not make it later
		if after, ok := l.Allow("a"); ok || after != time.Minute {
			t.Fatalf("after the burst: %v %t", after, ok)
		}
	}
	if _, ok := l.Allow("b"); !ok {
		t.Error("another key is refused")
	}
	now = now.Add(time.Minute)
	if _, ok := l.Allow("a"); !ok {
		t.Error("refused after the time it said")
	}
	for i := range 100_000 { // a stranger with many keys does not make it grow, and a busy key is not forgotten
		l.Allow(fmt.Sprint("stranger", i))
		if i%1000 == 0 {
			if _, ok := l.Allow("a"); ok {
				t.Fatal("a busy key was forgotten")
			}
		}
	}
}

func TestSessionCookie(t *testing.T) {
	if got := httpapi.SessionCookie("x", time.Unix(1e9, 0), true).String(); got != "session=x; Path=/; Expires=Sun, 09 Sep 2001 01:46:40 GMT; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("cookie %s", got)
	}
	if got := httpapi.SessionCookie("", time.Time{}, false).String(); !strings.Contains(got, "Max-Age=0") {
		t.Errorf("ended cookie %s", got)
	}
}
