package pages

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/httpapi"
	"ticketing/test/browser"
	"ticketing/web"
)

// stage is a site whose API a test writes: the real pages, in states that a market is in for moments, or never.
type stage struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	answers map[string]staged
}

// staged is an answer of the API.
type staged struct {
	status int
	body   string
	then   func() // what the request changes; nil: nothing
}

// What is the same on every stage: somebody who is signed in, and one ticket that they order.
const (
	stagedOrder  = "01a20563-dbe4-7d59-b8b9-37aeb805d149"
	stagedTicket = "01a20563-dbe4-7d59-b8b9-37aeb805d150"
)

func openStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, answers: map[string]staged{}}
	s.says("GET /api/users/currentuser", 200, `{"currentUser":{"id":"u1","email":"bert@example.com","createdAt":"2026-01-01T12:00:00Z"}}`)
	s.says("GET /api/payments/config", 200, `{"publishableKey":"","simulator":true}`)
	s.says("GET /api/payments", 200, `[]`)
	nothing := func() ([]byte, error) { return []byte(`{}`), nil }
	pages, err := web.New(web.Options{API: s, OpenAPI: nothing, AsyncAPI: nothing})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(httpapi.Edge(httpapi.EdgeOptions{}, pages))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// says makes the API answer this request in this way, from now on.
func (s *stage) says(request string, status int, body string) {
	s.does(request, staged{status: status, body: body})
}

func (s *stage) does(request string, answer staged) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[request] = answer
}

// refuses makes the API answer with a problem.
func (s *stage) refuses(request string, status int, code string) {
	s.says(request, status, fmt.Sprintf(`{"status":%d,"code":%q,"detail":"It cannot be done.","errors":[{"message":"It cannot be done."}]}`, status, code))
}

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	answer, known := s.answers[r.Method+" "+r.URL.Path]
	s.mu.Unlock()
	if !known {
		answer = staged{status: 404, body: `{"status":404,"code":"not_found","detail":"No.","errors":[{"message":"No."}]}`}
	}
	if answer.status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
	} else {
		w.Header().Set("Content-Type", "application/json")
	}
	if answer.then != nil {
		answer.then()
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body) // a browser that has gone needs no answer
}

// order stages the order, its ticket and its payments.
func (s *stage) order(status, more string, ticket, charges string) {
	now := time.Now().UTC()
	s.says("GET /api/orders/"+stagedOrder, 200, fmt.Sprintf(`{"id":%q,"userId":"u1","status":%q,"expiresAt":%q,"createdAt":%q,"version":2,
		"ticket":{"id":%q,"title":"Row 3","price":49.9,"currency":"usd"}%s}`, stagedOrder, status, now.Add(15*time.Minute).Format(time.RFC3339),
		now.Format(time.RFC3339), stagedTicket, more))
	if ticket == "" {
		s.refuses("GET /api/tickets/"+stagedTicket, 404, "not_found")
	} else {
		s.says("GET /api/tickets/"+stagedTicket, 200, fmt.Sprintf(`{"id":%q,"title":"Row 3","price":49.9,"currency":"usd","userId":"u2","version":3,
			"venue":"The Hall","createdAt":%q,%s}`, stagedTicket, now.Format(time.RFC3339), ticket))
	}
	s.says("GET /api/payments", 200, charges)
}

// waits is an order that can be paid.
func (s *stage) waits(charges string) {
	s.order("AwaitingPayment", `,"expiresIn":899`, `"status":"locked","orderId":"`+stagedOrder+`"`, charges)
}

// charge is a payment of the order.
func charge(status, more string) string {
	return `[{"id":"c1","orderId":"` + stagedOrder + `","status":"` + status + `","amount":49.9,"currency":"usd","createdAt":"2026-01-01T12:01:00Z"` + more + `}]`
}

// browser is the browser of the one who is signed in.
func (s *stage) browser(o browser.Options) *browser.Page {
	s.t.Helper()
	p := browser.Open(s.t, s.url, o)
	p.Cookie("session", "u1")
	return p
}

