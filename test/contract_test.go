package test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/test/apicheck"
	"ticketing/test/market"
)

const webhookSecret = "whsec_of_the_contract"

// TestContract holds everything that the handlers answer against the documents that the program serves: good requests,
// which reach every operation and every success of it, and all sorts of bad ones.
func TestContract(t *testing.T) {
	m := market.Open(t, market.Topologies[0], "--stripe-webhook-secret", webhookSecret, "--payout-after", "1h")
	c := &contract{T: t, m: m, nobody: m.Person("nobody"), seen: map[string]map[string]bool{}, pages: map[string]bool{}}
	c.doc = c.document("/openapi.json", "openapi")
	events := c.document("/asyncapi.json", "asyncapi")
	c.people()
	c.tickets()
	c.orders()
	c.payments()
	c.everyOperation()
	c.strangePaths()
	c.limits()
	c.coverage()
	c.events(events)
}

type contract struct {
	*testing.T
	m      *market.Market
	doc    *apicheck.Document
	nobody *market.Person
	seen   map[string]map[string]bool // by operation: the statuses that were answered
	pages  map[string]bool            // problems whose page has been looked at

	seller, buyer, other *market.Person
	free, taken, gone    market.Ticket // available, locked, sold
	order, paid          market.Order
}

// document is what the program serves, which is what its command prints.
func (c *contract) document(path, command string) *apicheck.Document {
	c.Helper()
	served := c.nobody.Ask("GET", path, nil).Want(200).Body
	_, printed, errs := market.Tool(c.T, command)
	var a, b bytes.Buffer
	if json.Compact(&a, served) != nil || json.Compact(&b, []byte(printed)) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		c.Errorf("ticketing %s prints another document than %s is: %s", command, path, errs)
	}
	d, err := apicheck.Parse(served)
	if err != nil {
		c.Fatalf("%s: %v", path, err)
	}
	return d
}

func credentials(p *market.Person) map[string]string {
	return map[string]string{"email": p.Email, "password": p.Password}
}

// people makes the accounts, and everything that can be done with one.
func (c *contract) people() {
	make := func(name string) *market.Person {
		p := c.m.Person(name)
		p.User = market.As[market.User](c.ask(p, "POST /api/users/signup", "", credentials(p)).Want(201))
		return p
	}
	c.seller, c.buyer, c.other = make("sally"), make("bert"), make("otto")
	const up, in, me = "POST /api/users/signup", "POST /api/users/signin", "PATCH /api/users/me"
	c.ask(c.nobody, up, "", credentials(c.seller)).Refused(409, "email_taken")
	c.ask(c.nobody, up, "", map[string]any{"email": "x", "password": "short"}).Refused(400, "invalid")
	c.ask(c.other, "POST /api/users/signout", "", nil).Want(200)
	c.ask(c.other, "GET /api/users/currentuser", "", nil).Want(200)
	c.ask(c.other, in, "", map[string]string{"email": c.other.Email, "password": "a wrong one"}).Refused(401, "bad_credentials")
	c.ask(c.other, in, "", credentials(c.other)).Want(200)
	key := []string{"Idempotency-Key", "sign-in"}
	c.ask(c.m.Person("otto's phone"), in, "", credentials(c.other), key...).Want(200)
	again := c.ask(c.m.Person("otto's phone"), in, "", credentials(c.other), key...).Want(200)
	if again.Header.Get("Idempotent-Replayed") != "true" || again.Header.Get("Set-Cookie") == "" {
		c.Errorf("%s is no repeat: %v", again, again.Header)
	}
	c.ask(c.other, "GET /api/users/currentuser", "", nil).Want(200)
	c.ask(c.other, me, "", map[string]string{"currentPassword": c.other.Password, "email": "otto.new@example.com"}).Want(200)
	c.ask(c.other, me, "", map[string]string{"currentPassword": c.other.Password, "password": "another password"}).Want(200)
	c.ask(c.other, me, "", map[string]string{"currentPassword": "wrong", "password": "another password"}).Refused(401, "bad_credentials")
	c.ask(c.other, me, "", map[string]string{"currentPassword": "another password", "email": c.seller.Email}).Refused(409, "email_taken")
	c.ask(c.nobody, "GET /api/users/jwks", "", nil).Want(200)
}

