package web

import (
	"crypto/rand"
	"net/http"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
)

// ticketPage is all there is to know of a ticket.
type ticketPage struct {
	*View
	Offer ticketOffer
}

// ticketOffer is the ticket as it is now, and what the visitor may do with it. It is sent anew when the ticket changes.
type ticketOffer struct {
	ticketCard
	Order *api.Order // by which the visitor holds the ticket, or has bought it; nil if they do not
	Key   string     // makes sure that what is sent twice is done once
}

// CanOrder tells whether the visitor may try to get the ticket.
func (o ticketOffer) CanOrder() bool {
	return o.Ticket.Status == api.Available && !o.Mine() && !o.Begun()
}

// State is what has become of the ticket, as far as it concerns the visitor: the last part of the key of a text.
func (o ticketOffer) State() string {
	held := o.Ticket.Status == api.Locked || o.Ticket.Status == api.Sold
	switch {
	case o.Mine() && o.Ticket.Status != api.Available:
		return "own." + o.Ticket.Status
	case held && o.Order != nil:
		return "yours." + o.Ticket.Status
	case held:
		return o.Ticket.Status
	case o.Ticket.Status == api.Withdrawn:
		return api.Withdrawn
	case o.Begun():
		return "begun"
	case o.Mine():
		return "own.available"
	}
	return api.Available
}

// lookAgain is after how many seconds a browser without scripts looks again at what is about to change.
const lookAgain = 15

// ticket is GET /tickets/{id}.
func (s *Site) ticket(v *visit) error {
	id := v.r.PathValue("id")
	v.listen(aboutTicket + id)
	offer, err := v.look(id)
	if err != nil {
		return err
	}
	t := offer.Ticket
	v.Title = t.Title
	v.Description = v.T("ticket.description", t.Title, v.words.Money(t.Price, t.Currency))
	if !t.StartsAt.IsZero() {
		v.Description = v.T("ticket.description.dated", t.Title, v.Begins(&t), v.words.Money(t.Price, t.Currency))
	}
	v.NoIndex = t.Status == api.Withdrawn
	if t.Status == api.Locked {
		v.Refresh = lookAgain
	}
	if done := v.r.URL.Query().Get("done"); offer.Mine() && (done == "listed" || done == "edited") {
		v.Notice = v.T("ticket.done." + done)
	}
	return v.show(http.StatusOK, "ticket", ticketPage{v.View, offer})
}

// offerFragment is GET /fragments/tickets/{id}/offer: the ticket as its page shows it.
func (s *Site) offerFragment(v *visit) error {
	offer, err := v.look(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.fragment("ticket-offer", offer)
}

// look asks for the ticket, and whether it is the visitor who has it.
func (v *visit) look(id string) (ticketOffer, error) {
	t, err := v.client.Ticket(v.Context(), id)
	if err != nil {
		return ticketOffer{}, err
	}
	offer := ticketOffer{ticketCard: ticketCard{v.View, t}, Key: rand.Text()}
	if user := v.whoIfKnown(); user == nil || offer.Mine() || t.OrderID == "" {
		return offer, nil
	}
	// To everybody but its buyer the order does not exist.
	order, err := v.client.Patient(time.Second).Order(v.Context(), t.OrderID)
	switch {
	case err == nil:
		offer.Order = &order
	case !api.Is(err, fault.Unknown):
		v.site.log.WarnContext(v.Context(), "a visitor could not be told whether a ticket is theirs", "error", err)
	}
	return offer, nil
}
