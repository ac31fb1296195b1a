package pages

import (
	"encoding/json"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"ticketing/test/browser"
	"ticketing/test/market"
)

// pictures is where the README's pictures go:
//
//	go test ./test/pages -run TestPictures -pictures ../../docs/pictures
var pictures = flag.String("pictures", "", "folder that the README's pictures are written to; none are taken without it")

// TestPictures takes the pictures of the README: the same market, people and sizes each time.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("takes pictures only with -pictures=FOLDER")
	}
	m := open(t)
	sally, bert, otto := m.SignUp("sally"), m.SignUp("bert"), m.SignUp("otto")
	shown := map[string]market.Ticket{}
	year := time.Now().Year() + 1
	for _, l := range []struct{ title, price, venue, details, date string }{
		{"Ghost Town Orchestra", "44", "Paradiso, Amsterdam", "Balcony", "-09-18T18:30:00Z"},
		{"FC Altona – Viktoria Nord", "22.5", "Adolf-Jäger-Kampfbahn, Hamburg", "Standing, block B", "-03-12T14:00:00Z"},
		{"The Tempest", "31", "Globe Theatre, London", "Yard", "-06-02T18:30:00Z"},
		{"Dead Moon Night", "54.5", "Schlachthof, Wiesbaden", "Standing", "-04-23T18:00:00Z"},
		{"Winterreise", "68", "Kleiner Saal, Konzerthaus Wien", "Row 7, seat 3", "-01-30T18:30:00Z"},
		{"Open Air on the Gurten", "129", "Gurten, Bern", "Four days with camping", "-07-15T12:00:00Z"},
		{"Laurie Anderson", "61", "Barbican, London", "Stalls, row F", "-05-08T18:30:00Z"},
		{"Tom Waits", "89.5", "Tempodrom, Berlin", "Block C, row 4, seat 12", "-11-20T19:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format("2006")+l.date)
		if err != nil {
			t.Fatal(err)
		}
		body := map[string]any{"title": l.title, "price": json.Number(l.price), "venue": l.venue, "details": l.details, "startsAt": at.Format(time.RFC3339)}
		shown[l.title] = market.As[market.Ticket](sally.Ask("POST", "/api/tickets", body).Want(201))
	}
	otto.Pays(otto.Orders(shown["The Tempest"]))
	otto.Orders(shown["Dead Moon Night"])
	bert.SeesTicket(shown["The Tempest"].ID, "sold")
	bert.SeesTicket(shown["Dead Moon Night"].ID, "locked")
	keep := func(p *browser.Page, name string) { p.Picture(filepath.Join(*pictures, name+".png"), false) }

	desk := signedIn(t, m, bert, browser.Options{Width: 1280, Height: 820})
	seller := signedIn(t, m, sally, browser.Options{Width: 1280, Height: 820, Dark: true})
	phone := signedIn(t, m, bert, browser.Options{Width: 390, Height: 844, Dark: true})
	for _, p := range []*browser.Page{desk, phone, seller} {
		p.Cookie("zone", "Europe%2FBerlin") // which a script tells after the first page
	}
	desk.Visit("/?status=all")
	desk.Sees("Tom Waits")
	keep(desk, "market")
	phone.Visit("/")
	phone.Sees("Tom Waits")
	keep(phone, "market-phone")
	order := bert.Orders(shown["Tom Waits"])
	desk.Visit("/orders/" + order.ID)
	desk.Sees("The ticket is locked for you")
	keep(desk, "checkout")
	phone.Visit("/orders/" + order.ID)
	seller.Visit("/selling")
	seller.Sees("Laurie Anderson")
	keep(seller, "selling")
	bert.Pays(order)
	phone.Sees("The ticket is yours")
	keep(phone, "paid-phone")
}