const (
	listTickets, createTicket            = "GET /api/tickets", "POST /api/tickets"
	readTicket, editTicket, removeTicket = "GET /api/tickets/{id}", "PUT /api/tickets/{id}", "DELETE /api/tickets/{id}"
	createOrder, readOrder, removeOrder  = "POST /api/orders", "GET /api/orders/{id}", "DELETE /api/orders/{id}"
	pay                                  = "POST /api/payments"
)

// tickets lists, reads, edits and withdraws.
func (c *contract) tickets() {
	full := map[string]any{"title": "Björk & <friends>", "price": json.Number("129.90"), "venue": "Harpa, Reykjavík",
		"startsAt": time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339), "timeZone": "Atlantic/Reykjavik", "details": "Row 1\nSeat 2"}
	list := func(body any) market.Ticket {
		return market.As[market.Ticket](c.ask(c.seller, createTicket, "", body).Want(201))
	}
	c.free, c.taken, c.gone = list(full), list(full), list(map[string]any{"title": "Hall", "price": 20})
	withdrawn := list(full)
	for _, query := range []string{"", "?status=all&sort=-price", "?q=bjork+harpa", "?sort=date&status=locked", "?seller=" + c.seller.ID + "&status=all", "?q=%21"} {
		c.ask(c.nobody, listTickets+query, "", nil).Want(200)
	}
	page := c.ask(c.nobody, listTickets+"?limit=1&sort=price", "", nil).Want(200)
	link := regexp.MustCompile(`^</api/tickets(\?[^>]+)>; rel="next"$`).FindStringSubmatch(page.Header.Get("Link"))
	if link == nil {
		c.Fatalf("the link is %q", page.Header.Get("Link"))
	}
	c.ask(c.nobody, listTickets+link[1], "", nil).Want(200)
	nothing := c.ask(c.nobody, listTickets+"?q=%21", "", nil).Want(200).Header.Get("ETag")
	c.ask(c.nobody, listTickets+"?q=%21", "", nil, "If-None-Match", nothing).Want(304)
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=x", "?status=x", "?sort=x", "?cursor=x", "?q=" + strings.Repeat("x", 201), link[1] + "x"} {
		c.ask(c.nobody, listTickets+query, "", nil).Want(400)
	}
	tag := c.ask(c.buyer, readTicket, c.free.ID, nil).Want(200).Header.Get("ETag")
	c.ask(c.nobody, readTicket, c.free.ID, nil, "If-None-Match", tag).Want(304)
	full["price"] = json.Number("119")
	c.ask(c.seller, editTicket, c.free.ID, full, "If-Match", tag).Want(200)
	c.ask(c.seller, editTicket, c.free.ID, full, "If-Match", tag).Refused(412, "version_moved")
	c.ask(c.seller, removeTicket, c.free.ID, nil, "If-Match", tag).Refused(412, "version_moved")
	c.ask(c.buyer, editTicket, c.free.ID, full).Refused(403, "not_seller")
	c.ask(c.buyer, removeTicket, c.free.ID, nil).Refused(403, "not_seller")
	c.ask(c.seller, removeTicket, withdrawn.ID, nil).Want(204)
	c.ask(c.seller, editTicket, withdrawn.ID, full).Refused(409, "ticket_withdrawn")
	c.ask(c.buyer, createOrder, "", map[string]any{"ticketId": withdrawn.ID}).Refused(409, "ticket_withdrawn")
	for field, values := range map[string][]any{
		"title": {"", " ", strings.Repeat("x", 201), 7, nil, "a\x00b"}, "price": {0, -1, "20", json.Number("1.001"), 1000000.01, json.Number("1e300"), nil, true},
		"venue": {strings.Repeat("x", 501), 7}, "details": {strings.Repeat("x", 501), []int{}}, "startsAt": {"2001-01-01T00:00:00Z", "tomorrow", 7},
		"timeZone": {"Mars/Olympus", "Local", "../UTC", strings.Repeat("x", 65), 7},
	} {
		for _, v := range values {
			body := maps.Clone(full)
			body[field] = v
			if p := c.ask(c.seller, createTicket, "", body).Refused(400, "invalid"); p.Errors[0].Field != field {
				c.Errorf("%s %v: the field to blame is %s", field, v, p.Errors[0].Field)
			}
			c.ask(c.seller, editTicket, c.free.ID, body).Refused(400, "invalid")
		}
	}
}

