package pages

import (
	"testing"

	"ticketing/test/browser"
)

// TestGerman buys a ticket in German, which the browser asks for: words, sums and times are those of the language.
func TestGerman(t *testing.T) {
	t.Parallel()
	m := open(t)
	ticket := m.SignUp("sally").Lists("Die Ärzte", "1249.5")
	p := signedIn(t, m, m.SignUp("bert"), browser.Options{Language: "de-DE,de,en"})
	p.Visit("/")
	p.Sees("Auf dem Markt")
	inspect(p, "market, German")
	p.Go("Die Ärzte")
	p.Sees("1.249,50 $")
	p.Sees("Verfügbar")
	inspect(p, "ticket, German")
	p.Go("Dieses Ticket bestellen")
	p.Sees("Das Ticket ist für dich reserviert")
	inspect(p, "checkout, German")
	p.Press("4242 4242 4242 4242")
	p.Go("1.249,50 $ bezahlen")
	p.Sees("Das Ticket gehört dir")
	p.Go("English")
	p.Sees("The ticket is yours")
	p.Sees("$1,249.50")
	p.Visit("/tickets/" + ticket.ID)
	p.Sees("This ticket is yours")
}
