package tickets

import (
	"strings"
	"time"
	_ "time/tzdata" // which zones there are must not depend on the machine
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

// The limits of a listing.
const (
	maxTitle = 200       // characters
	maxText  = 500       // characters of venue and details each
	maxPrice = 1_000_000 // in the major unit of the currency
	maxZone  = 64        // bytes of a zone's name
	maxWord  = 64        // characters of a word that are searched; an engine may leave longer ones out altogether
)

// Listing is what a seller says about a ticket.
type Listing struct {
	Title    string
	Price    money.Amount
	Currency string
	Venue    string
	StartsAt time.Time // zero if the event has no date
	TimeZone string    // of the place of the event, by its IANA name; empty if it is not said
	Details  string
}

// Ticket is a listing and what has become of it.
type Ticket struct {
	ID     string
	UserID string // the seller
	Listing
	OrderID     string    // the order that holds it, locked or sold
	LockedUntil time.Time // when the lock ends unless the order is paid
	SoldAt      time.Time
	WithdrawnAt time.Time
	Version     int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Status is what can be done with the ticket; it follows from who holds it.
func (t Ticket) Status() string {
	switch {
	case !t.WithdrawnAt.IsZero():
		return event.Withdrawn
	case !t.SoldAt.IsZero():
		return event.Sold
	case t.OrderID != "":
		return event.Locked
	}
	return event.Available
}

// ChangeBy says whether that user may edit or withdraw the ticket now. The check is asked whether this is the version that
// they mean, before anything is said of its state: who means another one has to look at it again first.
func (t Ticket) ChangeBy(userID string, check func(version int64) error) error {
	if t.UserID != userID {
		return fault.NotSeller.New("This ticket is listed by somebody else.")
	}
	if t.Status() != event.Withdrawn { // withdrawing again is answered as the first time
		if err := check(t.Version); err != nil {
			return err
		}
	}
	switch t.Status() {
	case event.Sold:
		return fault.TicketSold.New("The ticket is sold and cannot be changed any more.")
	case event.Withdrawn:
		return fault.TicketWithdrawn.New("You have withdrawn this ticket. List it anew to sell it.")
	case event.Locked:
		return fault.TicketLocked.New("Somebody is paying for this ticket until %s UTC; it cannot be changed until then.",
			t.LockedUntil.Format(time.TimeOnly))
	}
	return nil
}

// WhyNotLocked is the reason for which an order does not get the ticket.
func (t Ticket) WhyNotLocked(now time.Time) string {
	if t.Status() != event.Available || t.begun(now) {
		return event.RejectedUnavailable
	}
	return event.RejectedChanged
}

func (t Ticket) begun(now time.Time) bool { return !t.StartsAt.IsZero() && !now.Before(t.StartsAt) }

// check names everything that is wrong with a listing, and makes its amount of the price.
func (l *Listing) check(price money.Decimal, currency money.Currency, now time.Time) fault.Problems {
	var p fault.Problems
	l.Title, l.Venue, l.Details = strings.TrimSpace(l.Title), strings.TrimSpace(l.Venue), strings.TrimSpace(l.Details)
	switch n := utf8.RuneCountInString(l.Title); {
	case n == 0:
		p.Add("title", "A title is needed.")
	case n > maxTitle:
		p.Add("title", "The title may have at most %d characters.", maxTitle)
	}
	for _, text := range []struct{ field, value string }{{"venue", l.Venue}, {"details", l.Details}} {
		if utf8.RuneCountInString(text.value) > maxText {
			p.Add(text.field, "It may have at most %d characters.", maxText)
		}
	}
	for _, line := range []struct{ field, value string }{{"title", l.Title}, {"venue", l.Venue}} {
		if strings.ContainsFunc(line.value, unicode.IsControl) {
			p.Add(line.field, "It is one line, without control characters.")
		}
	}
	amount, err := currency.Amount(price)
	most, _ := currency.Amount(money.Whole(maxPrice))
	switch {
	case err == money.ErrDecimals:
		p.Add("price", "A price in %s has at most %d decimals.", strings.ToUpper(currency.Code), currency.Decimals)
	case err != nil, amount > most:
		p.Add("price", "The price may be at most %s.", currency.Format(most))
	case amount <= 0:
		p.Add("price", "The price must be more than 0.")
	}
	l.Price, l.Currency = amount, currency.Code
	switch {
	case !l.StartsAt.IsZero() && !l.StartsAt.After(now):
		p.Add("startsAt", "The event has begun already.")
	case l.StartsAt.Year() > 9999:
		p.Add("startsAt", "The date is too far away.")
	}
	if l.TimeZone != "" && !isZone(l.TimeZone) {
		p.Add("timeZone", "There is no time zone of this name. One is Europe/Berlin.")
	}
	return p
}

// isZone tells whether that is the name of a time zone everywhere. A machine has more names for itself, "localtime" and the
// folders of its files, which begin with a small letter, and "Local".
func isZone(name string) bool {
	if len(name) > maxZone || name == "Local" || name[0] < 'A' || name[0] > 'Z' {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// words are the words of a text as they are searched for: lower case, without accents.
func words(text string) []string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r): // the accent of a decomposed letter
			return -1
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(unicode.ToUpper(r)) // the way over upper case makes the two small sigmas one
		}
		return ' '
	}, norm.NFKD.String(text))
	all := strings.Fields(folded)
	for i, word := range all {
		if r := []rune(word); len(r) > maxWord {
			all[i] = string(r[:maxWord])
		}
	}
	return all
}
