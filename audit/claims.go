package audit

import (
	"time"

	"ticketing/kernel/event"
)

// graceForPayment is how long past its end an order waits for the payment that has it.
const graceForPayment = 3 * time.Minute

// checkClaim: the payment that has an order is one of that order, and has it until it has failed or the order is over. Only
// when it is not decided for too long the order expires all the same.
func (b *books) checkClaim(before, o event.Order) {
	if o.ChargeID != "" && o.Status != event.AwaitingPayment && o.Status != event.Completed {
		b.find(11, "order %s is %s, and payment %s has it", o.ID, o.Status, o.ChargeID)
	}
	if !b.read["payments"] {
		return
	}
	if o.ChargeID != "" && o.ChargeID != before.ChargeID {
		c, known := b.charge(o.ChargeID)
		if known && c.OrderID != o.ID || !known && b.atRest() {
			b.find(11, "payment %s has order %s, and is of %q", o.ChargeID, o.ID, c.OrderID)
		}
	}
	if before.Status != event.AwaitingPayment || before.ChargeID == "" || o.ChargeID == before.ChargeID {
		return
	}
	if o.CancelReason == event.Expired && !o.UpdatedAt.Before(o.ExpiresAt.Add(graceForPayment)) {
		return
	}
	// Payments was read before orders: what it had not decided then it may have decided since, and then it is behind orders.
	if c, _ := b.charge(before.ChargeID); c.Status == event.Completed || c.Status != event.ChargeFailed && b.atRest() {
		b.find(11, "payment %s lost order %s, which is %s %s, and did not fail: it is %q", before.ChargeID, o.ID, o.Status, o.CancelReason, c.Status)
	}
}

// checkPayer: a completed order names the payment that paid for it, and none waits for a payment that is decided.
func (b *books) checkPayer(o event.Order) {
	if o.Status == event.Completed && o.ChargeID == "" && knowsClaims(o) {
		b.find(11, "order %s is completed, and no payment is named", o.ID)
	}
	if o.ChargeID == "" || !b.atRest() || !b.read["payments"] {
		return
	}
	c, _ := b.charge(o.ChargeID)
	switch {
	case o.Status == event.Completed && c.Status != event.Completed:
		b.find(11, "order %s is completed by payment %s, which is %q", o.ID, o.ChargeID, c.Status)
	case o.Status == event.AwaitingPayment:
		b.find(11, "order %s waits for payment %s, which is %q", o.ID, o.ChargeID, c.Status)
	}
}

// charge is the newest that was said of a charge.
func (b *books) charge(id string) (event.Charge, bool) {
	c, known := b.histories[event.Charges.Name][id].newest().(event.Charge)
	return c, known
}

// knowsClaims tells whether an order was said since orders name their ticket's seller and the payment that has them.
func knowsClaims(o event.Order) bool { return o.Ticket.SellerID != "" }

// sameTicket tells whether an order is for the same ticket as before; its seller may have been left unsaid then.
func sameTicket(before, now event.OrderTicket) bool {
	if before.SellerID == "" {
		now.SellerID = ""
	}
	return before == now
}

// asSaid is a state without what was left unsaid of it: an order that was last said before orders knew of claims got its
// seller, and the payment that was in flight, without another word.
func asSaid(state, said any) any {
	if is, ok := state.(event.Charge); ok {
		if was, _ := said.(event.Charge); was.RefundStatus == "" { // before refunds had states
			is.RefundStatus = ""
		}
		return is
	}
	is, ok := state.(event.Order)
	was, _ := said.(event.Order)
	if !ok || knowsClaims(was) {
		return state
	}
	is.Ticket.SellerID, is.ChargeID = "", ""
	return is
}
