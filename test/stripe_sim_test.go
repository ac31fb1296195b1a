package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"ticketing/test/market"
)

// TestStripeSim lets a market sell at a simulator in a process of its own. What the simulator has to tell payments outlives
// kill -9 of the one and absences of the other.
func TestStripeSim(t *testing.T) {
	t.Parallel()
	bank := newStripeSim(t)
	m := market.Open(t, market.Topologies[0], bank.Flags()...)
	bank.Tell(m)

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
	bank.Kill()
	bank.Start()
	if queue := bank.control("GET", "deliveries"); !strings.Contains(queue, `"status":"pending"`) {
		t.Errorf("the queue did not outlive the process: %s", queue)
	}
	m.StartAll(m.Front)
	bank.control("POST", "deliveries")
	bank.delivers()
}

// stripeSim is a bank and what can be asked of it.
type stripeSim struct {
	*market.Bank
	t *testing.T
}

func newStripeSim(t *testing.T) *stripeSim { return &stripeSim{market.NewBank(t), t} }

func (s *stripeSim) control(method, path string) string {
	s.t.Helper()
	return s.ask(method, "/control/"+path, "")
}

func (s *stripeSim) ask(method, path, form string) string {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(form))
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
	bank := newStripeSim(t)
	bank.Start()
	takeWalk(t, steps, strings.NewReplacer("http://127.0.0.1:12111", bank.URL))
}
