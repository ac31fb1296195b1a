package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"

	"ticketing/test/require"
)

// axe is axe-core, from the file that TICKETING_AXE names.
var axe struct {
	once    sync.Once
	source  string
	err     error
	missing sync.Once
}

// standards are what pages are held against: WCAG 2.2 AA with all that came before it, and what axe advises besides.
var standards = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"}

// finding is a rule that a page breaks.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
		Target         []json.RawMessage
	}
}

func (f finding) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%s): %s", f.ID, f.Impact, f.Help)
	for i, n := range f.Nodes {
		if i == 5 {
			fmt.Fprintf(&text, "\n    and %d more", len(f.Nodes)-i)
			break
		}
		fmt.Fprintf(&text, "\n    %s\n      %.300s\n      %s", n.Target, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n      "))
	}
	return text.String()
}

// Axe checks that the page, as it is now, can be used by everybody: axe-core finds nothing. Where TICKETING_AXE names no
// file the check is left out, and the test goes on.
func (p *Page) Axe() {
	p.t.Helper()
	if os.Getenv("TICKETING_AXE") == "" {
		const want = "axe-core (TICKETING_AXE=…/node_modules/axe-core/axe.min.js, from the npm package axe-core)"
		if require.All() {
			p.t.Fatalf("needs %s, and TICKETING_TEST_REQUIRE=all allows no skip", want)
		}
		axe.missing.Do(func() { p.t.Logf("pages are not checked with axe-core: needs %s", want) })
		return
	}
	for _, f := range p.Findings() {
		p.t.Errorf("%s %s: %s", p.At(), p.options, f)
	}
}

// Findings are what axe-core finds on the page.
func (p *Page) Findings() (all []string) {
	p.t.Helper()
	axe.once.Do(func() {
		var source []byte
		source, axe.err = os.ReadFile(os.Getenv("TICKETING_AXE"))
		axe.source = string(source)
	})
	if axe.err != nil {
		p.t.Fatalf("read axe-core: %v", axe.err)
	}
	if p.options.NoScript { // axe-core is a script itself; those of the page have had their chance
		p.scripts(true)
		defer p.scripts(false)
	}
	if there := act(p, "look for axe-core", chromedp.Evaluate[bool](`typeof axe === 'object'`)); !there {
		act(p, "load axe-core", chromedp.Evaluate[chromedp.Void](axe.source))
	}
	tags, err := json.Marshal(standards)
	if err != nil {
		p.t.Fatal(err)
	}
	// Without scripts a page that waits for something can only load itself again.
	rules := fmt.Sprintf(`{'meta-refresh': {enabled: %v}}`, !p.options.NoScript)
	found := act(p, "run axe-core", chromedp.Evaluate[[]finding](
		`axe.run(document, {runOnly: {type: 'tag', values: `+string(tags)+`}, rules: `+rules+`, resultTypes: ['violations']}).then(r => r.violations)`,
		chromedp.EvalAwaitPromise))
	for _, f := range found {
		all = append(all, f.String())
	}
	return all
}

// String says how somebody looks at the pages.
func (o Options) String() string {
	s := fmt.Sprintf("%d wide", o.Width)
	if o.Dark {
		s += ", dark"
	}
	if o.NoScript {
		s += ", no script"
	}
	if o.Language != "" {
		s += ", " + o.Language
	}
	return s
}

// sideways are the elements that reach over the edge of the page, unless they can be scrolled in a part of their own.
const sideways = `(() => {
	const width = document.documentElement.clientWidth
	if (document.documentElement.scrollWidth <= width) return []
	const clipped = e => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
		if (getComputedStyle(p).overflowX !== 'visible') return true
		return false }
	const over = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 0.5 && !clipped(e))
	return ['the page is ' + document.documentElement.scrollWidth + ' wide', ...over.slice(0, 8).map(e => e.outerHTML.slice(0, 120))]
})()`

// NoSidewaysScroll checks that nothing is wider than the window.
func (p *Page) NoSidewaysScroll() {
	p.t.Helper()
	if over := p.Sideways(); len(over) > 0 {
		p.t.Errorf("%s %s scrolls sideways: %s", p.At(), p.options, strings.Join(over, "\n    "))
	}
}

// Sideways is what makes the page wider than the window; none when nothing does.
func (p *Page) Sideways() []string {
	p.t.Helper()
	return act(p, "look for what is too wide", chromedp.Evaluate[[]string](sideways))
}

// pictures is the folder for pictures; empty where none are wanted.
func pictures() string { return os.Getenv("TICKETING_SCREENSHOTS") }

// Pictured tells whether pictures are kept.
func Pictured() bool { return pictures() != "" }

// Screenshot keeps a picture of the whole page under this name, when TICKETING_SCREENSHOTS names a folder.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	if Pictured() {
		p.Picture(filepath.Join(pictures(), name+".png"), true)
	}
}

// Picture writes a picture of the page to a file: of all of it, or of what the window shows.
func (p *Page) Picture(file string, whole bool) {
	p.t.Helper()
	shot := chromedp.CaptureScreenshot()
	if whole {
		shot = chromedp.FullScreenshot(100)
	}
	picture := act(p, "take a picture", shot)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
