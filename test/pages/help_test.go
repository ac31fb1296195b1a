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

// looks are how each page is looked at.
var looks = map[string]browser.Options{
	"phone":             {Width: 390, Height: 844},
	"phone in the dark": {Width: 390, Height: 844, Dark: true},
	"desk in the dark":  {Width: 1440, Height: 900, Dark: true},
	"desk":              {Width: 1440, Height: 900},
}

// inspect holds the page, in the state that it has, against what holds for every page in every look. It ends with the desk.
func inspect(p *browser.Page, name string) {
	for _, look := range []string{"phone", "phone in the dark", "desk in the dark", "desk"} {
		p.Look(looks[look])
		check(p)
		p.Screenshot(look + ", " + name)
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
