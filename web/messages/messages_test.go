package messages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ticketing/web/messages"
)

var verb = regexp.MustCompile(`%(?:\[\d\])?[sdv]`)

// Every language says the same things, about the same values.
func TestLanguagesAreComplete(t *testing.T) {
	first := messages.Languages[0]
	for _, l := range messages.Languages[1:] {
		for key, forms := range first.Keys() {
			others, ok := l.Keys()[key]
			if !ok {
				t.Errorf("%s has no text %q", l.Name, key)
				continue
			}
			if len(forms) != len(others) {
				t.Errorf("%q has %d forms in %s and %d in %s", key, len(forms), first.Name, len(others), l.Name)
			}
			if a, b := verbs(forms), verbs(others); !slices.Equal(a, b) {
				t.Errorf("%q is about %v in %s and about %v in %s", key, a, first.Name, b, l.Name)
			}
		}
		for key := range l.Keys() {
			if !messages.Has(key) {
				t.Errorf("%s alone has a text %q", l.Name, key)
			}
		}
	}
}

// verbs are the values that the last form speaks of; a form for one may leave the number out.
func verbs(forms []string) []string { return verb.FindAllString(forms[len(forms)-1], -1) }

func TestTextsAreFitToBeShown(t *testing.T) {
	for _, l := range messages.Languages {
		for key, forms := range l.Keys() {
			if len(forms) == 0 || len(forms) > 2 {
				t.Errorf("%q has %d forms in %s", key, len(forms), l.Name)
			}
			for _, f := range forms {
				if strings.TrimSpace(f) != f || f == "" || strings.Contains(f, "  ") {
					t.Errorf("%q is %q in %s", key, f, l.Name)
				}
				if strings.ContainsAny(f, "<>") {
					t.Errorf("%q has markup in %s: that is the template's", key, l.Name)
				}
			}
		}
	}
}

// Every text is used by a page, and every page uses texts that are there.
func TestTextsAreUsed(t *testing.T) {
	literals := map[string]bool{}
	var begins []string
	note := func(s string) {
		literals[s] = true
		s, _, _ = strings.Cut(s, "%s")
		if strings.HasSuffix(s, ".") {
			begins = append(begins, s) // the rest of the key is a status, a code, a number
		}
	}
	inTemplates := regexp.MustCompile(`"([\w.%]+)"`)
	asked := regexp.MustCompile(`\bt (?:\$?\.View|\$?\.) "([^"]+)"`)
	walk(t, "../templates", ".html", func(name, text string) {
		for _, m := range inTemplates.FindAllStringSubmatch(text, -1) {
			note(m[1])
		}
		for _, m := range asked.FindAllStringSubmatch(text, -1) {
			if !messages.Has(m[1]) {
				t.Errorf("%s asks for the text %q, which is not there", name, m[1])
			}
		}
	})
	walk(t, "..", ".go", func(name, text string) {
		if strings.HasSuffix(name, "_test.go") || regexp.MustCompile(`messages/(en|de)`).MatchString(name) {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				s, err := strconv.Unquote(l.Value)
				if err == nil {
					note(s)
				}
			}
			return true
		})
		for _, key := range keysIn(f) {
			if !messages.Has(key) {
				t.Errorf("%s asks for the text %q, which is not there", name, key)
			}
		}
	})
	for key := range messages.Languages[0].Keys() {
		if strings.HasPrefix(key, "nav.") {
			continue // a link of the header comes with its page
		}
		if !literals[key] && !slices.ContainsFunc(begins, func(s string) bool { return strings.HasPrefix(key, s) }) {
			t.Errorf("no page uses the text %q", key)
		}
	}
}

// keysIn are the keys in calls of T and titled, and in the labels of inputs.
func keysIn(f *ast.File) (keys []string) {
	literal := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				keys = append(keys, s)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "T" || s.Sel.Name == "titled") && len(n.Args) > 0 {
				literal(n.Args[0])
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && (k.Name == "Hint" || k.Name == "Label") {
				literal(n.Value)
			}
		}
		return true
	})
	return keys
}

// What the services say to people can be said in every language.
func TestSentencesOfTheAPIAreKnown(t *testing.T) {
	// These are for programs and operators, or part of a sentence that is made of several.
	forPrograms := regexp.MustCompile(`^[a-z]|JSON|webhook|Content-Type|application/|%s is not supported here|^%s\.$|^%s %s\.$|Not ready|needs a body|event of Stripe|--|returnUrl|Ask for this under`)
	seen := 0
	for _, folder := range []string{"../../services", "../../kernel/httpapi"} {
		walk(t, folder, ".go", func(name, text string) {
			if strings.HasSuffix(name, "_test.go") {
				return
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, sentence := range sentencesIn(f) {
				seen++
				if !forPrograms.MatchString(sentence) && !messages.Knows(sentence) {
					t.Errorf("%s says %q, which a page cannot say in every language: add it to said", name, sentence)
				}
			}
		})
	}
	if seen < 50 {
		t.Errorf("only %d sentences were found", seen)
	}
}

// sentencesIn are the texts of faults: New("…") of a code, and Add(field, "…") of a list of problems.
func sentencesIn(f *ast.File) (all []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		s, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		at := map[string]int{"New": 0, "Add": 1}
		i, ok := at[s.Sel.Name]
		if !ok || len(call.Args) <= i {
			return true
		}
		if l, ok := call.Args[i].(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && strings.HasSuffix(text, ".") && strings.Contains(text, " ") {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}

func walk(t *testing.T, folder, extension string, visit func(name, text string)) {
	t.Helper()
	found := false
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != extension {
			return err
		}
		text, err := os.ReadFile(name)
		found = true
		visit(filepath.ToSlash(name), string(text))
		return err
	})
	if err != nil || !found {
		t.Fatalf("nothing was read in %s: %v", folder, err)
	}
}
