package main

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"
)

// person is somebody with a browser's memory.
type person struct {
	t      *testing.T
	url    string
	client *http.Client
}

func newPerson(t *testing.T, m *market, email string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t, m.url, &http.Client{Jar: jar}}
	p.does("POST", "/api/users/signup", `{"email":"`+email+`","password":"four small words"}`, 201)
	return p
}

// does asks for something and returns the answer's object.
func (p *person) does(method, path, body string, want int) (answer struct{ ID, Status string }) {
	p.t.Helper()
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != want {
		p.t.Fatalf("%s %s: %d, want %d: %+v (%v)", method, path, resp.StatusCode, want, answer, err)
	}
	return answer
}

// sees waits for a status.
func (p *person) sees(path, want string) {
	p.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for got := ""; got != want; got = p.does("GET", path, "", 200).Status {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s is %s, not %s", path, got, want)
		}
	}
}

func buys(t *testing.T, m *market) {
	t.Helper()
	seller, buyer := newPerson(t, m, "sam@example.com"), newPerson(t, m, "ann@example.com")
	ticket := seller.does("POST", "/api/tickets", `{"title":"Row 3, seat 12","price":49.90}`, 201)
	order := buyer.does("POST", "/api/orders", `{"ticketId":"`+ticket.ID+`"}`, 201)
	if order.Status != "AwaitingPayment" {
		t.Errorf("the order is %s", order.Status)
	}
	charge := buyer.does("POST", "/api/payments", `{"orderId":"`+order.ID+`","token":"pm_card_visa"}`, 201)
	if charge.Status != "Completed" {
		t.Errorf("the charge is %s", charge.Status)
	}
	buyer.sees("/api/orders/"+order.ID, "Completed")
	seller.sees("/api/tickets/"+ticket.ID, "sold")
}

func TestPurchase(t *testing.T) {
	m := serve(t, "--data", t.TempDir(), "--currency", "eur", "--lock-duration", "90s")
	for _, want := range []string{"payments   simulated", "lock       1m30s, prices in EUR"} {
		if !strings.Contains(m.out.String(), want) {
			t.Errorf("the block lacks %q:\n%s", want, m.out)
		}
	}
	buys(t, m)
}

func TestPurchaseWithTheSimulatorOfAnotherProcess(t *testing.T) {
	bank := serve(t, "payments", "--auth-url", "http://127.0.0.1:1", "--data", t.TempDir())
	m := serve(t, "--data", t.TempDir(), "--stripe-url", bank.ops)
	if !strings.Contains(m.out.String(), "payments   "+bank.ops) {
		t.Errorf("the block does not say who takes the money:\n%s", m.out)
	}
	buys(t, m)
}

func TestExpiry(t *testing.T) {
	m := serve(t, "--data", t.TempDir(), "--lock-duration", "500ms")
	seller, buyer := newPerson(t, m, "sam@example.com"), newPerson(t, m, "ann@example.com")
	ticket := seller.does("POST", "/api/tickets", `{"title":"Row 3, seat 12","price":49.90}`, 201)
	order := buyer.does("POST", "/api/orders", `{"ticketId":"`+ticket.ID+`"}`, 201)
	buyer.sees("/api/orders/"+order.ID, "Cancelled")
	seller.sees("/api/tickets/"+ticket.ID, "available")
}
