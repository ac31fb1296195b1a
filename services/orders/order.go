package orders

import (
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

// graceForCharge is how long past its end an order waits for a charge that was submitted in time. Payments decides every
// charge earlier than that, so the limit only matters when payments is down.
const graceForCharge = 3 * time.Minute

// Order is one buyer's timed claim on one ticket.
type Order struct {
	ID           string
	UserID       string // the buyer
	Status       string
	CancelReason string
	ExpiresAt    time.Time
	ChargeID     string // the payment that has the order; empty while none does
	Ticket       TicketSeen
	RefusedAt    int64 // the ticket's version that could not be locked, if it was refused
	Version      int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// TicketSeen is the ticket as it stood when it was ordered.
type TicketSeen struct {
	ID       string
	Title    string
	Price    money.Amount
	Currency string
	Version  int64
	SellerID string
}

// live says that the buyer can still get the ticket.
func (o Order) live() bool { return o.Status == event.Created || o.Status == event.AwaitingPayment }

// Lock is what happens when the ticket is locked for the order; false if nothing does.
func (o *Order) Lock() bool {
	if o.Status != event.Created {
		return false
	}
	o.Status = event.AwaitingPayment
	return true
}

// Refuse is what happens when the ticket could not be locked.
func (o *Order) Refuse(reason string, ticketVersion int64) bool {
	if o.Status != event.Created {
		return false
	}
	o.RefusedAt = ticketVersion
	if reason == event.RejectedChanged {
		return o.cancel(event.TicketChanged)
	}
	return o.cancel(event.TicketUnavailable)
}

// Claim is what happens when a payment has been submitted: the first one has the order. This is the one decision about who
// wins. From now on neither the buyer nor the end of the time cancels the order before the payment is decided, and payments
// takes the money that it holds because it reads that the order is this payment's.
func (o *Order) Claim(chargeID string) bool {
	if o.Status != event.AwaitingPayment || o.ChargeID != "" {
		return false
	}
	o.ChargeID = chargeID
	return true
}

// Complete is what happens when the order has been paid.
func (o *Order) Complete(chargeID string) bool {
	if o.Status != event.AwaitingPayment {
		return false
	}
	o.Status, o.ChargeID = event.Completed, chargeID
	return true
}

// FailPayment is what happens when a payment has failed, the last of so many failed ones, of so many that are allowed. While
// another payment has the order, that one decides.
func (o *Order) FailPayment(chargeID string, failed, allowed int) bool {
	if !o.live() || o.ChargeID != "" && o.ChargeID != chargeID {
		return false
	}
	freed := o.ChargeID != ""
	o.ChargeID = ""
	return failed >= allowed && o.cancel(event.PaymentFailed) || freed
}

// Expire is what happens when the time is over. A payment that has the order is waited for: a paid order never expires,
// even when the alarm rings first.
func (o *Order) Expire(now time.Time) bool {
	if !o.live() || now.Before(o.ExpiresAt) || o.ChargeID != "" && now.Before(o.ExpiresAt.Add(graceForCharge)) {
		return false
	}
	return o.cancel(event.Expired)
}

// Cancel is what happens when the buyer does not want the ticket any more.
func (o *Order) Cancel() (changed bool, err error) {
	switch {
	case o.Status == event.Completed:
		return false, fault.OrderCompleted.New("The order has been paid for; it cannot be cancelled any more.")
	case o.Status == event.Cancelled:
		return false, nil
	case o.ChargeID != "":
		return false, fault.PaymentInProgress.New("A payment for this order is being made. Try again when it is decided.").After(time.Second)
	}
	return o.cancel(event.ByBuyer), nil
}

func (o *Order) cancel(reason string) bool {
	o.Status, o.CancelReason, o.ChargeID = event.Cancelled, reason, ""
	return true
}

// secondsLeft is how long the order can still be paid, rounded down.
func (o Order) secondsLeft(now time.Time) int64 {
	return max(0, int64(o.ExpiresAt.Sub(now)/time.Second))
}

// Ticket is what orders knows of a ticket.
type Ticket struct {
	ID       string
	SellerID string
	Title    string
	Price    money.Amount
	Currency string
	StartsAt time.Time // zero if the event has no date
	Status   string
	OrderID  string // the order that holds it
	Version  int64
}

// errOnItsWay says that what is known does not fit together yet, since an event is on its way here: wait for it, and if
// it does not come, answer with the fault.
type errOnItsWay struct{ fault error }

func (e errOnItsWay) Error() string { return e.fault.Error() }

// admit says whether a buyer may order the ticket as it is known, given the order that is alive or paid for it, if any.
// Refusals that an event on its way could lift are errOnItsWay.
func (t Ticket) admit(buyer string, price *money.Amount, alive *Order, now time.Time) error {
	switch {
	case t.SellerID == buyer:
		return fault.OwnTicket.New("You are the seller of this ticket.")
	case alive != nil && alive.Status == event.Completed && alive.UserID == buyer:
		return fault.TicketSold.New("You have bought this ticket already.").On("ticketId")
	case alive != nil && alive.Status == event.Completed, alive == nil && t.Status == event.Sold:
		return fault.TicketSold.New("Somebody else has bought this ticket.").On("ticketId")
	case alive != nil:
		refusal := fault.TicketLocked.New("Someone else is paying for this ticket until %s UTC.", alive.ExpiresAt.Format(time.TimeOnly)).
			On("ticketId").After(max(time.Second, alive.ExpiresAt.Sub(now)))
		if alive.Status == event.Created { // tickets has not said yet that it is locked, and may refuse to
			return errOnItsWay{refusal}
		}
		return refusal
	case t.Status == event.Withdrawn:
		return fault.TicketWithdrawn.New("The seller has withdrawn this ticket.").On("ticketId")
	case !t.StartsAt.IsZero() && !now.Before(t.StartsAt):
		return fault.EventBegun.New("The event has begun; its tickets cannot be ordered any more.").On("ticketId")
	case t.Status == event.Locked: // for an order that is over: tickets is about to say that it is free
		return errOnItsWay{fault.TicketLocked.New("The ticket is just being released. Try again in a moment.").On("ticketId").After(time.Second)}
	case price != nil && *price != t.Price:
		return errOnItsWay{fault.PriceChanged.New("The price is not the one you saw any more.").On("price")}
	}
	return nil
}
