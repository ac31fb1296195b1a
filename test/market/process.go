package market

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for what must come. It only shows when a test fails.
const Patience = 60 * time.Second

// Process is one process of the program that serves. It keeps its folder and its address over kills and starts.
type Process struct {
	URL string // of the public listener, once it has started
	Ops string // of the operators' listener
	Dir string // holds its data folder and its log

	t    testing.TB
	name string
	args []string
	data string // the data folder, if it is not below Dir
	addr string // "" until the first start has picked one

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	err   error         // of the end
}

// Serve prepares a process of serve with these arguments and starts it. At the end of the test it is told to stop, and
// has to end well.
func Serve(t testing.TB, args ...string) *Process {
	t.Helper()
	p := prepare(t, "serve", args...)
	p.Start()
	return p
}

func prepare(t testing.TB, name string, args ...string) *Process {
	p := &Process{t: t, name: name, args: args, Dir: t.TempDir(), addr: "127.0.0.1:0"}
	Binary(t)
	t.Cleanup(p.close)
	return p
}

// Data is the process's data folder.
func (p *Process) Data() string {
	if p.data != "" {
		return p.data
	}
	return filepath.Join(p.Dir, "data")
}

// Start starts it, with further arguments from now on, and returns when it is ready.
func (p *Process) Start(args ...string) {
	p.t.Helper()
	p.args = append(p.args, args...)
	if err := p.start(); err != nil {
		p.t.Fatal(err)
	}
}

// Restart stops it in good order and starts it again with further arguments.
func (p *Process) Restart(args ...string) {
	p.t.Helper()
	p.Stop()
	p.Start(args...)
}

// start may run in any goroutine.
func (p *Process) start() error {
	if p.Running() {
		return fmt.Errorf("%s runs already", p.name)
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	words := append([]string{"serve", "--addr", p.addr, "--ops-addr", "127.0.0.1:0", "--data", p.Data(), "--log-level", "warn"}, p.args...)
	out := &firstLines{ready: make(chan struct{})}
	p.cmd = exec.Command(binary.path, words...)
	p.cmd.Stdout, p.cmd.Stderr = out, log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	if err := atTheEnd.started(p.cmd.Process.Pid); err != nil {
		return err
	}
	p.ended = make(chan struct{})
	go func() {
		p.err = p.cmd.Wait()
		_ = atTheEnd.ended(p.cmd.Process.Pid) // without the reaper there is nothing to tell
		close(p.ended)
	}()
	select {
	case <-out.ready:
	case <-p.ended:
		return fmt.Errorf("%s ended before it was ready: %v\n%s", p.name, p.err, p.Tail())
	case <-time.After(Patience):
		return fmt.Errorf("%s was not ready in %v\n%s", p.name, Patience, p.Tail())
	}
	p.Ops = out.after("  operators  ")
	if p.URL == "" { // the next start is at the same address, while others may ask it
		p.URL = out.after("ticketing ready: ")
		p.addr = strings.TrimPrefix(p.URL, "http://")
	}
	return nil
}

// Running tells whether the process is there.
func (p *Process) Running() bool {
	if p.ended == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// PID is the number that the system knows it by, once it has started.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends it with kill -9.
func (p *Process) Kill() {
	if p.Running() {
		_ = p.cmd.Process.Kill() // it may have ended by itself
		<-p.ended
	}
}

// Stop tells it to stop with SIGTERM; it has to end with code 0.
func (p *Process) Stop() {
	p.t.Helper()
	if err := p.stop(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *Process) stop() error {
	if !p.Running() {
		return fmt.Errorf("%s does not run any more: %v\n%s", p.name, p.err, p.Tail())
	}
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(Patience):
		p.Kill()
		return fmt.Errorf("%s did not stop in %v\n%s", p.name, Patience, p.Tail())
	}
	if p.err != nil {
		return fmt.Errorf("told to stop, %s ended with %v\n%s", p.name, p.err, p.Tail())
	}
	return nil
}

// Ended waits for the process to end by itself, and returns its exit code.
func (p *Process) Ended() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Patience):
		p.t.Fatalf("%s did not end in %v", p.name, Patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *Process) close() {
	if p.Running() {
		if err := p.stop(); err != nil {
			p.t.Error(err)
		}
	}
	text, _ := os.ReadFile(p.logFile())
	for _, bad := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: ", "goroutine 1 ["} {
		if at := bytes.Index(text, []byte(bad)); at >= 0 {
			p.t.Errorf("%s logged:\n%.4000s", p.name, text[at:])
		}
	}
	if p.t.Failed() {
		p.t.Logf("the end of the log of %s:\n%s", p.name, p.Tail())
	}
}

func (p *Process) logFile() string { return filepath.Join(p.Dir, "log") }

// Log is all that it has logged, over all its starts.
func (p *Process) Log() string {
	text, _ := os.ReadFile(p.logFile()) // no file: nothing was logged
	return string(text)
}

// Tail is the end of its log.
func (p *Process) Tail() string {
	text := p.Log()
	return text[max(0, len(text)-6000):]
}

// Tool runs another command of the program and returns its exit code and what it has printed.
func Tool(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	var out, errs strings.Builder
	cmd := exec.CommandContext(ctx, Binary(t), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// firstLines is the block that serve prints when it is ready.
type firstLines struct {
	mu    sync.Mutex
	text  strings.Builder
	ready chan struct{}
	once  sync.Once
}

func (l *firstLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if strings.Contains(l.text.String(), "  operators  ") && strings.HasSuffix(l.text.String(), "\n") {
		l.once.Do(func() { close(l.ready) })
	}
	return len(b), nil
}

func (l *firstLines) after(prefix string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, rest, _ := strings.Cut(l.text.String(), prefix)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}
