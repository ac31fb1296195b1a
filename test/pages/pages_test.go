// Package pages opens every page of the market in a real browser and uses it as people do.
package pages

import (
	"testing"
	"time"

	"ticketing/test/browser"
	"ticketing/test/market"
)

func TestMain(m *testing.M) {
	defer browser.Close()
	m.Run()
}

// open is a market in one process.
func open(t *testing.T, flags ...string) *market.Market {
	t.Helper()
	return market.Open(t, market.Topologies[0], flags...)
}

// signedIn is the browser of somebody who has a session already.
func signedIn(t *testing.T, m *market.Market, who *market.Person, o browser.Options) *browser.Page {
	t.Helper()
	p := browser.Open(t, m.Front.URL, o)
	p.Cookie("session", who.Token())
	return p
}

// looks are how each page is looked at. What can be wrong is so by width or by colours, and two looks have both of each; the
// others are for those who want pictures.
var looks = []struct {
	name    string
	checked bool
	browser.Options
}{
	{"phone", true, browser.Options{Width: 390, Height: 844}},
	{"phone in the dark", false, browser.Options{Width: 390, Height: 844, Dark: true}},
	{"desk", false, browser.Options{Width: 1440, Height: 900}},
	{"desk in the dark", true, browser.Options{Width: 1440, Height: 900, Dark: true}},
}

// inspect holds the page, in the state that it has, against what holds for every page. It ends with the desk in the dark.
func inspect(p *browser.Page, name string) {
	for _, look := range looks {
		if !look.checked && !browser.Pictured() {
			continue
		}
		p.Look(look.Options)
		if look.checked {
			check(p)
		}
		p.Screenshot(look.name + ", " + name)
	}
}

// check is what holds for every page: axe-core finds nothing, and nothing is wider than the window.
func check(p *browser.Page) {
	p.NoSidewaysScroll()
	p.Axe()
}

// idOf is the id in an answer of the API.
func idOf(a market.Answer) string { return market.As[struct{ ID string }](a).ID }

// updatedAt is when the thing in an answer of the API was changed.
func updatedAt(a market.Answer) time.Time {
	return market.As[struct{ UpdatedAt time.Time }](a).UpdatedAt
}
