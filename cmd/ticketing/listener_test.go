package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// listening is a listener at work.
func listening(t *testing.T, addr string) *listener {
	t.Helper()
	l := newListener("--addr", addr, slog.New(slog.DiscardHandler))
	l.answerWith(starting(slog.New(slog.DiscardHandler)))
	if err := l.listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := l.serve(context.Background()); err != http.ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() { l.close(context.Background()) })
	return l
}

func TestListenerIsFoundUnderAName(t *testing.T) {
	if l := listening(t, ":0"); !strings.HasPrefix(l.url(), "http://localhost:") || l.loopback() {
		t.Errorf("every address: %s %v", l.url(), l.loopback())
	}
	if l := listening(t, "127.0.0.1:0"); !strings.HasPrefix(l.url(), "http://127.0.0.1:") || !l.loopback() {
		t.Errorf("this machine alone: %s %v", l.url(), l.loopback())
	}
}

func TestBeforeItIsReadyItSaysSo(t *testing.T) {
	l := listening(t, "127.0.0.1:0")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/api/tickets": 503} {
		resp, err := http.Get(l.url() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want || want == 503 && resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
}

func TestRequestsInFlightAreFinished(t *testing.T) {
	l := listening(t, "127.0.0.1:0")
	asked, release := make(chan struct{}), make(chan struct{})
	l.answerWith(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Get(l.url())
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}()
	<-asked
	drained := make(chan error, 1)
	go func() { drained <- l.drain(context.Background()) }()
	for accepts(l) { // until it has stopped listening
		runtime.Gosched()
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the request was cut off: %v", err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func accepts(l *listener) bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url(), "http://"))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func TestRequestsThatTakeTooLongAreCutOff(t *testing.T) {
	l := listening(t, "127.0.0.1:0")
	asked, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	l.answerWith(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	go func() {
		if resp, err := http.Get(l.url()); err == nil {
			resp.Body.Close()
		}
	}()
	<-asked
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.drain(over); err == nil || !strings.Contains(err.Error(), "--addr: requests were still being answered") {
		t.Errorf("got %v", err)
	}
}

func TestListenerThatIsOff(t *testing.T) {
	l := newListener("--ops-addr", "", slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.listen(ctx); err != nil || l.serve(ctx) != nil || l.drain(ctx) != nil || l.close(ctx) != nil {
		t.Errorf("it should do nothing: %v", err)
	}
}
