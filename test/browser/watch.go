package browser

import (
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// watch sees what goes wrong on a page while a test does something else. The browser tells it in a goroutine of its own.
type watch struct {
	host      string                                  // the only one that pages may ask
	elsewhere map[string]string                       // but for these addresses, and what is answered there
	dismiss   func()                                  // closes a dialog; it must not wait for the browser
	answer    func(id fetch.RequestID, script string) // in the name of another host

	mu      sync.Mutex
	asked   map[network.RequestID]string
	seen    []string
	forgive []string
}

func newWatch(base string, elsewhere map[string]string) *watch {
	w := &watch{asked: map[network.RequestID]string{}, elsewhere: elsewhere}
	if u, err := url.Parse(base); err == nil {
		w.host = u.Host
	}
	return w
}

func (w *watch) see(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		w.note("a script throws: %s", describe(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.note("on the console: %s", words(e.Args))
		}
	case *log.EventEntryAdded:
		// What the network says there is told by its own events too.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			w.note("the browser reports: %s (%s)", e.Entry.Text, e.Entry.Source)
		}
	case *page.EventJavascriptDialogOpening:
		w.note("a dialog opens: %s: %s", e.Type, e.Message)
		go w.dismiss()
	case *fetch.EventRequestPaused:
		go w.answer(e.RequestID, w.elsewhere[e.Request.URL])
	case *network.EventRequestWillBeSent:
		w.request(e)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			w.note("%d for %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventLoadingFailed:
		// Who leaves a page cancels what it still waits for.
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" {
			w.mu.Lock()
			address := w.asked[e.RequestID]
			w.mu.Unlock()
			w.note("%s%s for %s", e.ErrorText, blocked(e), address)
		}
	}
}

func (w *watch) request(e *network.EventRequestWillBeSent) {
	w.mu.Lock()
	w.asked[e.RequestID] = e.Request.URL
	w.mu.Unlock()
	if _, known := w.elsewhere[e.Request.URL]; known {
		return
	}
	if u, err := url.Parse(e.Request.URL); err == nil && strings.HasPrefix(u.Scheme, "http") && u.Host != w.host {
		w.note("another host is asked: %s", e.Request.URL)
	}
}

func (w *watch) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, fmt.Sprintf(format, args...))
}

// troubles are what was seen and is not expected.
func (w *watch) troubles() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.seen {
		expected := false
		for _, part := range w.forgive {
			expected = expected || strings.Contains(one, part)
		}
		if !expected {
			all = append(all, one)
		}
	}
	return all
}

func (w *watch) expect(parts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgive = append(w.forgive, parts...)
}

func describe(d *runtime.ExceptionDetails) string {
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return fmt.Sprintf("%s (%s:%d)", d.Text, d.URL, d.LineNumber)
}

func words(args []*runtime.RemoteObject) string {
	var all []string
	for _, a := range args {
		if a.Description != "" {
			all = append(all, a.Description)
		} else {
			all = append(all, string(a.Value))
		}
	}
	return strings.Join(all, " ")
}

func blocked(e *network.EventLoadingFailed) string {
	if e.BlockedReason == "" {
		return ""
	}
	return " (" + string(e.BlockedReason) + ")"
}
