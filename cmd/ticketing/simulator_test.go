package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// webhooks waits until payments has taken that many webhooks, and refused none.
func (m *market) webhooks(want int) {
	m.t.Helper()
	const counter = `ticketing_http_request_seconds_count{method="POST",route="/api/payments/webhook",status="`
	deadline := time.Now().Add(30 * time.Second)
	for taken := 0; taken < want; {
		_, text := m.get(m.ops + "/metrics")
		for line := range strings.SplitSeq(text, "\n") {
			rest, ok := strings.CutPrefix(line, counter)
			switch status, n, _ := strings.Cut(rest, `"} `); {
			case !ok:
			case status == "200":
				taken, _ = strconv.Atoi(n)
			default:
				m.t.Fatalf("a webhook was refused: %s", line)
			}
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%d webhooks came, not %d:\n%s", taken, want, m.err)
		}
	}
}

// stripe asks a simulator below /v1/.
func stripe(t *testing.T, base, path string, into any) {
	t.Helper()
	r, err := http.NewRequest("GET", base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_1")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
}

type endpoints struct {
	Data []struct{ ID, URL, Status string }
}

func TestTheSimulatorTellsPayments(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		m := serve(t, "--data", dir)
		if round == 0 {
			buys(t, m)
			m.webhooks(2)
		}
		var all endpoints
		stripe(t, m.ops, "/v1/webhook_endpoints", &all)
		if len(all.Data) != 1 || all.Data[0].URL != m.url+"/api/payments/webhook" {
			t.Errorf("start %d: %+v, want the address of %s alone", round, all, m.url)
		}
		m.stop()
	}
}

func TestTheSimulatorTellsPaymentsAlone(t *testing.T) {
	dir := t.TempDir()
	m := serve(t, "payments", "--auth-url", "http://127.0.0.1:1", "--data", dir, "--stripe-webhook-secret", "whsec_given")
	pay(t, m.ops)
	m.webhooks(1) // that the intent succeeded: that it was made, and of its charge, nothing is sent
	m.stop()
	again := serve(t, "payments", "--auth-url", "http://127.0.0.1:1", "--data", dir)
	pay(t, again.ops)
	again.webhooks(1)
}

// pay takes money at a simulator, as payments would.
func pay(t *testing.T, base string) {
	t.Helper()
	r, err := http.NewRequest("POST", base+"/v1/payment_intents", strings.NewReader(
		"amount=1999&currency=usd&payment_method_types[]=card&payment_method=pm_card_visa&confirm=true"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("%d", resp.StatusCode)
	}
}

func TestOperatorsControlTheSimulator(t *testing.T) {
	m := serve(t, "--data", t.TempDir())
	if _, index := m.get(m.ops + "/"); !strings.Contains(index, `href="/control/"`) {
		t.Errorf("the index lacks the controls:\n%s", index)
	}
	if status, page := m.get(m.ops + "/control/"); status != 200 || !strings.Contains(page, "/control/faults") || strings.Contains(page, "/control/reset") {
		t.Errorf("%d %s", status, page)
	}
	if status, _ := m.get(m.url + "/control/faults"); status != 404 {
		t.Errorf("strangers may read the controls: %d", status)
	}
	resp, err := http.Post(m.ops+"/control/faults", "application/json", strings.NewReader(`{"operation":"create","delay_ms":1,"times":1}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	buys(t, m)
	if _, faults := m.get(m.ops + "/control/faults"); !strings.Contains(faults, `"used":1`) {
		t.Errorf("no request was held up: %s", faults)
	}
	if _, log := m.get(m.ops + "/control/requests"); !strings.Contains(log, `"path":"/v1/payment_intents"`) {
		t.Errorf("the request is not remembered:\n%s", log)
	}
	resp, err = http.Post(m.ops+"/control/reset", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("the books of a market may be emptied: %d", resp.StatusCode)
	}
}
