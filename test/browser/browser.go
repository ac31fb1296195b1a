// Package browser is a real browser for tests, Chromium, used the way people use one.
//
// Controls are found by what a screen reader calls them, pressed with a mouse where they really are, and filled with a
// keyboard; so a control that has no name, is covered by something or is off the page cannot be used by a test either.
// Nothing sleeps: a test waits for what it wants to see. Every page is watched while it is open: an error on its console,
// a script that throws, a dialog, a request that fails or goes to another host fails the test at its end.
//
// One browser process serves all tests of a test binary, whose TestMain closes it. Each Open is a person of their own: a
// fresh context with its own cookies.
package browser

import (
	"context"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"

	"ticketing/test/require"
)

// Options are how somebody looks at the pages. The zero value is a light screen of 1280 by 900 in American English.
type Options struct {
	Width, Height int    // of the window, in CSS pixels
	Dark          bool   // prefers-color-scheme
	Print         bool   // the medium is paper
	NoScript      bool   // scripts of pages do not run
	Motion        bool   // things may move; without, a page is at once what it is going to be
	Language      string // what the browser asks for, the best first: "de-DE,de,en"
	// Elsewhere is what other hosts answer, by address. They are not asked: a test stands in for them.
	Elsewhere map[string]string
}

// names are those of the program, in the order of preference. The headless shell is the same browser without what surrounds
// pages: people, each with their own profile, cost it a fifth.
var names = []string{"chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome"}

// process is the one browser of this test binary.
var process struct {
	once   sync.Once
	ctx    context.Context
	agent  string // what it calls itself
	err    error
	cancel []context.CancelFunc // in the order of the calls
}

// Open opens a page of the site at base for somebody with no cookies, until the end of the test. The test is skipped where
// there is no browser.
func Open(t testing.TB, base string, o Options) *Page {
	t.Helper()
	path := find()
	if path == "" {
		require.Skip(t, "a browser (Debian's package chromium-headless-shell or chromium)")
	}
	process.once.Do(func() { start(path) })
	if process.err != nil {
		t.Fatalf("start %s: %v", path, process.err)
	}
	if o.Width == 0 {
		o.Width = 1280
	}
	if o.Height == 0 {
		o.Height = 900
	}
	if o.Language == "" {
		o.Language = "en-US"
	}
	return open(t, process.ctx, base, o, chromedp.WithNewBrowserContext())
}

// Close ends the browser. TestMain defers it.
func Close() {
	for _, cancel := range process.cancel {
		cancel()
	}
}

func find() string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func start(path string) {
	ctx, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-features", "Translate,MediaRouter,OptimizationHints,AutofillServerCommunication"),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("hide-scrollbars", true),
		// Several people look at once, and none of them looks at a page in the background.
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		// Helpers of the script engine take from other tests more than they give this one.
		chromedp.Flag("js-flags", "--single-threaded"),
	)
	ctx, leave := chromedp.NewContext(ctx)
	process.cancel = []context.CancelFunc{leave, stop}
	process.ctx = ctx
	version, err := chromedp.CallBrowser(ctx, browser.GetVersion, cdp.Empty{})
	process.agent, process.err = version.UserAgent, err
}

// open opens another page of the browser; parent is the browser, or a page whose person it belongs to.
func open(t testing.TB, parent context.Context, base string, o Options, options ...chromedp.ContextOption) *Page {
	t.Helper()
	p := &Page{t: t, base: base, options: o, watch: newWatch(base, o.Elsewhere)}
	var leave context.CancelFunc
	p.ctx, leave = chromedp.NewContext(parent, append(options, chromedp.WithListener(p.watch.see))...)
	p.watch.dismiss, p.watch.answer = p.dismiss, p.answer
	t.Cleanup(func() {
		p.report()
		leave()
	})
	// The tab lives as long as the context of its first command, which has to be one without a deadline.
	if err := chromedp.Do(p.ctx); err != nil {
		t.Fatalf("open a page: %v", err)
	}
	p.look()
	call(p, "set the language", emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: process.agent, AcceptLanguage: o.Language})
	call(p, "set the time zone", emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	p.scripts(!o.NoScript)
	p.standIn()
	return p
}

// scripts lets the scripts of pages run, or not.
func (p *Page) scripts(run bool) {
	p.t.Helper()
	call(p, "set scripts", emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
}

// Look changes how the page that is open is looked at: its size, its colours, its medium.
func (p *Page) Look(o Options) {
	p.t.Helper()
	p.options.Width, p.options.Height, p.options.Dark, p.options.Print = o.Width, o.Height, o.Dark, o.Print
	p.look()
}

// look makes the page look the way that the options say.
func (p *Page) look() {
	p.t.Helper()
	scheme := "light"
	if p.options.Dark {
		scheme = "dark"
	}
	medium := ""
	if p.options.Print {
		medium = "print"
	}
	call(p, "set the size", emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(p.options.Width), Height: int64(p.options.Height), DeviceScaleFactor: 1})
	motion := "reduce"
	if p.options.Motion {
		motion = "no-preference"
	}
	call(p, "set the media", emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion}}})
}

// standIn has the browser ask the test, instead of the hosts that it stands in for.
func (p *Page) standIn() {
	p.t.Helper()
	var patterns []*fetch.RequestPattern
	for address := range p.options.Elsewhere {
		patterns = append(patterns, &fetch.RequestPattern{URLPattern: address})
	}
	if len(patterns) > 0 {
		call(p, "stand in for other hosts", fetch.Enable, fetch.EnableParams{Patterns: patterns})
	}
}

// answer gives the script that the other host would have given.
func (p *Page) answer(id fetch.RequestID, script string) {
	_, _ = chromedp.Call(p.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{RequestID: id, ResponseCode: 200, // the page may be gone
		ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "text/javascript"}}, Body: []byte(script)})
}
