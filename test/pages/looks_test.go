package pages

import (
	"strings"
	"testing"

	"ticketing/test/browser"
	"ticketing/test/market"
)

// looks are how each page is looked at.
var looks = map[string]browser.Options{
	"phone":             {Width: 390, Height: 844},
	"phone in the dark": {Width: 390, Height: 844, Dark: true},
	"desk":              {Width: 1440},
	"desk in the dark":  {Width: 1440, Dark: true},
}

// scene is a page in a state.
type scene struct {
	name, path string
	sees       string // a text that shows that it is this page
	expects    string // what the browser says about it, if that is no trouble here
}

// TestLooks opens every page that needs no session.
func TestLooks(t *testing.T) {
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	o := buyer.Locked(buyer.Orders(seller.Lists("Row 3", "49.90")))
	charge := market.As[struct {
		BankURL string `json:"bankUrl"`
	}](buyer.Ask("POST", "/api/payments", map[string]any{"orderId": o.ID, "token": "pm_card_threeDSecure2Required",
		"returnUrl": m.Front.URL + "/payments/return?order=" + o.ID}).Want(202))
	unpaid := buyer.Orders(seller.Lists("Row 4", "49.90"))
	scenes := []scene{
		{name: "docs", path: "/docs", sees: "The API"},
		{name: "problems", path: "/problems/", sees: "ticket_locked"},
		{name: "missing", path: "/nowhere", sees: "nothing at this address", expects: "404 for "},
		{name: "returned, a stranger", path: "/payments/return?order=" + o.ID, sees: "bank"},
		{name: "bank", path: charge.BankURL, sees: "Approve"},
		{name: "bank, over", path: strings.Replace(charge.BankURL, "step=", "step=x", 1), sees: "over", expects: "410 for "},
	}
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := browser.Open(t, m.Front.URL, look)
			for _, s := range scenes {
				s.open(p)
				p.Screenshot(name + ", " + s.name)
			}
			mine := signedIn(t, m, buyer, look)
			scene{path: "/payments/return?order=" + unpaid.ID, sees: "No payment has been submitted"}.open(mine)
		})
	}
}

// open goes to the scene and checks what holds for every page.
func (s scene) open(p *browser.Page) {
	if s.expects != "" {
		p.Expects(s.expects)
	}
	p.Visit(s.path)
	p.Sees(s.sees)
	check(p)
}

// check is what holds for every page in every state.
func check(p *browser.Page) {
	p.Axe()
	p.NoSidewaysScroll()
}
