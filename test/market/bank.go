package market

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Bank is a process of stripe-sim: a Stripe that is not part of the market. It keeps its folder and its address over kills and
// starts.
type Bank struct {
	URL string

	t    testing.TB
	data string
	args []string
	cmd  *exec.Cmd
	err  bytes.Buffer
}

// BankSecret signs the webhooks of banks.
const BankSecret = "whsec_shared"

// NewBank is one that has not been started, so that a market can be given its URL first.
func NewBank(t testing.TB) *Bank {
	t.Helper()
	return &Bank{t: t, data: filepath.Join(t.TempDir(), "bank"), URL: fmt.Sprintf("http://127.0.0.1:%d", freePort(t))}
}

// Flags are those of serve for a market that charges at this bank.
func (b *Bank) Flags() []string {
	return []string{"--stripe-url", b.URL, "--stripe-webhook-secret", BankSecret}
}

// Tell has the bank started, with further arguments, and tell this market of what it does.
func (b *Bank) Tell(m *Market, args ...string) {
	b.t.Helper()
	b.Start(append([]string{"--webhook-url", m.Front.URL + "/api/payments/webhook", "--webhook-secret", BankSecret}, args...)...)
}

// Start starts it until the end of the test, with further arguments from now on.
func (b *Bank) Start(args ...string) {
	b.t.Helper()
	b.args = append(b.args, args...)
	out := &readiness{is: make(chan struct{})}
	b.cmd = exec.Command(Binary(b.t), append([]string{
		"stripe-sim", "--addr", strings.TrimPrefix(b.URL, "http://"), "--data", b.data, "--log-level", "warn",
	}, b.args...)...)
	b.cmd.Stdout, b.cmd.Stderr = out, &b.err
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	running := b.cmd
	b.t.Cleanup(func() { _ = running.Process.Kill() }) // it may be gone already
	select {
	case <-out.is:
	case <-time.After(Patience):
		b.t.Fatalf("stripe-sim is not ready: %s", b.err.String())
	}
}

// Kill ends it with kill -9.
func (b *Bank) Kill() {
	_ = b.cmd.Process.Kill() // as above
	_ = b.cmd.Wait()         // it was killed, and says so
	if strings.Contains(b.err.String(), "DATA RACE") {
		b.t.Error(b.err.String())
	}
}

// readiness takes the lines that stripe-sim prints when it is ready.
type readiness struct {
	mu   sync.Mutex
	text strings.Builder
	is   chan struct{} // closed then
	once sync.Once
}

func (r *readiness) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.Write(p)
	first, rest, whole := strings.Cut(r.text.String(), "\n")
	if strings.HasPrefix(first, "stripe-sim ready: ") && whole && strings.Contains(rest, "  data ") {
		r.once.Do(func() { close(r.is) })
	}
	return len(p), nil
}
