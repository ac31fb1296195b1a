package web

import (
	"net/http"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/web/messages"
)

// The states of an order, as its page tells them apart. They are more than the API has: what a buyer can do depends on the
// payments too.
const (
	stateLocking   = "locking"   // the ticket is not locked yet
	statePaying    = "paying"    // a payment is not decided
	stateCheckout  = "checkout"  // to be paid
	stateEnding    = "ending"    // the time is over, and the order is about to be cancelled
	stateAway      = "away"      // to be paid, but payments do not answer
	statePaid      = "paid"      // the ticket is the buyer's
	stateCancelled = "cancelled" // it is not
)

// orderPage is one order, in whatever state it is.
type orderPage struct {
	claim
	State   string
	Fault   string // why what was just tried could not be done
	Charges []api.Charge
	Ticket  *api.Ticket  // as it is now; nil if that is not known
	Again   *ticketOffer // the same, once the order is cancelled: the ticket may be ordered anew
	AtBank  bool         // the bank wants a further step, and we know where
	Pay     *payForm     // how to pay; nil unless that is what comes next
	Step    *stripeStep  // Stripe's script may have to go on with a payment; nil unless it may
}

// stateOf is a function of what is known: the order and its payments, newest first.
func stateOf(o api.Order, charges []api.Charge) string {
	switch o.Status {
	case api.Completed:
		return statePaid
	case api.Cancelled:
		return stateCancelled
	case api.Created:
		return stateLocking
	}
	for _, c := range charges {
		if c.Status == api.Created || c.Status == api.Completed { // the order is about to be completed
			return statePaying
		}
	}
	if o.ExpiresIn <= 0 {
		return stateEnding
	}
	return stateCheckout
}

// Payment is the charge that paid for the order, or took money for nothing; nil if no money was taken.
func (p orderPage) Payment() *api.Charge {
	for i, c := range p.Charges {
		if c.Status == api.Completed {
			return &p.Charges[i]
		}
	}
	return nil
}

// Failure is the newest payment if it has failed; nil if not.
func (p orderPage) Failure() *api.Charge {
	if len(p.Charges) > 0 && p.Charges[0].Status == api.Failed && p.Charges[0].FailureCode != "order_cancelled" {
		return &p.Charges[0]
	}
	return nil
}

// Why is the reason of a failed payment in plain words.
func (p orderPage) Why(failureCode string) string {
	if key := "failure." + failureCode; messages.Has(key) {
		return p.T(key)
	}
	return p.T("failure.other")
}

// Releasing tells whether the ticket is about to be available again, after this order.
func (p orderPage) Releasing() bool {
	return p.Again != nil && p.Again.Ticket.Status == api.Locked && p.Again.Ticket.OrderID == p.Order.ID
}

// LockedUntil is when the time of whoever has the ticket now is over.
func (p orderPage) LockedUntil() string { return p.until(p.Again.Ticket.LockedUntil) }

// Settling tells whether what is shown changes by itself in a moment.
func (p orderPage) Settling() bool {
	return p.State == stateLocking || p.State == statePaying || p.State == stateEnding || p.State == stateAway || p.Releasing()
}

// readOrder is everything about an order of the visitor's.
func (v *visit) readOrder(id string) (page orderPage, err error) {
	if _, err := v.mustBeSignedIn(); err != nil {
		return page, err
	}
	o, err := v.client.Order(v.Context(), id)
	if err != nil {
		return page, err
	}
	page = orderPage{claim: claim{v.titled("claim.title", o.Ticket.Title), o}}
	unknown := error(nil)
	if page.Charges, unknown = v.client.Charges(v.Context(), o.ID); api.Is(unknown, fault.SignInNeeded) {
		return page, unknown
	}
	page.State = stateOf(o, page.Charges)
	if offer, err := v.look(o.Ticket.ID); err == nil {
		page.Ticket = &offer.Ticket
		if page.State == stateCancelled {
			page.Again = &offer
		}
	}
	switch page.State {
	case statePaying:
		_, page.AtBank = v.bankStep(o.ID, page.Charges)
	case stateCheckout:
		if unknown == nil {
			page.Pay, unknown = v.payForm(o)
		}
		if unknown != nil {
			page.State = stateAway
			v.site.log.WarnContext(v.Context(), "an order cannot be paid: payments do not answer", "error", unknown)
		}
	}
	v.Refresh = page.refresh()
	return page, nil
}

// refresh is when a browser without scripts looks again. A page with a form waits until the time is over: what was typed
// must not be lost.
func (p orderPage) refresh() int {
	switch {
	case p.Settling():
		return 2
	case p.State == stateCheckout:
		return int(p.Order.ExpiresIn) + 1
	}
	return 0
}

// order is GET /orders/{id}.
func (s *Site) order(v *visit) error {
	page, err := v.readOrder(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.showOrder(http.StatusOK, page)
}

func (v *visit) showOrder(status int, page orderPage) error {
	v.listen(page.Topics())
	page.Step = v.stripeStep(page)
	if page.Step != nil || page.Pay != nil && page.Pay.Publishable != "" {
		v.allowStripe()
	}
	return v.show(status, "order", page)
}

// Topics are the events that may change what the page shows.
func (p orderPage) Topics() string {
	return aboutOrder + p.Order.ID + " " + aboutTicket + p.Order.Ticket.ID
}

// orderFragment is GET /fragments/orders/{id}: how the order stands, for a page that is open.
func (s *Site) orderFragment(v *visit) error {
	page, err := v.readOrder(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.fragment("order-state", page)
}
