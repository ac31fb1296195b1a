package web_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/web"
)

// refusing is an API that answers everything with one fault.
func refusing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { httpapi.WriteFault(w, r, err) })
}

func TestFaultsHavePages(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		says   []string
		misses string
	}{
		{fault.Unknown.New("No."), 404, []string{"Diese Seite gibt es nicht"}, "Noch einmal"},
		{fault.TicketLocked.New("Someone else is paying for this ticket until 12:15:00 UTC."), 409,
			[]string{"Das Ticket ist reserviert", "Jemand anderes bezahlt dieses Ticket gerade, bis 12:15:00 UTC.", "/problems/ticket_locked"}, "Noch einmal"},
		{fault.SlowDown.New("There were too many attempts. Please wait a moment before the next one.").After(7e9), 429, []string{"Das waren zu viele Versuche"}, "Bei uns"},
		{fault.Busy.New("Down.").After(3e9), 503, []string{"Das geht gerade nicht", "Noch einmal versuchen"}, "Bei uns"},
		{fault.Broken.New("Secret."), 500, []string{"Bei uns ist etwas schiefgegangen", "Nenne uns diese Nummer", "Noch einmal versuchen"}, "Secret"},
	} {
		s := httpapi.Edge(httpapi.EdgeOptions{}, site(t, web.Options{API: refusing(c.err)}))
		page := reads(t, s, "/", "de").sound()
		if page.status != c.status {
			t.Errorf("%v: %d", c.err, page.status)
		}
		for _, want := range c.says {
			if !strings.Contains(page.body, want) {
				t.Errorf("%v: the page lacks %q:\n%s", c.err, want, page.says("main"))
			}
		}
		if strings.Contains(page.says("main"), c.misses) {
			t.Errorf("%v: the page says %q", c.err, c.misses)
		}
		if wait := page.header.Get("Retry-After"); (wait != "") != (c.status == 429 || c.status == 503) {
			t.Errorf("%v: Retry-After is %q", c.err, wait)
		}
		if robots := page.one("meta[name=robots]"); attr(robots, "content") != "noindex" {
			t.Errorf("%v: a search engine would keep the page", c.err)
		}
	}
}

// A service that is away takes no page along that can do without it.
func TestAPartOfTheMarketThatIsAway(t *testing.T) {
	nobody, err := url.Parse("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	s := site(t, web.Options{Remotes: map[string][]*url.URL{"": {nobody}}})
	page := reads(t, s, "/", "en").sound()
	if page.status != 503 || !strings.Contains(page.says("main"), "Try again") || page.header.Get("Retry-After") == "" {
		t.Errorf("%d: %s", page.status, page.says("main"))
	}
	r := httptest.NewRequest("GET", "/problems/", nil)
	r.Header.Set("Accept", browser)
	r.AddCookie(&http.Cookie{Name: "session", Value: "unknown"})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a page without data: %d %v", w.Code, w.Header())
	}
}

func TestPanicsAreFriendlyAndLogged(t *testing.T) {
	var log bytes.Buffer
	s := site(t, web.Options{
		API: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("out of luck") }),
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	page := reads(t, s, "/", "en").sound()
	if page.status != 500 || strings.Contains(page.body, "luck") || !strings.Contains(log.String(), "out of luck") {
		t.Errorf("%d, log: %s", page.status, log.String())
	}
}

// Who opens the address of a form as if it were a page gets the page.
func TestFormsHavePagesAbove(t *testing.T) {
	s := site(t, web.Options{})
	for path, want := range map[string]string{"/account/email": "/account", "/signout": "/", "/language?x=1": "/", "/orders/1/pay": "/orders/1"} {
		resp, _ := get(t, s, "GET", path, browser)
		if resp.StatusCode != 303 || resp.Header.Get("Location") != want {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Location"))
		}
		if resp, _ := get(t, s, "GET", path, "*/*"); resp.StatusCode != 405 {
			t.Errorf("%s for a program: %d", path, resp.StatusCode)
		}
	}
}

func TestFormsThatAreTooLongOrBroken(t *testing.T) {
	s := httpapi.Edge(httpapi.EdgeOptions{}, site(t, web.Options{}))
	for body, want := range map[string]int{"email=" + strings.Repeat("x", 70_000): 413, "email=%zz": 400} {
		r := httptest.NewRequest("POST", "/signin", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", browser)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		page := parse(t, w.Result()).sound()
		if page.status != want {
			t.Errorf("%.20s: %d %s", body, page.status, page.says("main"))
		}
	}
}
