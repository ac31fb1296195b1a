package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/trace"
	"ticketing/web"
)

// upstream answers with its name and what it was asked.
func upstream(t *testing.T, name string) *url.URL {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Set-Cookie", "session=1")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%s %s %s %s for=%s host=%s proto=%s trace=%s", name, r.Method, r.RequestURI, body,
			r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("X-Forwarded-Proto"), r.Header.Get("Traceparent"))
	}))
	t.Cleanup(server.Close)
	return parseURL(t, server.URL)
}

// deadEnd is an address that nothing listens on.
func deadEnd(t *testing.T) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return parseURL(t, "http://"+l.Addr().String())
}

func TestEachPathGoesToItsService(t *testing.T) {
	local := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "local") })
	named := site(t, web.Options{API: local, Remotes: map[string][]*url.URL{
		"auth": {upstream(t, "auth")}, "tickets": {parseURL(t, upstream(t, "tickets").String()+"/behind")}, "orders": {upstream(t, "orders")},
	}})
	one := site(t, web.Options{Remotes: map[string][]*url.URL{"": {upstream(t, "all")}}})
	for _, tc := range []struct {
		site http.Handler
		path string
		want string
	}{
		{named, "/api/users/signup", "auth GET /api/users/signup"},
		{named, "/api/tickets?q=a%20b&limit=2", "tickets GET /behind/api/tickets?q=a%20b&limit=2"},
		{named, "/api/tickets/a%2Fb", "tickets GET /behind/api/tickets/a%2Fb"},
		{named, "/api/orders/", "orders GET /api/orders/"},
		{named, "/api/payments", "local"},
		{named, "/api/usersx", "local"},
		{one, "/api/users/me", "all GET /api/users/me"},
		{one, "/api/anything", "all GET /api/anything"},
	} {
		if _, body := get(t, tc.site, "GET", tc.path, "*/*"); !strings.HasPrefix(body, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.path, body, tc.want)
		}
	}
}

func TestForwardsWhoAskedAndOneOfEachHeader(t *testing.T) {
	s := site(t, web.Options{Remotes: map[string][]*url.URL{"": {upstream(t, "all")}}})
	tr := trace.New()
	r := httptest.NewRequest("POST", "http://market.example/api/orders", strings.NewReader("a body"))
	r = r.WithContext(trace.With(r.Context(), tr))
	r.Header.Set("X-Forwarded-For", "6.6.6.6") // made up by the client
	r.Header.Set("Connection", "X-Hop")
	w := httptest.NewRecorder()
	w.Header().Set("X-Content-Type-Options", "nosniff") // by the edge
	s.ServeHTTP(w, r)
	body := w.Body.String()
	for _, want := range []string{"POST /api/orders a body", "host=market.example", "proto=http ", "trace=" + tr.Parent()} {
		if !strings.Contains(body, want) {
			t.Errorf("the service was not told %q: %s", want, body)
		}
	}
	if strings.Contains(body, "6.6.6.6") {
		t.Errorf("a client can choose its address: %s", body)
	}
	if got := w.Result().Header; len(got.Values("X-Content-Type-Options")) != 1 || got.Get("Set-Cookie") == "" || w.Code != 201 {
		t.Errorf("the answer is %d %v", w.Code, got)
	}
}

func TestReplicasTakeTurnsAndTheDeadArePassedOver(t *testing.T) {
	s := site(t, web.Options{Remotes: map[string][]*url.URL{"tickets": {upstream(t, "a"), deadEnd(t), upstream(t, "b")}}})
	seen := map[string]int{}
	for range 30 {
		r := httptest.NewRequest("POST", "/api/tickets", strings.NewReader("body"))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 201 || !strings.Contains(w.Body.String(), "body") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		seen[w.Body.String()[:1]]++
	}
	if seen["a"] < 10 || seen["b"] < 10 {
		t.Errorf("they did not take turns: %v", seen)
	}
}

func TestNothingIsSentTwice(t *testing.T) {
	var asked atomic.Int32
	dies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler) // the connection breaks after the request has been read
	}))
	t.Cleanup(dies.Close)
	u := parseURL(t, dies.URL)
	s := site(t, web.Options{Remotes: map[string][]*url.URL{"orders": {u, u, u}}})
	r := httptest.NewRequest("POST", "/api/orders", strings.NewReader("{}"))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 503 || asked.Load() != 1 {
		t.Errorf("%d after %d requests", w.Code, asked.Load())
	}
}

func TestDeadServiceIsAProblem(t *testing.T) {
	var seen []string
	observe := func(method, route string, status int, _ time.Duration) {
		seen = append(seen, fmt.Sprint(method, " ", route, " ", status))
	}
	s := site(t, web.Options{Observe: observe, Remotes: map[string][]*url.URL{"orders": {deadEnd(t), deadEnd(t)}, "auth": {upstream(t, "auth")}}})
	get(t, s, "GET", "/api/users/me", "*/*")
	defer func() {
		if got := strings.Join(seen, ", "); got != "GET /api/users (forwarded) 201, GET /api/orders (forwarded) 503" {
			t.Errorf("observed %s", got)
		}
	}()
	resp, body := get(t, s, "GET", "/api/orders", "*/*")
	if resp.StatusCode != 503 || !strings.Contains(body, `"unavailable"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, _ := get(t, s, "GET", "/api/tickets", "*/*"); resp.StatusCode != 404 {
		t.Errorf("a service that is neither here nor elsewhere: %d", resp.StatusCode)
	}
}

func TestLargeBodyIsRefused(t *testing.T) {
	s := site(t, web.Options{Remotes: map[string][]*url.URL{"": {upstreamThatReads(t)}}})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/tickets", nil)
	r.Body = http.MaxBytesReader(w, io.NopCloser(strings.NewReader(strings.Repeat("x", 100))), 10) // as the edge does
	r.ContentLength = -1
	s.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func upstreamThatReads(t *testing.T) *url.URL {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
	}))
	t.Cleanup(server.Close)
	return parseURL(t, server.URL)
}
