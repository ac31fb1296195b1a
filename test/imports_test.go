package test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that the imports of our own packages begin with.
const module = "ticketing/"

// rule says what the files of some folders must not import. Names of files and folders are relative to the module.
type rule struct {
	of     []string // folders ("kernel/"), or patterns of files ("services/*/order.go"); "" is everything
	except []string // folders that are free of it
	not    []string // what they must not import: a path, or with a slash behind it all below it
	but    []string // what they may import of that
	tests  bool     // it holds for files of tests too
	why    string
}

// rules are how the house is built. A rule that is in the way is a question to the design, not a line to be deleted.
var rules = []rule{
	{of: []string{"kernel/"}, not: []string{module}, but: []string{module + "kernel/"},
		why: "the kernel is what every service needs; it knows none of them, nor who uses it"},
	{of: []string{"kernel/money/", "kernel/fault/", "kernel/trace/"}, not: []string{module},
		why: "money, faults and traces are leaves: everybody may use them, so they use nobody"},
	{of: []string{"kernel/event/"}, not: []string{module}, but: []string{module + "kernel/money"},
		why: "events are plain values, the one place where services meet"},
	{of: []string{"services/"}, not: []string{module + "services/"}, tests: true,
		why: "services never import one another: they meet in events alone, so that each can run, fail and be replaced by itself"},
	{of: []string{"services/"}, not: []string{module}, but: []string{module + "kernel/"},
		why: "a service knows the kernel only; payments is handed the transport to its bank, which may be the simulator"},
	{of: []string{"web/"}, not: []string{module}, but: []string{module + "api", module + "web/", module + "kernel/"},
		why: "the pages are a client of the API like any other, with no data of their own"},
	{of: []string{"web/", "api/", "demo/"}, not: []string{module + "kernel/store", module + "kernel/bus"},
		why: "clients have no database and no event log"},
	{of: []string{"api/", "demo/"}, not: []string{module}, but: []string{module + "api", module + "kernel/"},
		why: "clients know the API, not who answers it"},
	{of: []string{"stripesim/"}, not: []string{module}, but: []string{module + "kernel/"},
		why: "the simulator stands for Stripe, which knows nothing of us"},
	{of: []string{""}, except: []string{"test/", "bench/"}, not: []string{module + "test/"},
		why: "what helps tests has no place in the program"},
	{of: []string{""}, except: []string{"kernel/bus/", "test/", "bench/"}, not: []string{"github.com/nats-io/"},
		why: "only the bus knows NATS, so that the simulation can put another log in its place"},
	{of: []string{""}, except: []string{"kernel/store/", "test/", "bench/"},
		not: []string{"database/sql", "database/sql/", "github.com/jackc/", "modernc.org/", "zombiezen.com/", "github.com/pressly/"},
		why: "only the store knows SQL drivers: one SQL text serves both engines"},
	{of: []string{""}, except: []string{"services/payments/"}, not: []string{"github.com/stripe/"},
		why: "only payments talks to Stripe"},
	{of: []string{""}, except: []string{"kernel/httpapi/"}, not: []string{"github.com/danielgtaylor/"},
		why: "only httpapi knows the library that makes the documents"},
	{of: []string{"services/*/user.go", "services/*/ticket.go", "services/*/order.go", "services/*/deadline.go", "services/*/charge.go"},
		not: []string{"context", "database/sql", "net/http", "os", module + "kernel/store", module + "kernel/bus", module + "kernel/httpapi"},
		why: "rules are functions of values, and the clock is one of them; they do no I/O"},
}

// broken are the rules that a file breaks with an import.
func broken(file, imported string) (all []rule) {
	if own := module + path.Dir(file); imported == own {
		return nil
	}
	for _, r := range rules {
		if strings.HasSuffix(file, "_test.go") && !r.tests {
			continue
		}
		if slices.ContainsFunc(r.of, within(file)) && !slices.ContainsFunc(r.except, within(file)) &&
			slices.ContainsFunc(r.not, covers(imported)) && !slices.ContainsFunc(r.but, covers(imported)) {
			all = append(all, r)
		}
	}
	return all
}

func within(file string) func(string) bool {
	return func(place string) bool {
		matched, _ := path.Match(place, file)
		return matched || place == "" || strings.HasSuffix(place, "/") && strings.HasPrefix(file, place)
	}
}

