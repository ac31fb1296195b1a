package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
)

// at is somebody's browser, without scripts, at a market of all services.
func at(t *testing.T, m *market.Market, who *market.Person) *visitor {
	return &visitor{Client: who.Browser(), t: t, url: m.Front.URL, languages: "en-US"}
}

// reads checks that texts can be read between header and footer.
func (d *dom) reads(texts ...string) *dom {
	d.t.Helper()
	all := d.says("main")
	for _, want := range texts {
		if !strings.Contains(all, want) {
			d.t.Errorf("%d at %s lacks %q: %s", d.status, d.path, want, all)
		}
	}
	return d
}

// lacks checks that no element is found, by any of the selectors.
func (d *dom) lacks(selectors ...string) *dom {
	d.t.Helper()
	for _, selector := range selectors {
		if n := len(d.all(selector)); n != 0 {
			d.t.Errorf("%d at %s has %d of %s", d.status, d.path, n, selector)
		}
	}
	return d
}

// answers checks the status.
func (d *dom) answers(status int) *dom {
	d.t.Helper()
	if d.status != status {
		d.t.Fatalf("%d at %s, want %d:\n%s", d.status, d.path, status, d.body)
	}
	return d
}

// value is that of the only input that the selector finds.
func (d *dom) value(selector string) string {
	d.t.Helper()
	return attr(d.one(selector), "value")
}

const hostile = `"><img src=x onerror=alert(1)></title><script>alert(2)</script>{{7*7}}'` + "`${1}"

func TestSelling(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	sally := at(t, m, m.Person("sally"))
	sally.opens("/sell").is(200, "/signin?next=%2Fsell")
	page := sally.submits(sally.opens("/signup?next=/sell"), "form#signup", "email", mail, "password", secret).is(200, "/sell").sound()
	page.reads("Put it on the market", "Price (USD)")

	page = sally.submits(page, "form#listing", "title", " ", "price", "twelve", "startsAt", "soon", "timeZone", "Europe/Berlin",
		"venue", "Volksbühne", "details", "a\r\nb").answers(400).sound()
	page.reads("3 things need your attention")
	for field, fault := range map[string]string{
		"title": "Please fill this in.", "price": "This is not an amount like 49.00.", "startsAt": "This is not a day with a time.",
	} {
		if said := page.says("#listing-" + field + "-fault"); said != "Error: "+fault {
			t.Errorf("%s: %q", field, said)
		}
	}
	if page.value("#listing-venue") != "Volksbühne" || page.value("#listing-timeZone [selected]") != "Europe/Berlin" || page.says("#listing-details") != "a b" {
		t.Errorf("what was typed is not kept: %s", page.body)
	}
	page = sally.submits(page, "form#listing", "title", hostile, "price", "19.999", "startsAt", "2001-01-01T20:00", "venue", strings.Repeat("x", 501)).answers(400).sound()
	page.reads("A price in USD has at most 2 decimals.", "The event has begun already.", "at most 500 characters")
	if page.value("#listing-title") != hostile {
		t.Errorf("the title has become %q", page.value("#listing-title"))
	}

	evening := time.Now().AddDate(1, 0, 0).Format("2006") + "-07-14T20:00"
	fields := []string{"title", hostile, "price", "1,249.50", "startsAt", evening, "timeZone", "Europe/Berlin", "venue", "", "details", "Row 4\r\n<b>7"}
	listed := sally.submits(page, "form#listing", fields...).answers(200).sound()
	listed.reads("Your ticket is on the market.", "$1,249.50", "8:00 pm CEST", "Row 4 <b>7").lacks("main img", "main script", "form[action$='/order']")
	listed.one("a[href$='/edit']")
	if listed.says("h1") != hostile || !strings.Contains(listed.says("title"), hostile) {
		t.Errorf("the title has become %q", listed.says("h1"))
	}
	if again := sally.submits(page, "form#listing", fields...); again.path != listed.path {
		t.Errorf("a form that was sent twice listed two tickets: %s and %s", listed.path, again.path)
	}
	when := attr(listed.all("main time")[0], "datetime")
	if when != evening[:10]+"T18:00:00Z" {
		t.Errorf("%s in Berlin has become %s", evening, when)
	}
}

