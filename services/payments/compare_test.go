package payments

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"golang.org/x/time/rate"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

const (
	bookCharge = "0198c0de-0000-7000-8000-000000000001"
	bookOrder  = "0198c0de-0000-7000-8000-00000000000a"
)

var (
	bookTime = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	longAgo  = bookTime.Add(-time.Hour)
	justNow  = bookTime.Add(-margin + time.Second)
)

// book is an order that was paid as it should be, as Stripe and we have it.
type book struct {
	comparison
	in *theirs
	c  *ours
}

func newBook(status, order string, refunds ...refund) *book {
	b := &book{comparison: comparison{now: bookTime, complete: true, absent: map[string]bool{}}}
	b.c = &ours{order: order, rows: refunds, Charge: Charge{ID: bookCharge, OrderID: bookOrder, Status: status, Amount: 1999,
		Currency: "usd", StripeID: "pi_own", CreatedAt: longAgo, UpdatedAt: longAgo}}
	b.in = &theirs{id: "pi_own", orderID: bookOrder, chargeID: bookCharge, status: stripe.PaymentIntentStatusSucceeded,
		currency: "usd", amount: 1999, taken: 1999, created: longAgo}
	switch status {
	case event.ChargeFailed:
		b.in.status, b.in.taken = stripe.PaymentIntentStatusCanceled, 0
	case event.Created:
		b.in.status, b.in.taken, b.in.held = stripe.PaymentIntentStatusRequiresCapture, 0, 1999
	}
	for _, r := range refunds {
		b.give(r.ID, r.Status, r.Amount)
	}
	b.c.RefundStatus = sumUp(refunds).status
	return b
}

func aRefund(id string, status stripe.RefundStatus) refund {
	return refund{ID: id, ChargeID: bookCharge, Amount: 1999, Status: status, CreatedAt: longAgo}
}

// give adds a refund at Stripe.
func (b *book) give(id string, status stripe.RefundStatus, amount money.Amount) {
	r := theirRefund{refund: refund{ID: id, Status: status, CreatedAt: longAgo}, intentID: b.in.id, amount: int64(amount), currency: "usd"}
	if r.stands() {
		b.in.back += r.amount
	}
	b.refunds = append(b.refunds, r)
}

// stray adds another intent of the order.
func (b *book) stray(id string, change func(in *theirs)) {
	in := *b.in
	in.id, in.taken, in.back, in.status = id, 0, 0, stripe.PaymentIntentStatusRequiresConfirmation
	change(&in)
	b.intents = append(b.intents, in)
}

func (b *book) compare() []Discrepancy {
	x := b.comparison
	if b.in != nil {
		x.intents = append(slices.Clone(x.intents), *b.in)
	}
	if b.c != nil {
		x.charges = map[string]ours{b.c.ID: *b.c}
	}
	return x.find()
}

