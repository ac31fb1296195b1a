package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ticketing/test/require"
	"ticketing/web"
)

// TestStripeScript runs what the page does with Stripe's script, against a Stripe that a test has made.
func TestStripeScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		require.Skip(t, "node")
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"static/stripe.js": "stripe.mjs", "testdata/stripe_test.mjs": "stripe_test.mjs"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, node, "--test", "stripe_test.mjs")
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// payments answers like books, and to a payment as it is told.
type payments struct {
	books
	status int
	answer string
	header http.Header
	asked  []map[string]string
	keys   []string
}

func (p *payments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		p.books.ServeHTTP(w, r)
		return
	}
	var body map[string]string
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.asked, p.keys = append(p.asked, body), append(p.keys, r.Header.Get("Idempotency-Key"))
	for name, values := range p.header {
		w.Header()[name] = values
	}
	if p.status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, p.answer) // a test that has gone needs no answer
}

// pays sends the form of the order's page.
func (p *payments) pays(t *testing.T, s http.Handler, pairs ...string) (*http.Response, string) {
	t.Helper()
	values := url.Values{"key": {"k"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", "http://market.example/orders/"+orderID+"/pay", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", browser)
	r.AddCookie(&http.Cookie{Name: "session", Value: "u1"})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

func toBePaid() books {
	return books{anOrder("AwaitingPayment", `,"expiresIn":899`), aTicket("locked", ""), simulated, "[]"}
}

func (p *payments) site(t *testing.T) http.Handler {
	return site(t, web.Options{API: p, Now: func() time.Time { return noon }})
}

func TestACardIsNamedNotNumbered(t *testing.T) {
	p := &payments{books: toBePaid(), status: 202, answer: `{"id":"c1","orderId":"` + orderID + `","status":"Created","amount":49.9,"currency":"usd"}`}
	s := p.site(t)
	for range 2 {
		resp, _ := p.pays(t, s, "number", "4000 0000 0000 3220", "expiry", "12/34", "cvc", "123", "card", "pm_card_visa")
		if resp.StatusCode != 303 || resp.Header.Get("Location") != "/orders/"+orderID {
			t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	p.pays(t, s, "card", "pm_card_visa")
	want := map[string]string{"orderId": orderID, "token": "pm_card_threeDSecure2Required", "returnUrl": "http://market.example/payments/return?order=" + orderID}
	for name, value := range want {
		if p.asked[0][name] != value {
			t.Errorf("the API was asked for %v", p.asked[0])
		}
	}
	if p.keys[0] == "" || p.keys[0] != p.keys[1] || p.keys[0] == p.keys[2] || p.asked[2]["token"] != "pm_card_visa" {
		t.Errorf("the keys are %v for %v", p.keys, p.asked)
	}
}

func TestABankElsewhere(t *testing.T) {
	p := &payments{books: toBePaid(), status: 202,
		answer: `{"id":"c1","orderId":"` + orderID + `","status":"Created","amount":49.9,"currency":"usd","clientSecret":"s","bankUrl":"https://bank.example/step?a=1&b=2"}`}
	s := p.site(t)
	resp, _ := p.pays(t, s, "card", "pm_card_threeDSecure2Required")
	cookies := resp.Cookies()
	if resp.Header.Get("Location") != "/orders/"+orderID+"/bank" || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].Path != "/orders/"+orderID {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	p.charges = aCharge("Created", "")
	ask := func(path string) (*http.Response, string) {
		r := httptest.NewRequest("GET", "http://market.example"+path, nil)
		r.Header.Set("Accept", browser)
		r.AddCookie(&http.Cookie{Name: "session", Value: "u1"})
		r.AddCookie(cookies[0])
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result(), w.Body.String()
	}
	resp, page := ask("/orders/" + orderID + "/bank")
	if resp.StatusCode != 200 || resp.Header.Get("Refresh") != "1; url=https://bank.example/step?a=1&b=2" || !strings.Contains(page, `href="https://bank.example/step?a=1&amp;b=2"`) {
		t.Errorf("%d %v\n%s", resp.StatusCode, resp.Header, page)
	}
	wellFormed(t, "the way to the bank", page)
	if _, page := ask("/orders/" + orderID); !strings.Contains(page, "/orders/"+orderID+"/bank") {
		t.Error("the order does not lead back to the bank")
	}
	p.charges = aCharge("Failed", `,"failureCode":"timeout"`)
	if resp, _ := ask("/orders/" + orderID + "/bank"); resp.StatusCode != 303 || resp.Header.Get("Location") != "/orders/"+orderID {
		t.Errorf("a step that is over leads to %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
}

func TestPaymentsThatAreAwayAreSaid(t *testing.T) {
	const away = "The payment provider cannot be reached. Nothing was charged, and the order waits for you. Try again in a moment."
	p := &payments{books: toBePaid(), status: 503, header: http.Header{"Retry-After": {"7"}},
		answer: `{"status":503,"code":"unavailable","detail":"` + away + `","errors":[{"message":"` + away + `"}]}`}
	resp, page := p.pays(t, p.site(t), "number", "4242 4242 4242 4242", "expiry", "12/34", "cvc", "123", "holder", "Fred Fan")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	for _, want := range []string{away, `value="4242 4242 4242 4242"`, `value="Fred Fan"`, "Pay $49.90"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestAPaymentThatIsStillBeingMadeIsShown(t *testing.T) {
	for _, code := range []string{"idempotency_key_in_use", "payment_in_progress", "order_expired", "order_not_payable"} {
		p := &payments{books: toBePaid(), status: 409, answer: `{"status":409,"code":"` + code + `","detail":"No.","errors":[{"message":"No."}]}`}
		if resp, _ := p.pays(t, p.site(t), "card", "pm_card_visa"); resp.StatusCode != 303 || resp.Header.Get("Location") != "/orders/"+orderID {
			t.Errorf("%s leads to %d %s", code, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}

func TestRealCardsAreNotTakenHere(t *testing.T) {
	p := &payments{books: toBePaid(), status: 201, answer: "{}"}
	p.config = `{"publishableKey":"pk_test_1","simulator":false}`
	if resp, _ := p.pays(t, p.site(t), "number", "4242 4242 4242 4242", "expiry", "12/34", "cvc", "123"); resp.StatusCode != 303 || len(p.asked) != 0 {
		t.Errorf("%d, and the API was asked for %v", resp.StatusCode, p.asked)
	}
}
