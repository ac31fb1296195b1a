package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
)

// market answers as it is told to and notes what it is asked.
type market struct {
	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
	answer http.HandlerFunc
}

func (m *market) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	m.asked, m.bodies = append(m.asked, r), append(m.bodies, string(body))
	m.mu.Unlock()
	m.answer(w, r)
}

func client(answer http.HandlerFunc) (*market, *api.Client) {
	m := &market{answer: answer}
	return m, api.New("http://market", api.InProcess(m))
}

func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestSessionsComeAndGo(t *testing.T) {
	m, c := client(says(201, `{"id":"u1","email":"ann@example.com","createdAt":"2027-01-02T03:04:05Z"}`, "Set-Cookie", "session=tok; Path=/; HttpOnly"))
	u, err := c.SignUp(t.Context(), "ann@example.com", "four small words")
	if err != nil || u.ID != "u1" || u.CreatedAt.Year() != 2027 || c.Session().Token != "tok" {
		t.Fatalf("%+v %v %+v", u, err, c.Session())
	}
	if m.bodies[0] != `{"email":"ann@example.com","password":"four small words"}` || m.asked[0].Header.Get("Authorization") != "" {
		t.Errorf("%s %v", m.bodies[0], m.asked[0].Header)
	}
	other := c.As("another")
	m.answer = says(200, `{"currentUser":null}`)
	if u, err := other.CurrentUser(t.Context()); u != nil || err != nil || m.asked[1].Header.Get("Authorization") != "Bearer another" {
		t.Errorf("%v %v %v", u, err, m.asked[1].Header)
	}
	m.answer = says(200, `{}`, "Set-Cookie", "session=; Path=/; Max-Age=0")
	if err := c.SignOut(t.Context()); err != nil || c.Session() != (api.Session{}) || other.Session().Token != "another" {
		t.Errorf("%v %+v %+v", err, c.Session(), other.Session())
	}
}

func TestPricesStayExact(t *testing.T) {
	m, c := client(says(201, `{"id":"t1","title":"x","price":999999.99,"startsAt":"2027-07-01T19:30:00Z","version":1,"somethingNewer":1}`))
	price, _ := money.ParseDecimal("999999.99")
	ticket, err := c.ListTicket(t.Context(), api.Listing{Title: "x", Price: price})
	if err != nil || ticket.Price != price || m.bodies[0] != `{"title":"x","price":999999.99}` {
		t.Errorf("%+v %v %s", ticket, err, m.bodies[0])
	}
	m.answer = says(200, `{}`)
	if _, err := c.EditTicket(t.Context(), "t1", 7, ticket.Listing()); err != nil || m.asked[1].Header.Get("If-Match") != `"7"` ||
		!strings.Contains(m.bodies[1], `"startsAt":"2027-07-01T19:30:00Z"`) || m.asked[1].Header.Get("Idempotency-Key") != "" {
		t.Errorf("%v %v %s", err, m.asked[1].Header, m.bodies[1])
	}
	if err := c.Withdraw(t.Context(), "a/b", 0); err != nil || m.asked[2].RequestURI != "/api/tickets/a%2Fb" || m.asked[2].Header.Get("If-Match") != "" {
		t.Errorf("%v %v", err, m.asked[2])
	}
}