// Books that agree, in every state that an order can rest in.
func TestBooksThatAgree(t *testing.T) {
	back, failed := aRefund("re_1", stripe.RefundStatusSucceeded), aRefund("re_0", stripe.RefundStatusFailed)
	for name, b := range map[string]*book{
		"paid":                      newBook(event.Completed, event.Completed),
		"paid, not followed yet":    newBook(event.Completed, event.AwaitingPayment),
		"refunded":                  newBook(event.Completed, event.Cancelled, back),
		"refund on its way":         newBook(event.Completed, event.Cancelled, aRefund("re_1", stripe.RefundStatusPending)),
		"refunded at second try":    newBook(event.Completed, event.Cancelled, back, failed),
		"declined or cancelled":     newBook(event.ChargeFailed, event.Cancelled),
		"declined, paid by another": newBook(event.ChargeFailed, event.Completed),
	} {
		if found := b.compare(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
	for name, change := range map[string]func(b *book){
		"a payment of another program": func(b *book) {
			b.stray("pi_else", func(in *theirs) { in.chargeID, in.orderID, in.taken, in.currency = "", "", 5, "xyz" })
		},
		"an empty intent of another market": func(b *book) { b.stray("pi_else", func(in *theirs) { in.chargeID = bookOrder }) },
		"a stray that is cancelled": func(b *book) {
			b.stray("pi_2", func(in *theirs) { in.status = stripe.PaymentIntentStatusCanceled })
		},
		"a stray whose money is back": func(b *book) {
			b.stray("pi_2", func(in *theirs) { in.status, in.taken, in.back = stripe.PaymentIntentStatusSucceeded, 1999, 1999 })
		},
		"a refund of another program": func(b *book) {
			b.refunds = append(b.refunds, theirRefund{refund: aRefund("re_x", stripe.RefundStatusSucceeded), intentID: "pi_else", amount: 5})
		},
	} {
		b := newBook(event.Completed, event.Completed)
		change(b)
		if found := b.compare(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// wrongs has every kind of discrepancy, and what is done about it.
var wrongs = map[string]struct {
	book func() *book
	kind Kind
	does remedy
	says string
}{
	"an intent whose creation got no answer": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.c.StripeID, b.in.status = "", stripe.PaymentIntentStatusRequiresConfirmation
		return b
	}, StrayIntent, giveUp, "requires_confirmation"},
	"a second intent that holds money": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.stray("pi_2", func(in *theirs) { in.status, in.held = stripe.PaymentIntentStatusRequiresCapture, 1999 })
		return b
	}, StrayIntent, giveUp, "pi_2"},
	"a stray that took money": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.stray("pi_2", func(in *theirs) { in.status, in.taken = stripe.PaymentIntentStatusSucceeded, 1999 })
		return b
	}, StrayMoney, handBack, "19.99 USD"},
	"a stray with the only money for a ticket": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.c.StripeID = "pi_gone"
		b.absent["pi_gone"] = true
		return b
	}, StrayMoney, nothing, "pi_gone"},
	"an open intent after a decline": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.in.status = stripe.PaymentIntentStatusRequiresPaymentMethod
		return b
	}, OpenIntent, giveUp, "requires_payment_method"}, // a routine one
	"a step that was left open": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.in.status = stripe.PaymentIntentStatusRequiresAction
		return b
	}, OpenIntent, giveUp, "requires_action"},
	"a hold that was not let go": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.in.status, b.in.held = stripe.PaymentIntentStatusRequiresCapture, 1999
		return b
	}, OpenIntent, giveUp, "requires_capture"},
	"money of a failed charge": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.in.status, b.in.taken = stripe.PaymentIntentStatusSucceeded, 1999
		return b
	}, FailedMoney, handBack, "kept 19.99 USD"},
	"a part of the money of a failed charge": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.in.status, b.in.taken, b.in.back = stripe.PaymentIntentStatusSucceeded, 1999, 1998
		return b
	}, FailedMoney, handBack, "kept 0.01 USD"},
	"an order paid twice": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.stray("pi_2", func(in *theirs) { in.status, in.taken = stripe.PaymentIntentStatusSucceeded, 1999 })
		return b
	}, PaidTwice, handBack, "paid twice, by pi_own"},
	"a charge that nobody decides": {func() *book { return newBook(event.Created, event.AwaitingPayment) },
		Undecided, settle, "requires_capture"},
	"a charge that was taken and nobody noted it": {func() *book {
		b := newBook(event.Created, event.AwaitingPayment)
		b.in.status, b.in.taken, b.in.held = stripe.PaymentIntentStatusSucceeded, 1999, 0
		return b
	}, Undecided, settle, "succeeded"},
	"a charge that never got to Stripe": {func() *book {
		b := newBook(event.Created, event.AwaitingPayment)
		b.c.StripeID, b.in.chargeID, b.in.orderID, b.in.held = "", "", "", 0
		return b
	}, Undecided, settle, "no payment at Stripe"},
	"a completed charge that is only held": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.in.status, b.in.taken, b.in.held = stripe.PaymentIntentStatusRequiresCapture, 0, 1999
		return b
	}, NotCaptured, nothing, "Stripe took nothing"},
	"a completed charge that was released": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.in.status, b.in.taken = stripe.PaymentIntentStatusCanceled, 0
		return b
	}, NotCaptured, nothing, "canceled"},
	"a cent too little": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.in.taken--
		return b
	}, OtherAmount, nothing, "took 19.98 USD"},
	"another sum": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.in.amount, b.in.taken = 2000, 2000
		return b
	}, OtherAmount, nothing, "over 20.00 USD"},
	"another currency": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.in.currency = "eur"
		return b
	}, OtherAmount, nothing, "19.99 EUR"},
	"another sum of a refund": {func() *book {
		b := newBook(event.Completed, event.Cancelled, aRefund("re_1", stripe.RefundStatusSucceeded))
		b.refunds[0].amount = 1998
		return b
	}, OtherAmount, nothing, "19.98 USD"},
	"another order": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.in.orderID = bookCharge
		return b
	}, OtherOrder, nothing, "order \"" + bookCharge},
	"a stray of another order": {func() *book {
		b := newBook(event.ChargeFailed, event.Cancelled)
		b.stray("pi_2", func(in *theirs) { in.orderID = bookCharge })
		return b
	}, OtherOrder, nothing, "pi_2"},
	"money of a cancelled order": {func() *book { return newBook(event.Completed, event.Cancelled) },
		NotRefunded, lookHard, "neither back nor on its way"},
	"money of a cancelled order that is disputed": {func() *book {
		b := newBook(event.Completed, event.Cancelled)
		b.in.disputed = true
		return b
	}, NotRefunded, nothing, "disputes"},
	"a refund of a sale": {func() *book {
		b := newBook(event.Completed, event.Completed, aRefund("re_1", stripe.RefundStatusSucceeded))
		return b
	}, RefundedSale, nothing, "19.99 USD"},
	"a refund that is not in our books": {func() *book {
		b := newBook(event.Completed, event.Cancelled)
		b.give("re_1", stripe.RefundStatusSucceeded, 1999)
		return b
	}, UnknownRefund, lookHard, "re_1 of 19.99 USD"},
	"a refund that failed late": {func() *book {
		b := newBook(event.Completed, event.Cancelled, aRefund("re_1", stripe.RefundStatusSucceeded))
		b.refunds[0].Status, b.in.back = stripe.RefundStatusFailed, 0
		return b
	}, RefundChanged, lookHard, "failed at Stripe, and succeeded in our books"},
	"a refund that stands after all": {func() *book {
		b := newBook(event.Completed, event.Cancelled, aRefund("re_1", stripe.RefundStatusSucceeded), aRefund("re_0", stripe.RefundStatusFailed))
		b.refunds[1].Status = stripe.RefundStatusSucceeded
		return b
	}, RefundChanged, nothing, "re_0"},
	"a refund that Stripe does not know": {func() *book {
		b := newBook(event.Completed, event.Cancelled, aRefund("re_1", stripe.RefundStatusSucceeded))
		b.refunds, b.in.back = nil, 0
		return b
	}, MissingRefund, nothing, "no such refund"},
	"an intent that Stripe does not know": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.in.id, b.in.chargeID, b.in.orderID = "pi_else", "", ""
		b.absent["pi_own"] = true
		return b
	}, MissingIntent, nothing, "does not know its payment \"pi_own\""},
	"money for a charge that we don't know": {func() *book {
		b := newBook(event.Completed, event.Completed)
		b.c = nil
		return b
	}, MissingCharge, nothing, "not in our database"},
	"a hold for a charge that we don't know": {func() *book {
		b := newBook(event.Created, event.AwaitingPayment)
		b.c = nil
		return b
	}, MissingCharge, nothing, "19.99 USD"},
	"sums that differ": {func() *book {
		b := newBook(event.Completed, event.Cancelled, aRefund("re_1", stripe.RefundStatusSucceeded))
		b.in.back--
		return b
	}, UnclearRefunds, lookHard, "19.98 USD"},
}

