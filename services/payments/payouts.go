package payments

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// The pace of payouts: how soon a sale is looked at again without an answer of Stripe's, after Stripe's refusal, and while
// something else holds it back. The first two pauses double.
const (
	transferPause, transferPauseMax = time.Second, 10 * time.Minute
	refusedPause, refusedPauseMax   = time.Minute, 6 * time.Hour
	heldPause                       = 10 * time.Minute
)

// errCannotBePaid says that the seller's account is not ready for transfers, or not any more.
var errCannotBePaid = errors.New("the account cannot be paid")

// PayOut takes every step towards paying sellers out that is due, once, one after the other: sales whose time has come,
// accounts that may be ready by now, transfers. It returns how many it looked at. Without PayoutAfter there is nothing to do.
func (s *Service) PayOut(ctx context.Context) (int, error) { return s.payOut(ctx, 1) }

// payouts pays out until ctx ends.
func (s *Service) payouts(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := s.payOut(ctx, atOnce); err != nil {
			return err
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-timer.C:
		case <-s.earned:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// wakePayouts lets payouts be looked at, after the commit of tx.
func (s *Service) wakePayouts(tx *store.Tx) {
	tx.AfterCommit(func() {
		select {
		case s.earned <- struct{}{}:
		default:
		}
	})
}

func (s *Service) payOut(ctx context.Context, parallel int) (n int, err error) {
	if s.o.PayoutAfter == 0 {
		return 0, nil
	}
	ripe, err := s.ripe(ctx)
	if err != nil {
		return 0, err
	}
	for _, sale := range ripe {
		if err := s.calm(ctx, "sale", sale.ID, s.mature(ctx, sale)); err != nil {
			return 0, err
		}
	}
	var sellers []PayoutAccount
	var sales []Sale
	if err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		if sellers, err = dueSellers(tx); err == nil {
			sales, err = dueSales(tx)
		}
		return err
	}); err != nil {
		return 0, err
	}
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, a := range sellers {
		g.Go(func() error { return s.calm(ctx, "seller", a.UserID, s.askAccount(ctx, a)) })
	}
	for _, sale := range sales {
		g.Go(func() error { return s.calm(ctx, "sale", sale.ID, s.payOutSale(ctx, sale)) })
	}
	return len(ripe) + len(sellers) + len(sales), g.Wait()
}

// calm logs an error that concerns one thing alone and holds up no other; only an engine that fails ends the round.
func (s *Service) calm(ctx context.Context, what, id string, err error) error {
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	s.log.WarnContext(ctx, "a payout is tried again", what, id, "cause", err)
	return nil
}

func (s *Service) ripe(ctx context.Context) (all []Sale, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		all, err = ripeSales(tx, tx.Now().Add(-s.o.PayoutAfter))
		return err
	})
	return all, err
}

// mature makes a sale due to be paid out, or keeps it back for longer if it is disputed.
func (s *Service) mature(ctx context.Context, sale Sale) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		c, sale, err := holdSale(tx, sale)
		if err != nil || sale.Status != salePending {
			return err
		}
		disputed, err := openDispute(tx, c.ID)
		if err != nil || disputed {
			return errors.Join(err, postponeSale(tx, sale.ID, tx.Now().Add(heldPause), 0))
		}
		e, ok, err := sale.matured(c)
		if err == nil && ok {
			err = s.enter(tx, sale, []Entry{e})
		}
		if err != nil {
			return err
		}
		a, err := holdSeller(tx, sale.SellerID)
		if err != nil {
			return err
		}
		var due time.Time // a sale whose seller cannot be paid waits until they can
		if a.Enabled {
			due = tx.Now()
		}
		return makeAvailable(tx, sale.ID, due)
	})
}

// askAccount asks Stripe about an account whose time has come, and puts it off first, so that a crash holds up no other.
func (s *Service) askAccount(ctx context.Context, a PayoutAccount) error {
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		return postponeSeller(tx, a.UserID, tx.Now().Add(growing(accountPause, accountPauseMax, a.Tries)))
	})
	if err != nil {
		return err
	}
	return s.lookAtAccount(ctx, a)
}

// payOutSale looks after one sale that is due: one that was paid, in case that has been taken back, or one that is to be.
func (s *Service) payOutSale(ctx context.Context, sale Sale) error {
	if sale.Status != saleAvailable {
		return s.lookAtTransfer(ctx, sale)
	}
	p, err := s.prepareTransfer(ctx, sale.ID)
	if err != nil || p.sale.Asked == 0 {
		return err
	}
	if p.held {
		_, err := s.findTransfer(ctx, p)
		return err
	}
	got, err := s.transfer(ctx, p)
	var no refusal
	switch {
	case errors.As(err, &no), errors.Is(err, errMissing), errors.Is(err, errCannotBePaid):
		return errors.Join(err, s.refused(ctx, p, errors.Is(err, errCannotBePaid)))
	case err != nil:
		return err
	}
	return s.paidOut(ctx, p.sale, got)
}

// payout is a transfer as it is to be asked for. What was asked for once stays the same until its outcome is known: asked for
// twice in two ways, it might be paid twice.
type payout struct {
	file
	sale   Sale
	seller PayoutAccount
	held   bool // it may only be looked for, not asked for
}

