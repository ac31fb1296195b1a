package pages

import (
	"testing"

	"ticketing/test/browser"
)

// TestCards: a form with mistakes, a card that is declined, an order anew, a bank that wants to see its customer.
func TestCards(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	ticket := seller.Lists("Nina Hagen", "35.50")
	p := signedIn(t, m, buyer, browser.Options{})
	p.Visit("/tickets/" + ticket.ID)
	p.Go("Order this ticket")
	p.Expects("400 for ", "402 for ")

	p.Fill("Card number", "4242 4242 4242 4243")
	p.Fill("Expires", "13/34")
	p.Fill("Security code", "1")
	p.Go("Pay $35.50")
	p.Sees("3 things need your attention")
	if kept := p.Field("Card number"); kept != "4242 4242 4242 4243" {
		t.Errorf("the number that was typed is not kept: %q", kept)
	}
	inspect(p, "checkout, mistakes")

	p.Press("4000 0000 0000 9995")
	p.Go("Pay $35.50")
	p.Sees("There is not enough money on the card.")
	p.Sees("The order is cancelled")
	inspect(p, "order, declined")
	p.Go("Order for $35.50")
	p.Press("4000 0000 0000 3220")
	p.Go("Pay $35.50")
	p.Sees("Do you approve the payment")
	p.Go("Fail")
	p.Sees("did not go through")
	inspect(p, "returned, failed")
	p.Go("To your order")
	p.Sees("The bank's step was not completed.")
	p.Go("Order for $35.50")
	p.Press("4000 0000 0000 3220")
	p.Go("Pay $35.50")
	p.Go("Approve")
	p.Sees("is yours")
	p.Go("To your order")
	p.Sees("The ticket is yours")
	inspect(p, "order, paid after the bank's step")
	p.Look(browser.Options{Width: 794, Height: 1123, Print: true}) // a sheet of paper
	p.Sees("The ticket is yours")
	p.Sees("$35.50")
	p.SeesNo("My orders")
	p.NoSidewaysScroll()
	p.Screenshot("order, printed")
	m.Settles()
	m.Audits()
}
