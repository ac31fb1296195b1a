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

// market is GET /.
func (s *Site) market(v *visit) error {
	found, err := v.client.Tickets(v.Context(), api.TicketQuery{Cursor: v.r.URL.Query().Get("cursor")})
	if err != nil {
		return err
	}
	page := marketPage{View: v.titled("market.title")}
	for _, t := range found.Items {
		page.Cards = append(page.Cards, ticketCard{v.View, t})
	}
	return v.show(http.StatusOK, "market", page)
}
