package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"ticketing/web"
)

// fetch asks for a file with these header fields.
func fetch(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, from io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func unzipped(t *testing.T, from io.Reader) string {
	t.Helper()
	z, err := gzip.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, z)
}

// Files are kept for ever under a name that changes with them, and are sent compressed to who can read that.
func TestAssetsAreCachedUnderTheirContent(t *testing.T) {
	s := site(t, web.Options{})
	page := reads(t, s, "/", "en")
	for selector, kind := range map[string]string{
		"script[type=module]": "text/javascript", "link[rel=icon]": "image/svg+xml",
	} {
		n := page.one(selector)
		path := attr(n, "href") + attr(n, "src")
		if !regexp.MustCompile(`^/static/[a-z]+\.[0-9a-f]{12}\.[a-z]+$`).MatchString(path) {
			t.Fatalf("%s is at %s", selector, path)
		}
		plain := fetch(t, s, path)
		text := read(t, plain.Body)
		h := plain.Header
		if plain.StatusCode != 200 || !strings.HasPrefix(h.Get("Content-Type"), kind) || h.Get("Cache-Control") != "public, max-age=31536000, immutable" ||
			h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", path, plain.StatusCode, h)
		}
		if short := fetch(t, s, path, "Accept-Encoding", "br, gzip;q=0.5"); len(text) > 300 && (short.Header.Get("Content-Encoding") != "gzip" || unzipped(t, short.Body) != text) {
			t.Errorf("%s is not the same when it is compressed: %v", path, short.Header)
		}
		for _, refusal := range []string{"", "identity", "gzip;q=0", "gzip; q=0.0"} {
			if fetch(t, s, path, "Accept-Encoding", refusal).Header.Get("Content-Encoding") != "" {
				t.Errorf("%s is compressed for %q", path, refusal)
			}
		}
		if again := fetch(t, s, path, "If-None-Match", h.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", path, again.StatusCode)
		}
	}
}

// A script refers to others by the names that they are served under, so none of them is ever out of date.
func TestScriptsImportOneAnotherByContent(t *testing.T) {
	s := site(t, web.Options{})
	imported := regexp.MustCompile(`(?:from|import|import\() ?"\./([^"]+)"`)
	seen := map[string]bool{}
	var visit func(path string)
	visit = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		resp := fetch(t, s, path)
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", path, resp.StatusCode)
			return
		}
		for _, m := range imported.FindAllStringSubmatch(read(t, resp.Body), -1) {
			if !regexp.MustCompile(`^[a-z]+\.[0-9a-f]{12}\.js$`).MatchString(m[1]) {
				t.Errorf("%s imports %s", path, m[1])
			}
			visit("/static/" + m[1])
		}
	}
	visit(attr(reads(t, s, "/", "en").one("script"), "src"))
	if len(seen) < 4 {
		t.Errorf("only %v", seen)
	}
}

func TestPagesAreSentCompressed(t *testing.T) {
	s := site(t, web.Options{})
	resp := fetch(t, s, "/docs", "Accept", browser, "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept-Encoding") {
		t.Fatal(resp.Header)
	}
	var short bytes.Buffer
	if _, err := io.Copy(&short, resp.Body); err != nil {
		t.Fatal(err)
	}
	size := short.Len()
	if text := unzipped(t, &short); !strings.HasSuffix(text, "</html>\n") || size > len(text)/2 {
		t.Errorf("%d bytes of %d", size, len(text))
	}
}