// orders orders and cancels.
func (c *contract) orders() {
	place := func(t market.Ticket) market.Order {
		return market.As[market.Order](c.ask(c.buyer, createOrder, "", map[string]any{"ticketId": t.ID}).Want(201))
	}
	cancelled := place(c.free)
	c.ask(c.buyer, removeOrder, cancelled.ID, nil, "If-Match", `"99"`).Refused(412, "version_moved")
	c.ask(c.buyer, removeOrder, cancelled.ID, nil).Want(204)
	c.ask(c.buyer, removeOrder, cancelled.ID, nil).Want(204)
	c.ask(c.buyer, pay, "", map[string]string{"orderId": cancelled.ID, "token": market.Visa}).Refused(409, "order_not_payable")
	c.order, c.paid = place(c.taken), place(c.gone)
	c.ask(c.buyer, createOrder, "", map[string]any{"ticketId": c.taken.ID}).Want(200)
	c.ask(c.other, createOrder, "", map[string]any{"ticketId": c.taken.ID}).Refused(409, "ticket_locked")
	c.ask(c.seller, createOrder, "", map[string]any{"ticketId": c.free.ID}).Refused(403, "own_ticket")
	c.ask(c.other, createOrder, "", map[string]any{"ticketId": c.free.ID, "price": 1}).Refused(409, "price_changed")
	body := map[string]any{"title": "x", "price": 1}
	c.ask(c.seller, editTicket, c.taken.ID, body).Refused(409, "ticket_locked")
	c.ask(c.seller, removeTicket, c.taken.ID, nil).Refused(409, "ticket_locked")
	for _, query := range []string{"", "?status=Cancelled", "?limit=1"} {
		c.ask(c.buyer, "GET /api/orders"+query, "", nil).Want(200)
	}
	for _, query := range []string{"?status=x", "?limit=-1", "?cursor=e30"} {
		c.ask(c.buyer, "GET /api/orders"+query, "", nil).Refused(400, "invalid")
	}
	tag := c.ask(c.buyer, readOrder, c.order.ID, nil).Want(200).Header.Get("ETag")
	c.ask(c.buyer, readOrder, c.order.ID, nil, "If-None-Match", tag).Want(304)
	c.ask(c.other, readOrder, c.order.ID, nil).Refused(404, "not_found")
	c.ask(c.other, removeOrder, c.order.ID, nil).Refused(404, "not_found")
	for _, v := range []any{7, nil, "", []string{}} {
		c.ask(c.buyer, createOrder, "", map[string]any{"ticketId": v}).Refused(400, "invalid")
	}
	for _, id := range []string{"x", unknownID, strings.ToUpper(c.free.ID)} {
		c.ask(c.buyer, createOrder, "", map[string]any{"ticketId": id}).Refused(404, "not_found")
	}
	c.ask(c.buyer, createOrder, "", map[string]any{"ticketId": c.free.ID, "price": "1"}).Refused(400, "invalid")
}

// unknownID is old, so nobody waits for news of it.
const unknownID = "01890000-0000-7000-8000-000000000000"

