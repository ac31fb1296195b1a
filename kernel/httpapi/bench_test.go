package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// nobody takes an answer and forgets it, so that the benchmark measures what happens here.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header       { return n.header }
func (nobody) Write(b []byte) (int, error) { return len(b), nil }
func (nobody) WriteHeader(int)             {}

func BenchmarkGet(b *testing.B) {
	h := served(&toy{})
	r := httptest.NewRequest("GET", "/api/notes/"+knownID, nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nobody{http.Header{}}, r)
	}
}

func BenchmarkListSignedIn(b *testing.B) {
	h := served(&toy{})
	r := httptest.NewRequest("GET", "/api/notes?limit=20", nil)
	r.Header.Set("Cookie", "session=good")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nobody{http.Header{}}, r)
	}
}
