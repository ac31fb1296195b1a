package payments

import (
	"context"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/money"
)

// Taken is a payment as Stripe knows it, for whoever holds Stripe's books against ours.
type Taken struct {
	ID       string // the PaymentIntent
	OrderID  string // "" if the intent is not of this market
	ChargeID string
	Captured money.Amount
	Refunded money.Amount
}

// Books are all payments that Stripe knows of, whoever made them.
func (s *Service) Books(ctx context.Context) ([]Taken, error) {
	p := &stripe.PaymentIntentListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)}}
	p.AddExpand("data.latest_charge")
	var all []Taken
	for in, err := range s.stripe.client.V1PaymentIntents.List(ctx, p).All(ctx) {
		if err != nil {
			return nil, s.stripe.judge(err)
		}
		t := Taken{ID: in.ID, OrderID: in.Metadata["order_id"], ChargeID: in.Metadata["charge_id"]}
		if c := in.LatestCharge; c != nil {
			if t.Captured, err = ourAmount(c.AmountCaptured, string(in.Currency)); err != nil {
				return nil, err
			}
			if t.Refunded, err = ourAmount(c.AmountRefunded, string(in.Currency)); err != nil {
				return nil, err
			}
		}
		all = append(all, t)
	}
	return all, nil
}

// ourAmount is an amount of Stripe's as we count it.
func ourAmount(n int64, code string) (money.Amount, error) {
	ours, err := money.ParseCurrency(code)
	if err != nil {
		return 0, err
	}
	theirs := money.Currency{Code: code, Decimals: stripeDecimals(code)}
	return ours.Amount(theirs.Decimal(money.Amount(n)))
}
