package payments

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

// Order is an order as far as payments need to know it.
type Order struct {
	ID           string
	UserID       string // the buyer
	Status       string
	CancelReason string
	ExpiresAt    time.Time
	Amount       money.Amount // of its price
	Currency     string
	ChargeID     string // the charge that has it, empty if none does
	SellerID     string // empty in what was said before sellers were part of it
	TicketID     string
	Title        string // of the ticket
}

// Charge is one payment for an order, and the refund of it if there is one.
type Charge struct {
	ID             string
	OrderID        string
	Status         string
	Amount         money.Amount
	Currency       string
	Token          string // the buyer's payment method at Stripe; it never leaves the database but to Stripe
	StripeID       string // empty until Stripe has answered
	StripeRefundID string // the refund that stands, or the last one that failed
	RefundStatus   string // empty if there is none
	RefundDue      bool   // money is owed back, and Stripe has not agreed to give it
	FailureCode    string
	Hold           bool   // the money is held first, and taken when the order is won
	ReturnURL      string // where the bank sends the buyer back to
	Step           bool   // the bank wants something of the buyer
	Tries          int    // of the background worker in a row without a result
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Failure codes that are ours; the others are Stripe's.
const (
	codeTimeout   = "timeout"         // undecided for too long, and cancelled at Stripe
	codeCancelled = "order_cancelled" // the order was cancelled before the money was taken
	codeLost      = "unknown_intent"  // Stripe does not know the PaymentIntent
	codeAmount    = "invalid_amount"  // Stripe cannot express the amount
)

// What became of money that is owed back, once Stripe has agreed to give it.
const (
	refundPending   = "pending"   // it is on its way
	refundSucceeded = "succeeded" // the bank has it
	refundFailed    = "failed"    // the bank sent it back: it is tried again
)

// Decided tells whether it is known if the money was taken.
func (c Charge) Decided() bool { return c.Status != event.Created }

// refused tells whether it failed, and not because the order was cancelled.
func (c Charge) refused() bool {
	return c.Status == event.ChargeFailed && c.FailureCode != codeCancelled
}

// Overdue tells whether the charge must be brought to an end, one way or the other.
func (c Charge) Overdue(now time.Time) bool { return now.Sub(c.CreatedAt) >= patience }

// patience is how long a charge is left to the bank. Ending it takes a few seconds more, and two minutes are promised.
const patience = 110 * time.Second

// nextTry is when to look at an undecided charge again: after a pause that grows, and at the latest when it is overdue. From
// then on it is to end, and the pauses grow anew, with the time that is over: one try that fails must not cost it its time.
func (c Charge) nextTry(now time.Time) time.Time {
	end := c.CreatedAt.Add(patience)
	if over := now.Sub(end); over >= 0 {
		return now.Add(min(max(backoff(0), over/2), backoff(10)))
	}
	if next := now.Add(backoff(c.Tries)); next.Before(end) {
		return next
	}
	return end
}

// backoff grows from a quarter of a second to ten seconds.
func backoff(tries int) time.Duration {
	return min(250*time.Millisecond<<min(tries, 10), 10*time.Second)
}

// settled tells whether the order is past waiting for its ticket's lock.
func (o Order) settled() bool { return o.Status != event.Created }

// over tells whether the order has come to its end.
func (o Order) over() bool { return o.Status == event.Completed || o.Status == event.Cancelled }

// Payable is nil if a charge may be made for the order now, else why not.
func (o Order) Payable(now time.Time) error {
	switch {
	case o.Status == event.Cancelled:
		return o.gone()
	case !now.Before(o.ExpiresAt):
		return fault.OrderExpired.New("The time to pay for this order was over at %s.", o.ExpiresAt.Format("15:04:05 MST"))
	case o.Status == event.Created:
		return fault.OrderNotPayable.New("The ticket is not locked for this order yet. Try again in a moment.")
	case o.Status == event.Completed:
		return fault.OrderNotPayable.New("The order is completed already.")
	}
	return nil
}

// gone says that the order is cancelled, in the words of its reason.
func (o Order) gone() error {
	switch o.CancelReason {
	case event.Expired:
		return fault.OrderExpired.New("The time to pay for this order is over. Nothing was charged that is not given back.")
	case event.PaymentFailed:
		return fault.OrderNotPayable.New("The payment for this order failed, so it is cancelled. Order again if the ticket is available.")
	}
	return fault.OrderNotPayable.New("The order is cancelled. Nothing was charged that is not given back.")
}

// The times between which a new order's event may still be on its way.
const (
	youngAge  = 10 * time.Minute
	clockSkew = time.Minute
)

// young tells whether the id was made so recently that nobody can say yet that there is no such order.
func young(id string, now time.Time) bool {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return false
	}
	made := time.UnixMilli(int64(binary.BigEndian.Uint64(u[:8]) >> 16))
	return made.After(now.Add(-youngAge)) && made.Before(now.Add(clockSkew))
}
