package run_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"ticketing/kernel/run"
)

// diary notes what happens, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, s)
}

func (d *diary) component(name string) run.Component {
	return run.Component{
		Name:  name,
		Start: func(context.Context) error { d.note("start " + name); return nil },
		Run:   func(ctx context.Context) error { <-ctx.Done(); d.note("end " + name); return nil },
		Stop:  func(context.Context) error { d.note("stop " + name); return nil },
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var d diary
	last := d.component("c")
	last.Run = func(ctx context.Context) error { cancel(); <-ctx.Done(); return nil }
	plain := run.Component{Name: "b"} // nothing to do is fine
	if err := run.Run(ctx, quiet(), d.component("a"), plain, last); err != nil {
		t.Fatalf("told to stop: %v", err)
	}
	var order []string
	for _, l := range d.lines {
		if !strings.HasPrefix(l, "end") {
			order = append(order, l)
		}
	}
	if want := []string{"start a", "start c", "stop c", "stop a"}; !reflect.DeepEqual(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
}

func TestWaitsForEachBeforeStoppingTheNext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var d diary
	b := d.component("b")
	b.Start = func(context.Context) error { cancel(); return nil }
	if err := run.Run(ctx, quiet(), d.component("a"), b); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(d.lines, ", ")
	if !strings.Contains(got, "b, ") || strings.Index(got, "end b") > strings.Index(got, "stop a") {
		t.Errorf("a was stopped before b had ended: %s", got)
	}
}

func TestDeathTakesTheProcessDown(t *testing.T) {
	reason := errors.New("the disk is full")
	for name, tc := range map[string]struct {
		dies func(context.Context) error
		want string
	}{
		"error":  {func(context.Context) error { return reason }, "relay: the disk is full"},
		"return": {func(context.Context) error { return nil }, "relay: stopped by itself"},
		"panic":  {func(context.Context) error { panic("boom") }, "relay: panic: boom"},
	} {
		t.Run(name, func(t *testing.T) {
			var d diary
			err := run.Run(t.Context(), quiet(), d.component("a"), run.Component{Name: "relay", Run: tc.dies})
			var died *run.Died
			if !errors.As(err, &died) || died.Component != "relay" || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if name == "error" && !errors.Is(err, reason) {
				t.Error("the reason is lost")
			}
			if got := strings.Join(d.lines, " "); !strings.Contains(got, "stop a") {
				t.Errorf("the others were not stopped: %s", got)
			}
		})
	}
}

func TestFailedStartStopsWhatRan(t *testing.T) {
	var d diary
	fails := d.component("b")
	fails.Start = func(context.Context) error { return errors.New("port taken") }
	err := run.Run(t.Context(), quiet(), d.component("a"), fails, d.component("c"))
	if err == nil || err.Error() != "b: port taken" {
		t.Fatalf("got %v", err)
	}
	got := strings.Join(d.lines, " ")
	if !strings.Contains(got, "stop a") || strings.Contains(got, " b") || strings.Contains(got, " c") {
		t.Errorf("only a had started: %s", got)
	}
}

func TestDeathInterruptsALaterStart(t *testing.T) {
	waits := run.Component{Name: "b", Start: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	dies := run.Component{Name: "a", Run: func(context.Context) error { return errors.New("gone") }}
	if err := run.Run(t.Context(), quiet(), dies, waits); err == nil || err.Error() != "a: gone" {
		t.Fatalf("got %v, want the first cause", err)
	}
}

func TestStoppingDuringStartIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := run.Component{Name: "a", Start: func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }}
	if err := run.Run(ctx, quiet(), c); err != nil {
		t.Fatal(err)
	}
}

func TestOneThatDoesNotStopIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		var d diary
		stuck := run.Component{Name: "stuck", Run: func(context.Context) error { cancel(); <-release; return nil }}
		var out bytes.Buffer
		if err := run.Run(ctx, slog.New(slog.NewTextHandler(&out, nil)), d.component("a"), stuck); err != nil {
			t.Fatal(err)
		}
		close(release)
		if !strings.Contains(out.String(), "component=stuck") {
			t.Errorf("nothing was said of the stuck one: %s", out.String())
		}
		if got := strings.Join(d.lines, " "); !strings.Contains(got, "stop a") {
			t.Errorf("a was not stopped: %s", got)
		}
	})
}
