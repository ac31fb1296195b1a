package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
)

func TestEventsOfARunningAndAStoppedMarket(t *testing.T) {
	dir := t.TempDir()
	m := serve(t, "--data", dir)
	if status, body := m.post("/api/users/signup", account); status != 201 {
		t.Fatalf("sign up: %d %s", status, body)
	}
	running := []string{"--ops-addr", strings.TrimPrefix(m.ops, "http://"), "--data", dir}
	id := readsEvents(t, running)
	if code, out, errs := call(t, append([]string{"failed"}, running...)...); code != 0 || out != "No event has failed.\n" {
		t.Errorf("failed: %d %s%s", code, out, errs)
	}
	if code, out, errs := call(t, append([]string{"failed", "list", "--json"}, running...)...); code != 0 || out != "[]\n" {
		t.Errorf("failed --json: %d %s%s", code, out, errs)
	}
	oneClearLine(t, 1, "no failed event has the id x", append([]string{"failed", "retry", "x"}, running...)...)
	followsEvents(t, m, running)
	if code, out, errs := call(t, append([]string{"rotate-keys"}, running...)...); code != 0 || !strings.Contains(out, "new key") {
		t.Errorf("rotate-keys: %d %s%s", code, out, errs)
	}
	m.stop()
	stored := []string{"--ops-addr", "off", "--data", dir}
	if again := readsEvents(t, stored); again != id {
		t.Errorf("the stored log begins with %s, not %s", again, id)
	}
	if code, out, errs := call(t, append([]string{"failed"}, stored...)...); code != 0 || out != "No event has failed.\n" {
		t.Errorf("failed of a stored market: %d %s%s", code, out, errs)
	}
	if code, out, errs := call(t, append([]string{"rotate-keys"}, stored...)...); code != 0 || !strings.Contains(out, "new key") {
		t.Errorf("rotate-keys of a stored market: %d %s%s", code, out, errs)
	}
}

// readsEvents finds the account's event in each way, and returns its entity.
func readsEvents(t *testing.T, place []string) string {
	t.Helper()
	code, out, errs := call(t, append([]string{"events", "--json"}, place...)...)
	var e event.Envelope
	first, _, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(first), &e); code != 0 || err != nil || e.Type != event.UserCreated {
		t.Fatalf("events --json: %d %v\n%s%s", code, err, out, errs)
	}
	code, out, errs = call(t, append([]string{"events", "--type", "UserCreated", "--id", e.Subject}, place...)...)
	if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "  UserCreated  ") || !strings.Contains(out, e.Subject+"  v1 ann@example.com") {
		t.Errorf("events: %d\n%s%s", code, out, errs)
	}
	if code, out, _ := call(t, append([]string{"events", "--type", "OrderCreated"}, place...)...); code != 0 || out != "" {
		t.Errorf("events of orders: %d %s", code, out)
	}
	return e.Subject
}

// followsEvents sees an event that happens while it reads.
func followsEvents(t *testing.T, m *market, place []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, ended := newBuffer(), make(chan int, 1)
	go func() { ended <- run(ctx, append([]string{"events", "--follow"}, place...), noEnv, out, newBuffer()) }()
	<-out.more
	if status, body := m.post("/api/users/signup", `{"email":"bob@example.com","password":"four small words"}`); status != 201 {
		t.Fatalf("sign up: %d %s", status, body)
	}
	deadline := time.After(30 * time.Second)
	for !strings.Contains(out.String(), "bob@example.com") {
		select {
		case <-out.more:
		case <-deadline:
			t.Fatalf("the event was not seen:\n%s", out)
		}
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("told to stop, events ended with %d", code)
	}
}

func TestNoMarketAnywhere(t *testing.T) {
	place := []string{"--ops-addr", "127.0.0.1:1", "--data", t.TempDir()}
	for _, command := range []string{"events", "failed", "rotate-keys"} {
		oneClearLine(t, 1, "no market is running at 127.0.0.1:1", append([]string{command}, place...)...)
	}
}

func TestEventLines(t *testing.T) {
	for data, want := range map[string]string{
		`{"version":2,"status":"Cancelled","cancelReason":"expired","ticket":{"title":"Row 3","price":19.9,"currency":"usd"}}`: `v2 Cancelled expired 19.9 USD "Row 3"`,
		`{"version":1,"price":20,"currency":"eur","title":"Hall","status":"available"}`:                                        `v1 available 20 EUR "Hall"`,
		`{"version":3,"amount":20,"currency":"eur","status":"Completed","stripeRefundId":"re_1"}`:                              `v3 Completed 20 EUR refunded`,
	} {
		var out strings.Builder
		document, err := json.Marshal(event.Envelope{Type: event.OrderCancelled, Subject: "x", Time: time.Unix(0, 0), Data: []byte(data)})
		if err != nil {
			t.Fatal(err)
		}
		if err := printEvent(&out, document, false); err != nil || !strings.HasSuffix(out.String(), "  "+want+"\n") || !strings.HasPrefix(out.String(), "1970-01-01T00:00:00.000Z  OrderCancelled ") {
			t.Errorf("got %q (%v), want %s", out.String(), err, want)
		}
	}
	var out strings.Builder
	if err := printEvent(&out, []byte("no JSON"), false); err != nil || out.String() != "no JSON\n" {
		t.Errorf("%q %v", out.String(), err)
	}
}