func TestEachDiscrepancy(t *testing.T) {
	seen := map[Kind]bool{}
	for name, w := range wrongs {
		found := w.book().compare()
		i := slices.IndexFunc(found, func(d Discrepancy) bool { return d.Kind == w.kind })
		if i < 0 {
			t.Errorf("%s: found %v, not %s", name, found, w.kind)
			continue
		}
		seen[w.kind] = true
		if routine := strings.Contains(w.says, "requires_payment_method"); found[i].routine != routine {
			t.Errorf("%s: routine is %v", name, !routine)
		}
		d := found[i]
		if d.remedy != w.does || d.ByItself != (w.does != nothing) || !strings.Contains(d.Sentence, w.says) || d.subject() == "" {
			t.Errorf("%s: %+v", name, d)
		}
		for _, other := range found {
			if other.Kind != w.kind && !belongs(w.kind, other.Kind) {
				t.Errorf("%s: found %s too: %s", name, other.Kind, other.Sentence)
			}
		}
	}
	for _, k := range Kinds() {
		if !seen[k] {
			t.Errorf("no case for %s", k)
		}
	}
}

// belongs tells which discrepancies come together for one reason.
func belongs(kind, other Kind) bool {
	switch kind {
	case StrayMoney:
		return other == MissingIntent
	case RefundChanged, MissingRefund, UnknownRefund:
		return other == NotRefunded
	}
	return false
}

