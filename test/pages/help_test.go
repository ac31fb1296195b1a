// Package pages opens every page of the market in a real browser and uses it as people do.
package pages

import (
	"testing"

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
