package web

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the seller's evening is the right instant on a machine without time zones too

	"ticketing/api"
	"ticketing/kernel/money"
)

// The limits of a listing as the API has them, so that a browser can say so at once.
const (
	longestTitle = 200
	longestText  = 500
	longestPrice = 24
)

// sellPage asks for a ticket to sell.
type sellPage struct {
	*View
	Form *Form
}

// listingForm is what a seller says about a ticket whose event is in that zone.
func (v *visit) listingForm(action, submit string, zone *time.Location) *Form {
	f := v.form("listing", action, submit,
		&Input{Name: "title", Label: "sell.name", Hint: "sell.name.hint", Type: "text", Autocomplete: "off", Required: true, MaxLength: longestTitle},
		&Input{Name: "price", Label: "sell.price", Unit: v.currency(), Type: "text", Mode: "decimal", Autocomplete: "off",
			Required: true, MaxLength: longestPrice},
		&Input{Name: "startsAt", Label: "sell.date", Type: "datetime-local"},
		&Input{Name: "timeZone", Label: "sell.zone", Type: "select", Required: true, Options: zoneOptions(v.zone, zone), Value: zone.String()},
		&Input{Name: "venue", Label: "sell.venue", Type: "text", Autocomplete: "off", MaxLength: longestText},
		&Input{Name: "details", Label: "sell.details", Hint: "sell.details.hint", Type: "textarea", MaxLength: longestText},
	)
	return f
}

// currency is that of the market as people write it: "USD". It is empty when nobody can say, and then it is left out.
func (v *visit) currency() string {
	balance, err := v.client.Patient(0).Balance(v.Context())
	if err != nil {
		return ""
	}
	return strings.ToUpper(balance.Currency)
}

// zoneOptions are the places whose evening an event may have, those that somebody is used to or has chosen too.
func zoneOptions(more ...*time.Location) []Option {
	names := slices.Clone(places)
	for _, zone := range more {
		if own := zone.String(); !slices.Contains(names, own) {
			names = append(names, own)
		}
	}
	slices.Sort(names)
	options := make([]Option, len(names))
	for i, name := range names {
		options[i] = Option{name, strings.ReplaceAll(name, "_", " ")}
	}
	return options
}

// showSell is GET /sell.
func (s *Site) showSell(v *visit) error {
	if _, err := v.mustBeSignedIn(); err != nil {
		return err
	}
	return v.showListing(v.listingForm("/sell", "sell.submit", v.zone))
}

func (v *visit) showListing(f *Form) error {
	return v.show(f.Status, "sell", sellPage{v.titled("sell.title"), f})
}

// sell is POST /sell.
func (s *Site) sell(v *visit) error {
	if _, err := v.mustBeSignedIn(); err != nil {
		return err
	}
	f := v.listingForm("/sell", "sell.submit", v.zone)
	if err := v.read(f); err != nil {
		return err
	}
	listing, ok := f.listing(api.Ticket{})
	if !ok {
		return v.showListing(f)
	}
	t, err := v.client.ListTicket(v.once(), listing)
	if err != nil {
		if err := f.blame(err); err != nil {
			return err
		}
		return v.showListing(f)
	}
	return v.goTo("/tickets/" + t.ID + "?done=listed")
}

// listing is what was entered; false if the API could not even be asked. The ticket is the one that it is to replace.
func (f *Form) listing(was api.Ticket) (api.Listing, bool) {
	l := api.Listing{
		Title: strings.TrimSpace(f.Value("title")), Venue: strings.TrimSpace(f.Value("venue")), TimeZone: f.Value("timeZone"),
		Details: strings.TrimSpace(strings.ReplaceAll(f.Value("details"), "\r\n", "\n")),
	}
	if l.Title == "" {
		f.wrong("title", "form.required")
	}
	price := strings.TrimSpace(f.Value("price"))
	var err error
	if price == "" {
		f.wrong("price", "form.required")
	} else if l.Price, err = f.words.ParseAmount(price); err != nil {
		f.wrong("price", "sell.price.bad", f.words.Amount(money.Whole(49), ""))
	}
	zone, known := zoneNamed(l.TimeZone)
	if !known {
		f.wrong("timeZone", "sell.zone.bad")
		zone = f.zone
	}
	if at := strings.TrimSpace(f.Value("startsAt")); at != "" {
		if l.StartsAt, err = parseLocal(at, zone); err != nil {
			f.wrong("startsAt", "sell.date.bad")
		}
	}
	if l.StartsAt.Equal(was.StartsAt.Truncate(time.Minute)) { // a form shows no seconds, and must not change them
		l.StartsAt = was.StartsAt
	}
	return l, !f.Wrong()
}

const localTime = "2006-01-02T15:04" // as a browser's input has it

// parseLocal reads a day and a time in that place, also as somebody types them whose browser has no input for it.
func parseLocal(s string, zone *time.Location) (t time.Time, err error) {
	for _, layout := range []string{localTime, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err = time.ParseInLocation(layout, s, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}

// places name the time zones that a form offers, a city for each of those that people live in.
var places = []string{
	"Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi",
	"America/Argentina/Buenos_Aires", "America/Bogota", "America/Chicago", "America/Denver", "America/Halifax", "America/Los_Angeles",
	"America/Mexico_City", "America/New_York", "America/Phoenix", "America/Sao_Paulo", "America/Toronto", "America/Vancouver",
	"Asia/Bangkok", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Jerusalem", "Asia/Kolkata", "Asia/Seoul", "Asia/Shanghai",
	"Asia/Singapore", "Asia/Tokyo", "Australia/Melbourne", "Australia/Perth", "Australia/Sydney",
	"Europe/Amsterdam", "Europe/Athens", "Europe/Berlin", "Europe/Brussels", "Europe/Copenhagen", "Europe/Dublin", "Europe/Helsinki",
	"Europe/Istanbul", "Europe/Kyiv", "Europe/Lisbon", "Europe/London", "Europe/Madrid", "Europe/Oslo", "Europe/Paris", "Europe/Prague",
	"Europe/Rome", "Europe/Stockholm", "Europe/Vienna", "Europe/Warsaw", "Europe/Zurich",
	"Pacific/Auckland", "Pacific/Honolulu", "UTC",
}
