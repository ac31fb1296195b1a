package payments

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

// theirs is a PaymentIntent and its money as Stripe shows them; amounts are as Stripe counts them.
type theirs struct {
	id       string
	orderID  string // of ours, from its metadata
	chargeID string
	status   stripe.PaymentIntentStatus
	currency string
	amount   int64
	held     int64 // and not taken yet
	taken    int64
	back     int64 // given back, or on its way
	disputed bool
	created  time.Time
}

func (t theirs) kept() int64 { return t.taken - t.back }

// open tells whether it could still take money, and can be given up.
func (t theirs) open() bool {
	switch t.status {
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusRequiresConfirmation,
		stripe.PaymentIntentStatusRequiresAction, stripe.PaymentIntentStatusRequiresCapture:
		return true
	}
	return false
}

// likeOurs tells whether the metadata are as we write them.
func (t theirs) likeOurs() bool {
	return uuid.Validate(t.chargeID) == nil && uuid.Validate(t.orderID) == nil
}

// format is an amount of Stripe's for people.
func (t theirs) format(n int64) string { return formatTheirs(n, t.currency) }

func formatTheirs(n int64, currency string) string {
	return money.Currency{Code: currency, Decimals: stripeDecimals(currency)}.Format(money.Amount(n))
}

// theirRefund is a refund as Stripe shows it.
type theirRefund struct {
	refund
	intentID string
	amount   int64 // as Stripe counts
	currency string
}

// ours is a charge with what belongs to it.
type ours struct {
	Charge
	order string    // the status of its order
	dueAt time.Time // when somebody looks at it by itself; zero: never
	rows  []refund
}

// wanted is the charge's amount as Stripe counts it.
func (c ours) wanted() int64 {
	n, err := stripeAmount(c.Amount, c.Currency)
	if err != nil {
		return -1 // Stripe cannot have taken that
	}
	return n
}

// given is how much went back, or is on its way, by our books, as Stripe counts it.
func (c ours) given() (sum int64) {
	for _, r := range c.rows {
		if r.stands() {
			n, err := stripeAmount(r.Amount, c.Currency)
			if err != nil {
				return -1
			}
			sum += n
		}
	}
	return sum
}

// comparison holds Stripe's books against ours. What it has of Stripe's was read before what it has of ours, and whatever
// has changed within the margin may still be on its way from one to the other: it is left alone.
type comparison struct {
	now      time.Time
	intents  []theirs
	refunds  []theirRefund
	complete bool            // these are all refunds of these intents
	absent   map[string]bool // intents that Stripe was asked for and does not know
	charges  map[string]ours // by id: all that the intents and the refunds belong to, if we have them
	found    []Discrepancy
}

// margin is how long things may be on their way between Stripe and us: a charge is decided within two minutes.
const margin = 3 * time.Minute

func (x *comparison) old(t time.Time) bool { return x.now.Sub(t) >= margin }

// find is everything in which the two do not agree. It is a function of the books alone.
func (x *comparison) find() []Discrepancy {
	named := map[string]ours{}
	for _, c := range x.charges {
		if c.StripeID != "" {
			named[c.StripeID] = c
		}
	}
	for _, in := range x.intents {
		if c, ok := named[in.id]; ok {
			x.compareOwn(in, c)
		} else if c, ok := x.charges[in.chargeID]; ok {
			x.compareStray(in, c)
		} else if in.likeOurs() && x.old(in.created) && in.kept()+in.held > 0 {
			x.add(MissingCharge, nothing, in, ours{}, "payment %s has %s for charge %s of order %s, which are not in our database",
				in.id, in.format(in.kept()+in.held), in.chargeID, in.orderID)
		}
	}
	for _, r := range x.refunds {
		if c, ok := named[r.intentID]; ok {
			x.compareRefund(r, c)
		}
	}
	for _, c := range x.charges {
		x.compareCharge(c)
	}
	x.compareSums(named)
	x.findDoubles(named)
	slices.SortFunc(x.found, func(a, b Discrepancy) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.subject(), b.subject()))
	})
	return x.found
}

func (x *comparison) add(k Kind, r remedy, in theirs, c ours, format string, args ...any) *Discrepancy {
	x.found = append(x.found, Discrepancy{Kind: k, IntentID: in.id, ChargeID: cmp.Or(c.ID, in.chargeID),
		OrderID: cmp.Or(c.OrderID, in.orderID), Sentence: fmt.Sprintf(format, args...), ByItself: r != nothing, remedy: r})
	return &x.found[len(x.found)-1]
}

