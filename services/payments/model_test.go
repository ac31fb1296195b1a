package payments

import (
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
)

// world is everything that matters to the money of one order, at one moment: orders, payments, Stripe, the buyer, and what
// is on its way between them. What payments does in it is decided by file.next, what orders does by Claims; the rest is as
// simple as it can be, and every step that can happen is tried at every moment.
type world struct {
	said     [8]saidOrder // what orders has said of the order, in its order
	n, heard int8         // how much of it there is, and what of it payments has heard last
	phase    phase
	charges  [2]modelCharge
	actors   [2]actor // the request that pays, and the background worker
}

type saidOrder struct {
	status orderStatus
	charge int8 // that has it, from 1; 0: none
}

type orderStatus int8

const (
	awaiting orderStatus = iota
	completed
	cancelled
)

// phase is how far the order's time has gone.
type phase int8

const (
	inTime phase = iota
	expired
	waitedEnough // orders waits no longer for the charge that has it
)

// modelCharge is one charge: at payments, at orders and at Stripe.
type modelCharge struct {
	status  chargeStatus
	learnt  bool // the intent's id is stored
	overdue bool
	counts  bool // as a failed attempt
	owed    bool // money is to go back
	told    chargeStatus
	intent  intentStatus
	back    bool                         // the money went back
	secret  bool                         // the buyer's browser has it
	answers [operationCount]intentStatus // that Stripe keeps under the key of each operation
	late    [operationCount]bool         // a request that nobody waits for any more is still under way
}

type chargeStatus int8

const (
	noCharge chargeStatus = iota
	undecided
	took
	failed
)

type intentStatus int8

const (
	noIntent intentStatus = iota
	toConfirm
	inStep
	onHold
	taken
	givenUp
	declined
	refused // no status, but an answer: the bank said no
)

var stripeStatus = [...]stripe.PaymentIntentStatus{"", stripe.PaymentIntentStatusRequiresConfirmation, stripe.PaymentIntentStatusRequiresAction,
	stripe.PaymentIntentStatusRequiresCapture, stripe.PaymentIntentStatusSucceeded, stripe.PaymentIntentStatusCanceled,
	stripe.PaymentIntentStatusRequiresPaymentMethod}

// The operations that change an intent at Stripe.
const (
	doConfirm = iota
	doCapture
	doCancel
	operationCount
)

var operationOf = map[move]int{confirm: doConfirm, capture: doCapture, release: doCancel}

// actor is one flow of control in payments: what it has seen of its charge's intent and what it is about to do. It may die
// at every moment.
type actor struct {
	charge  int8 // from 1; 0: it does nothing
	seen    intentStatus
	about   move // rest: it is about to look what is next
	knew    bool // the intent's id, when it looked
	refused bool // the bank has said no, and it is about to fail the charge
	renewed bool // it has read Stripe, and asks under a new key
}

// names of what is said and known.
var (
	orderNames  = [...]string{event.AwaitingPayment, event.Completed, event.Cancelled}
	chargeNames = [...]string{"", event.Created, event.Completed, event.ChargeFailed}
	chargeIDs   = [...]string{"", "first", "second"}
)

// modelStart is when the order is made; it ends after a quarter of an hour.
var (
	modelStart = time.Date(2027, 3, 1, 20, 0, 0, 0, time.UTC)
	modelEnd   = modelStart.Add(15 * time.Minute)
)

func (w *world) order() saidOrder { return w.said[w.n-1] }

// now is a moment of the phase.
func (w *world) now() time.Time {
	return [...]time.Time{modelStart, modelEnd, modelEnd.Add(Grace)}[w.phase]
}

// claims is the order for its rules.
func (w *world) claims() Claims {
	o := w.order()
	return Claims{Status: orderNames[o.status], ChargeID: chargeIDs[o.charge], ExpiresAt: modelEnd}
}

// say adds what the rules have made of the order.
func (w *world) say(c Claims) {
	var o saidOrder
	for i, name := range orderNames {
		if name == c.Status {
			o.status = orderStatus(i)
		}
	}
	for i, id := range chargeIDs {
		if id == c.ChargeID {
			o.charge = int8(i)
		}
	}
	w.said[w.n] = o
	w.n++
}

// file is what payments knows of charge i, for the protocol to decide on.
func (w *world) file(i int8, hold bool) file {
	c, o := w.charges[i-1], w.said[w.heard]
	f := file{now: modelStart, order: Order{ID: "o", Status: orderNames[o.status], ChargeID: chargeIDs[o.charge]},
		Charge: Charge{ID: chargeIDs[i], OrderID: "o", Status: chargeNames[c.status], Hold: hold, CreatedAt: modelStart}}
	if c.learnt {
		f.StripeID = "pi"
	}
	if c.overdue {
		f.now = modelStart.Add(patience)
	}
	return f
}

// hear is what orders does when it hears of charge i in a state.
func (w *world) hear(i int8, status chargeStatus, allowed int) {
	w.charges[i-1].told = status
	undecidedID, n := "", 0
	for j := range w.charges {
		c := &w.charges[j]
		if c.told == undecided && undecidedID == "" {
			undecidedID = chargeIDs[j+1]
		}
		if c.told == failed && c.counts {
			n++
		}
	}
	c := w.claims()
	if c.Hear(chargeIDs[i], chargeNames[status], undecidedID, n, allowed, w.now()) {
		w.say(c)
	}
}

// listen is what payments does when it hears of the order.
func (w *world) listen(to int8, forgetful bool) {
	w.heard = to
	if w.said[to].status != cancelled || forgetful {
		return
	}
	for i := range w.charges {
		if c := &w.charges[i]; c.status == took && !c.back {
			c.owed = true
		}
	}
}
