package pages

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"ticketing/test/browser"
	"ticketing/test/market"
)

// scene is a page in a state.
type scene struct {
	name, path string
	sees       string // a text that shows that it is this page
	expects    string // what the browser says about it, if that is no trouble here
}

// stall is a market with a ticket in every state, and the people who have a part in them.
type stall struct {
	*market.Market
	seller, buyer                     *market.Person
	free, locked, sold, gone, hostile market.Ticket
	order                             market.Order
}

// hostile is a title that would run if anything let it.
const hostile = `"><img src=x onerror=alert(1)></title><script>alert(2)</script>{{7*7}}'`

func openStall(t *testing.T) *stall {
	t.Helper()
	m := open(t)
	s := &stall{Market: m, seller: m.SignUp("sally"), buyer: m.SignUp("bert")}
	list := func(title, price, venue, details string, in time.Duration) market.Ticket {
		body := map[string]any{"title": title, "price": json.Number(price), "venue": venue, "details": details}
		if in > 0 {
			body["startsAt"] = time.Now().Add(in).Truncate(time.Hour).UTC().Format(time.RFC3339)
		}
		return market.As[market.Ticket](s.seller.Ask("POST", "/api/tickets", body).Want(201))
	}
	s.hostile = list(hostile, "13", hostile, hostile, 0)
	s.gone = list("Withdrawn gig", "20", "", "", 0)
	s.seller.Ask("DELETE", "/api/tickets/"+s.gone.ID, nil).Want(204)
	s.sold = list("Faber, Open Air", "38", "Gurten, Bern", "Standing", 900*time.Hour)
	s.buyer.Pays(s.buyer.Orders(s.sold))
	s.buyer.SeesTicket(s.sold.ID, "sold")
	for i := range 17 {
		list(fmt.Sprintf("Evening no. %d of the city's very long series of chamber concerts", i+1), fmt.Sprint(18+7*i), "Kleiner Saal", "", time.Duration(200+i)*time.Hour)
	}
	s.locked = list("Dead Moon Night", "54.5", "Kulturzentrum Schlachthof, Wiesbaden", "", 1000*time.Hour)
	s.free = list("Tom Waits", "1249.5", "Tempodrom, Berlin", "Block C, row 4, seat 12\nThe view is good, the seat is not.", 700*time.Hour)
	s.order = s.buyer.Orders(s.locked)
	s.buyer.SeesTicket(s.locked.ID, "locked")
	return s
}

// TestTicketLooks opens every page about tickets, in every state, as everybody who may.
func TestTicketLooks(t *testing.T) {
	t.Parallel()
	s := openStall(t)
	about := func(t market.Ticket, rest string) string { return "/tickets/" + t.ID + rest }
	anyone := []scene{
		{name: "market", path: "/", sees: "Tom Waits"},
		{name: "market, searched", path: "/?q=evening+chamber&sort=price&status=all", sees: "no. 1 "},
		{name: "market, nothing found", path: "/?q=zzz", sees: "zzz"},
		{name: "ticket", path: about(s.free, ""), sees: "Tempodrom"},
		{name: "ticket, locked", path: about(s.locked, ""), sees: "Somebody else is paying"},
		{name: "ticket, sold", path: about(s.sold, ""), sees: "Somebody else has bought"},
		{name: "ticket, withdrawn", path: about(s.gone, ""), sees: "withdrawn"},
		{name: "ticket, hostile", path: about(s.hostile, ""), sees: "onerror"},
		{name: "ticket, unknown", path: "/tickets/nothing", sees: "does not exist", expects: "404 for "},
	}
	sellers := []scene{
		{name: "market, seller", path: "/", sees: "Your ticket"},
		{name: "own ticket", path: about(s.free, "?done=listed"), sees: "Withdraw"},
		{name: "own ticket, locked", path: about(s.locked, ""), sees: "Somebody is paying for your ticket"},
		{name: "sell", path: "/sell", sees: "name your price"},
		{name: "edit", path: about(s.free, "/edit"), sees: "Save the changes"},
		{name: "edit, locked", path: about(s.locked, "/edit"), sees: "cannot be changed until then"},
		{name: "withdraw", path: about(s.free, "/withdraw"), sees: "off the market for good"},
		{name: "withdraw, sold", path: about(s.sold, "/withdraw"), sees: "is sold"},
		{name: "selling", path: "/selling", sees: "What you have earned"},
		{name: "selling, locked", path: "/selling?show=locked", sees: "Dead Moon"},
		{name: "selling, sold", path: "/selling?show=sold", sees: "Faber"},
		{name: "someone else's", path: "/tickets/" + s.free.ID, sees: "Edit"},
	}
	buyers := []scene{
		{name: "my locked ticket", path: about(s.locked, ""), sees: "locked for you"},
		{name: "my bought ticket", path: about(s.sold, ""), sees: "This ticket is yours"},
		{name: "selling, nothing", path: "/selling", sees: "not listed any ticket"},
		{name: "edit, another's", path: about(s.free, "/edit"), sees: "Only the seller", expects: "403 for "},
	}
	for _, group := range []struct {
		who    *market.Person
		scenes []scene
	}{{nil, anyone}, {s.seller, sellers}, {s.buyer, buyers}} {
		p := browser.Open(t, s.Front.URL, browser.Options{})
		if group.who != nil {
			p.Cookie("session", group.who.Token())
		}
		for _, scene := range group.scenes {
			if scene.expects != "" {
				p.Expects(scene.expects)
			}
			p.Visit(scene.path)
			p.Sees(scene.sees)
			inspect(p, scene.name)
		}
	}
	p := browser.Open(t, s.Front.URL, browser.Options{})
	p.Visit("/?status=all")
	p.Go("More tickets")
	p.Sees("Back to the beginning")
	inspect(p, "market, second page")
}

