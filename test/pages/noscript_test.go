package pages

import (
	"testing"

	"ticketing/test/browser"
)

// TestWithoutScripts goes from signing up to a paid order with nothing but pages and forms, on a phone.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	m := open(t)
	plain := browser.Options{Width: 390, Height: 844, NoScript: true}
	seller, buyer := browser.Open(t, m.Front.URL, plain), browser.Open(t, m.Front.URL, plain)
	seller.Visit("/sell")
	seller.In("main").Go("Sign up")
	enter(seller, "sally@example.com")
	seller.Fill("Title", "Billy Bragg")
	seller.Fill("Price", "24,50 euros")
	seller.Expects("400 for ")
	seller.Go("Put it on the market")
	seller.Sees("One thing needs your attention")
	if kept := seller.Field("Title"); kept != "Billy Bragg" {
		t.Errorf("the title that was typed is not kept: %q", kept)
	}
	seller.Fill("Price", "24.50")
	seller.Go("Put it on the market")
	seller.Sees("Your ticket is on the market.")

	buyer.Visit("/")
	buyer.Fill("Search for events, places, seats", "bragg")
	buyer.Go("Search")
	buyer.Go("Billy Bragg")
	buyer.Go("Order this ticket")
	buyer.In("main").Go("Sign up")
	enter(buyer, "bert@example.com")
	buyer.Go("Order this ticket")
	buyer.Sees("The ticket is locked for you")
	check(buyer)
	buyer.Press("4242 4242 4242 4242")
	buyer.Go("Pay $24.50")
	buyer.Sees("The ticket is yours")
	check(buyer)
	buyer.Screenshot("phone, order, paid without scripts")
	m.Settles()
	m.Audits()
}

// enter signs up on the page that is open, and is sent on to where the person wanted to go.
func enter(p *browser.Page, email string) {
	p.Fill("E-mail", email)
	p.Fill("Password", "four small words")
	p.In("main").Go("Sign up")
}