// payments pays, is refused, and hears from Stripe.
func (c *contract) payments() {
	with := func(o market.Order, card string) map[string]string {
		return map[string]string{"orderId": o.ID, "token": card}
	}
	charge := market.As[market.Charge](c.ask(c.buyer, pay, "", with(c.paid, market.Visa)).Want(201))
	c.ask(c.buyer, pay, "", with(c.paid, market.Visa)).Want(200)
	c.ask(c.buyer, removeOrder, c.paid.ID, nil).Refused(409, "order_completed")
	c.seller.SeesTicket(c.gone.ID, "sold")
	c.ask(c.seller, editTicket, c.gone.ID, map[string]any{"title": "x", "price": 1}).Refused(409, "ticket_sold")
	c.ask(c.seller, removeTicket, c.gone.ID, nil).Refused(409, "ticket_sold")
	c.ask(c.other, createOrder, "", map[string]any{"ticketId": c.gone.ID}).Refused(409, "ticket_sold")
	refused := market.As[market.Order](c.ask(c.other, createOrder, "", map[string]any{"ticketId": c.free.ID}).Want(201))
	c.ask(c.other, pay, "", with(refused, market.Declined)).Refused(402, "card_declined")
	c.ask(c.other, pay, "", with(refused, "no such method")).Want(409)
	step := market.As[market.Charge](c.ask(c.buyer, pay, "", with(c.order, "pm_card_authenticationRequired")).Want(202))
	if step.ClientSecret == "" {
		c.Errorf("the bank's step needs a secret: %+v", step)
	}
	c.ask(c.buyer, removeOrder, c.order.ID, nil).Refused(409, "payment_in_progress")
	c.ask(c.buyer, "GET /api/payments?orderId="+c.paid.ID, "", nil).Want(200)
	c.ask(c.other, "GET /api/payments?orderId="+refused.ID, "", nil).Want(200)
	c.ask(c.other, "GET /api/payments?orderId="+c.paid.ID, "", nil).Refused(404, "not_found")
	c.ask(c.buyer, "GET /api/payments", "", nil).Refused(400, "invalid")
	c.ask(c.buyer, "GET /api/payments?orderId=x", "", nil).Refused(404, "not_found")
	c.ask(c.other, pay, "", with(c.paid, market.Visa)).Refused(404, "not_found")
	c.ask(c.nobody, "GET /api/payments/config", "", nil).Want(200)
	c.sales()
	const webhook = "POST /api/payments/webhook"
	heard := fmt.Sprintf(`{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":%q,"metadata":{"charge_id":%q}}}}`, charge.StripeID, charge.ID)
	c.ask(c.nobody, webhook, "", heard, "Stripe-Signature", signed(heard, time.Now())).Want(200)
	c.ask(c.nobody, webhook, "", heard, "Stripe-Signature", signed(heard, time.Now().Add(-time.Hour))).Refused(400, "bad_signature")
	c.ask(c.nobody, webhook, "", "{", "Stripe-Signature", signed("{", time.Now())).Want(400)
	c.ask(c.nobody, webhook, "", heard).Refused(400, "bad_signature")
}

// sales is what the seller sees of what was paid for.
func (c *contract) sales() {
	sales := market.As[[]struct{ TicketID string }](c.ask(c.seller, "GET /api/payments/sales", "", nil).Want(200))
	if len(sales) != 1 || sales[0].TicketID != c.gone.ID {
		c.Errorf("the seller sees %v", sales)
	}
	c.ask(c.other, "GET /api/payments/sales?limit=1", "", nil).Want(200)
	c.ask(c.other, "GET /api/payments/sales?cursor=x", "", nil).Refused(400, "invalid")
	c.ask(c.seller, "GET /api/payments/balance", "", nil).Want(200)
	c.ask(c.other, "GET /api/payments/balance", "", nil).Want(200)
	const account, open = "GET /api/payments/account", "POST /api/payments/account"
	c.ask(c.seller, account, "", nil).Refused(404, "not_found")
	back := map[string]string{"returnUrl": "https://example.com/sales"}
	c.ask(c.seller, open, "", back).Want(201)
	c.ask(c.seller, open, "", back).Want(200)
	c.ask(c.seller, open, "", map[string]string{"returnUrl": "mailto:me"}).Refused(400, "invalid")
	c.ask(c.seller, account, "", nil).Want(200)
	unpaid := market.Open(c.T, market.Topologies[0]).SignUp("una") // of a market that pays nobody out
	c.ask(unpaid, account, "", nil).Refused(409, "payouts_off")
	c.ask(unpaid, open, "", back).Refused(409, "payouts_off")
}

