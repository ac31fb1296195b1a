package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/money"
)

// transfer is money on its way to a seller's account, as Stripe shows it.
type transfer struct {
	id        string
	amount    money.Amount
	reversed  bool // all of it
	reversals []reversal
}

// reversal is money of a transfer that was taken back.
type reversal struct {
	id     string
	amount money.Amount
}

// transfer asks Stripe for the sale's transfer, or finds the one that was made.
func (s *Service) transfer(ctx context.Context, p payout) (transfer, error) {
	source, err := s.stripe.chargeOf(ctx, p.StripeID)
	if err != nil { // it is no answer about a transfer, whatever it says
		return transfer{}, fmt.Errorf("cannot read what %s took: %v", p.StripeID, err)
	}
	params, err := transferParams(p, source)
	if err != nil {
		return transfer{}, err
	}
	return under(ctx, s, p.file, opTransfer, hashOf("", params), func() (transfer, bool, error) {
		return s.stripe.findTransfer(ctx, p.sale)
	}, func(key string) (transfer, error) {
		return s.stripe.createTransfer(ctx, key, p.sale.Currency, params)
	})
}

// findTransfer books the transfer that was asked for, if there is one.
func (s *Service) findTransfer(ctx context.Context, p payout) (found bool, err error) {
	t, found, err := s.stripe.findTransfer(ctx, p.sale)
	if err != nil || !found {
		return false, err
	}
	return true, s.paidOut(ctx, p.sale, t)
}

// transferParams move what a sale earned to its seller's account, out of the charge that paid for it: then it need not have
// arrived in the market's own balance.
func transferParams(p payout, source string) (*stripe.TransferCreateParams, error) {
	amount, err := stripeAmount(p.sale.Asked, p.sale.Currency)
	if err != nil {
		return nil, refusal{codeAmount}
	}
	return &stripe.TransferCreateParams{
		Amount: stripe.Int64(amount), Currency: stripe.String(p.sale.Currency), Destination: stripe.String(p.seller.AccountID),
		SourceTransaction: stripe.String(source), TransferGroup: stripe.String(p.sale.OrderID),
		Metadata: map[string]string{"sale_id": p.sale.ID, "order_id": p.sale.OrderID, "charge_id": p.sale.ChargeID},
	}, nil
}

// cannotBePaid are the codes by which Stripe says that it is the account that is not ready.
var cannotBePaid = map[string]bool{
	"insufficient_capabilities_for_transfer": true, "account_invalid": true, "transfers_not_allowed": true, "account_closed": true,
}

func (g *gateway) createTransfer(ctx context.Context, key, currency string, p *stripe.TransferCreateParams) (transfer, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p.SetIdempotencyKey(key)
	got, err := g.client.V1Transfers.Create(ctx, p)
	var no refusal
	if err = g.judge(err); errors.As(err, &no) && cannotBePaid[no.code] {
		err = errors.Join(errCannotBePaid, err)
	}
	if err != nil {
		return transfer{}, err
	}
	return transferOf(got, currency)
}

// findTransfer looks for the sale's transfer, whose answer was lost, among those of its order.
func (g *gateway) findTransfer(ctx context.Context, sale Sale) (t transfer, found bool, err error) {
	p := &stripe.TransferListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)}, TransferGroup: stripe.String(sale.OrderID)}
	for got, err := range g.client.V1Transfers.List(ctx, p).All(ctx) {
		if err != nil {
			return t, false, g.judge(err)
		}
		if got.Metadata["sale_id"] == sale.ID {
			t, err = g.transfer(ctx, got.ID, sale.Currency)
			return t, err == nil, err
		}
	}
	return t, false, g.judge(nil)
}

// transfer is a transfer with everything that was taken back of it.
func (g *gateway) transfer(ctx context.Context, id, currency string) (transfer, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := g.client.V1Transfers.Retrieve(ctx, id, nil)
	if err = g.judge(err); err != nil {
		return transfer{}, err
	}
	t, err := transferOf(got, currency)
	if err != nil || got.AmountReversed == 0 {
		return t, err
	}
	p := &stripe.TransferReversalListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)}, ID: stripe.String(id)}
	for r, err := range g.client.V1TransferReversals.List(ctx, p).All(ctx) {
		if err != nil {
			return t, g.judge(err)
		}
		amount, err := ourAmount(r.Amount, currency)
		if err != nil {
			return t, err
		}
		t.reversals = append(t.reversals, reversal{r.ID, amount})
	}
	return t, nil
}

// chargeOf is Stripe's charge of an intent that has succeeded.
func (g *gateway) chargeOf(ctx context.Context, intentID string) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := g.client.V1PaymentIntents.Retrieve(ctx, intentID, nil)
	if err = g.judge(err); err != nil {
		return "", err
	}
	if got.LatestCharge == nil {
		return "", errors.New("Stripe shows no charge of " + intentID)
	}
	return got.LatestCharge.ID, nil
}

func transferOf(got *stripe.Transfer, currency string) (transfer, error) {
	if got.ID == "" {
		return transfer{}, errRubbish
	}
	amount, err := ourAmount(got.Amount, currency)
	return transfer{id: got.ID, amount: amount, reversed: got.Reversed}, err
}
