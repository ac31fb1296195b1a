package web

import (
	"net/http"
	"net/url"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

// claim is an order with the time that is left to pay it.
type claim struct {
	*View
	Order api.Order
}

// Countdown is for the partial of that name.
func (c claim) Countdown() countdown {
	return countdown{c.View, c.Order.ExpiresAt, c.Order.ExpiresAt.Sub(c.Order.CreatedAt)}
}

// Until is when the time to pay is over.
func (c claim) Until() string { return c.until(c.Order.ExpiresAt) }

// Waits tells whether the order waits for its buyer to pay.
func (c claim) Waits() bool { return c.Order.Status == api.AwaitingPayment && c.Order.ExpiresIn > 0 }

// Status is the status that the colours know for where the order stands.
func (c claim) Status() string {
	switch c.Order.Status {
	case api.Completed:
		return api.Available
	case api.Cancelled:
		return api.Withdrawn
	}
	return api.Locked
}

// ordersPage is what somebody has ordered.
type ordersPage struct {
	*View
	Claims []claim
	Query  string // of this page, to fetch the list again
	Older  string // address of the next page; empty: this is the last
	Later  bool   // there are newer orders on another page
}

// readOrders is one page of the visitor's orders.
func (v *visit) readOrders() (page ordersPage, err error) {
	if _, err := v.mustBeSignedIn(); err != nil {
		return page, err
	}
	cursor := v.r.URL.Query().Get("cursor")
	found, err := v.client.Orders(v.Context(), api.OrderQuery{Cursor: cursor})
	if err != nil {
		return page, err
	}
	page = ordersPage{View: v.titled("orders.title"), Later: cursor != ""}
	if cursor != "" {
		page.Query = "?" + url.Values{"cursor": {cursor}}.Encode()
	}
	if found.Next != "" {
		page.Older = "/orders?" + url.Values{"cursor": {found.Next}}.Encode()
	}
	for _, o := range found.Items {
		page.Claims = append(page.Claims, claim{v.View, o})
		if o.Live() {
			v.Refresh = shorter(v.Refresh, int(min(o.ExpiresIn, 29))+1)
		}
	}
	return page, nil
}

// shorter is the smaller of two times of which 0 is never.
func shorter(a, b int) int {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// orders is GET /orders.
func (s *Site) orders(v *visit) error {
	page, err := v.readOrders()
	if err != nil {
		return err
	}
	v.listen(topicOrders)
	return v.show(http.StatusOK, "orders", page)
}

// ordersFragment is GET /fragments/orders: the list of a page that is open.
func (s *Site) ordersFragment(v *visit) error {
	page, err := v.readOrders()
	if err != nil {
		return err
	}
	return v.fragment("orders-list", page)
}

// refusedPage is for a ticket that could not be ordered.
type refusedPage struct {
	*View
	Code   string
	Detail string
	Offer  *ticketOffer // the ticket as it is now; nil if that is not known
}

// begun tells whether the ticket's event has begun, so that nobody can order it.
func begun(v *View, t *api.Ticket) bool { return !t.StartsAt.IsZero() && !v.Now.Before(t.StartsAt) }

// placeOrder is POST /tickets/{id}/order, with the price that the visitor saw.
func (s *Site) placeOrder(v *visit) error {
	id := v.r.PathValue("id")
	values, err := v.sent()
	if err != nil {
		return err
	}
	if _, err := v.mustBeSignedIn(); err != nil {
		return v.refused(id, err)
	}
	seen, err := money.ParseDecimal(values.Get("price"))
	if err != nil { // the form was tampered with; nobody orders at a price that they have not seen
		return v.refused(id, fault.PriceChanged.New("The price is not the one you saw any more."))
	}
	o, err := v.client.PlaceOrder(v.once(), id, &seen)
	if err != nil {
		return v.refused(id, err)
	}
	return v.goTo("/orders/" + o.ID)
}

// refused says why the ticket cannot be ordered, beside the ticket as it is now.
func (v *visit) refused(ticketID string, err error) error {
	f := faultOf(err)
	switch {
	case f.Code.Name == fault.SignInNeeded.Name: // and then on, from the ticket
		return v.goTo("/signin?next=" + url.QueryEscape("/tickets/"+url.PathEscape(ticketID)))
	case f.Code.Name == fault.KeyInUse.Name: // the first click is still being answered; the ticket's page says how it ends
		return v.goTo("/tickets/" + url.PathEscape(ticketID))
	case f.Code.Kind != fault.Conflict && f.Code.Name != fault.OwnTicket.Name:
		return err
	}
	page := refusedPage{View: v.titled("problem." + f.Code.Name + ".title"), Code: f.Code.Name, Detail: v.words.Said(f.Detail)}
	if offer, err := v.look(ticketID); err == nil {
		page.Offer = &offer
		if t := offer.Ticket; t.Status == api.Locked && !t.LockedUntil.IsZero() && offer.Order == nil {
			page.Detail = v.T("again.locked", v.until(t.LockedUntil))
		}
		v.listen(aboutTicket + ticketID)
	}
	page.NoIndex = true
	return v.show(int(f.Code.Kind), "refused", page)
}

// until is a time of day with its zone, for readers who have no clock on the page: "22:55 CET".
func (v *View) until(t time.Time) string {
	t = t.In(v.zone)
	return v.T("claim.until", v.words.Clock(t), v.words.Zone(t))
}

// cancelOrder is POST /orders/{id}/cancel. Cancelling twice is as good as once.
func (s *Site) cancelOrder(v *visit) error {
	id := v.r.PathValue("id")
	err := v.client.CancelOrder(v.Context(), id)
	if api.Is(err, fault.OrderCompleted) || api.Is(err, fault.PaymentInProgress) {
		page, failed := v.readOrder(id)
		if failed != nil {
			return failed
		}
		page.Fault = v.words.Said(faultOf(err).Detail)
		return v.showOrder(http.StatusConflict, page)
	}
	if err != nil {
		return err
	}
	return v.goTo("/orders/" + url.PathEscape(id))
}
