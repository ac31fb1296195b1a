package payments

import (
	"context"
	"time"

	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Taken is a payment as Stripe knows it, for whoever holds Stripe's books against ours.
type Taken struct {
	ID       string // the PaymentIntent
	OrderID  string // "" if the intent is not of this market
	ChargeID string
	Captured money.Amount
	Refunded money.Amount
	Mended   bool // it should not have taken money, and the reconciler has given that back
}

// Books are all payments that Stripe knows of, whoever made them.
func (s *Service) Books(ctx context.Context) ([]Taken, error) {
	everything := span{to: time.Now().Add(24 * time.Hour)} // whatever Stripe's clock says
	paid, err := allPages(func(after string) ([]theirs, string, error) {
		return s.stripe.intentsPage(ctx, everything, after)
	})
	if err != nil {
		return nil, err
	}
	mended := map[string]bool{}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		ids, err := mendedIntents(tx)
		for _, id := range ids {
			mended[id] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make([]Taken, len(paid))
	for i, in := range paid {
		all[i] = Taken{ID: in.id, OrderID: in.orderID, ChargeID: in.chargeID, Captured: in.counted(in.taken),
			Refunded: in.counted(in.back), Mended: mended[in.id]}
	}
	return all, nil
}

// counted is an amount as we count it. What cannot be counted so is of another program, and stays as Stripe has it.
func (t theirs) counted(n int64) money.Amount {
	a, err := ourAmount(n, t.currency)
	if err != nil {
		return money.Amount(n)
	}
	return a
}