// signed is Stripe's signature of a body.
func signed(body string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// operations calls f with each of the document.
func (c *contract) operations(f func(method, path string, operation map[string]any)) {
	paths, _ := c.doc.At("paths").(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range slices.Sorted(maps.Keys(paths[path].(map[string]any))) {
			f(strings.ToUpper(method), path, paths[path].(map[string]any)[method].(map[string]any))
		}
	}
}

// everyOperation sends what is bad wherever it is sent.
func (c *contract) everyOperation() {
	c.operations(func(method, path string, operation map[string]any) {
		op, id := method+" "+path, ""
		if strings.Contains(path, "{id}") {
			id = unknownID
			for _, bad := range []string{unknownID, "x", "%00", "..%2f", strings.ToUpper(c.free.ID), strings.Repeat("9", 5000)} {
				c.ask(c.other, op, bad, map[string]any{"title": "x", "price": 1}).Refused(404, "not_found")
			}
		}
		if schemes, _ := operation["security"].([]any); len(schemes) > 0 { // an empty list says that it is for all
			c.ask(c.nobody, op, id, nil).Refused(401, "not_signed_in")
			c.ask(c.nobody, op, id, nil, "Authorization", "Bearer x.y.z").Refused(401, "not_signed_in")
		}
		if method == http.MethodGet {
			return
		}
		c.ask(c.other, op, id, nil, "Sec-Fetch-Site", "cross-site").Refused(403, "cross_origin")
		c.ask(c.other, op, id, nil, "Origin", "https://evil.example").Refused(403, "cross_origin")
		c.ask(c.other, op, id, `{"x":"`+strings.Repeat("x", 70_000)+`"}`).Refused(413, "body_too_large")
		if responses := operation["responses"].(map[string]any); responses["415"] != nil {
			c.badBodies(op, id)
		}
		if method == http.MethodPost {
			c.keys(op, path)
		}
	})
}

func (c *contract) badBodies(op, id string) {
	for _, body := range []string{"", "{", `{"a":1}{}`, "\xff", "null{", `{"title":"\ud800`, strings.Repeat("[", 20_000)} {
		c.ask(c.other, op, id, body).Refused(400, "bad_json")
	}
	for _, body := range []string{"{}", "[]", "null", "7", `"x"`, `{"title":1,"price":"x","email":1,"password":[],"ticketId":{},"orderId":1,"token":2,"currentPassword":3}`} {
		c.ask(c.other, op, id, body).Refused(400, "invalid")
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=latin1", "nonsense/"} {
		c.ask(c.other, op, id, "{}", "Content-Type", kind).Refused(415, "unsupported_media_type")
	}
	c.ask(c.other, op, id, "{}", "Content-Encoding", "gzip").Refused(415, "unsupported_media_type")
}

// keys sends Idempotency-Keys that are none, and one for two requests.
func (c *contract) keys(op, path string) {
	for _, bad := range []string{"", strings.Repeat("x", 256), "with a\ttab"} {
		c.ask(c.other, op, "", "{}", "Idempotency-Key", bad).Refused(400, "invalid")
	}
	who, key := c.other, []string{"Idempotency-Key", "twice:" + path}
	if strings.HasSuffix(path, "/signout") {
		who = c.nobody // a key is its caller's own, and this ends the caller's session
	}
	first := c.ask(who, op, "", `{"a":1}`, key...)
	again := c.ask(who, op, "", `{"a":1}`, key...)
	if again.Header.Get("Idempotent-Replayed") != "true" || again.Status != first.Status {
		c.Errorf("%s is no repeat of %s", again, first)
	}
	c.ask(who, op, "", `{"a":2}`, key...).Refused(422, "idempotency_key_reused")
}

// strangePaths asks where nothing is, and in ways that nothing answers to.
func (c *contract) strangePaths() {
	for _, path := range []string{"/api", "/api/", "/api/nowhere", "/api/tickets/", "/api/tickets/x/y", "/api//tickets", "/api/users", "/api/users/../tickets", "/api/%2e%2e/tickets"} {
		a := c.nobody.Ask("GET", path, nil)
		a.Refused(404, "not_found")
		c.form(a)
	}
	paths, _ := c.doc.At("paths").(map[string]any)
	for path, operations := range paths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
			if operations.(map[string]any)[strings.ToLower(method)] != nil {
				continue
			}
			a := c.other.Ask(method, strings.Replace(path, "{id}", unknownID, 1), nil)
			a.Refused(405, "method_not_allowed")
			c.form(a)
			for known := range operations.(map[string]any) {
				if !strings.Contains(a.Header.Get("Allow"), strings.ToUpper(known)) {
					c.Errorf("%s allows only %q", a, a.Header.Get("Allow"))
				}
			}
		}
	}
}

