package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
	"ticketing/test/require"
)

const (
	walk     = "## A walk through the market with curl"
	expected = "# → " // what the command above it prints
	program  = "go run ./cmd/ticketing"
	newcomer = "http://localhost:8080"
)

// TestReadme does what README.md says, as it is written there, and sees what it promises. Only the market's address is
// another one, and the program is not built again for each command.
func TestReadme(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			require.Skip(t, tool)
		}
	}
	if help, err := exec.CommandContext(t.Context(), "curl", "--help", "all").Output(); err != nil || !strings.Contains(string(help), "--json") {
		require.Skip(t, "curl 7.82 or later, which knows --json")
	}
	content, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := readWalk(string(content))
	if len(steps) < 5 {
		t.Fatalf("README.md has only %d steps with an expectation below %q", len(steps), walk)
	}
	m := market.Open(t, market.Topologies[0])
	outputs := takeWalk(t, m, steps)
	for i, s := range steps {
		for _, want := range s.expected {
			if !strings.Contains(outputs[i], want) {
				t.Errorf("line %d: %s\nprints no %q but\n%s", s.line, s.commands, want, outputs[i])
			}
		}
	}
	m.Settles()
	m.Audits()
}

// leg is some commands with what they print.
type leg struct {
	line     int // of the first command
	commands string
	expected []string
}

// readWalk finds the steps in the shell blocks below the heading.
func readWalk(readme string) []leg {
	var steps []leg
	var now leg
	inside, block := false, false
	for i, line := range strings.Split(readme, "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			inside = line == walk
		case inside && strings.HasPrefix(line, "```"):
			block = line == "```sh"
		case !inside || !block:
		case strings.HasPrefix(line, expected):
			now.expected = append(now.expected, strings.TrimPrefix(line, expected))
		default:
			if len(now.expected) > 0 {
				steps, now = append(steps, now), leg{}
			}
			if now.commands == "" {
				now.line = i + 1
			}
			now.commands += line + "\n"
		}
	}
	return append(steps, now)
}

// takeWalk runs all steps in one shell, which stops at the first command that fails, and returns what each has printed.
func takeWalk(t *testing.T, m *market.Market, steps []leg) []string {
	t.Helper()
	const mark = "--- so far step"
	var script strings.Builder
	script.WriteString("set -o pipefail\n")
	for i, s := range steps {
		commands := strings.ReplaceAll(strings.ReplaceAll(s.commands, newcomer, m.Front.URL), program, "ticketing")
		fmt.Fprintf(&script, "%s\necho; echo '%s' %d\n", commands, mark, i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-e", "-c", script.String())
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "PATH="+filepath.Dir(market.Binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"TICKETING_OPS_ADDR="+strings.TrimPrefix(m.Front.Ops, "http://"), "TICKETING_DATA="+m.Front.Data(), "no_proxy=*")
	var errs strings.Builder
	shell.Stderr = &errs
	out, err := shell.Output()
	outputs, rest := make([]string, len(steps)), string(out)
	for i, s := range steps {
		text, after, ok := strings.Cut(rest, fmt.Sprintf("%s %d\n", mark, i))
		if !ok {
			t.Fatalf("line %d: %s\nfails (%v): %s%s", s.line, s.commands, err, text, errs.String())
		}
		outputs[i], rest = text, after
	}
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%v: %s", err, errs.String())
	}
	return outputs
}
