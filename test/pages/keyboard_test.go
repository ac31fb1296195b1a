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
	p.Enter()
	p.TabTo("Order this ticket")
	p.Enter()
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

// TestKeyboardSells signs up, lists a ticket with a mistake, mends it and edits it, and has an order cancelled, all with a
// keyboard alone.
func TestKeyboardSells(t *testing.T) {
	t.Parallel()
	m := open(t)
	p := browser.Open(t, m.Front.URL, browser.Options{})
	types := func(label, text string) {
		p.TabTo(label)
		p.Keys(text)
	}
	opens := func(name, sees string) {
		p.TabTo(name)
		p.Enter()
		p.Sees(sees)
	}
	p.Visit("/signup?next=/sell")
	types("E-mail", "sally@example.com")
	types("Password", "four small words")
	p.Enter()
	p.Sees("name your price")
	p.Expects("400 for ")
	types("Title", "Laurie Anderson")
	types("Price", "much")
	opens("Put it on the market", "One thing needs your attention")
	p.Until(`document.activeElement.matches('.faults')`)
	types("Price (USD)", "61") // who comes to a field by the tabulator replaces what is in it
	p.Enter()
	p.Sees("Your ticket is on the market.")
	at := p.At()
	opens("Edit", "Save the changes")
	types("Venue", "Barbican")
	opens("Save the changes", "Barbican")
	bert := m.SignUp("bert")
	buyer := signedIn(t, m, bert, browser.Options{})
	buyer.Visit(at)
	buyer.TabTo("Order this ticket")
	buyer.Enter()
	buyer.Sees("The ticket is locked for you")
	buyer.TabTo("Cancel this order")
	buyer.Keys(kb.Enter)
	buyer.TabTo("Yes, cancel the order")
	buyer.Enter()
	buyer.Sees("You have cancelled it")
	p.Sees("Available")
	m.Settles()
	m.Audits()
}
