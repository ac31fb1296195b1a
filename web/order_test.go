package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ticketing/web"
)

// books is an API in which one buyer has one order, in any state.
type books struct {
	order, ticket, config string
	charges               string // empty: payments do not answer
}

const (
	orderID  = "01a20563-dbe4-7d59-b8b9-37aeb805d149"
	ticketID = "01a20563-dbe4-7d59-b8b9-37aeb805d150"
)

func anOrder(status, more string) string {
	return `{"id":"` + orderID + `","userId":"u1","status":"` + status + `","expiresAt":"2027-01-01T12:15:00Z","createdAt":"2027-01-01T12:00:00Z",
		"version":2,"ticket":{"id":"` + ticketID + `","title":"Row <3>","price":49.9,"currency":"usd"}` + more + `}`
}

func aTicket(status, more string) string {
	return `{"id":"` + ticketID + `","title":"Row <3>","price":49.9,"currency":"usd","userId":"u2","status":"` + status + `","version":3` + more + `}`
}

func aCharge(status, more string) string {
	return `[{"id":"c1","orderId":"` + orderID + `","status":"` + status + `","amount":49.9,"currency":"usd","createdAt":"2027-01-01T12:01:00Z"` + more + `}]`
}

func (b books) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := map[string]string{
		"/api/users/currentuser": `{"currentUser":{"id":"u1","email":"bert@example.com"}}`,
		"/api/orders/" + orderID: b.order, "/api/tickets/" + ticketID: b.ticket,
		"/api/payments": b.charges, "/api/payments/config": b.config,
	}[r.URL.Path]
	if answer == "" {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		answer = `{"status":404,"code":"not_found","detail":"No.","errors":[{"message":"No."}]}`
	}
	_, _ = io.WriteString(w, answer) // a test that has gone needs no answer
}

// noon is when the order was made.
var noon = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)

