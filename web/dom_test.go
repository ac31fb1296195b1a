package web_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// dom is a page as a browser reads it.
type dom struct {
	t      testing.TB
	root   *html.Node
	status int
	path   string // where the browser ended up
	header http.Header
	body   string
}

func parse(t testing.TB, resp *http.Response) *dom {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	d := &dom{t: t, root: root, status: resp.StatusCode, header: resp.Header, body: string(body)}
	if resp.Request != nil {
		d.path = resp.Request.URL.RequestURI()
	}
	return d
}

// all are the elements that the selector finds.
func (d *dom) all(selector string) []*html.Node { return d.within(d.root, selector) }

func (d *dom) within(n *html.Node, selector string) []*html.Node {
	d.t.Helper()
	s, err := cascadia.ParseGroup(selector)
	if err != nil {
		d.t.Fatal(err)
	}
	return cascadia.QueryAll(n, s)
}

// one is the only element that the selector finds.
func (d *dom) one(selector string) *html.Node {
	d.t.Helper()
	found := d.all(selector)
	if len(found) != 1 {
		d.t.Fatalf("%s has %d of %s:\n%s", d.path, len(found), selector, d.body)
	}
	return found[0]
}

// says is the text of the only element that the selector finds.
func (d *dom) says(selector string) string {
	d.t.Helper()
	return text(d.one(selector))
}

// is checks where the browser is, with which answer.
func (d *dom) is(status int, path string) *dom {
	d.t.Helper()
	if d.status != status || d.path != path {
		d.t.Fatalf("%d at %s, want %d at %s:\n%s", d.status, d.path, status, path, d.body)
	}
	return d
}

var spaces = regexp.MustCompile(`[\s\x{a0}]+`)

// text is what can be read of an element.
func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(spaces.ReplaceAllString(b.String(), " "))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// sound checks what holds for every page.
func (d *dom) sound() *dom {
	d.t.Helper()
	wrong := func(format string, args ...any) {
		d.t.Helper()
		d.t.Errorf("%s: "+format, append([]any{d.path}, args...)...)
	}
	for _, selector := range []string{"html[lang]", "title", "h1", "main#main", "header.top", "footer", "a.skip[href='#main']", "meta[name=viewport]", "meta[name=description]"} {
		if n := len(d.all(selector)); n != 1 {
			wrong("%d of %s", n, selector)
		}
	}
	if lang := attr(d.one("html"), "lang"); lang != d.header.Get("Content-Language") {
		wrong("the language is %s, and %s", lang, d.header.Get("Content-Language"))
	}
	policy := d.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		wrong("the policy is %q", policy)
	}
	if cache := d.header.Get("Cache-Control"); cache != "no-store" && cache != "no-cache" {
		wrong("it may be kept: %q", cache)
	}
	d.nothingInline(wrong)
	d.dressed(wrong)
	d.labelled(wrong)
	d.unique(wrong)
	return d
}

func (d *dom) nothingInline(wrong func(string, ...any)) {
	for _, n := range d.all("script, link[rel=stylesheet]") {
		source := attr(n, "src") + attr(n, "href")
		if n.Data == "link" || n.FirstChild != nil || !strings.HasPrefix(source, "/static/") && !strings.HasPrefix(source, "https://js.stripe.com/") {
			wrong("a %s of its own: %s", n.Data, source)
		}
	}
	for n := range d.root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") {
				wrong("%s has %s=%q, which the policy forbids", n.Data, a.Key, a.Val)
			}
		}
	}
}

func (d *dom) labelled(wrong func(string, ...any)) {
	for _, in := range d.all("input:not([type=hidden]), select, textarea") {
		if len(d.all(`label[for="`+attr(in, "id")+`"]`)) != 1 && attr(in, "aria-label") == "" && attr(in, "aria-labelledby") == "" && in.Parent.Data != "label" {
			wrong("nothing says what to enter into %s", attr(in, "name"))
		}
	}
	for _, n := range d.all("a, button") {
		if text(n) == "" && attr(n, "aria-label") == "" {
			wrong("a %s says nothing", n.Data)
		}
	}
	for _, n := range d.all("nav") {
		if attr(n, "aria-label") == "" && attr(n, "aria-labelledby") == "" {
			wrong("one of several navs has no name")
		}
	}
	for _, f := range d.all("form") {
		if method := attr(f, "method"); method != "post" && method != "get" || !strings.HasPrefix(attr(f, "action"), "/") {
			wrong("a form is sent with %q to %q", method, attr(f, "action"))
		}
	}
}

func (d *dom) unique(wrong func(string, ...any)) {
	seen := map[string]bool{}
	for _, n := range d.all("[id]") {
		if id := attr(n, "id"); seen[id] {
			wrong("two elements have the id %s", id)
		}
		seen[attr(n, "id")] = true
	}
	for _, name := range []string{"aria-describedby", "aria-labelledby", "for", "aria-controls"} {
		for _, n := range d.all("[" + name + "]") {
			for _, id := range strings.Fields(attr(n, name)) {
				if !seen[id] {
					wrong("%s of %s names %s, which is not there", name, n.Data, id)
				}
			}
		}
	}
	for _, n := range d.all(`a[href^="#"]`) {
		if id := strings.TrimPrefix(attr(n, "href"), "#"); !seen[id] {
			wrong("no place is called %s", id)
		}
	}
}
