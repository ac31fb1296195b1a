package trace_test

import (
	"context"
	"strings"
	"testing"

	"ticketing/kernel/trace"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParse(t *testing.T) {
	tr, ok := trace.Parse(parent)
	if !ok || tr.ID() != "4bf92f3577b34da6a3ce929d0e0e4736" || tr.Parent() != parent {
		t.Fatalf("Parse(%q) = %q %v", parent, tr.Parent(), ok)
	}
	future := "01" + parent[2:] + "-more"
	if tr, ok = trace.Parse(future); !ok || tr.Parent() != parent {
		t.Errorf("a later version of the standard is not read: %q %v", tr.Parent(), ok)
	}
	for _, bad := range []string{
		"", "x", parent + "-more", parent[:54], strings.ToUpper(parent), "ff" + parent[2:], "0g" + parent[2:],
		"00-" + strings.Repeat("0", 32) + parent[35:], parent[:36] + strings.Repeat("0", 16) + "-01", "01" + parent[2:] + "x",
	} {
		if tr, ok := trace.Parse(bad); ok || tr.Valid() || tr.ID() != "" || tr.Parent() != "" {
			t.Errorf("Parse(%q) = %q, want none", bad, tr.Parent())
		}
	}
}

func TestNewIsUnlikeAnyOtherAndReadable(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		tr := trace.New()
		back, ok := trace.Parse(tr.Parent())
		if !ok || back != tr || seen[tr.ID()] {
			t.Fatalf("New() = %q, read back as %q %v", tr.Parent(), back.Parent(), ok)
		}
		seen[tr.ID()] = true
	}
}

func TestContext(t *testing.T) {
	if trace.From(context.Background()).Valid() {
		t.Error("a fresh context has a trace")
	}
	tr := trace.New()
	if got := trace.From(trace.With(context.Background(), tr)); got != tr {
		t.Errorf("From(With(%v)) = %v", tr, got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(parent)
	f.Fuzz(func(t *testing.T, s string) {
		tr, ok := trace.Parse(s)
		if ok != tr.Valid() {
			t.Fatalf("Parse(%q): ok %v, valid %v", s, ok, tr.Valid())
		}
		if back, again := trace.Parse(tr.Parent()); ok && (!again || back != tr) {
			t.Fatalf("%q is not read back", tr.Parent())
		}
	})
}