// TestMarketIsLive has the market and a ticket open while things happen to them.
func TestMarketIsLive(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	first := seller.Lists("First of all", "20")
	list := browser.Open(t, m.Front.URL, browser.Options{})
	page := browser.Open(t, m.Front.URL, browser.Options{Language: "de-DE"})
	own := signedIn(t, m, seller, browser.Options{})
	list.Visit("/")
	page.Visit("/tickets/" + first.ID)
	own.Visit("/selling")
	for _, p := range []*browser.Page{list, page, own} {
		p.Until(`performance.getEntriesByType("resource").some(r => r.name.includes("market."))`)
	}

	seller.Edit(first.ID, "First of all, again", "21.5").Want(200)
	list.Sees("$21.50")
	list.Sees("First of all, again")
	page.Sees("21,50 $")
	own.Sees("First of all, again")

	seller.Lists("Second", "30")
	list.Sees("1 new ticket: show")
	seller.Lists("Third", "40")
	list.SeesNo("Third")
	list.Press("2 new tickets: show")
	list.Sees("Third")
	list.SeesNo("new tickets")
	list.Sees("3 tickets")

	order := buyer.Orders(first)
	list.Shows("#ticket-" + first.ID + " .status[data-status=locked]")
	page.Sees("Jemand anderes bezahlt gerade dieses Ticket")
	page.Shows("[data-digits]")
	page.Until(`document.getElementById("say").textContent.includes("Reserviert")`)
	own.Shows("#selling-" + first.ID + " .status[data-status=locked]")
	buyer.Cancel(order.ID).Want(204)
	list.Shows("#ticket-" + first.ID + " .status[data-status=available]")
	page.Shows("#order")
	buyer.Pays(buyer.Orders(first))
	list.Shows("#ticket-" + first.ID + " .status[data-status=sold]")
	page.Sees("Jemand anderes hat dieses Ticket gekauft")
	own.Shows("#selling-" + first.ID + " .status[data-status=sold]")
}

// TestSearchWhileTyping searches without ever sending the form, and goes back.
func TestSearchWhileTyping(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller := m.SignUp("sally")
	for _, title := range []string{"Bohren", "Die Ärzte", "Element of Crime"} {
		seller.Lists(title, "20")
	}
	p := browser.Open(t, m.Front.URL, browser.Options{})
	p.Visit("/")
	p.Shows(".by-itself")
	p.Until(`window.sameDocument = true`)
	p.Fill("Search for events", "arzt")
	p.SeesNo("Bohren")
	p.Sees("One ticket")
	if at := p.At(); at != "/?q=arzt" {
		t.Errorf("the address is %s", at)
	}
	p.Press("Sold")
	p.Sees("Nothing was found for “arzt”.")
	if p.Value(`window.sameDocument`) != "true" {
		t.Error("another document was loaded for what was typed or chosen")
	}
	p.Go("Show everything that is available")
	p.Sees("Element of Crime")
	p.Back()
	p.Sees("Nothing was found")
	p.Until(`(history.back(), true)`) // no other document is loaded
	p.Sees("Die Ärzte")
	p.Until(`(history.back(), true)`)
	p.Sees("Bohren")
	inspect(p, t.Name())
}

// TestSellWithoutScripts lists, edits and withdraws tickets in a browser that runs no script.
func TestSellWithoutScripts(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	p := signedIn(t, m, seller, browser.Options{NoScript: true, Language: "de-DE"})
	p.Expects("400 for ", "412 for ", "409 for ")
	p.Visit("/sell")
	p.Fill("Titel", "Bohren und der Club of Gore")
	p.Fill("Preis", "zwölf")
	p.Fill("Ort", "Volksbühne")
	p.In("main").Go("Auf den Markt bringen")
	p.Sees("Das ist kein Betrag wie 49,00.")
	if typed := p.Attribute("#listing-venue", "value"); typed != "Volksbühne" {
		t.Errorf("what was typed has become %q", typed)
	}
	p.NoSidewaysScroll() // axe-core is a script too
	p.Fill("Preis", "1.249,50")
	p.In("main").Go("Auf den Markt bringen")
	p.Sees("Dein Ticket ist auf dem Markt.")
	p.Sees("1.249,50 $")

	p.In("main").Go("Bearbeiten")
	p.Fill("Titel", "Bohren")
	other := signedIn(t, m, seller, browser.Options{NoScript: true})
	other.Visit("/selling")
	other.Go("Edit Bohren")
	other.Fill("Price", "99")
	other.Go("Save the changes")
	other.Sees("$99.00")
	p.In("main").Go("Änderungen speichern")
	p.Sees("seit du dieses Formular geöffnet hast")
	p.Sees("99,00 $")
	p.NoSidewaysScroll() // axe-core is a script too
	p.In("main").Go("Änderungen speichern")
	p.Sees("Deine Änderungen sind auf dem Markt.")
	p.Sees("1.249,50 $")

	p.In("main").Go("Zurückziehen")
	id := p.At()[len("/tickets/") : len("/tickets/")+36]
	order := buyer.Orders(buyer.Ticket(id))
	p.In("main").Go("Ticket zurückziehen")
	p.Sees("Jemand bezahlt dieses Ticket gerade")
	buyer.Cancel(order.ID).Want(204)
	buyer.SeesTicket(id, "available")
	p.Visit("/tickets/" + id + "/withdraw")
	p.In("main").Go("Ticket zurückziehen")
	p.Sees("Dein Ticket ist nicht mehr auf dem Markt.")
	if p.At() != "/selling?done=withdrawn" {
		t.Errorf("it goes on at %s", p.At())
	}
}
