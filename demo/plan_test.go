package demo_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"ticketing/demo"
)

var aDay = time.Date(2027, 3, 27, 22, 15, 0, 0, time.UTC) // the clocks change in Europe that night

func plan(t *testing.T, seed uint64, now time.Time) *demo.Plan {
	t.Helper()
	p, err := demo.NewPlan(seed, now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOneSeedOnePlan(t *testing.T) {
	p := plan(t, 7, aDay)
	if !reflect.DeepEqual(p, plan(t, 7, aDay)) {
		t.Error("the same seed, another plan")
	}
	later := plan(t, 7, aDay.AddDate(0, 5, 3))
	for i := range p.Tickets {
		if !later.Tickets[i].StartsAt.After(aDay.AddDate(0, 5, 3)) {
			t.Errorf("%s is over", later.Tickets[i].Title)
		}
		later.Tickets[i].StartsAt = p.Tickets[i].StartsAt
	}
	if !reflect.DeepEqual(p, later) {
		t.Error("another day changes more than the dates")
	}
	if other := plan(t, 8, aDay); other.Tickets[0].Title == p.Tickets[0].Title && other.Tickets[1].Title == p.Tickets[1].Title {
		t.Error("another seed, the same plan")
	}
}

func TestPlansAreBelievable(t *testing.T) {
	p := plan(t, 1, aDay)
	if len(p.Tickets) != 300 || len(p.People) != 40 {
		t.Fatalf("%d tickets, %d people", len(p.Tickets), len(p.People))
	}
	emails, seats, shows, ends := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[demo.End]int{}
	for _, person := range p.People {
		if emails[person.Email] || !strings.HasSuffix(person.Email, "@example.com") || strings.ContainsAny(person.Email, " .@") && strings.Count(person.Email, ".") != 2 {
			t.Errorf("%q", person.Email)
		}
		emails[person.Email] = true
	}
	for _, ticket := range p.Tickets {
		name := ticket.Title + ticket.Venue + ticket.Details
		if seats[name] {
			t.Errorf("one seat is offered twice: %+v", ticket)
		}
		seats[name], shows[ticket.Title] = true, true
		if ticket.StartsAt.Before(aDay.AddDate(0, 0, 3)) || ticket.StartsAt.After(aDay.AddDate(1, 0, 0)) || ticket.StartsAt.Location() != time.UTC {
			t.Errorf("%s is at %v", ticket.Title, ticket.StartsAt)
		}
		if ticket.Price < 950 || ticket.Price > 45000 || ticket.Reduced >= ticket.Price || ticket.Reduced < 0 {
			t.Errorf("%s costs %d, then %d", ticket.Title, ticket.Price, ticket.Reduced)
		}
		if ticket.Withdraw && len(ticket.Orders) > 0 || ticket.Reduced > 0 && len(ticket.Orders) > 0 || len(ticket.Details) > 200 {
			t.Errorf("%+v", ticket)
		}
		for _, o := range ticket.Orders {
			ends[o.End]++
			if o.Buyer == ticket.Seller || !strings.HasPrefix(o.Card, "pm_card_") || (o.End == demo.Denied) != strings.Contains(o.Card, "Declined") {
				t.Errorf("%+v", o)
			}
		}
	}
	if len(shows) < 40 {
		t.Errorf("only %d shows", len(shows))
	}
	for _, end := range []demo.End{demo.Waits, demo.Bought, demo.GaveUp, demo.Denied} {
		if ends[end] < 7 {
			t.Errorf("end %d: %d orders", end, ends[end])
		}
	}
}

// People go out in the evening, by the clock of the place, in summer and in winter.
func TestShowsBeginInTheEvening(t *testing.T) {
	zones := map[string]string{"London": "Europe/London", "Berlin": "Europe/Berlin", "New York": "America/New_York", "Tokyo": "Asia/Tokyo"}
	seen := 0
	for _, ticket := range plan(t, 3, aDay).Tickets {
		_, city, _ := strings.Cut(ticket.Venue, ", ")
		name, ok := zones[city]
		if !ok {
			continue
		}
		seen++
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		if ticket.TimeZone != name {
			t.Errorf("%s in %s is in the zone %s", ticket.Title, city, ticket.TimeZone)
		}
		if at := ticket.StartsAt.In(zone); at.Hour() < 13 || at.Minute()%5 != 0 || at.Second() != 0 {
			t.Errorf("%s in %s begins at %v", ticket.Title, city, at)
		}
	}
	if seen == 0 {
		t.Error("nothing was looked at")
	}
}
