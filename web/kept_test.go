package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/web"
)

// shop answers the list of tickets, and counts how often it did so anew.
type shop struct {
	tag, list   string
	anew, asked int
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked++
	if s.tag != "" {
		w.Header().Set("ETag", s.tag)
	}
	if known := r.Header.Get("If-None-Match"); known != "" && known == s.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.anew++
	_, _ = io.WriteString(w, s.list)
}

const (
	someTickets = `[{"id":"0198c0de-0000-7000-8000-000000000001","title":%q,"price":1249.5,"currency":"usd","startsAt":"2027-07-01T13:00:00Z",` +
		`"userId":"0198c0de-0000-7000-8000-000000000002","status":"available","version":1,"createdAt":"2027-06-01T12:00:00Z","updatedAt":"2027-06-01T12:00:00Z"}]`
	markOfSession = "session=0123"
)

// keeping is a site whose market, clock and event log are the test's.
func keeping(t *testing.T) (s *shop, now *atomic.Int64, newest func(uint64), ask func(target string, header ...string) (*http.Response, string)) {
	s, now = &shop{tag: `"1"`, list: fmt.Sprintf(someTickets, "Tom Waits")}, &atomic.Int64{}
	now.Store(time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	reached, seen := make(chan uint64), make(chan bool)
	site, err := web.New(web.Options{API: s, OpenAPI: textOf(openAPI), AsyncAPI: textOf(asyncAPI),
		Now: func() time.Time { return time.UnixMilli(now.Load()) },
		Events: func(ctx context.Context, each func(web.Entry) error) error {
			for {
				select {
				case seq := <-reached:
					_ = each(web.Entry{Seq: seq})
					seen <- true
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	background(t, site.Run)
	newest = func(seq uint64) { reached <- seq; <-seen }
	ask = func(target string, header ...string) (*http.Response, string) {
		t.Helper()
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Accept", browser)
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Fatalf("%s: %d", target, w.Code)
		}
		if w.Header().Get("Content-Encoding") == "gzip" {
			return w.Result(), unzipped(t, w.Body)
		}
		return w.Result(), w.Body.String()
	}
	return s, now, newest, ask
}

// The page that is given out again is, to the byte, the one that would be made.
func TestAPageThatIsKeptIsAsGoodAsNew(t *testing.T) {
	for _, polling := range []bool{true, false} {
		s, now, newest, ask := keeping(t)
		for n := range 4 {
			now.Add(1000)
			if !polling {
				newest(uint64(90 + 20*n)) // it becomes longer
			}
			for _, header := range []string{"X: y", "Accept-Encoding: gzip"} {
				again, page := ask("/?status=all", header)
				tag := s.tag
				s.tag = "" // such a list is always answered, and its page is not kept
				made, want := ask("/?status=all", header)
				s.tag = tag
				if page != want {
					t.Errorf("%d, %s: the page is\n%s\nnot\n%s", n, header, page, want)
				}
				again.Header.Del("Content-Length")
				if fmt.Sprint(again.Header) != fmt.Sprint(made.Header) {
					t.Errorf("%d, %s: the header is\n%v\nnot\n%v", n, header, again.Header, made.Header)
				}
			}
		}
		if s.asked != 16 || s.anew != 9 {
			t.Errorf("the list was asked for %d times and %d times answered", s.asked, s.anew)
		}
	}
}

func TestAPageIsMadeAnewWhenItWouldBeAnother(t *testing.T) {
	s, now, _, ask := keeping(t)
	want := func(what string, anew bool, text, target string, header ...string) {
		t.Helper()
		before := s.anew
		_, page := ask(target, header...)
		if !strings.Contains(page, text) || (s.anew > before) != anew {
			t.Errorf("%s: made anew: %v, with %q: %v", what, s.anew > before, text, strings.Contains(page, text))
		}
	}
	want("first", true, "Tom Waits", "/?status=all")
	want("second", false, "Tom Waits", "/?status=all")
	s.tag, s.list = `"2"`, fmt.Sprintf(someTickets, "Nick Cave")
	want("changed", true, "Nick Cave", "/?status=all")
	want("the same", false, "Nick Cave", "/?status=all")
	want("another address", true, "Nick Cave", "/?status=all&sort=price")
	want("another language", true, "1.249,50", "/?status=all", "Accept-Language: de-DE")
	want("that language again", false, "1.249,50", "/?status=all", "Accept-Language: de-DE")
	want("another region", true, "1’249.50", "/?status=all", "Accept-Language: de-CH")
	want("a chosen language", true, "Deutsch", "/?status=all", "Cookie: lang=de")
	want("another zone", true, "Tokyo", "/?status=all&q=Tokyo", "Cookie: zone=Asia%2FTokyo")
	want("no zone", true, "Tokyo", "/?status=all&q=Tokyo")
	for range 2 {
		want("somebody", true, "Nick Cave", "/?status=all", "Cookie: "+markOfSession)
	}
	before, _ := ask("/?status=all")
	if c := before.Header.Get("Cache-Control"); c != "no-cache" {
		t.Errorf("for everybody: %q", c)
	}
	now.Add((time.Hour - time.Millisecond).Milliseconds())
	want("before the event", false, "Nick Cave", "/?status=all")
	now.Add(1)
	want("the event has begun", true, "has begun", "/?status=all")
	want("it still has", false, "has begun", "/?status=all")
	now.Add(-1)
	want("the clock was put back", true, "Nick Cave", "/?status=all")
}

// Nobody fills the memory by asking for ever new addresses.
func TestPagesTakeNoMoreRoomThanThereIs(t *testing.T) {
	s, _, _, ask := keeping(t)
	for n := range 600 {
		ask(fmt.Sprintf("/?q=%d", n))
	}
	before := s.anew
	if ask("/?q=599"); s.anew != before {
		t.Error("the newest is not kept")
	}
	if ask("/?q=0"); s.anew == before {
		t.Error("600 pages are kept")
	}
}
