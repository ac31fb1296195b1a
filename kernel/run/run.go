// Package run starts the parts of a process, watches them, and stops them.
//
// A process is a list of components. They start in the order of the list, so that each finds what it needs running, and
// stop in the reverse of it. A component that dies takes the process down with its name and its reason: a supervisor
// outside restarts a whole process well, and nobody notices a half-dead one.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// StopWithin is how long all components together have to stop.
const StopWithin = 10 * time.Second

// Component is one part of a process. Each function may be nil.
type Component struct {
	Name string
	// Start returns when the component is of use to those after it. Its context ends when the process is told to stop or
	// another component dies. A Start that fails leaves nothing behind: the component's Stop is not called.
	Start func(ctx context.Context) error
	// Run works until its context ends, or until Stop makes it return. Returning before that, for whatever reason, is
	// the death of the component.
	Run func(ctx context.Context) error
	// Stop releases what Start took, and makes Run return if the end of its context does not. Its context ends when the
	// time to stop is over.
	Stop func(ctx context.Context) error
}

// Died is the reason why a process went down by itself.
type Died struct {
	Component string
	Err       error
}

func (d *Died) Error() string { return d.Component + ": " + d.Err.Error() }

// Unwrap is the reason alone.
func (d *Died) Unwrap() error { return d.Err }

var errReturned = errors.New("stopped by itself")

// Run starts the components, and stops them when ctx ends or one of them dies. It returns nil in the first case and a
// *Died in the second. What goes wrong while stopping is logged: the process ends anyway.
func Run(ctx context.Context, log *slog.Logger, components ...Component) error {
	alive, fall := context.WithCancelCause(ctx)
	defer fall(nil)
	var up []*running
	for _, c := range components {
		r, err := start(alive, log, c, fall)
		if err != nil {
			if alive.Err() == nil {
				fall(&Died{c.Name, err})
			}
			break
		}
		up = append(up, r)
		if alive.Err() != nil {
			break
		}
	}
	<-alive.Done()
	stopAll(ctx, log, up)
	var died *Died
	if errors.As(context.Cause(alive), &died) {
		return died
	}
	return nil
}

// running is a component that has started.
type running struct {
	Component
	cancel context.CancelFunc // ends the context of Run
	done   chan struct{}      // closed when Run has returned
}

func start(alive context.Context, log *slog.Logger, c Component, fall context.CancelCauseFunc) (*running, error) {
	if c.Start != nil {
		if err := guard(alive, log, c.Name, c.Start); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(alive))
	r := &running{Component: c, cancel: cancel, done: make(chan struct{})}
	if c.Run == nil {
		close(r.done)
		return r, nil
	}
	go func() {
		defer close(r.done)
		err := guard(ctx, log, c.Name, c.Run)
		if err == nil {
			err = errReturned
		}
		fall(&Died{c.Name, err}) // without effect when the process is stopping already: the first cause stays
	}()
	return r, nil
}

func stopAll(ctx context.Context, log *slog.Logger, up []*running) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopWithin)
	defer cancel()
	for i := len(up) - 1; i >= 0; i-- {
		up[i].stop(ctx, log)
	}
}

func (r *running) stop(ctx context.Context, log *slog.Logger) {
	r.cancel()
	if r.Stop != nil {
		if err := guard(ctx, log, r.Name, r.Stop); err != nil {
			log.Warn("did not stop cleanly", "component", r.Name, "error", err)
		}
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		log.Warn("was still busy when the time to stop was over", "component", r.Name)
	}
}

// guard calls f and turns its panic into an error, with the stack in the log.
func guard(ctx context.Context, log *slog.Logger, name string, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic", "component", name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f(ctx)
}