// compareOwn compares an intent with the charge that names it. An undecided one is compareCharge's.
func (x *comparison) compareOwn(in theirs, c ours) {
	if !c.Decided() || !x.old(c.UpdatedAt) {
		return
	}
	if in.chargeID != c.ID || in.orderID != c.OrderID {
		x.add(OtherOrder, nothing, in, c, "payment %s of charge %s for order %s says at Stripe that it is of charge %q for order %q",
			in.id, c.ID, c.OrderID, in.chargeID, in.orderID)
		return
	}
	if in.currency != c.Currency || in.amount != c.wanted() {
		x.add(OtherAmount, nothing, in, c, "payment %s is over %s, and charge %s over %s",
			in.id, in.format(in.amount), c.ID, formatTheirs(c.wanted(), c.Currency))
		return
	}
	if c.Status == event.Completed {
		x.compareCompleted(in, c)
		return
	}
	switch {
	case in.kept() > 0:
		x.add(FailedMoney, handBack, in, c, "payment %s kept %s, and charge %s of order %s has failed",
			in.id, in.format(in.kept()), c.ID, c.OrderID)
	case in.open():
		// After a decline an intent waits for another card. Nobody has its secret, or it would have been given up at once.
		x.add(OpenIntent, giveUp, in, c, "payment %s is still open (%s), and charge %s of order %s has failed",
			in.id, in.status, c.ID, c.OrderID).routine = in.status == stripe.PaymentIntentStatusRequiresPaymentMethod
	}
}

func (x *comparison) compareCompleted(in theirs, c ours) {
	switch {
	case in.status != stripe.PaymentIntentStatusSucceeded || in.taken == 0:
		x.add(NotCaptured, nothing, in, c, "charge %s of order %s is completed, and Stripe took nothing: payment %s is %s",
			c.ID, c.OrderID, in.id, in.status)
		return
	case in.taken != c.wanted():
		x.add(OtherAmount, nothing, in, c, "payment %s took %s for charge %s over %s",
			in.id, in.format(in.taken), c.ID, formatTheirs(c.wanted(), c.Currency))
		return
	}
	if c.order == event.Completed && in.back > 0 && !x.refundedLately(in) {
		x.add(RefundedSale, nothing, in, c, "order %s is completed, and %s of its payment %s went back",
			c.OrderID, in.format(in.back), in.id)
	}
	if c.order == event.Cancelled && in.kept() > 0 && !c.RefundDue && c.given() < c.wanted() {
		x.notRefunded(in, c)
	}
}

// notRefunded is money that is owed to a buyer, and nobody is giving it back.
func (x *comparison) notRefunded(in theirs, c ours) {
	r, why := lookHard, ""
	if in.disputed {
		r, why = nothing, "; the buyer disputes it, so that their bank decides"
	}
	x.add(NotRefunded, r, in, c, "order %s is cancelled, and %s of its payment %s is neither back nor on its way%s",
		c.OrderID, in.format(in.kept()), in.id, why)
}

// inWork tells whether somebody looks at the charge by itself now or soon.
func (x *comparison) inWork(c ours) bool { return !c.dueAt.IsZero() && !x.old(c.dueAt) }

// refundedLately tells whether the intent has a refund of which not all may have heard yet.
func (x *comparison) refundedLately(in theirs) bool {
	return slices.ContainsFunc(x.refunds, func(r theirRefund) bool { return r.intentID == in.id && !x.old(r.CreatedAt) })
}

// compareStray compares an intent with the charge that it was made for, and that does not name it: its id was never learnt.
// So it was never confirmed by us. While the charge is undecided and names none, it may still learn this one.
func (x *comparison) compareStray(in theirs, c ours) {
	if !x.old(in.created) || !c.Decided() && c.StripeID == "" {
		return
	}
	if in.orderID != c.OrderID {
		x.add(OtherOrder, nothing, in, c, "payment %s says at Stripe that it is for order %q, and its charge %s is for order %s",
			in.id, in.orderID, c.ID, c.OrderID)
		return
	}
	switch {
	case in.kept() > 0:
		r := handBack
		if c.Status == event.Completed && !x.keepsMoney(c) {
			r = nothing // it may be all that there is for a ticket that was delivered
		}
		x.add(StrayMoney, r, in, c, "payment %s kept %s for order %s, and its charge %s names %q",
			in.id, in.format(in.kept()), c.OrderID, c.ID, c.StripeID)
	case in.open():
		x.add(StrayIntent, giveUp, in, c, "payment %s is open (%s), and its charge %s, which is %s, names %q",
			in.id, in.status, c.ID, c.Status, c.StripeID)
	}
}

// keepsMoney tells whether the intent that the charge names is known to keep its money.
func (x *comparison) keepsMoney(c ours) bool {
	return slices.ContainsFunc(x.intents, func(in theirs) bool { return in.id == c.StripeID && in.kept() == c.wanted() })
}

