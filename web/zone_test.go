package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
)

// livesIn is a browser whose script has told its zone.
func (v *visitor) livesIn(zone string) *visitor {
	v.t.Helper()
	u, err := url.Parse(v.url)
	if err != nil {
		v.t.Fatal(err)
	}
	v.Jar.SetCookies(u, []*http.Cookie{{Name: "zone", Value: url.QueryEscape(zone), Path: "/"}})
	return v
}

// People come by the clock of the place, wherever they are when they buy.
func TestEventsBeginByTheClockOfTheirPlace(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	starts := time.Date(time.Now().Year()+1, 1, 15, 19, 0, 0, 0, time.UTC)
	list := func(more map[string]any) market.Ticket {
		body := map[string]any{"title": "Die Ärzte", "price": json.Number("49.9"), "startsAt": starts.Format(time.RFC3339)}
		for field, value := range more {
			body[field] = value
		}
		return market.As[market.Ticket](seller.Ask("POST", "/api/tickets", body).Want(201))
	}
	there := list(map[string]any{"timeZone": "Europe/Berlin"})
	nowhere := list(nil)
	bert := at(t, m, buyer).livesIn("America/New_York")
	for language, want := range map[string]struct{ there, nowhere string }{
		"en-US": {"8:00 pm CET", "2:00 pm EST"},
		"en-GB": {"20:00 CET", "14:00 EST"},
		"de-DE": {"20:00 Uhr (CET)", "14:00 Uhr (EST)"},
	} {
		bert.languages = language
		cards := bert.opens("/").sound()
		for ticket, when := range map[market.Ticket]string{there: want.there, nowhere: want.nowhere} {
			path := "/tickets/" + ticket.ID
			page := bert.opens(path).sound().reads(when)
			for name, said := range map[string]string{
				"card": cards.says("#ticket-" + ticket.ID + " time"), "card, alone": bert.opens("/fragments" + path).says("time"),
				"offer, alone": bert.opens("/fragments" + path + "/offer").says(".facts dd:first-of-type time"),
				"description":  attr(page.one("meta[name=description]"), "content"),
			} {
				if !strings.Contains(strings.ReplaceAll(said, "\u00a0", " "), when) {
					t.Errorf("the %s in %s says %q, not %s", name, language, said, when)
				}
			}
			if iso := attr(page.all(".facts time")[0], "datetime"); iso != starts.Format(time.RFC3339) {
				t.Errorf("for scripts the event begins at %s", iso)
			}
		}
	}

	order := buyer.Orders(there)
	ordered := order.CreatedAt.In(zone(t, "America/New_York")).Format("3:04 pm MST")
	buyer.Pays(order)
	bert.languages = "en-US"
	market.Eventually(t, "the ticket is the buyer's", func() (bool, string) {
		page := bert.opens("/orders/" + order.ID)
		return strings.Contains(page.says("main"), "8:00 pm CET"), page.body
	})
	bert.opens("/orders").reads(ordered)
	sally := at(t, m, seller).livesIn("America/New_York")
	sold := sally.opens("/selling")
	for ticket, when := range map[market.Ticket]string{there: "8:00 pm CET", nowhere: "2:00 pm EST"} {
		if said := sold.says("#selling-" + ticket.ID + " time"); !strings.Contains(said, when) {
			t.Errorf("its seller reads %q, not %s", said, when)
		}
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Whoever edits a ticket sees the time of its place, and keeps it.
func TestEditingKeepsTheZone(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller := m.SignUp("sally")
	sally := at(t, m, seller).livesIn("America/New_York")
	year := time.Now().Year() + 1
	for name, short := range map[string]string{"Europe/Berlin": "CET", "America/Argentina/Ushuaia": "UTC-03", "Etc/GMT+3": "UTC-03"} { // the form offers Berlin to all
		starts := time.Date(year, 1, 15, 20, 0, 0, 0, zone(t, name))
		id := market.As[market.Ticket](seller.Ask("POST", "/api/tickets", map[string]any{
			"title": "Row 3", "price": 50, "startsAt": starts.UTC().Format(time.RFC3339), "timeZone": name}).Want(201)).ID
		form := sally.opens("/tickets/" + id + "/edit").sound()
		if at, place := form.value("#listing-startsAt"), form.value("#listing-timeZone [selected]"); at != fmt.Sprintf("%d-01-15T20:00", year) || place != name {
			t.Errorf("the form has %s in %s for %v", at, place, starts)
		}
		mistaken := sally.submits(form, "form#listing", "price", "").answers(400)
		sally.submits(mistaken, "form#listing", "price", "40").answers(200).sound().reads("$40.00", "8:00 pm "+short)
		if now := seller.Ticket(id); now.TimeZone != name || !now.StartsAt.Equal(starts) {
			t.Errorf("%v has become %v in %s", starts, now.StartsAt, now.TimeZone)
		}
		form = sally.opens("/tickets/" + id + "/edit")
		sally.submits(form, "form#listing", "timeZone", "Europe/London").reads("8:00 pm GMT")
		if now := seller.Ticket(id); now.TimeZone != "Europe/London" || !now.StartsAt.Equal(time.Date(year, 1, 15, 20, 0, 0, 0, time.UTC)) {
			t.Errorf("moved to London, %v has become %v in %s", starts, now.StartsAt, now.TimeZone)
		}
	}

	fresh := sally.opens("/sell")
	if own := fresh.value("#listing-timeZone [selected]"); own != "America/New_York" {
		t.Errorf("the form begins in %s", own)
	}
	for _, name := range []string{"", "Local", "Mars/Olympus"} {
		page := sally.submits(fresh, "form#listing", "title", "x", "price", "5", "timeZone", name).answers(400).sound()
		if said := page.says("#listing-timeZone-fault"); said != "Error: This is not one of the time zones." {
			t.Errorf("%q: %s", name, said)
		}
	}
}