func TestEditing(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	person, buyer := m.SignUp("sally"), m.SignUp("bert")
	sally := at(t, m, person)
	starts := time.Now().Add(1000*time.Hour + 42*time.Second).UTC().Truncate(time.Second)
	shown := starts.Format("2006-01-02T15:04")
	id := market.As[market.Ticket](person.Ask("POST", "/api/tickets", map[string]any{
		"title": "Row 3", "price": json.Number("49.9"), "startsAt": starts.Format(time.RFC3339), "venue": "Tempodrom"}).Want(201)).ID
	path := "/tickets/" + id

	first := sally.opens(path + "/edit").sound()
	for field, want := range map[string]string{"title": "Row 3", "price": "49.90", "venue": "Tempodrom", "startsAt": shown} {
		if got := first.value("#listing-" + field); got != want {
			t.Errorf("the form has %s for the %s, not %s", got, field, want)
		}
	}
	row4 := []string{"title", "Row 4", "price", "52"}
	sally.submits(first, "form#listing", row4...).is(200, path+"?done=edited").sound().reads("Your changes are on the market.", "Row 4", "$52.00")
	if now := person.Ticket(id).StartsAt; now == nil || !now.Equal(starts) {
		t.Errorf("the event has moved from %v to %v", starts, now)
	}
	sally.submits(first, "form#listing", row4...).is(200, path+"?done=edited") // sent twice: it says so already

	late := sally.submits(first, "form#listing", "title", "Row 5", "price", "60").answers(412).sound()
	late.reads("has changed since you opened this form", "What it says now", "$52.00")
	if late.value("#listing-title") != "Row 5" || late.value("#listing-price") != "60" {
		t.Error("what was typed is gone")
	}
	before := late.value("#listing [name=version]")
	person.Edit(id, "Row 4½", "53").Want(200)
	mistaken := sally.submits(late, "form#listing", "price", "").answers(400)
	if now := mistaken.value("#listing [name=version]"); now != before {
		t.Errorf("a mistake has changed the version from %s to %s", before, now)
	}
	late = sally.submits(mistaken, "form#listing", "price", "60").answers(412).reads("Row 4½")
	sally.submits(late, "form#listing", "startsAt", "").answers(200).reads("Row 5", "$60.00", "Date not given")
	cannotBeEdited(t, m, sally, buyer, id)
}

// cannotBeEdited has the ticket locked and sold, and somebody else at it.
func cannotBeEdited(t *testing.T, m *market.Market, sally *visitor, buyer *market.Person, id string) {
	t.Helper()
	path := "/tickets/" + id
	form := sally.opens(path + "/edit")
	order := buyer.Orders(buyer.Ticket(id))
	version := fmt.Sprint(buyer.SeesTicket(id, "locked").Version)
	sally.submits(form, "form#listing", "title", "Row 6").answers(412).sound().reads("Somebody is paying for this ticket until")
	held := sally.submits(form, "form#listing", "title", "Row 6", "version", version).answers(409).sound()
	held.reads("Somebody is paying for this ticket until").lacks("noscript")
	if held.value("#listing-title") != "Row 6" {
		t.Error("what was typed is gone")
	}
	for _, page := range []string{path + "/edit", path + "/withdraw"} {
		sally.opens(page).sound().reads("Somebody is paying for this ticket until").lacks("main form").one("noscript")
	}
	buyer.Pays(order)
	buyer.SeesTicket(id, "sold")
	bert := at(t, m, buyer)
	for _, page := range []string{path + "/edit", path + "/withdraw"} {
		sally.opens(page).sound().reads("This ticket is sold.")
		bert.opens(page).answers(403).sound()
	}
	bert.sends(path+"/edit", "version", version, "title", "Mine", "price", "1").answers(403)
}

