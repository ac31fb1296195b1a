package payments

import (
	"fmt"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"pgregory.net/rapid"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

func TestEntriesBalance(t *testing.T) {
	c := Charge{ID: "c", OrderID: "o", Currency: "usd"}
	for name, lines := range map[string][]Line{
		"nothing":       nil,
		"one line":      {{forOrders, 5}},
		"not balanced":  {{forOrders, 5}, {atStripe, -4}},
		"a line of 0":   {{forOrders, 5}, {atStripe, -5}, {feesOf("s"), 0}},
		"same account":  {{forOrders, 5}, {forOrders, -5}},
		"all lines 0":   {{forOrders, 0}, {atStripe, 0}},
		"wrong way":     {{forOrders, 5}, {atStripe, 5}},
		"three off one": {{forOrders, -5}, {feesOf("s"), 1}, {earnedBy("s"), 3}},
	} {
		if e, err := newEntry(bookCapture, "c", c, lines...); err == nil {
			t.Errorf("%s is taken: %+v", name, e)
		}
	}
	if _, err := newEntry(bookCapture, "", c, Line{forOrders, 5}, Line{atStripe, -5}); err == nil {
		t.Error("an entry without a reference is taken")
	}
	if _, err := newEntry(bookCapture, "c", Charge{ID: "c", OrderID: "o"}, Line{forOrders, 5}, Line{atStripe, -5}); err == nil {
		t.Error("an entry without a currency is taken")
	}
	e, err := newEntry(bookSale, "c", c, Line{forOrders, -100}, Line{earnedBy("s"), 95}, Line{feesOf("s"), 5})
	if err != nil || e.of(feesOf("s")) != 5 || e.of(atStripe) != 0 {
		t.Errorf("%+v %v", e, err)
	}
	back, err := e.against(bookTakeBack, c, earnedBy("s"), dueTo("s"))
	if err != nil || back.of(dueTo("s")) != -95 || back.of(earnedBy("s")) != 0 || back.of(forOrders) != 100 {
		t.Errorf("%+v %v", back, err)
	}
}

func TestFeesAreRoundedDown(t *testing.T) {
	for _, c := range []struct {
		price    money.Amount
		rate     int
		currency string
		want     money.Amount
	}{
		{1999, 0, "usd", 0}, {1999, 250, "usd", 49}, {1999, 1, "usd", 0}, {9_999, 1, "usd", 0}, {10_000, 1, "usd", 1},
		{1999, 5_000, "usd", 999}, {1999, 9_999, "usd", 1998}, {1999, FullFee, "usd", 1999}, {1, 9_999, "usd", 0}, {1, FullFee, "usd", 1},
		{100_000_000, 333, "usd", 3_330_000}, {100_000_000, 1, "usd", 10_000},
		{500, 250, "jpy", 12}, {1, 5_000, "jpy", 0},
		{12_340, 333, "kwd", 410}, {12_340, FullFee, "kwd", 12_340}, {10, 9_999, "kwd", 0},
		{1 << 62, 9_999, "usd", 4611224849825545165}, // far beyond any price: no step overflows
	} {
		if got := feeOn(c.price, c.rate, c.currency); got != c.want {
			t.Errorf("%d basis points of %d %s are %d, want %d", c.rate, c.price, c.currency, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		price, rate := rapid.Int64Range(1, 1e11).Draw(t, "price"), rapid.IntRange(0, FullFee).Draw(t, "rate")
		fee := int64(feeOn(money.Amount(price), rate, "usd"))
		if exact := price * int64(rate); fee*FullFee > exact || exact-fee*FullFee >= FullFee {
			t.Fatalf("%d basis points of %d are not %d", rate, price, fee)
		}
	})
}

// sums adds up everything that was booked, by account.
type sums map[account]money.Amount

func (s sums) add(t *rapid.T, all []Entry) {
	for _, e := range all {
		var total money.Amount
		for _, l := range e.Lines {
			s[l.Account] += l.Amount
			total += l.Amount
		}
		if total != 0 {
			t.Fatalf("%+v is out of balance by %d", e, total)
		}
	}
}

// story is one order's money under a random sequence of all that can happen to it.
type story struct {
	deal
	sums
	rate    int
	refunds []refund
	paid    money.Amount
	known   map[string]bool // booked, by kind and reference
}

func (s *story) book(t *rapid.T) {
	s.deal.refunds = s.refunds
	all, err := s.missing(s.rate, func() string { return "sale" }, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		key := string(e.Kind) + " " + e.Reference
		if s.known[key] {
			t.Fatalf("%s is booked twice", key)
		}
		s.known[key] = true
	}
	s.add(t, all)
}

// given is what of the price is back with the buyer, or on its way there.
func (s *story) given() (sum money.Amount) {
	for _, r := range s.refunds {
		if r.stands() {
			sum += r.Amount
		}
	}
	return sum
}

// payOut is what the worker for payouts books.
func (s *story) payOut(t *rapid.T) {
	switch {
	case s.sale.ID == "" || s.sale.Status == salePaid:
		return
	case s.sale.Status == salePending:
		if e, ok, err := s.sale.matured(s.charge); err != nil {
			t.Fatal(err)
		} else if ok {
			s.add(t, []Entry{e})
		}
		s.sale.Status = saleAvailable
		return
	}
	if a := s.sale.owed(); a > 0 {
		e, err := moveMoney(bookPayout, "tr", s.charge, dueTo("ann"), atStripe, a)
		if err != nil {
			t.Fatal(err)
		}
		s.add(t, []Entry{e})
		s.paid = a
	}
	s.sale.Status = salePaid
}

func (s *story) check(t *rapid.T) {
	var all money.Amount
	for _, a := range s.sums {
		all += a
	}
	earned, due, fees := s.sums[earnedBy("ann")], s.sums[dueTo("ann")], s.sums[feesOf("ann")]
	switch {
	case all != 0:
		t.Fatalf("debits and credits differ by %d: %v", all, s.sums)
	case s.sums[forOrders] < 0 || earned < 0 || fees < 0:
		t.Fatalf("an account is overdrawn: %v", s.sums)
	case s.charge.Status == event.Completed && -s.sums[atStripe] != s.charge.Amount-s.given()-s.paid:
		t.Fatalf("Stripe holds %d of %d after %d back and %d paid out", -s.sums[atStripe], s.charge.Amount, s.given(), s.paid)
	case s.sale.ID != "" && s.sums[forOrders] != 0:
		t.Fatalf("a sold order still holds money: %v", s.sums)
	case s.sale.ID != "" && earned+due+s.paid != s.sale.owed():
		t.Fatalf("the sale says %d are the seller's: %v and %d paid", s.sale.owed(), s.sums, s.paid)
	case s.sale.ID != "" && s.given() == s.sale.Price && (s.sale.owed() != 0 || fees != 0):
		t.Fatalf("all is back and the seller keeps %d, the market %d", s.sale.owed(), fees)
	case s.sale.ID != "" && s.given() == 0 && (s.sale.owed() != s.sale.Earned || fees != s.sale.Fee):
		t.Fatalf("nothing is back and the seller has %d of %d, the market %d of %d", s.sale.owed(), s.sale.Earned, fees, s.sale.Fee)
	case s.paid == 0 && due < 0:
		t.Fatalf("the seller owes %d and was never paid", -due)
	}
}

// Whatever happens to an order's money, in whatever order it is heard of, debits are credits and nobody's money is
// somebody else's.
func TestTheLedgerUnderAnySequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := money.Amount(rapid.Int64Range(1, 500).Draw(t, "price"))
		s := &story{sums: sums{}, known: map[string]bool{}, rate: rapid.IntRange(0, FullFee).Draw(t, "rate")}
		s.charge = Charge{ID: "c", OrderID: "o", Status: event.Created, Amount: price, Currency: "usd"}
		s.order = Order{ID: "o", SellerID: "ann", Status: event.AwaitingPayment, Amount: price}
		t.Repeat(map[string]func(*rapid.T){
			"": s.check,
			"capture": func(t *rapid.T) {
				s.charge.Status = event.Completed
				s.book(t)
			},
			"complete": func(t *rapid.T) {
				s.order.Status = event.Completed
				s.book(t)
			},
			"refund": func(t *rapid.T) {
				left := price - s.given()
				if s.charge.Status != event.Completed || left == 0 {
					t.Skip("there is nothing to give back")
				}
				a := money.Amount(rapid.Int64Range(1, int64(left)).Draw(t, "amount"))
				s.refunds = append(s.refunds, refund{ID: fmt.Sprint("re", len(s.refunds)), Amount: a, Status: stripe.RefundStatusPending})
				s.book(t)
			},
			"refund fails": func(t *rapid.T) {
				if len(s.refunds) == 0 {
					t.Skip("there is no refund")
				}
				s.refunds[rapid.IntRange(0, len(s.refunds)-1).Draw(t, "which")].Status = stripe.RefundStatusFailed
				s.book(t)
			},
			"pay out": func(t *rapid.T) { s.payOut(t); s.book(t) },
		})
	})
}
