package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzBody sends anything as a body: the answer is the note, or the error structure with a 4xx.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		milk, ``, `{}`, `null`, `[]`, `{"title":"\u0000","price":1e400}`, `{"title":"a","price":1}x`, "\xff", `{"title":5,"Title":"x"}`,
		`{"startsAt":"0000-01-01T00:00:00Z","price":1,"title":"a"}`, `{"startsAt":"9999-12-31T23:59:59.999999999+23:59"}`, `{"a":` + strings.Repeat("[", 500),
	} {
		f.Add(seed, "application/json")
	}
	f.Add("{}", "text/plain; charset=\xff")
	h := served(&toy{})
	f.Fuzz(func(t *testing.T, body, kind string) {
		r := ask(h, "POST", "/api/notes", body, signed, "Content-Type: "+kind)
		if r.StatusCode == 201 {
			if b := text(t, r); !json.Valid([]byte(b)) {
				t.Errorf("no JSON: %s", b)
			}
			return
		}
		if p := problem(t, r); p.Status >= 500 {
			t.Errorf("%q: %d %s", body, p.Status, p.Detail)
		}
	})
}

// FuzzAddress sends anything as method, path and query.
func FuzzAddress(f *testing.F) {
	f.Add("GET", "/api/notes", "limit=5&cursor=abc")
	f.Add("PUT", "/api/notes/%00", "")
	f.Add("GET", "/api/notes/\x00", "limit=%zz;a=b")
	f.Add("OPTIONS", "*", "")
	h := served(&toy{})
	f.Fuzz(func(t *testing.T, method, path, query string) {
		switch path {
		case "/api/panic", "/api/broken", "/api/away", "/api/slow":
			return
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		h.ServeHTTP(w, r)
		res := w.Result()
		if res.StatusCode < 400 || method == http.MethodHead {
			return
		}
		if p := problem(t, res); p.Status >= 500 {
			t.Errorf("%s %s?%s: %d %s", method, path, query, p.Status, p.Detail)
		}
	})
}

// FuzzCursor sends anything as a cursor: it is one that was given out, or a 400 that names it.
func FuzzCursor(f *testing.F) {
	h := served(&toy{})
	link := ask(h, "GET", "/api/notes", "").Header.Get("Link")
	f.Add(strings.TrimSuffix(strings.TrimPrefix(link, "</api/notes?cursor="), `>; rel="next"`))
	f.Add("")
	f.Add("AAAA")
	f.Add("????")
	f.Fuzz(func(t *testing.T, cursor string) {
		r := ask(h, "GET", "/api/notes?cursor="+url.QueryEscape(cursor), "")
		if r.StatusCode == 200 {
			return
		}
		if p := problem(t, r); p.Status != 400 || p.Errors[0].Field != "cursor" {
			t.Errorf("%q: %d %+v", cursor, p.Status, p.Errors)
		}
	})
}