func TestWithdrawing(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	person := m.SignUp("sally")
	sally, stranger := at(t, m, person), at(t, m, m.Person("x"))
	id := person.Lists("Row 3", "49.90").ID
	path := "/tickets/" + id
	old := sally.opens(path + "/withdraw").sound().reads("Withdraw “Row 3”?")
	person.Edit(id, "Row 4", "49.90").Want(200)
	again := sally.submits(old, "form#withdraw").answers(412).sound().reads("has changed since you opened this page", "Row 4")
	for range 2 { // a double click does no harm
		sally.submits(again, "form#withdraw").is(200, "/selling?done=withdrawn").sound().reads("Your ticket is off the market.", "Row 4", "Withdrawn")
	}
	sally.opens(path).sound().reads("You have withdrawn this ticket.").one("meta[name=robots][content=noindex]")
	sally.opens(path + "/edit").sound().reads("List it anew")
	sally.sends(path+"/withdraw", "version", "x").answers(400)
	stranger.opens(path).sound().reads("The seller has withdrawn this ticket.")
	if asked := stranger.sends(path+"/withdraw", "version", "3"); !strings.HasPrefix(asked.path, "/signin?next=") {
		t.Errorf("a stranger is at %s", asked.path)
	}
}

func TestWhatIsSold(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0], "--payout-after", "1h", "--fee", "1000")
	person, buyer := m.SignUp("sally"), m.SignUp("bert")
	sally := at(t, m, person)
	sally.opens("/selling").sound().reads("You have not listed any ticket yet.", "$0.00", "Set up payouts")
	free, locked, sold := person.Lists("Free one", "10"), person.Lists("Locked one", "20"), person.Lists("Sold one", "30")
	buyer.Orders(locked)
	buyer.SeesTicket(locked.ID, "locked")
	buyer.Pays(buyer.Orders(sold))
	buyer.SeesTicket(sold.ID, "sold")
	card := func(of market.Ticket) string { return "#selling-" + of.ID }
	all := sally.opens("/selling").sound()
	for ticket, status := range map[market.Ticket]string{free: "Available", locked: "Locked", sold: "Sold"} {
		if said := all.says(card(ticket) + " .status"); said != status {
			t.Errorf("%s is %s", ticket.Title, said)
		}
	}
	all.one(card(locked) + " [data-countdown] [data-digits]")
	all.lacks(card(locked)+" a[href$='/edit']", card(sold)+" a[href$='/withdraw']").one(card(free) + " a[href$='/edit']")
	sally.opens("/selling?show=available").sound().lacks(card(locked), card(sold)).one(card(free))
	sally.opens("/selling?show=locked").sound().lacks(card(free), card(sold)).one(card(locked))
	sally.opens("/selling?show=nonsense").one(card(free))
	market.Eventually(t, "the sale is booked", func() (bool, string) {
		page := sally.opens("/selling?show=sold")
		return len(page.all("tr[data-sale]")) == 1, page.body
	})
	sales := sally.opens("/selling?show=sold").sound().reads("The market has kept $3.00")
	if row := sales.says("tr[data-sale]"); !strings.HasPrefix(row, "Sold one") || !strings.Contains(row, "$30.00 $3.00 $27.00") {
		t.Errorf("the sale is %q", row)
	}

	way := sally.submits(sally.opens("/selling"), "form[action='/selling/account']").is(200, "/selling/account").sound()
	if u := parseURL(t, attr(way.one("main a[rel=noreferrer]"), "href")); !strings.HasPrefix(u.Path, "/connect/") || u.Query().Get("link") == "" {
		t.Errorf("the way to the provider is %s", u)
	}
	sally.opens("/selling").reads("Go on with the set-up")
}

