package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ticketing/api"
)

// How the market can be looked at; the first of each is what is shown unless somebody chooses.
var (
	marketStatuses = []string{api.Available, api.Locked, api.Sold, api.All}
	marketSorts    = []string{"new", "date", "price", "-price"}
)

// marketPage is what is on the market.
type marketPage struct {
	*View
	Search  search
	Results marketResults
}

// marketResults is the part of the page that changes while somebody types.
type marketResults struct {
	*View
	Search search
	Cards  []ticketCard
	Next   string // address of the next page; empty: this is the last
	Fresh  bool   // tickets that are listed from now on belong at the top
	tag    string // of the list
}

// Address is where these results are found again, Fragment where they are without the rest of their page.
func (r marketResults) Address() string { return r.Search.Address(r.Search.Cursor) }

// Fragment is Address for a script.
func (r marketResults) Fragment() string {
	return "/fragments/market" + strings.TrimPrefix(r.Address(), "/")
}

// Found is how many there are, as far as that is known without counting the market.
func (r marketResults) Found() string {
	switch n := len(r.Cards); {
	case n == 0:
		return ""
	case r.Search.Cursor != "":
		return r.T("market.on")
	case r.Next != "":
		return r.T("market.more", n)
	default:
		return r.T("market.found", n)
	}
}

// ticketCard is a ticket as it lies on the counter.
type ticketCard struct {
	*View
	Ticket api.Ticket
}

// Stands is the ticket's status, to be shown.
func (c ticketCard) Stands() ticketStatus { return ticketStatus{c.View, c.Ticket.Status} }

// ticketStatus is where a ticket stands: available, locked, sold or withdrawn.
type ticketStatus struct {
	*View
	Status string
}

// TicketStatuses are all of them, for scripts to choose from.
func (v *View) TicketStatuses() []ticketStatus {
	return []ticketStatus{{v, api.Available}, {v, api.Locked}, {v, api.Sold}, {v, api.Withdrawn}}
}

// Mine tells whether whoever looks at it sells it.
func (c ticketCard) Mine() bool { return c.User != nil && c.User.ID == c.Ticket.UserID }

// Begun tells whether the event has begun, after which nobody can order the ticket.
func (c ticketCard) Begun() bool { return begun(c.View, &c.Ticket) }

// Lock is the time until the lock ends.
func (c ticketCard) Lock() countdown {
	return countdown{c.View, c.Ticket.LockedUntil, max(time.Second, c.Ticket.LockedUntil.Sub(c.Ticket.UpdatedAt))}
}

// Says is where the ticket stands in a sentence, for those who do not see it change.
func (c ticketCard) Says() string {
	return c.T("ticket.says", c.Ticket.Title, c.T("ticket."+c.Ticket.Status), c.Words().Money(c.Ticket.Price, c.Ticket.Currency))
}

// search is what somebody looks for, as the address has it.
type search struct{ Words, Status, Sort, Cursor string }

// searchOf reads the address. What the market cannot be asked for counts as not said.
func searchOf(query url.Values) search {
	s := search{Words: query.Get("q"), Status: query.Get("status"), Sort: query.Get("sort"), Cursor: query.Get("cursor")}
	if r := []rune(s.Words); len(r) > longestSearch {
		s.Words = string(r[:longestSearch])
	}
	if !slices.Contains(marketStatuses, s.Status) {
		s.Status = marketStatuses[0]
	}
	if !slices.Contains(marketSorts, s.Sort) {
		s.Sort = marketSorts[0]
	}
	return s
}

const longestSearch = 200 // characters, as the API has it

// Address is where the search is found again, on the page with this cursor.
func (s search) Address(cursor string) string {
	query := url.Values{}
	for name, value := range map[string]string{"q": s.Words, "status": s.Status, "sort": s.Sort, "cursor": cursor} {
		if value != "" && value != marketStatuses[0] && value != marketSorts[0] {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return "/"
	}
	return "/?" + query.Encode()
}

// Statuses and Sorts are what can be chosen from.
func (s search) Statuses() []string { return marketStatuses }

// Sorts are the orders of the list.
func (s search) Sorts() []string { return marketSorts }

// Plain tells whether this is the market as it lies there, and no search.
func (s search) Plain() bool { return s == search{Status: marketStatuses[0], Sort: marketSorts[0]} }

// market is GET /. The page that it was the last time is good enough as long as the list is the same.
func (s *Site) market(v *visit) error {
	look := searchOf(v.r.URL.Query())
	known := s.kept.find(v)
	results, err := v.find(look, known.tagged())
	switch {
	case err != nil:
		return err
	case known != nil && results.tag == known.tag:
		v.policy.allow("style-src", s.pages.sheets["market"].source)
		return v.again(known)
	}
	v.listen(topicMarket)
	v.NoIndex = !look.Plain()
	body, err := v.render("market", marketPage{v.titled("market.title"), look, results})
	if err != nil {
		return err
	}
	s.kept.keep(v, body.Bytes(), results.tag, results.until())
	v.headers()
	return v.gone(send(v.w, v.r, http.StatusOK, body))
}

// marketFragment is GET /fragments/market: what is found, for a page on which somebody types.
func (s *Site) marketFragment(v *visit) error {
	results, err := v.find(searchOf(v.r.URL.Query()), "")
	if err != nil {
		return err
	}
	return v.fragment("market-results", results)
}

// find asks for one page of tickets, unless it is the one that came with this tag.
func (v *visit) find(look search, known string) (results marketResults, err error) {
	query := api.TicketQuery{Words: look.Words, Status: look.Status, Sort: look.Sort, Cursor: look.Cursor}
	results = marketResults{View: v.View, Search: look}
	found, tag, err := v.client.TicketsUnless(v.Context(), query, known)
	results.tag = tag
	if err != nil || known != "" && tag == known {
		return results, err
	}
	v.whoIfKnown()
	for _, t := range found.Items {
		results.Cards = append(results.Cards, ticketCard{v.View, t})
	}
	if found.Next != "" {
		results.Next = look.Address(found.Next)
	}
	results.Fresh = look.Plain()
	return results, nil
}

// until is when a card will look different although its ticket is the same: its event begins. Zero if there is none.
func (r marketResults) until() (first time.Time) {
	for _, c := range r.Cards {
		if t := c.Ticket.StartsAt; t.After(r.Now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// whoIfKnown finds out who the visitor is, for what is only shown to somebody. Not knowing is no error there.
func (v *visit) whoIfKnown() *api.User {
	user, err := v.who()
	if err != nil {
		return nil
	}
	return user
}

// ticketFragment is GET /fragments/tickets/{id}: the card of a ticket, for a page that is open.
func (s *Site) ticketFragment(v *visit) error {
	t, err := v.client.Ticket(v.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	v.whoIfKnown()
	return v.fragment("ticket-card", ticketCard{v.View, t})
}
