package pages

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"ticketing/test/browser"
)

// TestKeyboard buys a ticket with a keyboard alone; one can always see where one is.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	m := open(t)
	m.SignUp("sally").Lists("Laurie Anderson", "61")
	p := signedIn(t, m, m.SignUp("bert"), browser.Options{})
	p.Visit("/")
	p.TabTo("Skip to the content")
	p.Keys(kb.Enter)
	p.Until(`location.hash === '#main'`)
	p.TabTo("Laurie Anderson")
	p.Keys(kb.Enter)
	p.Sees("Order this ticket")
	p.TabTo("Order this ticket")
	p.Keys(kb.Enter)
	p.Sees("The ticket is locked for you")
	p.TabTo("Card number")
	p.Keys("4242424242424242")
	p.TabTo("Expires")
	p.Keys("12/34")
	p.TabTo("Security code")
	p.Keys("123")
	p.TabTo("Pay $61.00")
	p.Keys(kb.Enter)
	p.Sees("The ticket is yours")
	m.Settles()
	m.Audits()
}