// TestOrdersInEveryState opens the page of an order in each of its states, those too that pass in a moment.
func TestOrdersInEveryState(t *testing.T) {
	t.Parallel()
	s := openStage(t)
	p := s.browser(browser.Options{Elsewhere: map[string]string{stripeAddress: stripeScript}})
	const waiting, free, sold = `,"expiresIn":899`, `"status":"available"`, `"status":"sold"`
	locked, key := `"status":"locked","orderId":"`+stagedOrder+`"`, `{"publishableKey":"pk_test_1","simulator":false}`
	over := func(reason string) string { return `,"cancelReason":"` + reason + `"` }
	for _, c := range []struct{ name, status, more, ticket, charges, config, sees string }{
		{"being locked", "Created", waiting, free, `[]`, "", "being locked for you"},
		{"one attempt has failed", "AwaitingPayment", waiting, locked, charge("Failed", `,"failureCode":"insufficient_funds"`), "", "try another card"},
		{"paying", "AwaitingPayment", waiting, locked, charge("Created", ""), "", "Your payment is being made"},
		{"Stripe's form", "AwaitingPayment", waiting, locked, `[]`, key, "The card goes here"},
		{"Stripe's bank step", "AwaitingPayment", waiting, locked, charge("Created", ""), key, "in the window in which you have paid"},
		{"payments are not set up", "AwaitingPayment", waiting, locked, `[]`, `{"publishableKey":"","simulator":false}`, "not set up"},
		{"ending", "AwaitingPayment", `,"expiresIn":0`, locked, `[]`, "", "The time to pay is over"},
		{"payments are away", "AwaitingPayment", waiting, locked, "away", "", "You cannot pay right now"},
		{"expired", "Cancelled", over("expired"), free, `[]`, "", "The time to pay was over"},
		{"being released", "Cancelled", over("by_buyer"), locked, `[]`, "", "just being released"},
		{"declined", "Cancelled", over("payment_failed"), free, charge("Failed", `,"failureCode":"expired_card"`), "", "card has expired"},
		{"somebody was faster", "Cancelled", over("ticket_unavailable"), sold, `[]`, "", "bought this ticket by now"},
		{"changed and withdrawn", "Cancelled", over("ticket_changed"), `"status":"withdrawn"`, `[]`, "", "withdrawn"},
		{"unknown ticket", "Cancelled", over("expired"), "", `[]`, "", "not known right now"},
		{"refund due", "Cancelled", over("expired"), sold, charge("Completed", `,"refundStatus":"due"`), "", "goes back to you by itself"},
		{"refund on its way", "Cancelled", over("expired"), sold, charge("Completed", `,"refundStatus":"pending"`), "", "on its way back"},
		{"refunded", "Cancelled", over("expired"), sold, charge("Completed", `,"refundStatus":"succeeded","stripeId":"pi_1"`), "", "has gone back to you"},
		{"refund failed", "Cancelled", over("expired"), sold, charge("Completed", `,"refundStatus":"failed"`), "", "We try again"},
	} {
		s.says("GET /api/payments/config", 200, `{"publishableKey":"","simulator":true}`)
		if c.config != "" {
			s.says("GET /api/payments/config", 200, c.config)
		}
		s.order(c.status, c.more, c.ticket, c.charges)
		if c.charges == "away" {
			s.refuses("GET /api/payments", 404, "not_found")
		}
		p.Visit("/orders/" + stagedOrder)
		p.Sees(c.sees)
		inspect(p, "order, "+c.name)
	}
}

// TestRefusalsHavePages opens the page of each kind of thing that cannot be done, and the form that was refused.
func TestRefusalsHavePages(t *testing.T) {
	t.Parallel()
	s := openStage(t)
	p := s.browser(browser.Options{})
	p.Expects(" for ")
	for _, c := range []struct {
		status     int
		code, sees string
	}{
		{400, "invalid", "It cannot be done"}, {403, "not_seller", "Only the seller"}, {404, "not_found", "does not exist"},
		{409, "ticket_locked", "The ticket is locked"}, {429, "too_many_requests", "Too many requests"},
		{500, "internal", "wrong on our side"}, {503, "unavailable", "cannot answer right now"},
	} {
		s.refuses("GET /api/tickets/"+stagedTicket, c.status, c.code)
		p.Visit("/tickets/" + stagedTicket)
		p.Shows("main h1")
		p.Sees(c.sees)
		inspect(p, fmt.Sprintf("error %d", c.status))
	}
	s.order("Cancelled", "", `"status":"available"`, `[]`)
	s.refuses("POST /api/orders", 409, "ticket_locked")
	p.Visit("/tickets/" + stagedTicket)
	p.Go("Order this ticket")
	p.Shows("main h1")
	inspect(p, "order, refused")
	s.says("GET /api/orders", 200, `[]`)
	p.Visit("/orders")
	p.Shows(".empty")
	inspect(p, "orders, none")
	p.Visit("/help")
	p.Sees("double click")
	inspect(p, "help")
}

// TestOtherSitesAreAnnounced opens the pages that stand between ours and those of others: the bank's, and Stripe's for sellers.
func TestOtherSitesAreAnnounced(t *testing.T) {
	t.Parallel()
	bank := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // so that ours stays open; while a page waits for another it does not take every command
	}))
	t.Cleanup(bank.Close)
	s := openStage(t)
	s.waits(`[]`)
	s.does("POST /api/payments", staged{202, one(charge("Created", `,"bankUrl":"`+bank.URL+`/step"`)), func() { s.waits(charge("Created", "")) }})
	s.says("POST /api/payments/account", 200, `{"accountId":"acct_1","onboardingUrl":"`+bank.URL+`/account"}`)
	p := s.browser(browser.Options{})
	p.Expects("another host is asked: " + bank.URL)
	p.Visit("/orders/" + stagedOrder)
	p.Press("4000 0000 0000 3220")
	p.Go("Pay $49.90")
	p.Sees("Go to your bank")
	inspect(p, "to the bank")
	p.Visit("/help")
	p.Value(`document.body.insertAdjacentHTML('beforeend', '<form id="account" method="post" action="/selling/account"></form>')`)
	p.Submit("#account")
	p.Shows("a[href='" + bank.URL + "/account']")
	inspect(p, "to Stripe, for sellers")
}

// one is the only thing of a list.
func one(list string) string { return list[1 : len(list)-1] }
