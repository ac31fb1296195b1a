package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"ticketing/test/market"
)

// Page is one tab. It belongs to the goroutine of its test.
type Page struct {
	t       testing.TB
	ctx     context.Context
	base    string
	options Options
	watch   *watch
	scope   string // selector of the part that is looked at; "" is all of it
}

// call sends the browser a command, and ends the test when it cannot be done.
func call[P, R any](p *Page, what string, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, market.Patience)
	defer cancel()
	r, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	return r
}

// act is call for an action of several commands.
func act[T any](p *Page, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, market.Patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	return v
}

// ask evaluates JavaScript. Between two documents there is nobody to answer, which is an error.
func ask[T any](p *Page, script string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, market.Patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script))
}

// Tab opens another tab of the same person.
func (p *Page) Tab() *Page {
	p.t.Helper()
	return open(p.t, p.ctx, p.base, p.options)
}

// Anew opens a page of somebody else, who looks at it in the same way.
func (p *Page) Anew() *Page {
	p.t.Helper()
	return Open(p.t, p.base, p.options)
}

// Cookie gives the person a cookie of the site.
func (p *Page) Cookie(name, value string) {
	p.t.Helper()
	call(p, "set a cookie", network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: p.base})
}

// In is the part of the page that the selector names first; finding, reading and waiting keep to it.
func (p *Page) In(selector string) *Page {
	part := *p
	part.scope = selector
	return &part
}

// Expects says that lines of trouble with one of these parts are what the test is about: "404", "ERR_CONNECTION_REFUSED".
func (p *Page) Expects(parts ...string) { p.watch.expect(parts...) }

// Troubles are what has gone wrong on the page so far and was not expected.
func (p *Page) Troubles() []string { return p.watch.troubles() }

// report fails the test for what went wrong, and shows the page of a test that failed.
func (p *Page) report() {
	for _, trouble := range p.Troubles() {
		p.t.Errorf("at %s: %s", p.base, trouble)
	}
	if !p.t.Failed() {
		return
	}
	type shown struct{ Address, Text string }
	last, err := ask[shown](p, `({Address: location.href, Text: document.body ? document.body.innerText : ''})`)
	p.t.Logf("the page at the end (%v): %s\n%.3000s", err, last.Address, last.Text)
	if err == nil {
		p.Screenshot("failed-" + strings.NewReplacer("/", "-", " ", "-").Replace(p.t.Name()))
	}
}

func (p *Page) dismiss() {
	_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}) // the page may be gone
}

// URL is the address of a path of the site.
func (p *Page) URL(path string) string {
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return path
	}
	return p.base + path
}

// Visit opens a path of the site, or an address, and waits until the page is loaded.
func (p *Page) Visit(path string) {
	p.t.Helper()
	act(p, "visit "+path, chromedp.Navigate(p.URL(path)))
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	p.leaving("reload", func() { call(p, "reload", page.Reload, page.ReloadParams{}) })
}

// Back goes back in the tab's history: to another document, to one that the browser has kept as it was, or to an earlier
// address of the same one.
func (p *Page) Back() {
	p.t.Helper()
	history := call(p, "go back", page.GetNavigationHistory, cdp.Empty{})
	before := history.CurrentIndex - 1
	if before < 0 {
		p.t.Fatal("there is nothing to go back to")
	}
	call(p, "go back", page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[before].ID})
	market.Eventually(p.t, "the page before is open", func() (bool, string) {
		now, err := chromedp.Call(p.ctx, page.GetNavigationHistory, cdp.Empty{})
		if err != nil || now.CurrentIndex != before {
			return false, fmt.Sprintf("%v, at entry %d", err, now.CurrentIndex)
		}
		there, err := ask[bool](p, `document.readyState === 'complete' && location.href === `+quote(now.Entries[before].URL))
		return err == nil && there, fmt.Sprint(err)
	})
}

// marks tell documents apart that are left.
var marks atomic.Int64

