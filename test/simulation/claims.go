package simulation

import (
	"ticketing/kernel/event"
)

// checkClaims: a payment that orders knows to be undecided has its order, or another one has, and loses it by its failure
// alone, or when it is not decided for too long.
func (w *World) checkClaims() {
	for _, q := range []struct{ query, what string }{
		{`SELECT o.id FROM orders o JOIN charges c ON c.order_id = o.id WHERE o.status = 'AwaitingPayment' AND o.charge_id = ''
			AND c.status = 'Created' ORDER BY o.id`, "knows of a payment, and no payment has it"},
		{`SELECT o.id FROM orders o JOIN charges c ON c.id = o.charge_id WHERE o.status = 'AwaitingPayment' AND c.status <> 'Created'
			ORDER BY o.id`, "waits for a payment that it knows to be decided"},
		{`SELECT o.id FROM orders o LEFT JOIN charges c ON c.id = o.charge_id WHERE o.charge_id <> '' AND coalesce(c.order_id, '') <> o.id
			ORDER BY o.id`, "is the order of a payment that is not its own"},
	} {
		for _, id := range w.texts("orders", q.query) {
			w.find("invariant 11: %s %s", w.name("order", id), q.what)
		}
	}
	for _, o := range newest[event.Order](w, "orders") {
		var before event.Order
		for _, then := range history[event.Order](w, "orders", event.Orders.Name, o.ID) {
			w.checkClaim(before, then)
			before = then
		}
	}
}

// checkClaim looks at one step of an order. What orders has heard of a payment, payments has said before.
func (w *World) checkClaim(before, o event.Order) {
	had := before.ChargeID
	if had == "" || before.Status != event.AwaitingPayment || o.ChargeID == had {
		return
	}
	if o.CancelReason == event.Expired && !o.UpdatedAt.Before(o.ExpiresAt.Add(grace)) {
		return
	}
	for _, c := range w.chargeHistory(had) {
		if c.Status == event.ChargeFailed {
			return
		}
	}
	w.find("invariant 11: %s lost %s, which is %s %s, before it failed", w.name("charge", had), w.name("order", o.ID), o.Status, o.CancelReason)
}

// countClaims counts what became of the payments that had an order.
func (w *World) countClaims() {
	for _, o := range newest[event.Order](w, "orders") {
		var before event.Order
		for _, then := range history[event.Order](w, "orders", event.Orders.Name, o.ID) {
			switch had := before.ChargeID; {
			case had == "" && then.ChargeID != "" && then.Status == event.Completed:
				w.count("claim of a payment heard of as completed")
			case had == "" && then.ChargeID != "":
				w.count("claim")
			case had == "" || before.Status != event.AwaitingPayment:
			case then.Status == event.Cancelled:
				w.count("claim ended as " + then.CancelReason)
			case then.ChargeID == had:
				w.count("claim ended as " + then.Status)
			case then.ChargeID == "":
				w.count("claim freed")
			default:
				w.count("claim passed on as " + then.Status)
			}
			before = then
		}
	}
}
