package web_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"ticketing/kernel/fault"
	"ticketing/web"
)

const browser = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestPagesAreWholeAndSafe(t *testing.T) {
	s := site(t, web.Options{})
	paths := []string{"/", "/docs", "/problems/"}
	for _, code := range fault.Catalog {
		paths = append(paths, "/problems/"+code.Name)
	}
	for _, path := range paths {
		resp, body := get(t, s, "GET", path, browser)
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		if regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:`).MatchString(strings.ReplaceAll(body, `<script type="module" src=`, "<asset src=")) {
			t.Errorf("%s has a script or a style of its own, which its policy forbids", path)
		}
		wellFormed(t, path, body)
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
	link := regexp.MustCompile(`(?:href|src)="([^"#]+)`)
	id := regexp.MustCompile(`id="([^"]+)"`)
	for _, path := range []string{"/", "/docs", "/problems/", "/problems/ticket_locked"} {
		_, body := get(t, s, "GET", path, browser)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			if strings.HasPrefix(m[1], "/api/") {
				continue
			}
			resp, _ := get(t, s, "GET", m[1], browser)
			if first := strings.HasPrefix(resp.Header.Get("Location"), "/signin?"); resp.StatusCode != 200 && !first {
				t.Errorf("%s links to %s: %d", path, m[1], resp.StatusCode)
			}
		}
		seen := map[string]bool{}
		for _, m := range id.FindAllStringSubmatch(body, -1) {
			if seen[m[1]] {
				t.Errorf("%s has two elements with the id %s", path, m[1])
			}
			seen[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`href="#([^"]+)`).FindAllStringSubmatch(body, -1) {
			if !seen[m[1]] {
				t.Errorf("%s has no place called %s", path, m[1])
			}
		}
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

func TestBrokenDocumentsAreFoundAtStart(t *testing.T) {
	for _, o := range []web.Options{
		{OpenAPI: []byte("{"), AsyncAPI: []byte(asyncAPI)},
		{OpenAPI: []byte(openAPI), AsyncAPI: []byte("nothing")},
		{OpenAPI: []byte(`{"paths":{"/a":{"get":{"parameters":1}}}}`), AsyncAPI: []byte(asyncAPI)},
	} {
		if _, err := web.New(o); err == nil {
			t.Errorf("took %s", o.OpenAPI)
		}
	}
}

func TestStyleIsCachedUnderItsContent(t *testing.T) {
	s := site(t, web.Options{})
	_, body := get(t, s, "GET", "/", browser)
	style := regexp.MustCompile(`/static/style\.[0-9a-f]{12}\.css`).FindString(body)
	resp, css := get(t, s, "GET", style, "text/css")
	if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || !strings.Contains(css, "light dark") {
		t.Errorf("%q: %d %v", style, resp.StatusCode, resp.Header)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/css") {
		t.Errorf("a browser will not use a style sheet of type %s", resp.Header.Get("Content-Type"))
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
		{"GET", "/static/style.css", browser, 404, true},
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