// prepareTransfer decides, under the order's row, whether the sale is to be paid out now, and notes what Stripe is going to be
// asked for. If nothing is, nothing is asked.
func (s *Service) prepareTransfer(ctx context.Context, saleID string) (p payout, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p = payout{}
		sale, ok, err := findSale(tx, saleID)
		if err != nil || !ok {
			return err
		}
		if _, sale, err = holdSale(tx, sale); err != nil || sale.Status != saleAvailable {
			return err
		}
		if p.seller, err = holdSeller(tx, sale.SellerID); err != nil {
			return err
		}
		if p.held, err = openDispute(tx, sale.ChargeID); err != nil {
			return err
		}
		if p.file, err = readFile(tx, sale.ChargeID); err != nil {
			return err
		}
		due := tx.Now().Add(growing(transferPause, transferPauseMax, sale.Tries))
		switch amount := sale.owed(); {
		case sale.Asked != 0:
		case amount == 0:
			return endEmpty(tx, sale.ID, tx.Now())
		case !p.seller.Enabled:
			return postponeSale(tx, sale.ID, time.Time{}, 0)
		case p.held:
			return postponeSale(tx, sale.ID, tx.Now().Add(heldPause), 0)
		default:
			enough, err := s.covers(tx, sale, amount)
			if err != nil {
				return err
			}
			if !enough {
				return postponeSale(tx, sale.ID, tx.Now().Add(growing(refusedPause, refusedPauseMax, sale.Tries)), sale.Tries+1)
			}
			sale.Asked = amount
		}
		p.sale = sale
		return askFor(tx, sale.ID, sale.Asked, due)
	})
	return p, err
}

// covers tells whether the seller is owed that much all in all. Money that went back to a buyer after it had been paid out
// is owed by the seller, and what they earn later is kept against it.
func (s *Service) covers(tx *store.Tx, sale Sale, amount money.Amount) (bool, error) {
	all, err := turnovers(tx, sale.Currency, [3]account{dueTo(sale.SellerID)})
	var due money.Amount
	for _, t := range all {
		due += t.amount
	}
	return due >= amount, err
}

// refused notes that Stripe has said no for good: nothing was transferred, and that key will only say so again. What is asked
// for next is decided anew.
func (s *Service) refused(ctx context.Context, p payout, cannot bool) error {
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if err := spend(tx, p.ID, opTransfer); err != nil {
			return err
		}
		if !cannot {
			return refuseSale(tx, p.sale.ID, tx.Now().Add(growing(refusedPause, refusedPauseMax, p.sale.Tries)))
		}
		if _, err := holdSeller(tx, p.seller.UserID); err != nil {
			return err
		}
		if err := saveSeller(tx, p.seller.UserID, false, tx.Now().Add(accountPause)); err != nil {
			return err
		}
		return refuseSale(tx, p.sale.ID, time.Time{})
	})
}

// paidOut books a transfer, once, and what was taken back of it.
func (s *Service) paidOut(ctx context.Context, sale Sale, t transfer) error {
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		c, now, err := holdSale(tx, sale)
		if err != nil {
			return err
		}
		if now.Status == saleAvailable {
			if err := s.bookPaid(tx, c, now, t); err != nil {
				return err
			}
			now.TransferID = t.id
		}
		if now.TransferID != t.id {
			s.log.ErrorContext(ctx, "a sale was transferred twice", "sale", now.ID, "transfer", now.TransferID, "other", t.id)
			return nil
		}
		for _, r := range t.reversals {
			e, err := moveMoney(bookRecall, r.id, c, atStripe, dueTo(now.SellerID), r.amount)
			if err == nil {
				err = s.enter(tx, now, []Entry{e})
			}
			if err != nil {
				return err
			}
		}
		return noteReversal(tx, now.ID, t.reversed)
	})
}

func (s *Service) bookPaid(tx *store.Tx, c Charge, sale Sale, t transfer) error {
	e, err := moveMoney(bookPayout, t.id, c, dueTo(sale.SellerID), atStripe, t.amount)
	if err == nil {
		err = s.enter(tx, sale, []Entry{e})
	}
	if err != nil {
		return err
	}
	return notePaid(tx, sale.ID, t.id, t.amount)
}

// transferTold lets a payout be looked at.
func (s *Service) transferTold(tx *store.Tx, e *StripeEvent) (string, error) {
	known, err := dueTransfer(tx, e.ObjectID)
	if err != nil || !known {
		return heardNothing, err
	}
	s.wakePayouts(tx)
	return heardApplied, nil
}

// lookAtTransfer learns whether a payout was taken back.
func (s *Service) lookAtTransfer(ctx context.Context, sale Sale) error {
	if err := s.db.Update(ctx, func(tx *store.Tx) error {
		return postponeSale(tx, sale.ID, tx.Now().Add(growing(transferPause, transferPauseMax, sale.Tries)), sale.Tries+1)
	}); err != nil || sale.TransferID == "" {
		return err
	}
	t, err := s.stripe.transfer(ctx, sale.TransferID, sale.Currency)
	if err != nil {
		return err
	}
	return s.paidOut(ctx, sale, t)
}
