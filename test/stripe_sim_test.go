package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/test/market"
)

// TestStripeSim lets a market sell at a simulator in a process of its own. What the simulator has to tell payments outlives
// kill -9 of the one and absences of the other.
func TestStripeSim(t *testing.T) {
	t.Parallel()
	bank := &stripeSim{t: t, data: filepath.Join(t.TempDir(), "bank"), addr: "127.0.0.1:0"}
	bank.start()
	m := market.Open(t, market.Topologies[0], "--stripe-url", bank.url, "--stripe-webhook-secret", "whsec_shared")
	bank.kill()
	bank.start("--webhook-url", m.Front.URL+"/api/payments/webhook", "--webhook-secret", "whsec_shared")

	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	order := buyer.Orders(seller.Lists("Tom Waits, Tempodrom Berlin", "19.99"))
	buyer.Pays(order)
	buyer.SeesOrder(order.ID, "Completed")
	bank.delivers()

	m.StopAll(m.Front)
	bank.charges()
	market.Eventually(t, "a delivery fails", func() (bool, string) {
		queue := bank.control("GET", "deliveries")
		return strings.Contains(queue, `"status":"pending","attempts":1`), queue
	})
	bank.kill()
	bank.start()
	if queue := bank.control("GET", "deliveries"); !strings.Contains(queue, `"status":"pending"`) {
		t.Errorf("the queue did not outlive the process: %s", queue)
	}
	m.StartAll(m.Front)
	bank.control("POST", "deliveries")
	bank.delivers()
}

// stripeSim is a process of stripe-sim. It keeps its folder and its address over kills and starts.
type stripeSim struct {
	t          *testing.T
	data, addr string
	url        string
	args       []string
	cmd        *exec.Cmd
	err        bytes.Buffer
}

// start starts it, with further arguments from now on.
func (s *stripeSim) start(args ...string) {
	s.t.Helper()
	s.args = append(s.args, args...)
	out := &block{ready: make(chan string, 1)}
	s.cmd = exec.Command(market.Binary(s.t), append([]string{"stripe-sim", "--addr", s.addr, "--data", s.data, "--log-level", "warn"}, s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = out, &s.err
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	running := s.cmd
	s.t.Cleanup(func() { _ = running.Process.Kill() }) // it may be gone already
	select {
	case s.url = <-out.ready:
	case <-time.After(market.Patience):
		s.t.Fatalf("stripe-sim is not ready: %s", s.err.String())
	}
	s.addr = strings.TrimPrefix(s.url, "http://")
}

// kill ends it with kill -9.
func (s *stripeSim) kill() {
	_ = s.cmd.Process.Kill() // as above
	_ = s.cmd.Wait()         // it was killed, and says so
	if strings.Contains(s.err.String(), "DATA RACE") {
		s.t.Error(s.err.String())
	}
}

func (s *stripeSim) control(method, path string) string {
	s.t.Helper()
	return s.ask(method, "/control/"+path, "")
}

func (s *stripeSim) ask(method, path, form string) string {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		s.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, body, err)
	}
	return string(body)
}

// charges takes money that no market asked for.
func (s *stripeSim) charges() {
	s.t.Helper()
	s.ask("POST", "/v1/payment_intents", "amount=1999&currency=usd&payment_method_types[]=card&payment_method=pm_card_visa&confirm=true")
}

// delivers waits until all that there is to tell has been told.
func (s *stripeSim) delivers() {
	s.t.Helper()
	market.Eventually(s.t, "all webhooks are delivered", func() (bool, string) {
		text := s.control("GET", "deliveries")
		var all []struct{ Status string }
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return false, err.Error()
		}
		for _, d := range all {
			if d.Status != "delivered" {
				return false, text
			}
		}
		return len(all) >= 3, fmt.Sprintf("%d: %s", len(all), text)
	})
}

// block takes the lines that a process prints when it is ready.
type block struct {
	mu    sync.Mutex
	text  strings.Builder
	ready chan string // gets the URL
	once  sync.Once
}

func (b *block) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Write(p)
	first, rest, whole := strings.Cut(b.text.String(), "\n")
	if url, ok := strings.CutPrefix(first, "stripe-sim ready: "); ok && whole && strings.Contains(rest, "  data ") {
		b.once.Do(func() { b.ready <- url })
	}
	return len(p), nil
}

// TestStripeSimDocument does what docs/stripe-sim.md says, as it is written there.
func TestStripeSimDocument(t *testing.T) {
	t.Parallel()
	needShell(t)
	content, err := os.ReadFile("../docs/stripe-sim.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := readWalk(string(content), "")
	if len(steps) < 5 {
		t.Fatalf("it has only %d steps with an expectation", len(steps))
	}
	bank := &stripeSim{t: t, data: filepath.Join(t.TempDir(), "bank"), addr: "127.0.0.1:0"}
	bank.start()
	takeWalk(t, steps, strings.NewReplacer("http://127.0.0.1:12111", bank.url))
}
