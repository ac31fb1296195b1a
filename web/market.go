package web

import (
	"net/http"

	"ticketing/api"
)

// marketPage is what is on sale.
type marketPage struct {
	*View
	Cards []ticketCard
	Next  string // address of the next page; empty: this is the last
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

// market is GET /.
func (s *Site) market(v *visit) error {
	found, err := v.client.Tickets(v.Context(), api.TicketQuery{Cursor: v.r.URL.Query().Get("cursor")})
	if err != nil {
		return err
	}
	page := marketPage{View: v.titled("market.title")}
	v.listen(topicMarket)
	for _, t := range found.Items {
		page.Cards = append(page.Cards, ticketCard{v.View, t})
	}
	return v.show(http.StatusOK, "market", page)
}

// ticketFragment is GET /fragments/tickets/{id}: the card of a ticket, for a page that is open.
func (s *Site) ticketFragment(v *visit) error {
	t, err := v.client.Ticket(v.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.fragment("ticket-card", ticketCard{v.View, t})
}
