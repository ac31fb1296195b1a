package pages

import (
	"strings"
	"testing"

	"ticketing/kernel/fault"
	"ticketing/test/browser"
	"ticketing/test/market"
)

// TestReference opens what can be read without an account, in both languages.
func TestReference(t *testing.T) {
	t.Parallel()
	m := open(t)
	p := browser.Open(t, m.Front.URL, browser.Options{})
	p.Visit("/docs")
	p.Sees("The API and the events")
	p.Until(`[...document.querySelectorAll('details')].every(d => d.open = true)`)
	inspect(p, "docs")
	p.Visit("/problems/")
	p.Sees("ticket_locked")
	p.Go("ticket_locked")
	p.Sees("As an answer")
	inspect(p, "problem")
	p.Back()
	inspect(p, "problems")
	p.Look(browser.Options{Width: 390, Height: 844})
	for _, code := range fault.Catalog { // all are made of the same parts
		p.Visit("/problems/" + code.Name)
		p.Sees(code.Name)
		p.NoSidewaysScroll()
	}

	p.Expects("404 for ")
	p.Visit("/nowhere")
	p.Sees("This page does not exist")
	inspect(p, "missing")
	p.Go("Deutsch")
	p.Sees("Diese Seite gibt es nicht")
	if lang := p.Attribute(":root", "lang"); lang != "de" {
		t.Errorf("the language of the page is said to be %q", lang)
	}
	p.Visit("/problems/ticket_locked")
	inspect(p, "problem, German")
}

// TestBank opens the page that stands in for the bank's, and the one that a buyer comes back to.
func TestBank(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	o := buyer.Locked(buyer.Orders(seller.Lists("Row 3", "49.90")))
	back := "/payments/return?order=" + o.ID
	p, stranger := signedIn(t, m, buyer, browser.Options{}), browser.Open(t, m.Front.URL, browser.Options{})
	p.Visit(back)
	p.Sees("Row 3")
	inspect(p, "returned, unpaid")
	stranger.Visit(back)
	stranger.Sees("Sign in")
	inspect(stranger, "returned, stranger")

	charge := market.As[struct {
		BankURL string `json:"bankUrl"`
	}](buyer.Ask("POST", "/api/payments", map[string]any{"orderId": o.ID, "token": "pm_card_threeDSecure2Required",
		"returnUrl": m.Front.URL + back}).Want(202))
	p.Expects("410 for ")
	p.Visit(strings.Replace(charge.BankURL, "step=", "step=x", 1))
	p.Sees("This step is over")
	inspect(p, "bank, over")
	p.Visit(charge.BankURL)
	p.Sees("Do you approve the payment of 49.90 USD?")
	inspect(p, "bank")
	p.TabTo("Approve")
	p.Keys("\r")
	p.Sees("Row 3")
	p.Sees("is yours")
	inspect(p, "returned, paid")
	m.Settles()
	m.Audits()
}