// limits guesses passwords until that is too often.
func (c *contract) limits() {
	for _, guess := range []func() market.Answer{
		func() market.Answer {
			return c.ask(c.nobody, "POST /api/users/signin", "", map[string]string{"email": "victim@example.com", "password": "guess"})
		},
		func() market.Answer {
			return c.ask(c.other, "PATCH /api/users/me", "", map[string]string{"currentPassword": "guess", "email": "mine@example.com"})
		},
	} {
		var last market.Answer
		for range 30 {
			if last = guess(); last.Status == 429 {
				break
			}
		}
		last.Refused(429, "too_many_requests")
	}
}

// notReached says why some documented answers are not among those that were seen.
func notReached(operation, status string) bool {
	switch status {
	case "500", "503": // faults of ours, which other tests make
		return true
	case "429": // after hundreds of sign-ups
		return operation == "POST /api/users/signup"
	case "409": // the first request with a key still runs
		return slices.Contains([]string{"POST /api/users/signin", "POST /api/users/signout", createTicket, "POST /api/payments/webhook"}, operation)
	}
	return false
}

// coverage expects every documented answer to have been given.
func (c *contract) coverage() {
	c.operations(func(method, path string, operation map[string]any) {
		op := method + " " + path
		for status := range operation["responses"].(map[string]any) {
			if !c.seen[op][status] && !notReached(op, status) {
				c.Errorf("%s never answered %s", op, status)
			}
		}
	})
}

// events holds the whole log against the schemas of the AsyncAPI document.
func (c *contract) events(d *apicheck.Document) {
	types := map[string]bool{}
	channels, _ := d.At("channels").(map[string]any)
	var log []market.Event
	market.Eventually(c.T, "every sort of event is in the log", func() (bool, string) {
		log = c.m.Log()
		for _, e := range log {
			types[e.Type] = true
		}
		for name := range channels {
			if !types[name] && name != "TicketLockRejected" && name != "OrderExpired" {
				return false, name + " is not"
			}
		}
		return true, ""
	})
	for _, e := range log {
		payload, _ := d.At("components", "messages", e.Type, "payload").(map[string]any)
		decoder := json.NewDecoder(strings.NewReader(e.Raw))
		decoder.UseNumber()
		var v map[string]any
		if err := decoder.Decode(&v); err != nil || payload == nil {
			c.Fatalf("%v, or no such message: %s", err, e.Raw)
		}
		if err := d.Value(payload, v); err != nil {
			c.Errorf("%v: %s", err, e.Raw)
		}
		for name, schema := range payload["properties"].(map[string]any) {
			if want, ok := schema.(map[string]any)["const"]; ok && v[name] != want {
				c.Errorf("%s is not %v: %s", name, want, e.Raw)
			}
		}
		c.values("", v, market.Answer{Request: e.Raw})
	}
}
