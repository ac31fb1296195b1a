package payments

import (
	"math/bits"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

// Sale is a ticket that was sold and paid for, as its seller sees it.
type Sale struct {
	ID          string
	OrderID     string
	ChargeID    string
	SellerID    string
	TicketID    string
	Title       string
	Price       money.Amount
	Rate        int          // of the fee when it was sold, in basis points
	Fee         money.Amount // what the market keeps
	Earned      money.Amount // what the seller gets: the price without the fee
	Currency    string
	Returned    money.Amount // of what was earned, to the buyer
	FeeReturned money.Amount
	Status      string
	Asked       money.Amount // what Stripe is being asked to transfer; 0 if nothing is open
	Paid        money.Amount // what was transferred
	TransferID  string       // Stripe's
	SoldAt      time.Time
	PaidAt      time.Time
	Tries       int // of the background worker in a row without a result

	Disputed bool // read with a seller's own sales alone: what it earned stays here for now
}

// How far a sale's payout is, as it is stored. What is shown adds what follows from elsewhere: refunds and disputes.
const (
	salePending   = "pending"   // held back
	saleAvailable = "available" // to be paid out
	salePaid      = "paid"      // paid out
	saleReversed  = "reversed"  // paid out, and the transfer was taken back
	saleRefunded  = "refunded"  // never stored: all of the price went back
)

const saleDisputed = "disputed" // never stored: a dispute keeps it from being paid out

// FullFee is the fee that takes the whole price, in basis points.
const FullFee = 10_000

// feeOn is the market's part of a price: rounded down, to what Stripe can move. Of the currencies with three decimals the
// card networks move no single last units.
func feeOn(price money.Amount, rate int, currency string) money.Amount {
	fee := share(price, money.Amount(rate), FullFee)
	if stripeDecimals(currency) == 3 {
		fee -= fee % 10
	}
	return fee
}

// share is a*part/whole rounded down, exact however large they are. None may be negative, and part is at most whole.
func share(a, part, whole money.Amount) money.Amount {
	high, low := bits.Mul64(uint64(a), uint64(part))
	q, _ := bits.Div64(high, low, uint64(whole))
	return money.Amount(q)
}

// newSale is the sale that a completed charge of a completed order is.
func newSale(id string, o Order, c Charge, rate int, now time.Time) Sale {
	fee := feeOn(c.Amount, rate, c.Currency)
	return Sale{ID: id, OrderID: o.ID, ChargeID: c.ID, SellerID: o.SellerID, TicketID: o.TicketID, Title: o.Title, Price: c.Amount,
		Rate: rate, Fee: fee, Earned: c.Amount - fee, Currency: c.Currency, Status: salePending, SoldAt: now}
}

// owed is what is still to be paid out for it, if nothing was.
func (s Sale) owed() money.Amount { return s.Earned - s.Returned }

// place is the account where what it earned is counted now.
func (s Sale) place() account {
	if s.Status == salePending {
		return earnedBy(s.SellerID)
	}
	return dueTo(s.SellerID)
}

// takenBack is how a refund of the amount is shared between seller and fees: each gives back in proportion, and a refund
// of all that is left gives back all that is left of either.
func (s Sale) takenBack(a money.Amount) (earned, fee money.Amount) {
	after := min(s.Returned+s.FeeReturned+a, s.Price)
	fee = min(max(share(s.Fee, after, s.Price)-s.FeeReturned, 0), a)
	return a - fee, fee
}

// deal is what is known of one order's money, and what the ledger says of it.
type deal struct {
	charge  Charge
	order   Order
	refunds []refund // oldest first
	sale    Sale     // without an id if there is none
	booked  map[entryKind]map[string]Entry
}

// has tells whether an entry is in the ledger.
func (d *deal) has(kind entryKind, reference string) bool {
	_, ok := d.booked[kind][reference]
	return ok
}

// sold tells whether the order came about with this charge's money, and who sold is known.
func (d *deal) sold() bool {
	return d.charge.Status == event.Completed && d.order.Status == event.Completed && d.order.SellerID != ""
}

// missing is what the ledger should say of the deal and does not say yet, in the order in which to book it. It compares
// states, so it does not matter which of them was heard of first. newID makes the id of a sale.
func (d *deal) missing(rate int, newID func() string, now time.Time) (entries []Entry, err error) {
	add := func(e Entry, failed error) {
		if err == nil {
			err = failed
		}
		if err == nil {
			entries = append(entries, e)
			d.note(e)
		}
	}
	if d.charge.Status != event.Completed {
		return nil, nil
	}
	if !d.has(bookCapture, d.charge.ID) {
		e, err := moveMoney(bookCapture, d.charge.ID, d.charge, atStripe, forOrders, d.charge.Amount)
		e.Memo = d.charge.StripeID
		add(e, err)
	}
	if d.sold() && !d.has(bookSale, d.charge.ID) {
		d.sale = newSale(newID(), d.order, d.charge, rate, now)
		add(d.sale.entry(d.charge))
	}
	for _, r := range d.refunds {
		d.missingOf(r, add)
	}
	return entries, err
}

// missingOf is the part of missing that is about one refund.
func (d *deal) missingOf(r refund, add func(Entry, error)) {
	switch {
	case r.stands():
		if d.sale.ID != "" && !d.has(bookTakeBack, r.ID) {
			add(d.takeBack(r))
		}
		if !d.has(bookRefund, r.ID) {
			add(moveMoney(bookRefund, r.ID, d.charge, forOrders, atStripe, r.Amount))
		}
	case d.has(bookRefund, r.ID):
		if !d.has(bookBounce, r.ID) {
			e, err := d.booked[bookRefund][r.ID].against(bookBounce, d.charge, "", "")
			e.Memo = r.Reason
			add(e, err)
		}
		if d.has(bookTakeBack, r.ID) && !d.has(bookRestore, r.ID) {
			add(d.booked[bookTakeBack][r.ID].against(bookRestore, d.charge, earnedBy(d.sale.SellerID), d.sale.place()))
		}
	}
}

// takeBack takes what a refund gives back from those who have it since the sale.
func (d *deal) takeBack(r refund) (Entry, error) {
	earned, fee := d.sale.takenBack(r.Amount)
	lines := []Line{{forOrders, r.Amount}}
	if earned != 0 {
		lines = append(lines, Line{d.sale.place(), -earned})
	}
	if fee != 0 {
		lines = append(lines, Line{feesOf(d.sale.SellerID), -fee})
	}
	return newEntry(bookTakeBack, r.ID, d.charge, lines...)
}

// entry books the sale.
func (s Sale) entry(c Charge) (Entry, error) {
	lines := []Line{{forOrders, -s.Price}}
	if s.Earned != 0 {
		lines = append(lines, Line{earnedBy(s.SellerID), s.Earned})
	}
	if s.Fee != 0 {
		lines = append(lines, Line{feesOf(s.SellerID), s.Fee})
	}
	return newEntry(bookSale, c.ID, c, lines...)
}

// note counts an entry as booked.
func (d *deal) note(e Entry) {
	if d.booked == nil {
		d.booked = map[entryKind]map[string]Entry{}
	}
	if d.booked[e.Kind] == nil {
		d.booked[e.Kind] = map[string]Entry{}
	}
	d.booked[e.Kind][e.Reference] = e
	if e.Kind == bookTakeBack || e.Kind == bookRestore {
		d.sale.FeeReturned -= e.of(feesOf(d.sale.SellerID))
		d.sale.Returned -= e.of(earnedBy(d.sale.SellerID)) + e.of(dueTo(d.sale.SellerID))
	}
}

// matured moves what a sale earned to where it is paid out from; false if nothing is left of it.
func (s Sale) matured(c Charge) (e Entry, ok bool, err error) {
	if s.owed() == 0 {
		return e, false, nil
	}
	e, err = moveMoney(bookDue, s.ID, c, earnedBy(s.SellerID), dueTo(s.SellerID), s.owed())
	return e, true, err
}
