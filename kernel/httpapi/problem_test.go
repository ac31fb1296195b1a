package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/httpapi"
)

const signed = "Authorization: Bearer good"

// TestEveryFault is the error contract: what is sent, the status, the code, and the fields that are blamed.
func TestEveryFault(t *testing.T) {
	o := (&toy{}).options()
	o.Timeout = 20 * time.Millisecond
	h := httpapi.Edge(httpapi.EdgeOptions{}, httpapi.Handler(o, sqlite(t), (&toy{}).Routes()))
	long := `{"title":"` + strings.Repeat("x", 70_000) + `"}`
	for _, c := range []struct {
		what, method, target, body string
		headers                    []string
		status                     int
		code                       string
		fields                     string
	}{
		{"no such path", "GET", "/api/nothing", "", nil, 404, "not_found", ""},
		{"a path that is not clean", "GET", "/api//notes", "", nil, 404, "not_found", ""},
		{"a path with dots", "GET", "/api/x/../notes", "", nil, 404, "not_found", ""},
		{"a slash too much", "GET", "/api/notes/", "", nil, 404, "not_found", ""},
		{"wrong method", "PATCH", "/api/notes", "", nil, 405, "method_not_allowed", ""},
		{"odd method", "BREW", "/api/notes", "", nil, 405, "method_not_allowed", ""},
		{"an id that is none", "GET", "/api/notes/abc", "", nil, 404, "not_found", ""},
		{"an id in upper case", "GET", "/api/notes/0198C0DE-0000-7000-8000-000000000001", "", nil, 404, "not_found", ""},
		{"an id with NUL", "GET", "/api/notes/\x00", "", nil, 404, "not_found", ""},
		{"an id that is unknown", "GET", "/api/notes/0198c0de-0000-7000-8000-000000000002", "", nil, 404, "not_found", ""},
		{"not signed in comes before all else", "POST", "/api/notes", long, []string{"Content-Type: text/plain"}, 401, "not_signed_in", ""},
		{"a bad token is none", "POST", "/api/notes", "{}", []string{"Authorization: Bearer bad"}, 401, "not_signed_in", ""},
		{"a token nobody can judge", "POST", "/api/notes", "{}", []string{"Authorization: Bearer maybe"}, 503, "unavailable", ""},
		{"empty body", "POST", "/api/notes", "", []string{signed}, 400, "bad_json", ""},
		{"blank body", "POST", "/api/notes", "  ", []string{signed}, 400, "bad_json", ""},
		{"no JSON", "POST", "/api/notes", "{title:1}", []string{signed}, 400, "bad_json", ""},
		{"trailing garbage", "POST", "/api/notes", `{"title":"a","price":1} x`, []string{signed}, 400, "bad_json", ""},
		{"two values", "POST", "/api/notes", `{"title":"a","price":1}{}`, []string{signed}, 400, "bad_json", ""},
		{"not UTF-8", "POST", "/api/notes", "{\"title\":\"\xff\",\"price\":1}", []string{signed}, 400, "bad_json", ""},
		{"not an object", "POST", "/api/notes", `[]`, []string{signed}, 400, "invalid", ""},
		{"null", "POST", "/api/notes", `null`, []string{signed}, 400, "invalid", ""},
		{"nothing in it", "POST", "/api/notes", `{}`, []string{signed}, 400, "invalid", "price,title"},
		{"nulls", "POST", "/api/notes", `{"title":null,"price":null,"startsAt":null}`, []string{signed}, 400, "invalid", "price,title"},
		{"wrong types", "POST", "/api/notes", `{"title":5,"price":"1","startsAt":1,"colour":[],"tags":"x"}`, []string{signed}, 400, "invalid", "colour,price,startsAt,tags,title"},
		{"wrong values", "POST", "/api/notes", `{"title":"","price":-1,"startsAt":"yesterday","colour":"blue","tags":["a","b","c"]}`, []string{signed}, 400, "invalid", "colour,price,startsAt,tags,title"},
		{"the schema's and the service's rules", "POST", "/api/notes", `{"title":"","price":19.999,"startsAt":"1999-01-01T00:00:00Z"}`, []string{signed}, 400, "invalid", "price,startsAt,title"},
		{"the service's rules alone", "POST", "/api/notes", `{"title":"a","price":19.999}`, []string{signed}, 400, "invalid", "price"},
		{"blank title", "POST", "/api/notes", `{"title":"   ","price":1}`, []string{signed}, 400, "invalid", "title"},
		{"NUL", "POST", "/api/notes", `{"title":"a\u0000","price":1}`, []string{signed}, 400, "invalid", "title"},
		{"inner lists", "POST", "/api/notes", `{"title":"a","price":1,"tags":["a",5]}`, []string{signed}, 400, "invalid", "tags[1]"},
		{"too large a number", "POST", "/api/notes", `{"title":"a","price":1e400}`, []string{signed}, 400, "invalid", "price"},
		{"too exact a number", "POST", "/api/notes", `{"title":"a","price":1e-300}`, []string{signed}, 400, "invalid", "price"},
		{"too many digits", "POST", "/api/notes", `{"title":"a","price":1.00000000000000000000000001}`, []string{signed}, 400, "invalid", "price"},
		{"not a number", "POST", "/api/notes", `{"title":"a","price":NaN}`, []string{signed}, 400, "bad_json", ""},
		{"one key, two types", "POST", "/api/notes", `{"title":5,"title":"a","price":1}`, []string{signed}, 400, "invalid", ""},
		{"one key, two cases", "POST", "/api/notes", `{"title":"a","Title":5,"price":1}`, []string{signed}, 400, "invalid", ""},
		{"too large", "POST", "/api/notes", long, []string{signed}, 413, "body_too_large", ""},
		{"another type", "POST", "/api/notes", "{}", []string{signed, "Content-Type: text/plain"}, 415, "unsupported_media_type", ""},
		{"another charset", "POST", "/api/notes", "{}", []string{signed, "Content-Type: application/json; charset=latin1"}, 415, "unsupported_media_type", ""},
		{"compressed", "POST", "/api/notes", "{}", []string{signed, "Content-Encoding: gzip"}, 415, "unsupported_media_type", ""},
		{"a type that is none", "POST", "/api/notes", "{}", []string{signed, "Content-Type: ;;"}, 415, "unsupported_media_type", ""},
		{"a rule of the state", "POST", "/api/notes", `{"title":"taken","price":1}`, []string{signed}, 409, "email_taken", "title"},
		{"limit is no number", "GET", "/api/notes?limit=ten", "", nil, 400, "invalid", "limit"},
		{"several bad parameters", "GET", "/api/notes?limit=101&colour=blue&exact=perhaps", "", nil, 400, "invalid", "colour,exact,limit"},
		{"limit too small", "GET", "/api/notes?limit=0", "", nil, 400, "invalid", "limit"},
		{"limit beyond all numbers", "GET", "/api/notes?limit=99999999999999999999", "", nil, 400, "invalid", "limit"},
		{"limit with a point", "GET", "/api/notes?limit=1.5", "", nil, 400, "invalid", "limit"},
		{"twice", "GET", "/api/notes?limit=1&limit=2", "", nil, 400, "invalid", "limit"},
		{"not UTF-8 in the query", "GET", "/api/notes?colour=%ff", "", nil, 400, "invalid", "colour"},
		{"NUL in the query", "GET", "/api/notes?cursor=%00", "", nil, 400, "invalid", "cursor"},
		{"a query that is none", "GET", "/api/notes?limit=%zz", "", nil, 400, "invalid", ""},
		{"a cursor that is none", "GET", "/api/notes?cursor=abc", "", nil, 400, "invalid", "cursor"},
		{"another version", "PUT", "/api/notes/" + knownID, `{"title":"a","price":1}`, []string{signed, `If-Match: "6"`}, 412, "version_moved", ""},
		{"a weak version", "DELETE", "/api/notes/" + knownID, "", []string{`If-Match: W/"7"`}, 412, "version_moved", ""},
		{"another site", "POST", "/api/notes", "{}", []string{"Cookie: session=good", "Sec-Fetch-Site: cross-site"}, 403, "cross_origin", ""},
		{"another site's origin", "POST", "/api/notes", "{}", []string{"Cookie: session=good", "Origin: https://evil.example"}, 403, "cross_origin", ""},
		{"another site with cookie and token", "POST", "/api/notes", "{}", []string{"Cookie: session=good", signed, "Sec-Fetch-Site: cross-site"}, 403, "cross_origin", ""},
		{"another site on a page", "POST", "/", "{}", []string{"Sec-Fetch-Site: same-site"}, 403, "cross_origin", ""},
		{"too many", "GET", "/api/limited", "", nil, 429, "too_many_requests", ""},
		{"panic", "GET", "/api/panic", "", nil, 500, "internal", ""},
		{"an error nobody named", "GET", "/api/broken", "", nil, 500, "internal", ""},
		{"the database is away", "GET", "/api/away", "", nil, 503, "unavailable", ""},
		{"out of time", "GET", "/api/slow", "", nil, 503, "unavailable", ""},
		{"a bad key", "POST", "/api/gate", "{}", []string{"Idempotency-Key: ä"}, 400, "invalid", "Idempotency-Key"},
		{"an empty key", "POST", "/api/gate", "{}", []string{"Idempotency-Key: "}, 400, "invalid", "Idempotency-Key"},
		{"two keys", "POST", "/api/gate", "{}", []string{"Idempotency-Key: a", "Idempotency-Key: b"}, 400, "invalid", "Idempotency-Key"},
		{"too long a key", "POST", "/api/gate", "{}", []string{"Idempotency-Key: " + strings.Repeat("k", 256)}, 400, "invalid", "Idempotency-Key"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := ask(h, c.method, c.target, c.body, c.headers...)
			p := problem(t, r)
			var fields []string
			for _, e := range p.Errors {
				if e.Field != "" {
					fields = append(fields, e.Field)
				}
			}
			slices.Sort(fields)
			if r.StatusCode != c.status || p.Code != c.code || strings.Join(fields, ",") != c.fields {
				t.Errorf("got %d %s on %v, want %d %s on %s; %+v", r.StatusCode, p.Code, fields, c.status, c.code, c.fields, p.Errors)
			}
			for status, header := range map[int]string{401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"} {
				if r.StatusCode == status && r.Header.Get(header) == "" {
					t.Errorf("no %s", header)
				}
			}
			if r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", r.Header.Get("Cache-Control"))
			}
		})
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	if got := ask(served(&toy{}), "GET", "/api/limited", "").Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %s, want 2", got)
	}
}

