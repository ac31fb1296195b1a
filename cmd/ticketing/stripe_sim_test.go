package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stripeSim starts the simulator alone, and stops it at the end of the test.
func stripeSim(t *testing.T, args ...string) *market {
	t.Helper()
	s := begin(t, "stripe-sim ready: ", append([]string{"stripe-sim", "--addr", "127.0.0.1:0"}, args...)...)
	if !strings.Contains(s.out.String(), "  data ") {
		t.Errorf("the block is not whole:\n%s", s.out)
	}
	return s
}

// control asks the simulator's controls.
func (m *market) control(method, path, body string, want int) {
	m.t.Helper()
	r, err := http.NewRequest(method, m.url+"/control/"+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		m.t.Errorf("%s %s: %d, want %d", method, path, resp.StatusCode, want)
	}
}

func TestAMarketSellsAtASimulatorOfItsOwnProcess(t *testing.T) {
	bank := stripeSim(t, "--data", t.TempDir())
	for _, want := range []string{"--stripe-url " + bank.url + " --stripe-key sk_test_", "webhooks   none", bank.url + "/control/"} {
		if !strings.Contains(bank.out.String(), want) {
			t.Errorf("the block lacks %q:\n%s", want, bank.out)
		}
	}
	m := serve(t, "--data", t.TempDir(), "--stripe-url", bank.url, "--stripe-key", "sk_test_simulator", "--stripe-webhook-secret", "whsec_shared")
	if _, config := m.get(m.url + "/api/payments/config"); !strings.Contains(config, `"simulator":true`) {
		t.Errorf("the pages do not know of the simulator: %s", config)
	}
	bank.control("POST", "webhooks", fmt.Sprintf(`{"url":"%s/api/payments/webhook","secret":"whsec_shared"}`, m.url), 200)
	buys(t, m)
	m.webhooks(3)
	bank.control("POST", "reset", "", 200)
	if _, totals := bank.get(bank.url + "/control/totals"); totals != "[]\n" {
		t.Errorf("after the reset: %s", totals)
	}
}

func TestStripeSimKeepsItsBooksAndItsSecret(t *testing.T) {
	dir := t.TempDir()
	hook := []string{"--data", dir, "--webhook-url", "http://127.0.0.1:1/hook"}
	first := stripeSim(t, hook...)
	secret := after(first.out.String(), "--stripe-webhook-secret ")
	if !strings.HasPrefix(secret, "whsec_") || !strings.Contains(first.out.String(), "webhooks   http://127.0.0.1:1/hook") {
		t.Errorf("the block lacks the webhook:\n%s", first.out)
	}
	pay(t, first.url)
	if status, _ := first.get(first.url + "/bank/nowhere"); status != 410 {
		t.Errorf("the bank's page: %d", status)
	}
	for path, want := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/v1/charges": 401, "/v1/nowhere": 401} {
		if status, body := first.get(first.url + path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if code := first.stop(); code != 0 {
		t.Errorf("told to stop, it ended with %d: %s", code, first.err)
	}
	again := stripeSim(t, hook...)
	if got := after(again.out.String(), "--stripe-webhook-secret "); got != secret {
		t.Errorf("the secret was %s and is %s", secret, got)
	}
	if _, totals := again.get(again.url + "/control/totals"); !strings.Contains(totals, `"captured":1999`) {
		t.Errorf("the money is lost: %s", totals)
	}
	if _, queue := again.get(again.url + "/control/deliveries"); strings.Count(queue, `"status":"pending"`) != 3 {
		t.Errorf("the queue is lost: %s", queue)
	}
	again.stop()
	given := stripeSim(t, append(hook, "--webhook-secret", "whsec_hunter2")...)
	if block := given.out.String(); strings.Contains(block, "hunter2") || !strings.Contains(block, "--stripe-webhook-secret whsec_…") {
		t.Errorf("the block shows a secret, or does not ask for it:\n%s", given.out)
	}
	pay(t, given.url)
	if _, queue := given.get(given.url + "/control/deliveries"); strings.Count(queue, `"status":"pending"`) != 6 {
		t.Errorf("not all events of two payments are sent: %s", queue)
	}
	given.stop()
	few := stripeSim(t, append(hook, "--webhook-types", "payment_intent.succeeded,charge.refunded")...)
	pay(t, few.url)
	if _, queue := few.get(few.url + "/control/deliveries"); strings.Count(queue, `"status":"pending"`) != 7 {
		t.Errorf("of the third payment, other events are sent than that it succeeded: %s", queue)
	}
	few.stop()
	without := stripeSim(t, "--data", dir)
	if _, queue := without.get(without.url + "/control/deliveries"); queue != "[]\n" {
		t.Errorf("without the flag nobody is told: %s", queue)
	}
}

func TestStripeSimLimitsRequests(t *testing.T) {
	s := stripeSim(t, "--data", t.TempDir(), "--rate-limit", "1")
	limited, deadline := new(atomic.Bool), time.Now().Add(30*time.Second)
	for !limited.Load() && time.Now().Before(deadline) { // a burst that takes longer than a second for each is not limited
		var burst sync.WaitGroup
		for range 8 {
			burst.Go(func() {
				r, err := http.NewRequest("GET", s.url+"/v1/charges", nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.SetBasicAuth("sk_test_1", "")
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusTooManyRequests {
					limited.Store(true)
				}
			})
		}
		burst.Wait()
	}
	if !limited.Load() {
		t.Error("nothing is limited")
	}
}

func TestStripeSimRefusesOtherSites(t *testing.T) {
	s := stripeSim(t, "--data", t.TempDir())
	for name, change := range map[string]func(r *http.Request){
		"another name":   func(r *http.Request) { r.Host = "evil.example" },
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
	} {
		r, err := http.NewRequest("POST", s.url+"/control/reset", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 403 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

func TestStripeSimSaysWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"stripe-sim --adr :1":                             "unknown flag --adr",
		"stripe-sim --addr 12111":                         "--addr: ",
		"stripe-sim --rate-limit 0":                       "--rate-limit: ",
		"stripe-sim --webhook-url nowhere":                "--webhook-url: is not a URL such as http://HOST",
		"stripe-sim --webhook-secret hunter2":             "--webhook-secret needs --webhook-url",
		"stripe-sim --webhook-types charge.refunded":      "--webhook-types needs --webhook-url",
		"stripe-sim --log-level loud":                     "--log-level must be one of",
		"stripe-sim --data dir --webhook-url http://a?b=": "--webhook-url: a base URL has no query",
	} {
		oneClearLine(t, 2, want, strings.Fields(args)...)
	}
	dir := t.TempDir()
	s := stripeSim(t, "--data", dir)
	oneClearLine(t, 1, "choose another with --addr", "stripe-sim", "--addr", strings.TrimPrefix(s.url, "http://"), "--data", t.TempDir())
	oneClearLine(t, 1, "in use by another process", "stripe-sim", "--addr", "127.0.0.1:0", "--data", dir)
}