func TestEveryStateOfATicket(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	sally, bert, stranger := at(t, m, seller), at(t, m, buyer), at(t, m, m.Person("x"))
	ticket := seller.Lists("Row 3", "49.90")
	path := "/tickets/" + ticket.ID
	all := func(seen ...string) {
		t.Helper()
		for i, v := range []*visitor{sally, bert, stranger} {
			v.opens(path).sound().reads(seen[i])
			if part := v.opens("/fragments" + path + "/offer"); !strings.Contains(part.says("#offer[data-about='ticket:"+ticket.ID+"']"), seen[i]) {
				t.Errorf("the fragment for %s lacks %q: %s", v.languages, seen[i], part.body)
			}
		}
	}
	all("You sell this ticket", "Order this ticket", "You will be asked to sign in first")
	page := bert.opens(path)
	if page.value("form[action$='/order'] [name=price]") != "49.9" || page.value("form[action$='/order'] [name=key]") == "" {
		t.Errorf("the form to order is %s", page.body)
	}
	order := buyer.Orders(ticket)
	buyer.SeesTicket(ticket.ID, "locked")
	all("Somebody is paying for your ticket", "Go on to the payment", "Somebody else is paying for this ticket")
	bert.opens(path).one("main a[href='/orders/" + order.ID + "']")
	stranger.opens(path).lacks("main a[href^='/orders/']", "main form").one("noscript")
	buyer.Cancel(order.ID).Want(204)
	buyer.SeesTicket(ticket.ID, "available")
	buyer.Pays(buyer.Orders(ticket))
	buyer.SeesTicket(ticket.ID, "sold")
	all("Your ticket is sold", "This ticket is yours", "Somebody else has bought this ticket")
	stranger.opens("/tickets/none").answers(404).sound()
	if part := stranger.opens("/fragments/selling/" + ticket.ID); strings.Contains(part.body, "Row 3") {
		t.Errorf("a stranger gets a seller's card: %s", part.body)
	}
}

func TestMarket(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	v, seller := at(t, m, m.Person("x")), m.SignUp("sally")
	v.opens("/").sound().reads("Nothing is on sale right now.").one("main a[href='/sell']")
	seller.Lists(hostile, "13")
	for i := range 24 {
		seller.Ask("POST", "/api/tickets", map[string]any{"title": fmt.Sprintf("The Band with a Name of Some Length, part %d", i+1), "price": i + 10,
			"venue": "Großer Saal der Philharmonie", "startsAt": time.Now().Add(900 * time.Hour).UTC().Format(time.RFC3339)}).Want(201)
	}
	page := v.opens("/").sound().reads("The first 20 tickets", "part 24")
	if len(page.body) > 30_000 {
		t.Errorf("the market has %d bytes of HTML", len(page.body))
	}
	if n := len(page.all(".stub")); n != 20 {
		t.Errorf("%d tickets lie on the first page", n)
	}
	page.one("#results[data-fresh]")
	page.one("body[data-live=market]")
	second := v.opens(attr(page.one("a[rel=next]"), "href")).sound().reads("Further tickets", hostile)
	second.lacks("a[rel=next]", "[data-fresh]", "main img", "main script").one("meta[name=robots]")
	if n := len(second.all(".stub")); n != 5 {
		t.Errorf("%d tickets lie on the second page", n)
	}
	v.opens(attr(second.one("main a.button[href='/']"), "href")).reads("part 24")

	found := v.opens("/?q=part+7&status=all&sort=-price").sound().reads("One ticket", "part 7")
	if found.value("#q") != "part 7" || found.value("[name=status][checked]") != "all" || found.value("#sort [selected]") != "-price" {
		t.Error("the search is not kept")
	}
	if first := text(v.opens("/?sort=price").all(".stub-title")[0]); !strings.HasSuffix(first, "part 1") {
		t.Errorf("the cheapest is %s", first)
	}
	nothing := v.looksFor("q", "zzz "+hostile, "status", "nonsense", "sort", "nonsense").sound().reads("Nothing was found for “zzz " + hostile)
	nothing.lacks("main img", "main script").one("main a.button[href='/']")
	v.looksFor("q", hostile).reads("One ticket")
	v.opens("/?q=" + strings.Repeat("x", 300)).answers(200)
	v.opens("/?cursor=nonsense").answers(400).sound()
	part := v.opens("/fragments/market?status=sold")
	if attr(part.one("#results"), "data-address") != "/?status=sold" || len(part.all("main, h1")) != 0 {
		t.Errorf("the fragment is %s", part.body)
	}

	v.languages = "de-DE"
	v.opens("/?sort=date").sound().reads("Tickets von Fan zu Fan", "Die ersten 20 Tickets", "Nächste zuerst", "12,00 $", "Verfügbar")
}

// looksFor searches with these fields, given as name, value, name, value.
func (v *visitor) looksFor(fields ...string) *dom {
	v.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return v.opens("/?" + values.Encode())
}
