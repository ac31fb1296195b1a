package test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ticketing/test/market"
)

// TestAnyRequest sends requests that nobody in their right mind sends, put together at random from pieces that have
// broken servers before. Whatever comes: never a 5xx, and every refusal in the one structure.
func TestAnyRequest(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller := m.SignUp("sally")
	ticket := seller.Lists("Asked for in strange ways", "10")
	order := m.SignUp("bert").Orders(ticket)
	n := 2500
	if testing.Short() {
		n = 500
	}
	seen := map[string]int{}
	for seed := range n {
		f := fuzzer{rand.New(rand.NewPCG(7, uint64(seed))), []string{ticket.ID, order.ID, seller.ID}}
		method, path, body, header := f.request()
		a := seller.Ask(method, path, body, header...)
		if a.Err != nil {
			if strings.Contains(a.Err.Error(), "net/http: invalid") || strings.Contains(a.Err.Error(), "invalid URL") {
				continue // the client cannot even say it
			}
			t.Errorf("seed %d: %v: %q %q", seed, a.Err, body, header)
			continue
		}
		seen[kind(a)]++
		if a.Status >= 500 {
			t.Errorf("seed %d: %s\nbody %.300q\nheader %q", seed, a, body, header)
		}
		if a.Status == 431 {
			continue // the HTTP server itself has not read on
		}
		if a.Status >= 400 && strings.HasPrefix(path, "/api/") && method != "HEAD" {
			if _, err := a.Problem(); err != nil {
				t.Errorf("seed %d: %v\nbody %.300q", seed, err, body)
			}
		}
	}
	t.Logf("%d requests: %v", n, seen)
	seller.SignsIn()
	seller.Lists("And after all that it works", "10")
	m.Settles()
	m.Audits()
}

// fuzzer puts requests together.
type fuzzer struct {
	*rand.Rand
	ids []string
}

func (f fuzzer) of(all ...string) string { return all[f.IntN(len(all))] }

func (f fuzzer) request() (method, path string, body any, header []string) {
	method = f.of("GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
	path = f.path()
	if method != "GET" && method != "HEAD" && f.IntN(10) > 0 {
		body = f.body()
	}
	for range f.IntN(3) {
		name := f.of("Content-Type", "Accept", "If-Match", "Idempotency-Key", "Authorization", "X-Forwarded-For", "Traceparent",
			"Cookie", "Origin", "Sec-Fetch-Site", "Content-Encoding", "Range", "Accept-Encoding", "X-HTTP-Method-Override", "Stripe-Signature")
		header = append(header, name, f.of(f.id(), f.text(), "application/json", "application/xml", "text/html", "*", `"1"`, `W/"2"`, `"-1"`,
			`"99999999999999999999"`, "Bearer "+f.text(), "Bearer e30.e30.e30", "session="+f.text(), "cross-site", "gzip", "bytes=0-", "t=1,v1=00"))
	}
	return method, path, body, header
}

func (f fuzzer) id() string {
	return f.of(append(f.ids, "x", "0", "-1", "..", "%00", "%2e%2e%2f", "00000000-0000-0000-0000-000000000000",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "018f0000-0000-7000-8000-00000000000g", strings.Repeat("9", 300), "%F0%9F%98%80", "' OR 1=1 --")...)
}

func (f fuzzer) path() string {
	root := f.of("/api/tickets", "/api/tickets", "/api/orders", "/api/orders", "/api/payments", "/api/payments/webhook", "/api/payments/config",
		"/api/users/signup", "/api/users/signin", "/api/users/me", "/api/users/currentuser", "/api/users/jwks", "/api/nowhere", "/api/",
		"/problems", "/docs", "/", "/healthz", "/bank")
	path := root
	if f.IntN(3) == 0 {
		path += "/" + strings.ReplaceAll(f.id(), " ", "%20")
	}
	if f.IntN(3) == 0 {
		path += f.of("?", "?&&&", "?limit=", "?limit=0", "?limit=-1", "?limit=101", "?limit=1e9", "?limit=99999999999999999999", "?cursor=x",
			"?cursor=AAAA", "?cursor=%00", "?sort=nothing", "?sort=-price&limit=1", "?status=all&status=sold", "?status=x", "?q=%00", "?q=%FF%FE",
			"?q=%27%22%3B--", "?q="+strings.Repeat("a+", 90), "?q=*", "?q=%22AND%22", "?q=(", "?seller=x", "?orderId="+f.id(), "?%zz", "?a;b")
		path = strings.ReplaceAll(path, " ", "%20")
	}
	return path
}

func (f fuzzer) text() string {
	return f.of("", " ", "a", "null", "\u0000", "\ufffd", "😀", "\u202e", "<script>", "'; DROP TABLE tickets; --", "%s%n", strings.Repeat("x", 70000),
		strings.Repeat("ä", 201), "a@b", "a@example.com", "12345678", "pm_card_visa", "\xff\xfe")
}

func (f fuzzer) value(deep int) string {
	switch f.IntN(10) {
	case 0:
		return f.of("null", "true", "[]", "{}", "NaN", "1e400", "-0", "0.1e1", "19.999", "1e-9", "-5", "99999999999999999999999", "00", "0x1")
	case 1, 2, 3:
		return f.of("10", "19.99", "0", "1000000", "1000000.01")
	case 4:
		if deep < 3 {
			return "[" + f.value(deep+1) + "," + f.value(deep+1) + "]"
		}
		return strings.Repeat("[", 5000)
	case 5:
		return fmt.Sprintf("%q", f.id())
	}
	return fmt.Sprintf("%q", f.text()) // Go's quoting is not always JSON, which is welcome here
}

func (f fuzzer) body() string {
	if f.IntN(10) == 0 {
		return f.of("", "{", "}", "null", "[]", "\"\"", "{}{}", "{} x", "\x00", "<xml/>", "a=b", strings.Repeat("{\"a\":", 3000), strings.Repeat(" ", 70000), "\xef\xbb\xbf{}")
	}
	names := []string{"title", "price", "venue", "startsAt", "timeZone", "details", "ticketId", "orderId", "token", "email", "password", "currentPassword", "Title", "", "__proto__", "id", "version"}
	var fields []string
	for range f.IntN(6) {
		fields = append(fields, fmt.Sprintf("%q:%s", f.of(names...), f.value(0)))
	}
	return "{" + strings.Join(fields, ",") + "}"
}
