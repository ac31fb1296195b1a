package web_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ticketing/web"
)

// addresses are all that routes.go has for a method, with something real in the place of what varies.
func addresses(t *testing.T, method string) (all []string) {
	t.Helper()
	text, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`pattern: "`+method+` ([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		path := strings.NewReplacer("{$}", "", "/orders/{id}", "/orders/"+orderID, "{id}", ticketID, "{code}", "ticket_locked").Replace(found[1])
		all = append(all, path)
	}
	return all
}

// changes is an API that notes what it is asked to change.
type changes struct {
	books
	asked []string
}

func (c *changes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.asked = append(c.asked, r.Method+" "+r.URL.Path)
	}
	c.books.ServeHTTP(w, r)
}

// visits is an answer to somebody who is signed in.
func visits(s http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://market.example"+path, nil)
	r.Header.Set("Accept", browser)
	r.AddCookie(&http.Cookie{Name: "session", Value: "u1"})
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// Whoever looks changes nothing, and nothing that is shown to somebody who is signed in is kept where others could find it.
func TestLookingChangesNothing(t *testing.T) {
	api := &changes{books: toBePaid()}
	s := site(t, web.Options{API: api})
	posted := addresses(t, "POST")
	looked := addresses(t, "GET")
	if len(looked) < 20 || len(posted) < 12 {
		t.Fatalf("found only %d and %d addresses", len(looked), len(posted))
	}
	for _, path := range looked {
		resp := visits(s, "GET", path)
		if kept := resp.Header.Get("Cache-Control"); kept != "no-store" && path != "/live" { // which has nothing here
			t.Errorf("GET %s: %d, Cache-Control %q", path, resp.StatusCode, kept)
		}
		if visits(s, "HEAD", path).StatusCode != resp.StatusCode {
			t.Errorf("HEAD %s is not answered like GET", path)
		}
	}
	for _, path := range posted {
		if slices.Contains(looked, path) {
			continue // a form and where it is sent
		}
		if resp := visits(s, "GET", path); resp.StatusCode != http.StatusSeeOther { // to the page that has the form
			t.Errorf("GET %s: %d", path, resp.StatusCode)
		}
	}
	if len(api.asked) > 0 {
		t.Errorf("by looking alone the market is changed: %v", api.asked)
	}
}

// No form of any page can be sent by another site's page.
func TestNoFormIsForOtherSites(t *testing.T) {
	api := &changes{books: toBePaid()}
	s := site(t, web.Options{API: api})
	for _, path := range addresses(t, "POST") {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
			if resp := visits(s, "POST", path, header...); resp.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s with %v: %d", path, header, resp.StatusCode)
			}
		}
	}
	if len(api.asked) > 0 {
		t.Errorf("another site changes the market: %v", api.asked)
	}
}
