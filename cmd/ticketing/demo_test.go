package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"ticketing/demo"
	"ticketing/kernel/config"
)

// runDemo runs the command against a place.
func runDemo(ctx context.Context, c demoCmd) (string, error) {
	var out bytes.Buffer
	c.Seed = 2027
	err := c.Run(&program{ctx, &out, &bytes.Buffer{}})
	return out.String(), err
}

func TestDemoSaysWhatItHasMade(t *testing.T) {
	m := serve(t, "--data", t.TempDir())
	place := demoCmd{URL: config.URL(m.url)}
	out, err := runDemo(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The market at " + m.url + " is full.\n", "40 accounts, 300 tickets", "11 awaiting payment, 74 completed", demo.Password, "@example.com", "to be paid"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	out, err = runDemo(t.Context(), place)
	if err != nil || !strings.HasPrefix(out, "Nothing to add: ") || strings.Contains(out, "added ") {
		t.Errorf("the second run: %v\n%s", err, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runDemo(ctx, place); err == nil || !strings.Contains(err.Error(), "stopped before the end") {
		t.Errorf("told to stop: %v", err)
	}
}

func TestDemoNeedsAMarket(t *testing.T) {
	for _, place := range []demoCmd{{URL: "http://127.0.0.1:1"}, {Addr: "127.0.0.1:1"}, {Addr: ":1"}} {
		if _, err := runDemo(t.Context(), place); err == nil || !strings.Contains(err.Error(), "no market answers at http://") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		}
	}
}

func TestBarDrawsNothingTwice(t *testing.T) {
	var out strings.Builder
	b := &bar{w: &out}
	b.show(demo.Step{Doing: "tickets", Done: 5, Total: 10})
	b.show(demo.Step{Doing: "tickets", Done: 4, Total: 10})
	b.show(demo.Step{Doing: "tickets", Done: 10, Total: 10})
	b.end()
	if got := strings.Count(out.String(), "\r"); got != 4 || !strings.Contains(out.String(), "[===============               ]  50 %  tickets") {
		t.Errorf("%d times: %q", got, out.String())
	}
	out.Reset()
	b = &bar{w: &out, plain: true}
	b.show(demo.Step{Doing: "tickets", Done: 1, Total: 10})
	b.show(demo.Step{Doing: "tickets", Done: 2, Total: 10})
	b.end()
	if out.String() != "tickets...\n" {
		t.Errorf("%q", out.String())
	}
}