// What has only just happened may be on its way between Stripe and us.
func TestWhatIsYoungIsNotCompared(t *testing.T) {
	for name, w := range wrongs {
		b := w.book()
		if b.c != nil {
			b.c.CreatedAt, b.c.UpdatedAt = justNow, justNow
			for i := range b.c.rows {
				b.c.rows[i].CreatedAt = justNow
			}
		}
		b.in.created = justNow
		for i := range b.intents {
			b.intents[i].created = justNow
		}
		for i := range b.refunds {
			b.refunds[i].CreatedAt = justNow
		}
		if found := b.compare(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// A charge that somebody looks at soon is not reported for what that look will find.
func TestWhatIsLookedAtAnywayIsLeftAlone(t *testing.T) {
	for _, name := range []string{"a refund that failed late", "a refund that is not in our books", "sums that differ"} {
		b := wrongs[name].book()
		b.c.dueAt, b.c.RefundDue = bookTime.Add(time.Minute), true
		if found := b.compare(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
		b.c.dueAt, b.c.RefundDue = longAgo, false
		if found := b.compare(); len(found) == 0 {
			t.Errorf("%s: nothing is found though nobody looks", name)
		}
	}
	b := newBook(event.Created, event.AwaitingPayment)
	b.c.StripeID, b.c.CreatedAt, b.c.UpdatedAt = "", justNow, justNow
	if found := b.compare(); len(found) > 0 {
		t.Errorf("a charge that may still learn its intent: %v", found)
	}
}

// The order in which the books are read out changes nothing.
func TestComparisonHasNoOrder(t *testing.T) {
	b := newBook(event.Completed, event.Completed)
	for _, id := range []string{"pi_2", "pi_3", "pi_4", "pi_5"} {
		b.stray(id, func(in *theirs) { in.status, in.taken = stripe.PaymentIntentStatusSucceeded, 1999 })
	}
	first := b.compare()
	if len(first) != 4 {
		t.Fatalf("%v", first)
	}
	for range 20 {
		rand.Shuffle(len(b.intents), func(i, j int) { b.intents[i], b.intents[j] = b.intents[j], b.intents[i] })
		if again := b.compare(); !slices.Equal(first, again) {
			t.Fatalf("%v\n%v", first, again)
		}
	}
}

// ReconcileRest goes on with the slow pass over everything, as the reconciler does when it has time.
func (s *Service) ReconcileRest(ctx context.Context) (more bool, err error) {
	return s.reconcileRest(ctx, nil)
}

// ReconcileFor is a round of the reconciler at a pace that nobody has to wait for.
func (s *Service) ReconcileFor(ctx context.Context) error {
	return s.reconcileFor(ctx, rate.NewLimiter(rate.Inf, 1), time.Now().Add(time.Hour))
}