// TestChunkedBodyIsBounded sends a body whose length nobody announces, over a socket.
func TestChunkedBodyIsBounded(t *testing.T) {
	server := httptest.NewServer(served(&toy{}))
	defer server.Close()
	for _, size := range []int{httpapi.MaxBody, httpapi.MaxBody + 1} {
		body := strings.NewReader(strings.Repeat(" ", size))
		r, _ := http.NewRequest("POST", server.URL+"/api/notes", struct{ *strings.Reader }{body})
		r.ContentLength = -1
		r.Header.Set("Authorization", "Bearer good")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: 413, false: 400}[size > httpapi.MaxBody]
		if p := problem(t, res); p.Status != want {
			t.Errorf("%d bytes: %d %s, want %d", size, p.Status, p.Code, want)
		}
		res.Body.Close()
	}
}

// TestLargerBodies sends bodies to a route that takes larger ones with a header, announced and not, and to one that does not.
func TestLargerBodies(t *testing.T) {
	server := httptest.NewServer(served(&toy{}))
	defer server.Close()
	const most = 4 * httpapi.MaxBody
	for _, c := range []struct {
		path, signature string
		size, want      int
	}{
		{"/api/raw", "s", httpapi.MaxBody + 1, 200}, {"/api/raw", "s", most, 200}, {"/api/raw", "s", most + 1, 413},
		{"/api/raw", "", httpapi.MaxBody, 200}, {"/api/raw", "", httpapi.MaxBody + 1, 413},
		{"/api/signin", "s", httpapi.MaxBody + 1, 413},
	} {
		for _, announced := range []bool{true, false} {
			r, _ := http.NewRequest("POST", server.URL+c.path, strings.NewReader(strings.Repeat(" ", c.size)))
			if !announced {
				r.ContentLength = -1
			}
			if c.signature != "" {
				r.Header.Set("Stripe-Signature", c.signature)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != c.want {
				t.Errorf("%+v, announced %t: %d", c, announced, res.StatusCode)
			}
			res.Body.Close()
		}
	}
}

// TestPlainTextBecomesAProblem shows that what net/http says by itself has the structure too, and pages keep theirs.
func TestPlainTextBecomesAProblem(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.WriteHeader(404)
		_, _ = w.Write([]byte("<p>no"))
	})
	h := httpapi.Edge(httpapi.EdgeOptions{}, mux)
	if p := problem(t, ask(h, "GET", "/other", "")); p.Code != "not_found" {
		t.Errorf("code %s", p.Code)
	}
	r := ask(h, "POST", "/page", "")
	if p := problem(t, r); p.Code != "method_not_allowed" || r.Header.Get("Allow") == "" {
		t.Errorf("code %s, Allow %q", p.Code, r.Header.Get("Allow"))
	}
	r = ask(h, "GET", "/page", "")
	if text(t, r) != "<p>no" || r.Header.Get("Content-Security-Policy") != "default-src 'self'" {
		t.Errorf("the page was changed: %v", r.Header)
	}
}
