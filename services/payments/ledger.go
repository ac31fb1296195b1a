package payments

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"ticketing/kernel/money"
)

// account is a place in the ledger where money is counted. What is owed to somebody is positive.
type account string

const (
	atStripe  account = "stripe" // where the money lies: minus what Stripe holds for us
	forOrders account = "orders" // taken for orders that are not completed: owed to their buyers otherwise
)

// earnedBy has what a seller earned and is not to be paid out yet.
func earnedBy(seller string) account { return account("seller:" + seller) }

// dueTo has what a seller is to be paid out.
func dueTo(seller string) account { return account("due:" + seller) }

// feesOf has the market's fees on what a seller sold.
func feesOf(seller string) account { return account("fees:" + seller) }

// entryKind is what an entry of the ledger books.
type entryKind string

// The kinds, each with what its reference is.
const (
	bookCapture  entryKind = "capture"         // a charge took money: stripe to orders; the charge
	bookSale     entryKind = "sale"            // its order came about: orders to seller and fees; the charge
	bookRefund   entryKind = "refund"          // money went back: orders to stripe; the refund
	bookBounce   entryKind = "refund_failed"   // the bank sent it back: the reverse of the refund's; the refund
	bookTakeBack entryKind = "sale_reversed"   // a sale whose buyer has the money again: seller and fees to orders; the refund
	bookRestore  entryKind = "sale_restored"   // that refund failed: the reverse; the refund
	bookDue      entryKind = "due"             // it may be paid out: seller to due; the sale
	bookPayout   entryKind = "payout"          // it was: due to stripe; the transfer
	bookRecall   entryKind = "payout_reversed" // the transfer was taken back: stripe to due; its reversal
)

// Entry is one thing that happened to money, as the ledger says it: never changed and never taken out, a mistake is met
// with an entry against it. Kind and reference tell it apart, so that nothing is booked twice.
type Entry struct {
	Kind      entryKind
	Reference string
	ChargeID  string
	OrderID   string
	Currency  string // of all lines
	Memo      string
	At        time.Time
	Lines     []Line
}

// Line is how one account changes: more when the amount is positive (a credit), less when it is negative (a debit).
type Line struct {
	Account account
	Amount  money.Amount
}

// newEntry is an entry about a charge. Its lines must sum to zero, none of them may be zero, and each is of another account.
func newEntry(kind entryKind, reference string, c Charge, lines ...Line) (Entry, error) {
	e := Entry{Kind: kind, Reference: reference, ChargeID: c.ID, OrderID: c.OrderID, Currency: c.Currency, Lines: lines}
	var sum money.Amount
	for i, l := range lines {
		if l.Amount == 0 {
			return Entry{}, fmt.Errorf("the %s of %s has a line of nothing for %s", kind, reference, l.Account)
		}
		if slices.ContainsFunc(lines[:i], func(other Line) bool { return other.Account == l.Account }) {
			return Entry{}, fmt.Errorf("the %s of %s has two lines for %s", kind, reference, l.Account)
		}
		sum += l.Amount
	}
	switch {
	case len(lines) == 0 || sum != 0:
		return Entry{}, fmt.Errorf("the lines of the %s of %s sum to %d in %d lines", kind, reference, sum, len(lines))
	case reference == "" || c.ID == "" || c.OrderID == "" || c.Currency == "":
		return Entry{}, errors.New("an entry needs a reference, a charge, an order and a currency")
	}
	return e, nil
}

// moveMoney is an entry that takes the amount from one account to another.
func moveMoney(kind entryKind, reference string, c Charge, from, to account, a money.Amount) (Entry, error) {
	return newEntry(kind, reference, c, Line{from, -a}, Line{to, a})
}

// against is the entry that undoes this one. The lines of an account may go to another one: what has moved on meanwhile.
func (e Entry) against(kind entryKind, c Charge, from, to account) (Entry, error) {
	lines := make([]Line, len(e.Lines))
	for i, l := range e.Lines {
		lines[i] = Line{l.Account, -l.Amount}
		if l.Account == from {
			lines[i].Account = to
		}
	}
	return newEntry(kind, e.Reference, c, lines...)
}

// of is what the entry changes an account by.
func (e Entry) of(a account) (sum money.Amount) {
	for _, l := range e.Lines {
		if l.Account == a {
			sum += l.Amount
		}
	}
	return sum
}
