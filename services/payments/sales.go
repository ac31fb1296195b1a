package payments

import (
	"context"
	"slices"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// book writes into the ledger what it does not say yet of a charge's money: taken, earned, given back. It belongs into
// every transaction that changes the charge, its refunds or the end of its order, under the order's row; whichever of them
// comes last finds what is missing.
func (s *Service) book(tx *store.Tx, c Charge, o Order) error {
	if c.Status != event.Completed {
		return nil
	}
	d := deal{charge: c, order: o}
	var err error
	if d.booked, err = bookedFor(tx, c.OrderID); err != nil {
		return err
	}
	if d.has(bookSale, c.ID) {
		if d.sale, _, err = saleOf(tx, c.ID); err != nil {
			return err
		}
	}
	if c.RefundStatus != "" {
		if d.refunds, err = refundsOf(tx, c.ID); err != nil {
			return err
		}
		slices.Reverse(d.refunds)
	}
	return s.bookMissing(tx, &d)
}

// bookFirst is book for a charge that has been completed just now, of which the ledger can say nothing yet.
func (s *Service) bookFirst(tx *store.Tx, c Charge, o Order) error {
	if c.RefundStatus != "" {
		return s.book(tx, c, o)
	}
	return s.bookMissing(tx, &deal{charge: c, order: o})
}

func (s *Service) bookMissing(tx *store.Tx, d *deal) error {
	entries, err := d.missing(s.o.Fee, tx.NewID, tx.Now())
	if err != nil {
		return err
	}
	return s.enter(tx, d.sale, entries)
}

// enter writes entries into the ledger, and what they mean for a sale.
func (s *Service) enter(tx *store.Tx, sale Sale, entries []Entry) error {
	for _, e := range entries {
		e.At = tx.Now()
		err := insertEntry(tx, e, s.drawer)
		if err != nil {
			return err
		}
		switch e.Kind {
		case bookSale:
			err = insertSale(tx, sale)
		case bookTakeBack, bookRestore:
			err = saveReturned(tx, sale)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bookSale books what a completed order means for its seller, if it was paid by a charge of ours.
func (s *Service) bookSale(tx *store.Tx, orderID string) error {
	f, ok, err := liveStates(tx, orderID)
	if err != nil || !ok {
		return err
	}
	return s.book(tx, f.Charge, f.order)
}

// Balance is what a seller has earned, in the currency of the market. Any part may be negative: money that went back to
// buyers after it had been paid out is owed by the seller.
type Balance struct {
	Currency  money.Currency
	Earned    money.Amount // of all sales, without fees and what went back: the sum of the next three
	Pending   money.Amount // held back until it is paid out; nothing in a market that does not pay out
	Available money.Amount // to be paid out
	PaidOut   money.Amount
	Fees      money.Amount // what the market kept
}

// Balance is the seller's. It costs the same whatever they have sold.
func (s *Service) Balance(ctx context.Context, sellerID string) (b Balance, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		b = Balance{Currency: s.o.Currency}
		pending, due, fees := earnedBy(sellerID), dueTo(sellerID), feesOf(sellerID)
		all, err := turnovers(tx, b.Currency.Code, [3]account{pending, due, fees})
		for _, t := range all {
			switch {
			case t.account == fees:
				b.Fees += t.amount
				continue
			case t.account == pending:
				b.Pending += t.amount
			case t.account == due:
				b.Available += t.amount
			}
			if t.kind == bookPayout || t.kind == bookRecall {
				b.PaidOut -= t.amount
			}
		}
		if s.o.PayoutAfter == 0 { // nothing is waited for: the market settles with its sellers in its own way
			b.Pending, b.Available = 0, b.Pending+b.Available
		}
		b.Earned = b.Pending + b.Available + b.PaidOut
		return err
	})
	return b, err
}

// Sales is a page of what the seller sold before that place, newest first, and whether there is more.
func (s *Service) Sales(ctx context.Context, sellerID string, before Place, limit int) (page []Sale, more bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		page, err = salesOf(tx, sellerID, before, limit+1)
		return err
	})
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}
