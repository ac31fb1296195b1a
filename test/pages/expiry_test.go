package pages

import (
	"strings"
	"testing"

	"ticketing/test/browser"
)

// TestExpiry: the time to pay runs out on the screen, in every tab, and the page goes on by itself to what can be done then.
func TestExpiry(t *testing.T) {
	t.Parallel()
	m := open(t, "--lock-duration", "15s")
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	ticket := seller.Lists("Patti Smith", "45")
	p := signedIn(t, m, buyer, browser.Options{Width: 390, Height: 844})
	other, plain := p.Tab(), signedIn(t, m, buyer, browser.Options{NoScript: true})
	p.Visit("/tickets/" + ticket.ID)
	p.Go("Order this ticket")
	p.Sees("The ticket is locked for you")
	other.Visit(p.At())
	plain.Visit(p.At())
	const ends = `document.querySelector('[data-countdown]').dataset.expires`
	if a, b := p.Value(ends), other.Value(ends); a != b || a == "" {
		t.Errorf("one tab counts down to %s, the other to %s", a, b)
	}
	for _, tab := range []*browser.Page{p, other, plain} {
		tab.Sees("The time to pay was over")
		tab.Sees("The ticket is available, at the same price as before.")
	}
	inspect(p, "order, expired")
	p.Go("Order for $45.00")
	p.Sees("The ticket is locked for you")
	buyer.Cancel(strings.TrimPrefix(p.At(), "/orders/")).Want(204)
	p.Sees("You have cancelled it")
	m.Settles()
	m.Audits()
}
