package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

const account = `{"email":"ann@example.com","password":"four small words"}`

func TestServeUntilToldToStop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	m := serve(t, "--data", dir)
	block := m.out.String()
	if !strings.HasPrefix(block, "ticketing ready: http://127.0.0.1:") {
		t.Errorf("the first line is not the promised one:\n%s", block)
	}
	for _, want := range []string{"services   auth", dir, "new; to fill it", "embedded", "operators  http://127.0.0.1:", "/docs"} {
		if !strings.Contains(block, want) {
			t.Errorf("the block lacks %q:\n%s", want, block)
		}
	}
	if status, body := m.post("/api/users/signup", account); status != 201 {
		t.Fatalf("sign up: %d %s", status, body)
	}
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/": 200, "/docs": 200, "/openapi.json": 200, "/asyncapi.json": 200, "/problems/internal": 200,
		"/api/users/currentuser": 200, "/api/nowhere": 404, "/nowhere": 404, "/bank/nowhere": 410, "/connect/nowhere": 410,
	} {
		if status, body := m.get(m.url + path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, docs := m.get(m.url + "/docs")
	for _, want := range []string{"/api/orders/{id}", "/problems/ticket_locked", `id="event-OrderCancelled"`, `id="event-schema-Order"`} {
		if !strings.Contains(docs, want) {
			t.Errorf("the page of the documents lacks %s", want)
		}
	}
	if code := m.stop(); code != 0 {
		t.Errorf("told to stop, it ended with %d: %s", code, m.err)
	}
	again := serve(t, "--data", dir)
	if strings.Contains(again.out.String(), "new;") {
		t.Errorf("the folder is not new any more:\n%s", again.out)
	}
	if status, _ := again.post("/api/users/signin", account); status != 200 {
		t.Errorf("what was answered with 201 is lost: %d", status)
	}
}

func TestOneMarketAFolder(t *testing.T) {
	dir := t.TempDir()
	serve(t, "--data", dir)
	oneClearLine(t, 1, "in use by another process", "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off", "--data", dir)
	oneClearLine(t, 1, "in use by another process", "failed", "--ops-addr", "off", "--data", dir)
}

func TestOperatorsListener(t *testing.T) {
	m := serve(t, "--data", t.TempDir())
	if status, body := m.post("/api/users/signup", account); status != 201 {
		t.Fatalf("sign up: %d %s", status, body)
	}
	for path, want := range map[string]string{
		"/": "<h1>ticketing: operators</h1>", "/healthz": "ok", "/readyz": "ok", "/debug/pprof/": "goroutine",
		"/failed": "[]", "/events?type=UserCreated": `"type":"UserCreated"`,
	} {
		if status, body := m.get(m.ops + path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want %q in\n%.500s", path, status, want, body)
		}
	}
	_, metrics := m.get(m.ops + "/metrics")
	for _, want := range []string{
		`ticketing_http_request_seconds_count{method="POST",route="/api/users/signup",status="201"} 1`,
		`ticketing_outbox_unpublished{service="auth"}`, `ticketing_event_apply_seconds_bucket{service="orders",le="0.005"}`, "ticketing_build_info", "go_goroutines", "process_open_fds",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, path := range []string{"/events?type=Nothing", "/events?id=a.b"} {
		if status, _ := m.get(m.ops + path); status != 400 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := m.get(m.url + "/metrics"); status != 404 {
		t.Errorf("strangers may read the metrics: %d", status)
	}
}

func TestOperatorsListenerRefusesOtherSites(t *testing.T) {
	m := serve(t, "--data", t.TempDir())
	rebound, err := http.NewRequest("GET", m.ops+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	rebound.Host = "evil.example"
	cross, err := http.NewRequest("POST", m.ops+"/rotate-keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	for _, r := range []*http.Request{rebound, cross} {
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 403 {
			t.Errorf("%s %s: %d", r.Method, r.URL.Path, resp.StatusCode)
		}
	}
}

func TestServicesApartBehindOneGateway(t *testing.T) {
	auth := serve(t, "auth", "--data", t.TempDir())
	if strings.Contains(auth.out.String(), "/docs") {
		t.Errorf("auth alone has no pages:\n%s", auth.out)
	}
	if status, _ := auth.get(auth.url + "/openapi.json"); status != 200 {
		t.Errorf("every process serves the documents: %d", status)
	}
	gateway := serve(t, "web", "--api-url", "auth="+auth.url)
	if status, body := gateway.post("/api/users/signup", account); status != 201 {
		t.Errorf("through the gateway: %d %s", status, body)
	}
	if status, body := gateway.get(gateway.url + "/api/nowhere"); status != 404 || !strings.Contains(body, `"not_found"`) {
		t.Errorf("%d %s", status, body)
	}
	if strings.Contains(gateway.out.String(), "data ") {
		t.Errorf("web alone has no data:\n%s", gateway.out)
	}
	auth.stop()
	if status, body := gateway.get(gateway.url + "/api/users/currentuser"); status != 503 || !strings.Contains(body, `"unavailable"`) {
		t.Errorf("auth is down: %d %s", status, body)
	}
	if status, _ := gateway.get(gateway.url + "/docs"); status != 200 {
		t.Errorf("the pages need no service: %d", status)
	}
}

func TestReadinessNamesWhatIsMissing(t *testing.T) {
	away := serve(t, "tickets", "--auth-url", "http://127.0.0.1:1", "--data", t.TempDir())
	status, body := away.get(away.url + "/readyz")
	if status != 503 || !strings.Contains(body, "the keys of auth") || strings.Contains(body, "the database") {
		t.Errorf("auth is away: %d %s", status, body)
	}
	if status, _ := away.get(away.url + "/api/tickets"); status != 200 {
		t.Errorf("what needs no session is answered all the same: %d", status)
	}
	if status, _ := away.get(away.url + "/healthz"); status != 200 {
		t.Errorf("the process is healthy: %d", status)
	}
}

func TestEachServiceRunsAlone(t *testing.T) {
	for _, name := range []string{"auth", "tickets", "orders", "expiration", "payments"} {
		t.Run(name, func(t *testing.T) {
			m := serve(t, name, "--auth-url", "http://127.0.0.1:1", "--data", t.TempDir())
			if got := after(m.out.String(), "services   "); got != name {
				t.Errorf("it runs %q", got)
			}
			if code := m.stop(); code != 0 {
				t.Errorf("it ended with %d: %s", code, m.err)
			}
		})
	}
}
