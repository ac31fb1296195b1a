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
	needShell(t)
	content, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := readWalk(string(content), walk)
	if len(steps) < 5 {
		t.Fatalf("README.md has only %d steps with an expectation below %q", len(steps), walk)
	}
	m := market.Open(t, market.Topologies[0])
	takeWalk(t, steps, strings.NewReplacer(newcomer, m.Front.URL, program, "ticketing"),
		"TICKETING_OPS_ADDR="+strings.TrimPrefix(m.Front.Ops, "http://"), "TICKETING_DATA="+m.Front.Data())
	m.Settles()
	m.Audits()
}

// needShell skips the test where the tools of a shell's user are missing.
func needShell(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			require.Skip(t, tool)
		}
	}
	if help, err := exec.CommandContext(t.Context(), "curl", "--help", "all").Output(); err != nil || !strings.Contains(string(help), "--json") {
		require.Skip(t, "curl 7.82 or later, which knows --json")
	}
}

// leg is some commands with what they print.
type leg struct {
	line     int // of the first command
	commands string
	expected []string
}

// readWalk finds the steps in the shell blocks below the heading; without one, in all of them.
func readWalk(text, heading string) []leg {
	var steps []leg
	var now leg
	inside, block := heading == "", false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			inside = heading == "" || line == heading
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

// takeWalk runs all steps in one shell, which stops at the first command that fails, and holds what each prints against what
// is expected. The replacer puts the test's own addresses in.
func takeWalk(t *testing.T, steps []leg, own *strings.Replacer, env ...string) {
	t.Helper()
	const mark = "--- so far step"
	var script strings.Builder
	script.WriteString("set -o pipefail\n")
	for i, s := range steps {
		fmt.Fprintf(&script, "%s\necho; echo '%s' %d\n", own.Replace(s.commands), mark, i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-e", "-c", script.String())
	shell.Dir = t.TempDir()
	shell.Env = append(append(os.Environ(), "PATH="+filepath.Dir(market.Binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"), "no_proxy=*"), env...)
	var errs strings.Builder
	shell.Stderr = &errs
	out, err := shell.Output()
	rest := string(out)
	for i, s := range steps {
		text, after, ok := strings.Cut(rest, fmt.Sprintf("%s %d\n", mark, i))
		if !ok {
			t.Fatalf("line %d: %s\nfails (%v): %s%s", s.line, s.commands, err, text, errs.String())
		}
		rest = after
		for _, want := range s.expected {
			if !strings.Contains(text, want) {
				t.Errorf("line %d: %s\nprints no %q but\n%s", s.line, s.commands, want, text)
			}
		}
	}
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%v: %s", err, errs.String())
	}
}
