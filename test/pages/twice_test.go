package pages

import (
	"testing"

	"ticketing/test/browser"
	"ticketing/test/market"
)

// TestTwice: whatever a browser sends twice, it is ordered once and paid once: by a double click, with scripts and without,
// by going back, by loading again, from a second tab.
func TestTwice(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller := m.SignUp("sally")
	for name, o := range map[string]browser.Options{"with scripts": {}, "without scripts": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			buyer := m.SignUp("bert")
			ticket := seller.Lists("Kraftwerk", "80")
			p := signedIn(t, m, buyer, o)
			p.Expects("409 for ")
			p.Visit("/tickets/" + ticket.ID)
			p.DoublePress("Order this ticket")
			p.Sees("The ticket is locked for you")
			at := p.At()
			p.Back()
			p.Visit("/tickets/" + ticket.ID)
			p.Go("Go on to the payment")
			if p.At() != at {
				t.Errorf("another order: %s, not %s", p.At(), at)
			}

			second := p.Tab()
			second.Expects("409 for ")
			second.Visit(at)
			second.Press("4242 4242 4242 4242")
			p.Press("4242 4242 4242 4242")
			p.DoublePress("Pay $80.00")
			p.Sees("The ticket is yours")
			payAgain(second)
			second.Sees("The ticket is yours")
			p.Reload()
			p.Sees("The ticket is yours")
			p.Back()
			p.Visit(at)
			p.Sees("The ticket is yours")

			orders := market.As[[]market.Order](buyer.Ask("GET", "/api/orders", nil).Want(200))
			if len(orders) != 1 {
				t.Fatalf("%d orders: %+v", len(orders), orders)
			}
			if charges := buyer.Charges(orders[0].ID); len(charges) != 1 || charges[0].Status != "Completed" {
				t.Errorf("the charges: %+v", charges)
			}
		})
	}
	t.Cleanup(func() {
		m.Settles()
		m.Audits()
	})
}

// payAgain sends the form of a tab that was open before, if the tab has not seen by itself that there is nothing to pay.
func payAgain(p *browser.Page) {
	for _, control := range p.Controls() {
		if control == "button Pay $80.00" {
			p.Submit("form[action$='/pay']")
			return
		}
	}
}
