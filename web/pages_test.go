package web_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ticketing/kernel/fault"
	"ticketing/web"
)

const browser = "text/html,application/xhtml+xml,*/*;q=0.8"

// publicPages are those that anybody can open.
func publicPages() []string {
	paths := []string{"/", "/docs", "/problems/", "/signin", "/signup", "/nowhere", "/payments/return?order=x"}
	for _, code := range fault.Catalog {
		paths = append(paths, "/problems/"+code.Name)
	}
	return paths
}

// reads is a page as somebody with these languages gets it.
func reads(t *testing.T, h http.Handler, path, languages string) *dom {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept", browser)
	r.Header.Set("Accept-Language", languages)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return parse(t, resp)
}

func TestPagesAreSound(t *testing.T) {
	s := site(t, web.Options{})
	for _, path := range publicPages() {
		for _, language := range []string{"en", "de"} {
			page := reads(t, s, path, language)
			if kind := page.header.Get("Content-Type"); page.status != 200 && path != "/nowhere" || kind != "text/html; charset=utf-8" {
				t.Errorf("%s: %d %s", path, page.status, kind)
			}
			if attr(page.one("html"), "lang") != language || !strings.Contains(page.header.Get("Vary"), "Accept-Language") {
				t.Errorf("%s for %s: %v", path, language, page.header)
			}
			page.sound()
			wellFormed(t, path, page.body)
		}
	}
}

// wellFormed checks that every element that is opened is closed.
func wellFormed(t *testing.T, path, body string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	d.AutoClose, d.Entity, d.Strict = xml.HTMLAutoClose, xml.HTMLEntity, false
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	s := site(t, web.Options{})
	tried := map[string]bool{}
	for _, path := range publicPages() {
		page := reads(t, s, path, "en")
		for _, n := range page.all("[href], [src]") {
			target, _, _ := strings.Cut(attr(n, "href")+attr(n, "src"), "#")
			if tried[target] || target == "" || strings.HasPrefix(target, "/api/") || strings.HasPrefix(target, "https://") {
				continue
			}
			tried[target] = true
			if resp, _ := get(t, s, "GET", target, browser); resp.StatusCode >= 400 {
				t.Errorf("%s links to %s: %d", path, target, resp.StatusCode)
			}
		}
	}
	if len(tried) < 30 {
		t.Errorf("only %d links", len(tried))
	}
}

func TestDocsSayWhatTheDocumentsSay(t *testing.T) {
	_, body := get(t, site(t, web.Options{}), "GET", "/docs", browser)
	for _, want := range []string{
		"Sells &lt;b&gt;things", "What is for sale.", "/api/tickets/{id}", "Read one.", "string (uuid)", "Its version.",
		"at least 1 characters; at most 200 characters", "one of available, sold", "list of string", "It is <code>here</code>.", "For callers who are signed in",
		`href="/problems/ticket_locked"`, "The log.", "ticketing.TicketSold.{id}", "It is sold.", "What it cost.",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestBrokenDocumentsBreakOnlyTheirPage(t *testing.T) {
	lacks := func() ([]byte, error) { return nil, errors.New("there is none") }
	for _, o := range []web.Options{
		{API: empty, OpenAPI: textOf("{"), AsyncAPI: textOf(asyncAPI)},
		{API: empty, OpenAPI: textOf(openAPI), AsyncAPI: textOf("nothing")},
		{API: empty, OpenAPI: textOf(`{"paths":{"/a":{"get":{"parameters":1}}}}`), AsyncAPI: textOf(asyncAPI)},
		{API: empty, OpenAPI: textOf(openAPI), AsyncAPI: lacks},
		{API: empty, OpenAPI: lacks, AsyncAPI: textOf(asyncAPI)},
	} {
		s, err := web.New(o)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]int{"/docs": 500, "/": 200, "/problems/": 200} {
			if resp, _ := get(t, s, "GET", path, browser); resp.StatusCode != want {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
	}
}

func TestDocumentsAreNotSentTwice(t *testing.T) {
	s := site(t, web.Options{})
	for path, want := range map[string]string{"/openapi.json": openAPI, "/asyncapi.json": asyncAPI} {
		resp, body := get(t, s, "GET", path, "*/*")
		if resp.StatusCode != 200 || body != want || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("If-None-Match", resp.Header.Get("ETag"))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("%s again: %d with %d bytes", path, w.Code, w.Body.Len())
		}
	}
}

func TestRefusalsSuitTheReader(t *testing.T) {
	s := site(t, web.Options{})
	for _, tc := range []struct {
		method, path, accept string
		status               int
		page                 bool
	}{
		{"GET", "/nowhere", browser, 404, true},
		{"GET", "/nowhere", "application/json", 404, false},
		{"GET", "/nowhere", "", 404, false},
		{"GET", "/static/app.js", browser, 404, true},
		{"GET", "/problems/no_such_code", browser, 404, true},
		{"GET", "/problems/no_such_code", "*/*", 404, false},
		{"POST", "/docs", browser, 405, true},
		{"DELETE", "/openapi.json", "*/*", 405, false},
		{"HEAD", "/docs", browser, 200, true},
	} {
		resp, body := get(t, s, tc.method, tc.path, tc.accept)
		kind := resp.Header.Get("Content-Type")
		if resp.StatusCode != tc.status || strings.HasPrefix(kind, "text/html") != tc.page || !tc.page && kind != "application/problem+json" {
			t.Errorf("%s %s for %q: %d %s %s", tc.method, tc.path, tc.accept, resp.StatusCode, kind, body)
		}
		if tc.status == 405 && !strings.Contains(resp.Header.Get("Allow"), "GET") {
			t.Errorf("%s %s does not say what is allowed", tc.method, tc.path)
		}
	}
}