// leaving does what makes the browser open another document, and waits until that is loaded.
func (p *Page) leaving(what string, do func()) {
	p.t.Helper()
	mark := fmt.Sprintf("%d", marks.Add(1))
	if _, err := ask[int64](p, `window.leftAs = `+mark); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	do()
	p.until("another page is open after: "+what, `window.leftAs !== `+mark+` && document.readyState === 'complete'`)
}

// until waits until the script is true.
func (p *Page) until(what, script string) {
	p.t.Helper()
	market.Eventually(p.t, what, func() (bool, string) {
		so, err := ask[bool](p, script)
		return err == nil && so, fmt.Sprint(err)
	})
}

// Until waits until a JavaScript expression about the page is true.
func (p *Page) Until(script string) {
	p.t.Helper()
	p.until(script, `Boolean(`+script+`)`)
}

// part is a script for what is looked at.
func (p *Page) part() string {
	if p.scope == "" {
		return `document`
	}
	return `document.querySelector(` + quote(p.scope) + `)`
}

// Text is what can be read, with single spaces.
func (p *Page) Text() string {
	p.t.Helper()
	text, err := p.read()
	if err != nil {
		p.t.Fatalf("read the page: %v", err)
	}
	return text
}

func (p *Page) read() (string, error) {
	text, err := ask[string](p, `(e => e?.innerText ?? e?.body?.innerText ?? '')(`+p.part()+`)`)
	return strings.Join(strings.Fields(text), " "), err
}

// Sees waits until the text can be read, in whatever case its style shows it.
func (p *Page) Sees(text string) {
	p.t.Helper()
	p.reading(text, true)
}

// SeesNo waits until the text cannot be read.
func (p *Page) SeesNo(text string) {
	p.t.Helper()
	p.reading(text, false)
}

func (p *Page) reading(text string, want bool) {
	p.t.Helper()
	what := fmt.Sprintf("%q can be read: %v", text, want)
	market.Eventually(p.t, what, func() (bool, string) {
		all, err := p.read()
		return err == nil && strings.Contains(strings.ToLower(all), strings.ToLower(text)) == want, fmt.Sprintf("%v, but: %.2000s", err, all)
	})
}

// Shows waits until an element that the selector names is visible.
func (p *Page) Shows(selector string) {
	p.t.Helper()
	p.until(selector+" is there", `[...`+p.part()+`.querySelectorAll(`+quote(selector)+`)].some(e => e.checkVisibility())`)
}

// Count is how many elements the selector names.
func (p *Page) Count(selector string) int {
	p.t.Helper()
	n, err := ask[int](p, p.part()+`.querySelectorAll(`+quote(selector)+`).length`)
	if err != nil {
		p.t.Fatalf("count %s: %v", selector, err)
	}
	return n
}

// Attribute is an attribute of the first element that the selector names, or empty.
func (p *Page) Attribute(selector, name string) string {
	p.t.Helper()
	value, err := ask[string](p, p.part()+`.querySelector(`+quote(selector)+`)?.getAttribute(`+quote(name)+`) ?? ''`)
	if err != nil {
		p.t.Fatalf("%s of %s: %v", name, selector, err)
	}
	return value
}

// At is the path of the page, with its query.
func (p *Page) At() string {
	p.t.Helper()
	at, err := ask[string](p, `location.pathname + location.search`)
	if err != nil {
		p.t.Fatalf("where are we: %v", err)
	}
	return at
}

// Value is what a JavaScript expression about the page comes to, as text.
func (p *Page) Value(script string) string {
	p.t.Helper()
	text, err := ask[string](p, `String(`+script+`)`)
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return text
}

// Submit sends the form as its button would, without looking whether anybody could press it, and waits for the answer.
func (p *Page) Submit(form string) {
	p.t.Helper()
	p.leaving("submit "+form, func() { p.Value(`HTMLFormElement.prototype.submit.call(document.querySelector(` + quote(form) + `))`) })
}

// quote is the text as JavaScript writes it.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string is always JSON
	}
	return string(b)
}
