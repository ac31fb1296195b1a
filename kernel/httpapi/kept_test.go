package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
)

// shelf is a service whose answers are kept. Each answer that is made has another number in it.
type shelf struct {
	number  uint64
	unsure  bool
	now     time.Time
	until   []time.Time
	made    atomic.Int64
	refuse  error
	changes bool // while the next answer is made
	big     string
	kept    *httpapi.Kept
	handler http.Handler
}

type shelfInput struct {
	Q string `query:"q"`
}

type shelfOutput struct {
	Link string `header:"Link"`
	ETag string `header:"ETag"`
	Body map[string]string
}

func newShelf() *shelf {
	s := &shelf{now: time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)}
	s.kept = httpapi.NewKept(func(context.Context) (uint64, bool) { return s.number, !s.unsure }, func() time.Time { return s.now })
	s.handler = httpapi.Handler(httpapi.Options{Verifier: verifier{}}, nil, []httpapi.Route{
		httpapi.Get("/api/shelf", func(ctx context.Context, in *shelfInput) (*shelfOutput, error) {
			if s.changes {
				s.number, s.changes = s.number+2, false
			}
			n := s.made.Add(1)
			for _, t := range s.until {
				httpapi.KeepUntil(ctx, t)
			}
			return &shelfOutput{Link: "</api/shelf?q=" + in.Q + ">", Body: map[string]string{"n": fmt.Sprint(n), "q": in.Q, "big": s.big}}, s.refuse
		}, httpapi.About{ID: "shelf", Tag: "Shelf", Kept: s.kept}),
	})
	return s
}

func (s *shelf) get(target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func TestAnswersAreKeptUntilSomethingChanges(t *testing.T) {
	s := newShelf()
	first := s.get("/api/shelf?q=a")
	want := func(what string, target string, made int64) {
		t.Helper()
		w := s.get(target)
		if w.Code != 200 || s.made.Load() != made {
			t.Errorf("%s: %d, made %d, want %d", what, w.Code, s.made.Load(), made)
		}
	}
	again := s.get("/api/shelf?q=a")
	if s.made.Load() != 1 || again.Body.String() != first.Body.String() || fmt.Sprint(again.Header()) != fmt.Sprint(first.Header()) {
		t.Errorf("the second answer is\n%v %s, the first\n%v %s", again.Header(), again.Body, first.Header(), first.Body)
	}
	want("another address", "/api/shelf?q=b", 2)
	want("the same as before", "/api/shelf?q=a", 2)
	want("written in another way", "/api/%73helf?q=a", 3)
	s.number += 2
	want("changed", "/api/shelf?q=a", 4)
	want("kept anew", "/api/shelf?q=a", 4)
	s.number, s.unsure = s.number+1, true
	want("while it is changing", "/api/shelf?q=a", 5)
	want("while it is changing still", "/api/shelf?q=a", 6)
	s.number, s.unsure = s.number+1, false
	want("when it has changed", "/api/shelf?q=a", 7)
	s.number, s.changes = s.number+2, true
	want("changed while it is made", "/api/shelf?q=a", 8)
	want("after that", "/api/shelf?q=a", 9)
	s.number, s.refuse = s.number+2, fault.Unknown.New("No.")
	for range 2 {
		if w := s.get("/api/shelf?q=a"); w.Code != 404 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	s.refuse = nil
	want("once it is answered", "/api/shelf?q=a", 12)
}

func TestAnswersAreKeptForTheirTime(t *testing.T) {
	s := newShelf()
	begin := s.now
	s.until = []time.Time{begin.Add(2 * time.Minute), begin.Add(time.Minute), begin.Add(3 * time.Minute)}
	for _, c := range []struct {
		at   time.Duration
		made int64
	}{{0, 1}, {time.Minute - time.Millisecond, 1}, {time.Minute, 2}, {time.Minute, 3}, {0, 4}, {-time.Second, 5}} {
		s.now = begin.Add(c.at)
		if s.get("/api/shelf"); s.made.Load() != c.made {
			t.Errorf("%v later: made %d, want %d", c.at, s.made.Load(), c.made)
		}
	}
}

// What a caller is told beside the answer is not kept with it.
func TestKeptAnswersAreForEverybody(t *testing.T) {
	s := newShelf()
	for range 3 {
		for header, want := range map[string]string{"X: y": "no-cache", "Authorization: Bearer good": "no-store"} {
			if w := s.get("/api/shelf", header); len(w.Header()["Cache-Control"]) != 1 || w.Header().Get("Cache-Control") != want {
				t.Errorf("%s: %q", header, w.Header()["Cache-Control"])
			}
		}
		tag := s.get("/api/shelf").Header().Get("ETag")
		if w := s.get("/api/shelf", "If-None-Match: "+tag); w.Code != 304 || w.Body.Len() > 0 || tag == "" || w.Header().Get("ETag") != tag {
			t.Errorf("%q: %d %s", tag, w.Code, w.Body)
		}
	}
	if s.made.Load() != 1 {
		t.Errorf("made %d times", s.made.Load())
	}
	tag := s.get("/api/shelf").Header().Get("ETag")
	s.number += 2
	if w := s.get("/api/shelf", "If-None-Match: "+tag); w.Code != 200 || w.Header().Get("ETag") == tag {
		t.Errorf("%d with the tag %q of another answer", w.Code, tag)
	}
}

func TestAnswersTakeNoMoreRoomThanThereIs(t *testing.T) {
	s := newShelf()
	s.big = strings.Repeat("x", 100<<10)
	for n := range 200 {
		s.get(fmt.Sprintf("/api/shelf?q=%d", n))
	}
	before := s.made.Load()
	s.get("/api/shelf?q=199")
	if s.made.Load() != before {
		t.Error("the newest is not kept")
	}
	s.get("/api/shelf?q=0")
	if s.made.Load() == before {
		t.Error("20 MB are kept")
	}
}

func TestOnlyReadsAreKept(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a POST is kept")
		}
	}()
	httpapi.Post("/x", func(context.Context, *struct{}) (*struct{}, error) { return nil, nil }, httpapi.About{Kept: newShelf().kept})
}