func covers(imported string) func(string) bool {
	return func(name string) bool {
		return imported == name || strings.HasSuffix(name, "/") && strings.HasPrefix(imported, name)
	}
}

func TestImports(t *testing.T) {
	used := map[string]bool{}
	eachFile(t, func(name string, _ []byte, f *ast.File) {
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			used[imported] = true
			for _, r := range broken(name, imported) {
				t.Errorf("%s imports %s: %s", name, imported, r.why)
			}
		}
	})
	// A rule about a library that nobody uses any more guards nothing.
	for _, library := range []string{"github.com/nats-io/", "github.com/jackc/", "modernc.org/", "zombiezen.com/", "github.com/stripe/", "github.com/danielgtaylor/"} {
		found := false
		for imported := range used {
			found = found || covers(imported)(library)
		}
		if !found {
			t.Errorf("nobody imports anything of %s: the rule about it is out of date", library)
		}
	}
}

// Each rule finds what it is there to find.
func TestRulesBite(t *testing.T) {
	for _, c := range []struct {
		file, imported string
		want           int
	}{
		{"kernel/bus/relay.go", "ticketing/services/auth", 1},
		{"kernel/bus/relay.go", "ticketing/kernel/store", 0},
		{"kernel/money/money.go", "ticketing/kernel/fault", 1},
		{"kernel/event/event.go", "ticketing/kernel/money", 0},
		{"kernel/event/event.go", "ticketing/kernel/trace", 1},
		{"services/orders/events.go", "ticketing/services/tickets", 2},
		{"services/orders/help_test.go", "ticketing/services/tickets", 1},
		{"services/orders/help_test.go", "ticketing/services/orders", 0},
		{"services/payments/stripe.go", "ticketing/stripesim", 1},
		{"services/payments/pay_test.go", "ticketing/stripesim", 0},
		{"services/payments/stripe.go", "github.com/stripe/stripe-go/v85", 0},
		{"services/orders/http.go", "github.com/stripe/stripe-go/v85", 1},
		{"services/orders/order.go", "context", 1},
		{"services/orders/service.go", "context", 0},
		{"services/orders/store.go", "database/sql", 1},
		{"web/pages.go", "ticketing/services/orders", 1},
		{"web/pages.go", "ticketing/api", 0},
		{"web/pages.go", "ticketing/kernel/store", 1},
		{"cmd/ticketing/main.go", "github.com/nats-io/nats.go", 1},
		{"cmd/ticketing/main.go", "ticketing/test/market", 1},
		{"stripesim/sim.go", "ticketing/services/payments", 1},
		{"kernel/run/run.go", "github.com/danielgtaylor/huma/v2", 1},
	} {
		if got := broken(c.file, c.imported); len(got) != c.want {
			t.Errorf("%s importing %s breaks %d rules, want %d", c.file, c.imported, len(got), c.want)
		}
	}
}

// Only main ends the process, so that everything else can be run by tests and stopped in order; and nothing happens before
// main begins.
func TestOnlyMainEndsTheProcess(t *testing.T) {
	eachFile(t, func(name string, _ []byte, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has a function init: lists are made where they are read, not behind the reader's back", name)
			}
		}
		if strings.HasPrefix(name, "cmd/") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, _ := call.X.(*ast.Ident)
			if pkg == nil {
				return true
			}
			switch full := pkg.Name + "." + call.Sel.Name; full {
			case "os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "syscall.Exit":
				if !strings.HasSuffix(name, "_test.go") {
					t.Errorf("%s calls %s: only cmd ends the process", name, full)
				}
			}
			return true
		})
	})
}

// Files stay as long as one can read at a sitting.
func TestFilesAreShort(t *testing.T) {
	const longest = 500
	eachFile(t, func(name string, text []byte, _ *ast.File) {
		if n := bytes.Count(text, []byte("\n")); n > longest {
			t.Errorf("%s has %d lines, more than %d", name, n, longest)
		}
	})
}

// eachFile visits every Go file of the module.
func eachFile(t *testing.T, visit func(name string, text []byte, f *ast.File)) {
	t.Helper()
	seen := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		seen++
		visit(name, text, f)
		return nil
	})
	if err != nil || seen < 50 {
		t.Fatalf("%d files: %v", seen, err)
	}
}
