package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"ticketing/test/browser"
	"ticketing/test/market"
)

func TestMain(m *testing.M) {
	defer browser.Close()
	m.Run()
}

// site serves one page at every path, which greets who comes and keeps a cookie.
func site(t *testing.T, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing.png" {
			http.NotFound(w, r)
			return
		}
		known := "a stranger"
		if _, err := r.Cookie("known"); err == nil {
			known = "a friend"
		}
		http.SetCookie(w, &http.Cookie{Name: "known", Value: "1"})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Page</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><main><h1>Hello</h1><p>%s %s: %s %s</p>%s</main></html>`,
			r.Method, known, r.FormValue("note"), r.Header.Get("Accept-Language"), body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// What goes wrong on a page is seen, each thing as itself.
func TestTroubles(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"nothing", `<p>Fine</p><script>console.log('fine')</script>`, ""},
		{"an error on the console", `<script>console.error('oh dear')</script>`, "oh dear"},
		{"a script that throws", `<script>nobody.home()</script>`, "nobody is not defined"},
		{"a dialog", `<script>setTimeout(() => alert('gotcha'))</script>`, "gotcha"},
		{"a missing file", `<img alt="x" src="/missing.png">`, "404 for "},
		{"another host", `<img alt="x" src="http://elsewhere.invalid/x.png">`, "another host"},
		{"a refused policy", `<meta http-equiv="Content-Security-Policy" content="img-src 'none'"><img alt="x" src="/x.png">`, "security"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := browser.Open(t, site(t, c.body), browser.Options{})
			p.Visit("/")
			p.Sees("Hello")
			if c.want == "" {
				if all := p.Troubles(); len(all) > 0 {
					t.Error(all)
				}
				return
			}
			market.Eventually(t, "it is seen", func() (bool, string) {
				all := strings.Join(p.Troubles(), "\n")
				return strings.Contains(all, c.want), all
			})
			p.Expects("")
		})
	}
}

func TestPeople(t *testing.T) {
	base := site(t, `<form method="post"><label>Note <input name="note"></label> <button>Send</button></form>`)
	ann, bob := browser.Open(t, base, browser.Options{}), browser.Open(t, base, browser.Options{Language: "de-DE", NoScript: true})
	ann.Visit("/")
	ann.Sees("a stranger")
	ann.Fill("Note", "hello world")
	ann.Go("Send")
	ann.Sees("POST a friend: hello world en-US")
	again := ann.Tab()
	again.Visit("/")
	again.Sees("a friend")
	bob.Visit("/")
	bob.Sees("a stranger")
	bob.Fill("Note", "first")
	bob.Fill("Note", "servus")
	bob.TabTo("Send")
	bob.Go("Send")
	bob.Sees("POST a friend: servus de-DE")
}

func TestScriptsOff(t *testing.T) {
	base := site(t, `<p id="p">as it was</p><script>document.getElementById('p').textContent = 'changed'</script>`)
	with, without := browser.Open(t, base, browser.Options{}), browser.Open(t, base, browser.Options{NoScript: true})
	with.Visit("/")
	with.Sees("changed")
	without.Visit("/")
	without.Sees("as it was")
}

func TestChecksBite(t *testing.T) {
	p := browser.Open(t, site(t, `<div style="width:600px">wide</div><input><p style="color:#ccc">pale</p>`), browser.Options{Width: 390})
	p.Visit("/")
	if over := p.Sideways(); len(over) < 2 || !strings.Contains(over[1], "wide") {
		t.Errorf("too wide: %v", over)
	}
	if os.Getenv("TICKETING_AXE") == "" {
		p.Axe() // says what it needs
		return
	}
	found := strings.Join(p.Findings(), "\n")
	for _, rule := range []string{"label (critical)", "color-contrast (serious)"} {
		if !strings.Contains(found, rule) {
			t.Errorf("%s is not found: %s", rule, found)
		}
	}
}

func TestDarkAndNarrow(t *testing.T) {
	base := site(t, `<style>p::before { content: "light " } @media (prefers-color-scheme: dark) { p::before { content: "dark " } }</style>`)
	p := browser.Open(t, base, browser.Options{Width: 390, Dark: true})
	p.Visit("/")
	p.Until(`getComputedStyle(document.querySelector('p'), '::before').content === '"dark "' && innerWidth === 390`)
	p.NoSidewaysScroll()
}
