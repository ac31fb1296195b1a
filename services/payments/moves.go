package payments

import (
	"cmp"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
)

// move is what is to be done next about a charge that is not decided.
type move int

const (
	rest    move = iota // nothing now: the order or the bank is waited for
	create              // make the intent
	ask                 // ask Stripe how the intent stands
	confirm             // ask the bank
	step                // let the buyer do what the bank wants of them
	capture             // take the money that is held
	release             // give the intent up at Stripe, so that it never takes money
	finish              // the money was taken
	drop                // no money was taken and none will be
)

// file is all that is known of a charge at one moment.
type file struct {
	Charge
	order    Order
	requests map[operation]request // the newest of each operation
	now      time.Time
}

// won tells whether the order is this charge's. Orders decides that, once, and takes it back only when the charge has
// failed or has kept everybody waiting for too long.
func (f file) won() bool {
	return f.order.Status == event.AwaitingPayment && f.order.ChargeID == f.ID
}

// lost is why no money is to be taken any more, if that is so.
func (f file) lost() string {
	switch {
	case f.order.Status == event.Cancelled:
		return codeCancelled
	case f.Overdue(f.now):
		return codeTimeout
	}
	return ""
}

// next is the move, and the reason if it is one that ends in failure. It is the whole protocol of a charge: a function of
// the newest states that are known of the charge, its order and its intent, whatever happened in between. The intent is nil
// if Stripe has not been asked yet.
func (f file) next(in *intent) (m move, why string) {
	lost := f.lost()
	switch {
	case f.StripeID == "" && lost != "":
		return drop, lost // an intent whose id was never learnt was never confirmed
	case f.StripeID == "":
		return create, ""
	case in == nil:
		return ask, ""
	}
	switch in.status {
	case stripe.PaymentIntentStatusSucceeded:
		return finish, ""
	case stripe.PaymentIntentStatusCanceled:
		return drop, cmp.Or(in.failure, lost, codeTimeout)
	case stripe.PaymentIntentStatusRequiresPaymentMethod:
		// The buyer's browser may hold the intent's secret and could try another card: this order would not know.
		return release, cmp.Or(in.failure, "card_declined")
	}
	if lost != "" {
		return release, lost
	}
	switch in.status {
	case stripe.PaymentIntentStatusRequiresConfirmation:
		if f.Hold || f.won() {
			return confirm, ""
		}
	case stripe.PaymentIntentStatusRequiresAction:
		return step, ""
	case stripe.PaymentIntentStatusRequiresCapture:
		if f.won() {
			return capture, ""
		}
	}
	return rest, ""
}
