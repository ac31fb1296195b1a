package payments

import (
	"slices"
	"time"
)

// Kind is what is wrong between Stripe's books and ours.
type Kind string

// The kinds. docs/operations.md says what to do about each.
const (
	StrayIntent    Kind = "stray_intent"    // no charge names the intent, and it could still take money
	StrayMoney     Kind = "stray_money"     // no charge names the intent, and it has taken money
	OpenIntent     Kind = "open_intent"     // the charge has failed, and its intent could still take money
	FailedMoney    Kind = "failed_money"    // the charge has failed, and its intent has taken money
	PaidTwice      Kind = "paid_twice"      // more than one intent has kept money for one order
	Undecided      Kind = "undecided"       // the charge is not decided, long after its time
	NotCaptured    Kind = "not_captured"    // the charge is completed, and Stripe has taken nothing for it
	OtherAmount    Kind = "other_amount"    // Stripe has another amount or currency
	OtherOrder     Kind = "other_order"     // Stripe has it for another order
	NotRefunded    Kind = "not_refunded"    // the order is cancelled, and its money is neither back nor on its way
	RefundedSale   Kind = "refunded_sale"   // the money went back, and the order is completed
	UnknownRefund  Kind = "unknown_refund"  // Stripe has a refund that we don't know
	RefundChanged  Kind = "refund_changed"  // Stripe has it in another state
	MissingRefund  Kind = "missing_refund"  // we have a refund that Stripe does not know
	MissingIntent  Kind = "missing_intent"  // we took money with an intent that Stripe does not know
	MissingCharge  Kind = "missing_charge"  // an intent like ours has money for a charge that we don't know
	UnclearRefunds Kind = "unclear_refunds" // the sums of what went back differ
)

// kinds are all of them, each with the invariant that it breaks.
var kinds = []struct {
	kind      Kind
	invariant int // its number in docs/invariants.md
}{
	{StrayIntent, 4}, {StrayMoney, 4}, {OpenIntent, 4}, {FailedMoney, 4}, {PaidTwice, 5}, {Undecided, 6}, {NotCaptured, 4},
	{OtherAmount, 5}, {OtherOrder, 4}, {NotRefunded, 4}, {RefundedSale, 4}, {UnknownRefund, 4}, {RefundChanged, 4},
	{MissingRefund, 4}, {MissingIntent, 4}, {MissingCharge, 4}, {UnclearRefunds, 4},
}

// Kinds are all kinds of discrepancies.
func Kinds() []Kind {
	all := make([]Kind, len(kinds))
	for i, k := range kinds {
		all[i] = k.kind
	}
	return all
}

// Invariant is the number of the rule that a discrepancy of the kind breaks.
func (k Kind) Invariant() int {
	for _, known := range kinds {
		if known.kind == k {
			return known.invariant
		}
	}
	return 4
}

// remedy is what the reconciler does about a discrepancy by itself: only what is right whatever has happened.
type remedy string

const (
	nothing  remedy = ""
	giveUp   remedy = "cancel"  // cancel the intent, so that it never takes money
	handBack remedy = "refund"  // give the intent's money back
	settle   remedy = "decide"  // bring the charge to its end
	lookHard remedy = "refunds" // read the charge's refunds, and give back what is owed
)

// Discrepancy is something in which Stripe's books and ours do not agree.
type Discrepancy struct {
	Kind     Kind   `json:"kind"`
	IntentID string `json:"intentId,omitempty"`
	RefundID string `json:"refundId,omitempty"`
	ChargeID string `json:"chargeId,omitempty"`
	OrderID  string `json:"orderId,omitempty"`
	Sentence string `json:"sentence"` // what is wrong
	ByItself bool   `json:"byItself"` // the reconciler mends it; else an operator has to look

	FirstSeen time.Time `json:"firstSeen,omitzero"`
	LastSeen  time.Time `json:"lastSeen,omitzero"`
	FixedAt   time.Time `json:"fixedAt,omitzero"`
	Outcome   string    `json:"outcome,omitempty"` // what was done, or why it could not be done
	Tries     int       `json:"tries,omitempty"`   // to mend it, without success
	NextTry   time.Time `json:"nextTry,omitzero"`

	remedy  remedy
	routine bool // nothing can come of it, and nothing is wrong: it is only tidied up
}

// subject is what tells it from others of its kind.
func (d Discrepancy) subject() string {
	switch {
	case d.RefundID != "":
		return d.RefundID
	case d.IntentID != "":
		return d.IntentID
	}
	return d.ChargeID
}

func (d Discrepancy) same(other Discrepancy) bool {
	return d.Kind == other.Kind && d.subject() == other.subject()
}

// without are those of all that are not among others.
func without(all, others []Discrepancy) []Discrepancy {
	return slices.DeleteFunc(slices.Clone(all), func(d Discrepancy) bool { return slices.ContainsFunc(others, d.same) })
}