// compareRefund compares a refund at Stripe with our row of it.
func (x *comparison) compareRefund(r theirRefund, c ours) {
	if c.Status != event.Completed || !x.old(r.CreatedAt) || x.inWork(c) {
		return
	}
	in := theirs{id: r.intentID, currency: r.currency}
	i := slices.IndexFunc(c.rows, func(row refund) bool { return row.ID == r.ID })
	if i < 0 {
		x.add(UnknownRefund, lookHard, in, c, "refund %s of %s for charge %s, %s at Stripe, is not in our books",
			r.ID, in.format(r.amount), c.ID, r.Status).RefundID = r.ID
		return
	}
	row := c.rows[i]
	n, err := stripeAmount(row.Amount, c.Currency)
	switch {
	case err != nil || n != r.amount || r.currency != c.Currency:
		x.add(OtherAmount, nothing, in, c, "refund %s of charge %s is over %s at Stripe, and over %s in our books",
			r.ID, c.ID, in.format(r.amount), formatTheirs(n, c.Currency)).RefundID = r.ID
	case row.Status != r.Status && (row.stands() || r.stands()):
		how := lookHard
		if !row.stands() {
			how = nothing // what was called failed stays so in our books, and the money may have gone a second time
		}
		x.add(RefundChanged, how, in, c, "refund %s of charge %s is %s at Stripe, and %s in our books",
			r.ID, c.ID, r.Status, row.Status).RefundID = r.ID
	}
}

// compareSums compares what went back of an intent with what our rows say, where each refund alone seems to be in order.
func (x *comparison) compareSums(named map[string]ours) {
	for _, in := range x.intents {
		c, ok := named[in.id]
		explained := slices.ContainsFunc(x.found, func(d Discrepancy) bool { return d.RefundID != "" && d.IntentID == in.id })
		if !ok || explained || c.Status != event.Completed || !x.old(c.UpdatedAt) || x.inWork(c) || x.refundedLately(in) {
			continue
		}
		if in.taken > 0 && in.back != c.given() {
			x.add(UnclearRefunds, lookHard, in, c, "%s of payment %s went back, and by our books %s",
				in.format(in.back), in.id, in.format(c.given()))
		}
	}
}

// compareCharge finds what Stripe does not have.
func (x *comparison) compareCharge(c ours) {
	in, known := x.intentNamed(c.StripeID)
	switch {
	case !c.Decided() && x.old(c.CreatedAt):
		status := "it has no payment at Stripe"
		if known {
			status = fmt.Sprintf("its payment %s is %s at Stripe", in.id, in.status)
		}
		x.add(Undecided, settle, theirs{}, c, "charge %s of order %s has been undecided for %v; %s",
			c.ID, c.OrderID, x.now.Sub(c.CreatedAt).Round(time.Second), status)
	case c.Status == event.Completed && (c.StripeID == "" || x.absent[c.StripeID]) && x.old(c.UpdatedAt):
		x.add(MissingIntent, nothing, theirs{id: c.StripeID}, c, "charge %s of order %s is completed, and Stripe does not know its payment %q",
			c.ID, c.OrderID, c.StripeID)
	}
	if !x.complete || !known {
		return
	}
	for _, row := range c.rows {
		if x.old(row.CreatedAt) && !slices.ContainsFunc(x.refunds, func(r theirRefund) bool { return r.ID == row.ID }) {
			x.add(MissingRefund, nothing, in, c, "refund %s of charge %s is %s in our books, and Stripe has no such refund of payment %s",
				row.ID, c.ID, row.Status, in.id).RefundID = row.ID
		}
	}
}

func (x *comparison) intentNamed(id string) (theirs, bool) {
	i := slices.IndexFunc(x.intents, func(in theirs) bool { return id != "" && in.id == id })
	if i < 0 {
		return theirs{}, false
	}
	return x.intents[i], true
}

// findDoubles finds orders for which more than one intent keeps money. What the completed charge names is the order's.
func (x *comparison) findDoubles(named map[string]ours) {
	paid := map[string]string{} // the intent that may keep its money, by order
	for _, in := range x.intents {
		if c, ok := named[in.id]; ok && c.Status == event.Completed && in.kept() > 0 {
			if first := paid[c.OrderID]; first != "" && first != in.id {
				x.add(PaidTwice, nothing, in, c, "order %s was paid twice, by %s and %s", c.OrderID, first, in.id)
			}
			paid[c.OrderID] = in.id
		}
	}
	for i, d := range x.found {
		if first := paid[d.OrderID]; first != "" && (d.Kind == StrayMoney || d.Kind == FailedMoney) {
			x.found[i].Kind = PaidTwice
			x.found[i].Sentence = fmt.Sprintf("order %s was paid twice, by %s: %s", d.OrderID, first, d.Sentence)
		}
	}
}
