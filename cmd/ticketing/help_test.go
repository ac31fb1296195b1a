package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func noEnv(string) (string, bool) { return "", false }

// call runs a command to its end.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, noEnv, &out, &err)
	return code, out.String(), err.String()
}

// buffer can be read while somebody writes.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // gets a value after a write
}

func newBuffer() *buffer { return &buffer{more: make(chan struct{}, 1)} }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// market is a serve that is ready.
type market struct {
	t      *testing.T
	out    *buffer
	err    *buffer
	cancel context.CancelFunc
	ended  chan int
	url    string
	ops    string
}

// serve starts a market on free ports, and stops it at the end of the test.
func serve(t *testing.T, args ...string) *market {
	t.Helper()
	m := begin(t, "ticketing ready: ", append([]string{"serve", "--addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0"}, args...)...)
	m.ops = after(m.out.String(), "operators  ")
	return m
}

// begin starts a command that works until it is told to stop, and waits for the first line of its block.
func begin(t *testing.T, ready string, args ...string) *market {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m := &market{t: t, out: newBuffer(), err: newBuffer(), cancel: cancel, ended: make(chan int, 1)}
	go func() { m.ended <- run(ctx, args, noEnv, m.out, m.err) }()
	t.Cleanup(func() { m.stop() })
	deadline := time.After(time.Minute)
	for m.url == "" {
		select {
		case <-m.out.more:
		case code := <-m.ended:
			t.Fatalf("%s ended with %d: %s", args[0], code, m.err)
		case <-deadline:
			t.Fatalf("%s is not ready: %s", args[0], m.err)
		}
		m.url = after(m.out.String(), ready)
	}
	return m
}

// after is the rest of the line that has the words in it.
func after(text, words string) string {
	_, rest, _ := strings.Cut(text, words)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// stop tells it to stop and returns its exit code; again: -1.
func (m *market) stop() int {
	m.cancel()
	select {
	case code, ok := <-m.ended:
		if !ok {
			return -1
		}
		close(m.ended)
		return code
	case <-time.After(30 * time.Second):
		m.t.Error("it does not stop")
		return -1
	}
}

func (m *market) get(url string) (int, string) {
	m.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (m *market) post(path, body string) (int, string) {
	m.t.Helper()
	resp, err := http.Post(m.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}