// opens is what the buyer sees at a path.
func (b books) opens(t *testing.T, path, language string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept", browser)
	r.Header.Set("Accept-Language", language)
	r.AddCookie(&http.Cookie{Name: "session", Value: "u1"})
	w := httptest.NewRecorder()
	site(t, web.Options{API: b, Now: func() time.Time { return noon.Add(time.Second) }}).ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

const simulated = `{"publishableKey":"","simulator":true}`

func TestAnOrderInEveryState(t *testing.T) {
	waits, open := anOrder("AwaitingPayment", `,"expiresIn":899`), aTicket("locked", `,"orderId":"`+orderID+`","lockedUntil":"2027-01-01T12:15:00Z"`)
	over := func(reason string) string { return anOrder("Cancelled", `,"cancelReason":"`+reason+`"`) }
	for _, c := range []struct {
		name, state        string
		order, ticket, has string // charges
		sees, misses       []string
		refresh            int
	}{
		{"being locked", "locking", anOrder("Created", `,"expiresIn":899`), aTicket("available", ""), "[]",
			[]string{"being locked for you", `action="/orders/` + orderID + `/cancel"`}, []string{`id="pay"`}, 2},
		{"to be paid", "checkout", waits, open, "[]",
			[]string{"locked for you", "until 12:15\u00a0pm UTC", "14:59", `data-total="900000"`, "Pay $49.90", "4242 4242 4242 4242", "Yes, cancel", `name="key"`}, []string{"js.stripe.com"}, 900},
		{"one attempt has failed", "checkout", waits, open, aCharge("Failed", `,"failureCode":"insufficient_funds"`),
			[]string{"not enough money", "Nothing was charged", "another card"}, nil, 900},
		{"not decided", "paying", waits, open, aCharge("Created", ""),
			[]string{"payment is being made"}, []string{`id="pay"`, "Yes, cancel", "Pay $49.90"}, 2},
		{"about to be completed", "paying", waits, open, aCharge("Completed", ""), []string{"payment is being made"}, []string{`id="pay"`}, 2},
		{"the time is over", "ending", anOrder("AwaitingPayment", `,"expiresIn":0`), open, "[]", []string{"time to pay is over"}, []string{`id="pay"`}, 2},
		{"payments are away", "away", waits, open, "", []string{"cannot pay right now"}, []string{`id="pay"`}, 2},
		{"paid", "paid", anOrder("Completed", ""), aTicket("sold", `,"venue":"The Hall","startsAt":"2027-02-01T19:30:00Z","timeZone":"Europe/Berlin"`),
			aCharge("Completed", `,"stripeId":"pi_1"`), []string{"The ticket is yours", "The Hall", "8:30\u00a0pm CET", "12:01\u00a0pm UTC", "bert@example.com", "pi_1", orderID}, []string{"Try again", "/order\""}, 0},
		{"expired", "cancelled", over("expired"), aTicket("available", ""), "[]",
			[]string{"time to pay was over", "Nothing was charged", "same price", "Order for $49.90", `action="/tickets/` + ticketID + `/order"`}, nil, 0},
		{"cancelled by the buyer", "cancelled", over("by_buyer"), aTicket("locked", `,"orderId":"x","lockedUntil":"2027-01-01T12:20:00Z"`), "[]",
			[]string{"You have cancelled it", "until 12:20\u00a0pm UTC"}, []string{"Order for"}, 0},
		{"cancelled just now", "cancelled", over("by_buyer"), open, "[]", []string{"just being released", "data-settling"}, []string{"Order for"}, 2},
		{"the payment failed", "cancelled", over("payment_failed"), strings.Replace(aTicket("available", ""), "49.9", "55", 1), aCharge("Failed", `,"failureCode":"expired_card"`),
			[]string{"did not go through", "card has expired", "price is now $55.00", "Order for $55.00"}, nil, 0},
		{"the ticket was changed", "cancelled", over("ticket_changed"), aTicket("withdrawn", ""), "[]", []string{"changed the ticket", "withdrawn"}, []string{"Order for"}, 0},
		{"somebody else was faster", "cancelled", over("ticket_unavailable"), aTicket("sold", ""), "[]", []string{"was faster", "bought this ticket by now"}, []string{"Order for"}, 0},
		{"the event has begun", "cancelled", over("expired"), aTicket("available", `,"startsAt":"2020-01-01T00:00:00Z"`), "[]", []string{"event has begun"}, []string{"Order for"}, 0},
		{"the ticket is not known", "cancelled", over("expired"), "", "[]", []string{"not known right now"}, []string{"Order for"}, 0},
		{"refund due", "cancelled", over("expired"), aTicket("sold", ""), aCharge("Completed", `,"refundStatus":"due"`), []string{"goes back to you by itself"}, []string{"Nothing was charged"}, 0},
		{"refund pending", "cancelled", over("expired"), aTicket("sold", ""), aCharge("Completed", `,"refundStatus":"pending"`), []string{"on its way back", "refund under way"}, nil, 0},
		{"refunded", "cancelled", over("expired"), aTicket("sold", ""), aCharge("Completed", `,"refundStatus":"succeeded"`), []string{"$49.90 has gone back"}, nil, 0},
		{"refund failed", "cancelled", over("expired"), aTicket("sold", ""), aCharge("Completed", `,"refundStatus":"failed"`), []string{"We try again until it arrives"}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := books{c.order, c.ticket, simulated, c.has}
			resp, page := b.opens(t, "/orders/"+orderID, "en")
			if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v", resp.StatusCode, resp.Header)
			}
			for _, want := range append(c.sees, `data-state="`+c.state+`"`, `data-about="order:`+orderID+` ticket:`+ticketID+`"`, "Row &lt;3&gt;", "<h1>") {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			for _, unwanted := range append(c.misses, "%!", "<3>", "(MISSING)") {
				if strings.Contains(page, unwanted) {
					t.Errorf("the page has %q", unwanted)
				}
			}
			if got := strings.Contains(page, `http-equiv="refresh"`); got != (c.refresh > 0) || got && !strings.Contains(page, fmt.Sprintf(`content="%d"></noscript>`, c.refresh)) {
				t.Errorf("it does not look again after %d s", c.refresh)
			}
			wellFormed(t, c.name, page)
			_, part := b.opens(t, "/fragments/orders/"+orderID, "en")
			if !strings.Contains(part, `data-state="`+c.state+`"`) || strings.Contains(part, "<html") || strings.Contains(part, `id="pay"`) {
				t.Errorf("its part that is fetched again is %s", part)
			}
			if _, german := b.opens(t, "/orders/"+orderID, "de"); !strings.Contains(german, `lang="de"`) || strings.Contains(german, "%!") || strings.Contains(german, "ticket is") {
				t.Errorf("in German it is\n%s", german)
			}
			if t.Failed() {
				t.Log(page)
			}
		})
	}
}

func TestEveryFailureHasItsReason(t *testing.T) {
	for code, want := range map[string]string{
		"insufficient_funds": "not enough money", "timeout": "called off", "lost_card": "The bank refused the payment.", "payment_intent_authentication_failure": "not completed",
	} {
		b := books{anOrder("Cancelled", `,"cancelReason":"payment_failed"`), aTicket("sold", ""), simulated, aCharge("Failed", `,"failureCode":"`+code+`"`)}
		if _, page := b.opens(t, "/orders/"+orderID, "en"); !strings.Contains(page, want) {
			t.Errorf("%s is not explained by %q", code, want)
		}
	}
}

