package demo

import (
	"math/rand/v2"
	"time"
)

// Person is somebody who sells, buys, or both.
type Person struct{ Name, Email string }

// End is what becomes of an order.
type End int

// The ends. An order that waits expires when its time is over.
const (
	Waits  End = iota // locked, not paid yet
	Bought            // paid
	GaveUp            // cancelled by the buyer
	Denied            // the bank refused
)

// Plan is everything that a full market holds.
type Plan struct {
	People  []Person
	Tickets []Ticket
}

// Ticket is one that is to be listed, and its story. Prices are in hundredths of a currency like the dollar.
type Ticket struct {
	Seller   int // in People
	Title    string
	Venue    string
	StartsAt time.Time
	TimeZone string // of the venue
	Details  string
	Price    int
	Reduced  int // to which the seller edits the price; 0: not at all
	Withdraw bool
	Orders   []Order // one after the other
}

// Order is one buyer's attempt.
type Order struct {
	Buyer int // in People
	End   End
	Card  string // payment method
}

// How much there is of what.
const (
	howMany   = 300 // tickets
	sellers   = 26  // the first so many people sell
	buyers    = 26  // the last so many buy
	sold      = 74
	waiting   = 11
	givenUp   = 9
	denied    = 7
	second    = 8 // sold after an earlier buyer had given up or had been refused
	reduced   = 24
	withdrawn = 10
)

// Payment methods of Stripe's test mode; real cards are never used.
var (
	goodCards = []string{"pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_visa_debit"}
	badCards  = []string{"pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedExpiredCard"}
)

// NewPlan draws a market from a seed. Only the dates depend on now: the rest is the same for the same seed.
func NewPlan(seed uint64, now time.Time) (*Plan, error) {
	c, err := readCatalogue()
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(seed, 0))
	p := &Plan{People: c.people}
	taken := map[string]bool{}
	for len(p.Tickets) < howMany {
		show := c.shows[r.IntN(len(c.shows))]
		venue := show.venues[r.IntN(len(show.venues))]
		at := begin(r, show.sort, venue.zone, now)
		for range min(1+r.IntN(5), howMany-len(p.Tickets)) {
			t := Ticket{
				Seller: r.IntN(sellers), Title: show.title, Venue: venue.name, StartsAt: at.UTC(),
				TimeZone: venue.zone.String(), Details: details(r, venue.seating), Price: show.prices[r.IntN(len(show.prices))],
			}
			if !taken[t.name()] {
				taken[t.name()] = true
				p.Tickets = append(p.Tickets, t)
			}
		}
	}
	r.Shuffle(len(p.Tickets), func(i, k int) { p.Tickets[i], p.Tickets[k] = p.Tickets[k], p.Tickets[i] }) // as they come in
	p.draw(r)
	return p, nil
}

// name tells the tickets of a plan apart, today and in a year: a seat is offered once.
func (t Ticket) name() string { return nameOf(t.Title, t.Venue, t.Details) }

func nameOf(title, venue, details string) string { return title + "\n" + venue + "\n" + details }

// draw gives some of the tickets a story.
func (p *Plan) draw(r *rand.Rand) {
	next := r.Perm(len(p.Tickets))
	take := func(n int, story func(t *Ticket)) {
		for _, i := range next[:n] {
			story(&p.Tickets[i])
		}
		next = next[n:]
	}
	order := func(t *Ticket, end End) {
		cards := goodCards
		if end == Denied {
			cards = badCards
		}
		t.Orders = append(t.Orders, Order{p.buyer(r, t), end, cards[r.IntN(len(cards))]})
	}
	take(sold-second, func(t *Ticket) { order(t, Bought) })
	take(second, func(t *Ticket) {
		order(t, []End{GaveUp, Denied}[r.IntN(2)])
		order(t, Bought)
	})
	take(waiting, func(t *Ticket) { order(t, Waits) })
	take(givenUp, func(t *Ticket) { order(t, GaveUp) })
	take(denied, func(t *Ticket) { order(t, Denied) })
	take(withdrawn, func(t *Ticket) { t.Withdraw = true })
	take(reduced, func(t *Ticket) {
		if less := lower(t.Price); less < t.Price {
			t.Reduced = less
		}
	})
}

// buyer draws somebody who neither sells the ticket nor has tried to buy it.
func (p *Plan) buyer(r *rand.Rand, t *Ticket) int {
	for {
		b := len(p.People) - 1 - r.IntN(buyers)
		free := b != t.Seller
		for _, o := range t.Orders {
			free = free && o.Buyer != b
		}
		if free {
			return b
		}
	}
}

// lower is a step or two below the price.
func lower(price int) int {
	for i, step := range steps {
		if step >= price {
			return steps[max(0, i-2)]
		}
	}
	return price
}
