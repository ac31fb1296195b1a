package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/web"
)

// eventLog is an event log that a test writes.
type eventLog struct {
	t    testing.TB
	each chan func(func(web.Entry) error) error
	seq  uint64
}

func newEventLog(t testing.TB) *eventLog {
	return &eventLog{t: t, each: make(chan func(func(web.Entry) error) error)}
}

// follow is web.Options.Events.
func (l *eventLog) follow(ctx context.Context, each func(web.Entry) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case do := <-l.each:
			if err := do(each); err != nil {
				return err
			}
		}
	}
}

// write returns when the site has been told.
func (l *eventLog) write(e web.Entry) {
	l.t.Helper()
	told := make(chan struct{})
	select {
	case l.each <- func(each func(web.Entry) error) error { defer close(told); return each(e) }:
		<-told
	case <-time.After(patience):
		l.t.Fatal("nobody reads the event log")
	}
}

// begins says how far the log reaches.
func (l *eventLog) begins(at uint64) { l.seq = at; l.write(web.Entry{Seq: at}) }

// says writes an event about a state, with its version as the place between others.
func (l *eventLog) says(t event.Type, s event.State) {
	l.t.Helper()
	l.seq++
	l.write(web.Entry{Seq: l.seq, Document: document(l.t, t, s)})
}