func TestProblems(t *testing.T) {
	_, c := client(func(w http.ResponseWriter, r *http.Request) {
		var p fault.Problems
		p.Add("title", "Say what it is.")
		p.Add("price", "Say what it costs.")
		httpapi.WriteFault(w, r, p.Err())
	})
	_, err := c.ListTicket(t.Context(), api.Listing{})
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != 400 || !api.Is(err, fault.BadInput) || api.Is(err, fault.BadJSON) ||
		p.Field("price") != "Say what it costs." || p.Field("venue") != "" || len(p.TraceID) != 32 || p.Type != "/problems/invalid" {
		t.Errorf("%+v %v", p, err)
	}
	_, c = client(says(404, "<h1>nginx</h1>", "Content-Type", "text/html"))
	if _, err := c.Ticket(t.Context(), "x"); !errors.As(err, &p) || p.Status != 404 || p.Code != "" || err.Error() != "The market answered 404 Not Found." {
		t.Errorf("%v", err)
	}
	_, c = client(says(429, `{"code":"too_many_requests","detail":"Wait."}`, "Content-Type", "application/problem+json", "Retry-After", "7"))
	if _, err := c.SignIn(t.Context(), "a", "b"); !errors.As(err, &p) || p.RetryAfter != 7*time.Second || err.Error() != "Wait. (too_many_requests)" {
		t.Errorf("%v", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no JSON":   says(200, "x"),
		"too large": says(200, `"`+strings.Repeat("x", 9<<20)+`"`),
	} {
		_, c := client(answer)
		if _, err := c.Patient(0).Ticket(t.Context(), "x"); !errors.Is(err, api.ErrUnreachable) || len(err.Error()) > 200 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := api.New("http://127.0.0.1:1/", nil).Patient(0).Config(t.Context()); !errors.Is(err, api.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if _, err := api.New("::", nil).Config(t.Context()); err == nil {
		t.Error("there is no such address")
	}
}

// flaky fails the first so many times.
func flaky(times int, fail, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if times--; times >= 0 {
			fail(w, r)
			return
		}
		then(w, r)
	}
}

func TestRepeatsWhatDoesNoHarm(t *testing.T) {
	breaks := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	busy := func(w http.ResponseWriter, r *http.Request) {
		httpapi.WriteFault(w, r, fault.Busy.New("Not now.").After(2*time.Second))
	}
	running := func(w http.ResponseWriter, r *http.Request) {
		httpapi.WriteFault(w, r, fault.KeyInUse.New("It runs.").After(time.Second))
	}
	done := says(200, `{}`)
	for _, c := range []struct {
		name  string
		fails http.HandlerFunc
		times int
		do    func(ctx context.Context, c *api.Client) error
		asked int
		good  bool
	}{
		{"a read that broke", breaks, 3, reads, 4, true},
		{"a post that broke", breaks, 3, posts, 4, true},
		{"a busy market", busy, 2, posts, 3, true},
		{"a market that stays busy", busy, 9, posts, 3, false},
		{"an earlier attempt that still runs", running, 2, posts, 3, true},
		{"a proxy without a market", says(502, ""), 2, reads, 3, true},
		{"a refusal", says(403, ""), 1, posts, 1, false},
		{"a fault", says(500, ""), 1, posts, 1, false},
		{"an edit of one version that broke", breaks, 1, edits, 1, false},
		{"an edit of one version at a busy market", busy, 1, edits, 1, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			m, client := client(flaky(c.times, c.fails, done))
			err := c.do(t.Context(), client)
			if len(m.asked) != c.asked || (err == nil) != c.good {
				t.Errorf("%s: asked %d times, %v", c.name, len(m.asked), err)
			}
			for i, r := range m.asked {
				if r.Header.Get("Idempotency-Key") != m.asked[0].Header.Get("Idempotency-Key") || m.bodies[i] != m.bodies[0] {
					t.Errorf("%s: the repeat is another request", c.name)
				}
			}
		})
	}
}

func reads(ctx context.Context, c *api.Client) error { _, err := c.Ticket(ctx, "x"); return err }
func posts(ctx context.Context, c *api.Client) error {
	_, err := c.PlaceOrder(ctx, "x", nil)
	return err
}
func edits(ctx context.Context, c *api.Client) error {
	_, err := c.EditTicket(ctx, "x", 1, api.Listing{})
	return err
}

func TestRepeatsEndWithTheirCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := client(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := reads(ctx, c.Patient(time.Hour)); !errors.Is(err, context.DeadlineExceeded) || len(m.asked) > 2 {
			t.Errorf("%v after %d", err, len(m.asked))
		}
	})
}

func TestKeysOfTheCallersOwn(t *testing.T) {
	m, c := client(says(200, `{}`))
	_, _ = c.PlaceOrder(api.WithKey(t.Context(), "mine"), "x", nil)
	_, _ = c.PlaceOrder(t.Context(), "x", nil)
	_, _ = c.PlaceOrder(t.Context(), "x", nil)
	keys := []string{}
	for _, r := range m.asked {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
	}
	if keys[0] != "mine" || len(keys[1]) < 20 || keys[1] == keys[2] {
		t.Errorf("%q", keys)
	}
}

func TestListsArePaged(t *testing.T) {
	m, c := client(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			says(200, `[{"id":"1"},{"id":"2"}]`, "Link", `</api/tickets?cursor=x>; rel="prev", </api/tickets?cursor=two&limit=2>; rel="last next"`)(w, r)
		case "two":
			says(200, `[{"id":"3"}]`)(w, r)
		default:
			httpapi.WriteFault(w, r, fault.BadInput.New("No.").On("cursor"))
		}
	})
	var ids []string
	for ticket, err := range c.AllTickets(t.Context(), api.TicketQuery{Words: "a b", Status: api.All, Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, ticket.ID)
	}
	if strings.Join(ids, "") != "123" || m.asked[0].URL.RawQuery != "limit=2&q=a+b&status=all" || len(m.asked) != 2 {
		t.Errorf("%v %v", ids, m.asked[0].URL)
	}
	for range c.AllTickets(t.Context(), api.TicketQuery{}) {
		break
	}
	if len(m.asked) != 3 {
		t.Error("whoever stops early asks for no more pages")
	}
	for _, err := range c.AllOrders(t.Context(), api.OrderQuery{Cursor: "nonsense"}) {
		if !api.Is(err, fault.BadInput) {
			t.Errorf("%v", err)
		}
	}
}