func TestRealCardsGoToStripeAlone(t *testing.T) {
	b := books{anOrder("AwaitingPayment", `,"expiresIn":899`), aTicket("locked", ""), `{"publishableKey":"pk_test_1","simulator":false}`, "[]"}
	resp, page := b.opens(t, "/orders/"+orderID, "en")
	for _, want := range []string{`data-stripe="pk_test_1"`, `data-minor="4990"`, `data-currency="usd"`, `<script src="https://js.stripe.com/`, "<noscript><p", "never see them"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, unwanted := range []string{`name="number"`, `name="cvc"`, "4242 4242"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page has %q, which would come to our server", unwanted)
		}
	}
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"script-src 'self' https://js.stripe.com", "frame-src https://js.stripe.com", "connect-src 'self' https://api.stripe.com", "default-src 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	b.charges = aCharge("Created", "")
	resp, page = b.opens(t, "/orders/"+orderID, "en")
	for _, want := range []string{`data-step="pk_test_1"`, `data-charge="c1"`, `data-order="` + orderID + `"`, `data-script="https://js.stripe.com/`, "<noscript><p", "in the window in which you have paid"} {
		if !strings.Contains(page, want) {
			t.Errorf("while the bank is asked the page lacks %q", want)
		}
	}
	if got := resp.Header.Get("Content-Security-Policy"); got != policy {
		t.Errorf("while the bank is asked the policy is %q", got)
	}
	if strings.Contains(page, "<script src=") {
		t.Error("Stripe's script is loaded before it is known that it has something to do")
	}
	b.charges = aCharge("Completed", "")
	if resp, page := b.opens(t, "/orders/"+orderID, "en"); strings.Contains(page, "data-step") || strings.Contains(resp.Header.Get("Content-Security-Policy"), "stripe") {
		t.Error("a payment that is decided lets Stripe's script in")
	}
	b.charges, b.config = aCharge("Created", ""), simulated
	if _, page := b.opens(t, "/orders/"+orderID, "en"); strings.Contains(page, "data-step") {
		t.Error("with the simulator there is a step of Stripe's")
	}
	b.charges = "[]"
	if resp, _ := b.opens(t, "/orders/"+orderID, "en"); strings.Contains(resp.Header.Get("Content-Security-Policy"), "stripe") {
		t.Error("with the simulator the page may load Stripe's script")
	}
	b.config = `{"publishableKey":"","simulator":false}`
	if _, page := b.opens(t, "/orders/"+orderID, "en"); !strings.Contains(page, "not set up") {
		t.Error("nobody says that payments are not set up")
	}
}

func TestAnotherOnesOrderDoesNotExist(t *testing.T) {
	for _, path := range []string{"/orders/" + orderID, "/orders/x", "/orders/" + orderID + "/bank"} {
		if resp, page := (books{}).opens(t, path, "en"); resp.StatusCode != 404 || !strings.Contains(page, "does not exist") {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestNobodyIsSentToSignInFirst(t *testing.T) {
	for path, next := range map[string]string{"/orders": "%2Forders", "/orders/" + orderID: "%2Forders%2F" + orderID} {
		resp, _ := get(t, site(t, web.Options{}), "GET", path, browser)
		if resp.StatusCode != 303 || resp.Header.Get("Location") != "/signin?next="+next {
			t.Errorf("%s: %d to %s", path, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}

func TestHelpIsThereForEverybody(t *testing.T) {
	s := site(t, web.Options{})
	resp, page := get(t, s, "GET", "/help", browser)
	if resp.StatusCode != 200 || !strings.Contains(page, "double click") || strings.Count(page, "<h2") != 8 {
		t.Errorf("%d\n%s", resp.StatusCode, page)
	}
	wellFormed(t, "/help", page)
	if _, german := (books{}).opens(t, "/help", "de-DE"); !strings.Contains(german, "Doppelklick") {
		t.Errorf("%s", german)
	}
}

// A name that begins with "on" is that of a script to html/template, also behind "data-": what is put into its value is
// quoted as a script would want it.
func TestNoAttributeLooksLikeAScript(t *testing.T) {
	names, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	partials, err := filepath.Glob("templates/partials/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, partials...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`\s(data-)?on\w*="[^"]*\{\{`).Find(text); found != nil {
			t.Errorf("%s has %q: call the attribute something else", name, found)
		}
	}
}