func document(t testing.TB, kind event.Type, s event.State) []byte {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(event.Envelope{SpecVersion: "1.0", Type: kind, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const patience = 20 * time.Second // only a test that fails takes that long

// live is a site on a socket, with an event log.
type live struct {
	*eventLog
	url string
}

func openLive(t testing.TB, api http.Handler) *live {
	t.Helper()
	log := newEventLog(t)
	s, err := web.New(web.Options{API: api, OpenAPI: textOf(openAPI), AsyncAPI: textOf(asyncAPI), Events: log.follow})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(httpapi.Edge(httpapi.EdgeOptions{}, s))
	t.Cleanup(func() {
		cancel() // which ends the connections of pages
		running.Wait()
		server.Close()
	})
	log.begins(100)
	return &live{log, server.URL}
}

// heard is one server-sent event.
type heard struct {
	id         uint64
	name, data string
}

// page is an open page.
type page struct {
	t      testing.TB
	resp   *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

// opens opens a page that hears of the topics; with header fields as name, value, name, value.
func (l *live) opens(topics, after string, header ...string) *page {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", l.url+"/live?topics="+topics+"&after="+after, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	p := &page{l.t, resp, bufio.NewScanner(resp.Body), cancel}
	l.t.Cleanup(p.close)
	return p
}

func (p *page) close() {
	p.cancel()
	_ = p.resp.Body.Close()
}

// next is the next event; false when the connection has ended.
func (p *page) next() (h heard, ok bool) {
	p.t.Helper()
	stop := time.AfterFunc(patience, p.cancel)
	defer stop.Stop()
	for p.lines.Scan() {
		name, value, _ := strings.Cut(p.lines.Text(), ": ")
		switch name {
		case "id":
			h.id, _ = strconv.ParseUint(value, 10, 64)
		case "event":
			h.name = value
		case "data":
			h.data = value
		case "":
			if h.name != "" {
				return h, true
			}
		}
	}
	return h, false
}

// hears expects these events, by name and place.
func (p *page) hears(want ...string) heard {
	p.t.Helper()
	var h heard
	for _, w := range want {
		var ok bool
		if h, ok = p.next(); !ok || fmt.Sprintf("%s %d", h.name, h.id) != w {
			p.t.Fatalf("heard %q %d %s (%v), not %s", h.name, h.id, h.data, ok, w)
		}
	}
	return h
}

func TestPagesHearWhatTheyShow(t *testing.T) {
	l := openLive(t, empty)
	market, ticket := l.opens("market", "100"), l.opens("ticket:b", "100")
	market.hears("hello 100")
	ticket.hears("hello 100")
	l.says(event.TicketCreated, event.Ticket{ID: "a", Title: "Row 3", Status: "available", Version: 1, UserID: "secret-seller"})
	l.says(event.TicketUpdated, event.Ticket{ID: "b", Title: "Row 4", Status: "locked", Version: 7, OrderID: "secret-order"})
	l.says(event.OrderCreated, event.Order{ID: "o", UserID: "u"})
	l.says(event.ChargeCreated, event.Charge{ID: "c", OrderID: "o"})
	l.says(event.OrderExpired, event.Expiry{ID: "o"})
	l.says(event.TicketUpdated, event.Ticket{ID: "b", Status: "sold", Version: 8})
	market.hears("ticket 101", "ticket 102", "ticket 106")
	first := ticket.hears("ticket 102")
	if !strings.Contains(first.data, `"id":"b"`) || !strings.Contains(first.data, `"version":7`) || strings.Contains(first.data, "secret") {
		t.Errorf("the page hears %s", first.data)
	}
	ticket.hears("ticket 106")
}

func TestPagesThatComeBackMissNothing(t *testing.T) {
	l := openLive(t, empty)
	for i := range 50 {
		l.says(event.TicketUpdated, event.Ticket{ID: strconv.Itoa(i % 2), Version: int64(i)})
	}
	all := l.opens("market", "120")
	all.hears("hello 120")
	for i := 121; i <= 150; i++ {
		all.hears(fmt.Sprintf("ticket %d", i))
	}
	// The header of a browser that comes back by itself counts, not the address that it once was given.
	one := l.opens("ticket:0", "110", "Last-Event-ID", "145")
	one.hears("hello 145", "ticket 147", "ticket 149")
	l.says(event.TicketUpdated, event.Ticket{ID: "0"})
	one.hears("ticket 151")
	all.hears("ticket 151")
}

func TestPagesThatWereAwayTooLongLookAgain(t *testing.T) {
	l := openLive(t, empty)
	l.opens("market", "99").hears("hello 99", "reset 100") // nobody knows what was before
	for i := range 10_050 {
		l.says(event.TicketUpdated, event.Ticket{ID: "a", Version: int64(i)})
	}
	l.opens("market", "149").hears("hello 149", "reset 10150")
	l.opens("ticket:b", "150").hears("hello 150")
	l.opens("market", "10149").hears("hello 10149", "ticket 10150")
	l.opens("market", "nonsense").hears("hello 10150")
}

func TestAnotherLogMakesPagesLookAgain(t *testing.T) {
	l := openLive(t, empty)
	p := l.opens("market", "100")
	p.hears("hello 100")
	l.says(event.TicketUpdated, event.Ticket{ID: "a"})
	p.hears("ticket 101")
	l.seq = 4
	l.says(event.TicketUpdated, event.Ticket{ID: "a"})
	p.hears("reset 4", "ticket 5")
	l.opens("market", "4").hears("hello 4", "ticket 5")
	l.opens("market", "50000").hears("hello 50000", "reset 5")
}

// A page that does not take what it is sent is let go, holds nobody up, and hears the rest when it comes back.
func TestSlowPagesAreLetGo(t *testing.T) {
	l := openLive(t, empty)
	quick := l.opens("market", "100")
	quick.hears("hello 100")
	slow := slowPage(t, l.url)
	text := strings.Repeat("x", 20_000)
	for i := 101; i <= 1100; i += 100 { // the quick page keeps up, so never too much waits for it
		for range 100 {
			l.says(event.TicketUpdated, event.Ticket{ID: "a", Venue: text})
		}
		for n := range 100 {
			quick.hears(fmt.Sprintf("ticket %d", i+n))
		}
	}
	last := slow.readToEnd(t)
	if last >= 1100 {
		t.Fatalf("the slow page got all up to %d", last)
	}
	back := l.opens("market", strconv.FormatUint(last, 10))
	back.hears(fmt.Sprintf("hello %d", last))
	for i := last + 1; i <= 1100; i++ {
		back.hears(fmt.Sprintf("ticket %d", i))
	}
}

// rawPage is a page whose connection a test reads, or not.
type rawPage struct{ net.Conn }

// slowPage has a window that is soon full, and reads no more than the beginning.
func slowPage(t *testing.T, url string) rawPage {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /live?topics=market&after=100 HTTP/1.0\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return rawPage{conn}
}

// readToEnd is the last event that has arrived whole.
func (p rawPage) readToEnd(t *testing.T) (last uint64) {
	t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	lines := bufio.NewReader(p)
	id := uint64(0)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return last
		}
		if value, ok := strings.CutPrefix(line, "id: "); ok {
			id, _ = strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		}
		if line == "\n" && id > 0 {
			last = id
		}
	}
}

// account answers for one person: ann, who has the order "mine".
var account = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	signedIn := r.Header.Get("Authorization") == "Bearer ann"
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/api/users/currentuser" && signedIn:
		fmt.Fprint(w, `{"currentUser":{"id":"ann","email":"ann@example.com"}}`)
	case r.URL.Path == "/api/users/currentuser":
		fmt.Fprint(w, `{"currentUser":null}`)
	case r.URL.Path == "/api/orders/mine" && signedIn:
		fmt.Fprint(w, `{"id":"mine"}`)
	default:
		httpapi.WriteFault(w, r, fault.Unknown.New("There is no such thing here."))
	}
})