func TestPayments(t *testing.T) {
	m, c := client(says(202, `{"status":"Created","amount":9.5,"clientSecret":"s"}`))
	charge, err := c.Pay(t.Context(), "o1", "pm_card_visa")
	if err != nil || charge.Status != api.Created || charge.ClientSecret != "s" || charge.Amount.String() != "9.5" {
		t.Errorf("%+v %v", charge, err)
	}
	m.answer = says(200, `[{"id":"c1"}]`)
	if all, err := c.Charges(t.Context(), "o1"); err != nil || len(all) != 1 || m.asked[1].URL.RawQuery != "orderId=o1" {
		t.Errorf("%+v %v", all, err)
	}
	m.answer = says(200, `{"publishableKey":"pk","simulator":true}`)
	if config, err := c.Config(t.Context()); err != nil || config != (api.Config{PublishableKey: "pk", Simulator: true}) {
		t.Errorf("%+v %v", config, err)
	}
	m.answer = says(200, `{"currency":"usd","earned":-1.5,"pending":0,"available":-1.5,"paidOut":0,"fees":0.1}`)
	if b, err := c.Balance(t.Context()); err != nil || b.Earned.String() != "-1.5" || b.Fees.String() != "0.1" || m.asked[3].URL.Path != "/api/payments/balance" {
		t.Errorf("%+v %v", b, err)
	}
	m.answer = says(200, `[{"id":"s1","earned":9.5,"status":"pending"}]`)
	if p, err := c.Sales(t.Context(), api.SaleQuery{Limit: 1, Cursor: "x"}); err != nil || len(p.Items) != 1 || p.Items[0].Status != api.SalePending || m.asked[4].URL.RawQuery != "cursor=x&limit=1" {
		t.Errorf("%+v %v", p, err)
	}
	m.answer = says(201, `{"accountId":"acct_1","payoutsEnabled":false,"onboardingUrl":"https://bank.test/x"}`)
	if a, err := c.OpenPayoutAccount(t.Context(), "https://market.test", ""); err != nil || a.OnboardingURL != "https://bank.test/x" || m.bodies[5] != `{"returnUrl":"https://market.test"}` {
		t.Errorf("%+v %v", a, err)
	}
	m.answer = says(200, `{"accountId":"acct_1","payoutsEnabled":true}`)
	if a, err := c.PayoutAccount(t.Context()); err != nil || !a.PayoutsEnabled || m.asked[6].URL.Path != "/api/payments/account" {
		t.Errorf("%+v %v", a, err)
	}
	m.answer = says(204, "")
	if err := c.CancelOrder(t.Context(), "o1"); err != nil || m.asked[7].Method != "DELETE" {
		t.Errorf("%v", err)
	}
	m.answer = says(200, `{"status":"AwaitingPayment","expiresIn":7}`)
	if o, err := c.Order(t.Context(), "o1"); err != nil || !o.Live() || o.ExpiresIn != 7 {
		t.Errorf("%+v %v", o, err)
	}
}

// A socket and a handler in the process look the same.
func TestOneClientTwoTransports(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		w.WriteHeader(103)
		body, _ := io.ReadAll(r.Body)
		seen, _ := json.Marshal(map[string]any{
			"method": r.Method, "host": r.Host != "", "uri": r.RequestURI, "body": string(body), "length": r.ContentLength,
			"type": r.Header.Get("Content-Type"), "proto": r.Proto,
		})
		w.Header().Set("Link", "</x?cursor=1>; rel=next")
		_, _ = w.Write([]byte(`[{"title":` + string(mustJSON(string(seen))) + `}]`))
		w.Header().Set("Link", "too late")
	})
	server := httptest.NewServer(handler)
	defer server.Close()
	var answers [2]api.Page[api.Ticket]
	for i, c := range []*api.Client{api.New(server.URL, nil), api.New("http://here", api.InProcess(handler))} {
		var err error
		if answers[i], err = c.Tickets(t.Context(), api.TicketQuery{Words: "ü/&", Limit: 3}); err != nil {
			t.Fatal(err)
		}
	}
	if answers[0].Items[0] != answers[1].Items[0] || answers[0].Next != "1" || answers[1].Next != "1" {
		t.Errorf("%+v\n%+v", answers[0], answers[1])
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