func TestOrdersAreForTheirBuyersAlone(t *testing.T) {
	l := openLive(t, account)
	const ann = "session=ann"
	for _, c := range []struct {
		topics, cookie string
		status         int
	}{
		{"order:mine", "", 401}, {"order:mine", "session=bob", 401}, {"order:other", ann, 404}, {"orders", "", 401},
		{"selling", "", 401}, {"nonsense", ann, 400}, {"orders:ann", ann, 400}, {"", ann, 400}, {"order:mine", ann, 200},
		{"market+order:other", ann, 404},
	} {
		if got := l.opens(c.topics, "", "Cookie", c.cookie).resp.StatusCode; got != c.status {
			t.Errorf("%q for %q: %d, want %d", c.topics, c.cookie, got, c.status)
		}
	}
	one, all := l.opens("order:mine", "100", "Cookie", ann), l.opens("orders+selling+order:mine", "100", "Cookie", ann)
	one.hears("hello 100")
	all.hears("hello 100")
	l.says(event.OrderUpdated, event.Order{ID: "theirs", UserID: "bob"})
	l.says(event.OrderUpdated, event.Order{ID: "another", UserID: "ann"})
	l.says(event.TicketUpdated, event.Ticket{ID: "t", UserID: "ann"})
	l.says(event.OrderUpdated, event.Order{ID: "mine", UserID: "ann", Status: "AwaitingPayment"})
	l.says(event.ChargeUpdated, event.Charge{ID: "c", OrderID: "mine", Status: "Completed", StripeID: "pi_secret"})
	if h := one.hears("order 104", "charge 105"); strings.Contains(h.data, "secret") {
		t.Errorf("the page hears %s", h.data)
	}
	all.hears("order 102", "ticket 103", "order 104", "charge 105")
}

// When somebody signs out, their open pages must not go on hearing of their orders.
func TestSessionsThatEndTakeTheirPagesAlong(t *testing.T) {
	l := openLive(t, account)
	own, other := l.opens("orders", "100", "Cookie", "session=ann"), l.opens("market", "100", "Cookie", "session=ann")
	own.hears("hello 100")
	other.hears("hello 100")
	l.says(event.UserUpdated, event.User{ID: "bob"})
	l.says(event.OrderUpdated, event.Order{ID: "o", UserID: "ann"})
	own.hears("order 102")
	l.says(event.UserUpdated, event.User{ID: "ann"})
	if h, ok := own.next(); ok {
		t.Errorf("the page of an account that has changed hears %v", h)
	}
	l.says(event.TicketUpdated, event.Ticket{ID: "t"})
	other.hears("ticket 104")
}

func TestEventsOfStrangersAreLeftOut(t *testing.T) {
	l := openLive(t, empty)
	p := l.opens("market", "100")
	p.hears("hello 100")
	for i, text := range []string{"nonsense", `{"type":"TicketUpdated","data":"nonsense"}`, `{"type":"Weather"}`, `{"type":"OrderCreated","data":[]}`, `{"type":"ChargeCreated","data":1}`, `{"type":"UserCreated","data":1}`} {
		l.write(web.Entry{Seq: uint64(101 + i), Document: []byte(text)})
	}
	l.seq = 106
	l.says(event.TicketUpdated, event.Ticket{ID: "t"})
	p.hears("ticket 107")
}

func TestWithoutALogPagesAreTold(t *testing.T) {
	s := site(t, web.Options{})
	resp, _ := get(t, s, "GET", "/live?topics=market", "text/event-stream")
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("a browser would come back again and again: %d", resp.StatusCode)
	}
	if _, body := get(t, s, "GET", "/", browser); !strings.Contains(body, `data-live="market" data-poll`) {
		t.Error("the market does not say that it has to ask again")
	}
	away := site(t, web.Options{Events: func(ctx context.Context, _ func(web.Entry) error) error { <-ctx.Done(); return nil }})
	resp, _ = get(t, away, "GET", "/live?topics=market", "text/event-stream")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("while the log has not been reached: %d", resp.StatusCode)
	}
	if _, body := get(t, away, "GET", "/", browser); !strings.Contains(body, `data-live="market" data-poll`) {
		t.Error("the market does not say that it has to ask again while the log is away")
	}
	l := openLive(t, empty)
	resp, err := http.Get(l.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := bufio.NewScanner(resp.Body)
	found := false
	for body.Scan() {
		found = found || strings.Contains(body.Text(), `data-live="market" data-live-after="100"`)
	}
	if !found {
		t.Error("the market does not say behind which place it begins to hear")
	}
}

// When the site ends, so do the connections of pages, which would keep the process from stopping.
func TestPagesAreLetGoAtTheEnd(t *testing.T) {
	log := newEventLog(t)
	s, err := web.New(web.Options{API: empty, OpenAPI: textOf(openAPI), AsyncAPI: textOf(asyncAPI), Events: log.follow})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	server := httptest.NewServer(s)
	defer server.Close()
	log.begins(100)
	l := &live{log, server.URL}
	p := l.opens("market", "100")
	p.hears("hello 100")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if h, ok := p.next(); ok {
		t.Errorf("the page hears %v", h)
	}
	if resp := l.opens("market", "100").resp; resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a page that comes then: %d", resp.StatusCode)
	}
}
