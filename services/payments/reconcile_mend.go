package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// mend does what is always safe about a discrepancy, and says what it did.
func (p *pass) mend(ctx context.Context, d Discrepancy) (did string, err error) {
	switch d.remedy {
	case giveUp:
		return p.giveUp(ctx, d)
	case handBack:
		return p.handBack(ctx, d)
	case settle:
		return p.settle(ctx, d)
	case lookHard:
		return p.lookHard(ctx, d)
	}
	return "", fmt.Errorf("nobody knows what to do about it")
}

// giveUp cancels an intent that no charge will ever take money with.
func (p *pass) giveUp(ctx context.Context, d Discrepancy) (string, error) {
	f, err := p.read(ctx, d.ChargeID)
	if err != nil {
		return "", err
	}
	op := operation("cancel:" + d.IntentID) // not the charge's own, which may be about another intent
	_, err = under(ctx, p.Service, f, op, cancelParams.hash(d.IntentID), func() (intent, bool, error) {
		in, err := p.stripe.retrieve(ctx, d.IntentID)
		return in, in.status == stripe.PaymentIntentStatusCanceled, err
	}, func(key string) (intent, error) {
		return p.stripe.cancel(ctx, key, d.IntentID)
	})
	if err != nil {
		return "", errors.Join(err, p.spendRefused(ctx, d.ChargeID, op, err))
	}
	return fmt.Sprintf("payment %s is cancelled", d.IntentID), nil
}

// handBack gives back what an intent has taken without right. Our books never had that money, so they need no entry for it:
// what was done stands with the discrepancy.
func (p *pass) handBack(ctx context.Context, d Discrepancy) (string, error) {
	op := operation("refund:" + d.IntentID)
	all, err := p.refundsOf(ctx, d.IntentID)
	if err != nil {
		return "", err
	}
	failed := 0
	for _, r := range all {
		if !r.stands() {
			failed++
		}
	}
	f, err := p.read(ctx, d.ChargeID)
	if err != nil {
		return "", err
	}
	if f.requests[op].Generation <= failed && failed > 0 { // its key answers with a refund that failed
		if err := p.spendKey(ctx, d.ChargeID, op); err != nil {
			return "", err
		}
		if f, err = p.read(ctx, d.ChargeID); err != nil {
			return "", err
		}
	}
	params := refundParams(Charge{ID: d.ChargeID, OrderID: d.OrderID, StripeID: d.IntentID})
	got, err := under(ctx, p.Service, f, op, hashOf("", params), func() (*stripe.Refund, bool, error) {
		return nil, false, nil // it has just been looked at
	}, func(key string) (*stripe.Refund, error) {
		return p.stripe.refundAny(ctx, key, params)
	})
	if err != nil {
		return "", errors.Join(err, p.spendRefused(ctx, d.ChargeID, op, err))
	}
	return fmt.Sprintf("%s of payment %s went back as refund %s", formatTheirs(got.Amount, string(got.Currency)), d.IntentID, got.ID), nil
}

// settle brings a charge to its end.
func (p *pass) settle(ctx context.Context, d Discrepancy) (string, error) {
	if err := p.hurry(ctx, d.ChargeID); err != nil {
		return "", err
	}
	if err := p.decide(ctx, Charge{ID: d.ChargeID}); err != nil {
		return "", err
	}
	f, err := p.read(ctx, d.ChargeID)
	if err == nil && !f.Decided() {
		err = errors.New("it is not decided yet")
	}
	if f.FailureCode != "" {
		return fmt.Sprintf("charge %s is %s: %s", d.ChargeID, f.Status, f.FailureCode), err
	}
	return fmt.Sprintf("charge %s is %s", d.ChargeID, f.Status), err
}

// lookHard has the charge's refunds read, and what is owed given back.
func (p *pass) lookHard(ctx context.Context, d Discrepancy) (string, error) {
	err := p.db.Update(ctx, func(tx *store.Tx) error {
		p.wake(tx)
		return lookAtOnce(tx, d.ChargeID)
	})
	if err != nil {
		return "", err
	}
	if err := p.giveBack(ctx, Charge{ID: d.ChargeID, Tries: 1}); err != nil { // it looks before it asks
		return "", err
	}
	f, err := p.read(ctx, d.ChargeID)
	if err != nil || f.Status != event.Completed {
		return "", err
	}
	if f.RefundStatus == "" {
		return fmt.Sprintf("the refunds of charge %s were read again", d.ChargeID), nil
	}
	return fmt.Sprintf("the refunds of charge %s were read again: %s is %s", d.ChargeID, f.StripeRefundID, f.RefundStatus), nil
}

// spendRefused makes a key unusable that Stripe has answered with a no: it would say so for ever, and things change.
func (p *pass) spendRefused(ctx context.Context, chargeID string, op operation, cause error) error {
	var no refusal
	if errors.As(cause, &no) || errors.Is(cause, errState) || errors.Is(cause, errRefunded) || errors.Is(cause, errMissing) {
		return p.spendKey(ctx, chargeID, op)
	}
	return nil
}

func (p *pass) spendKey(ctx context.Context, chargeID string, op operation) error {
	return p.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return spend(tx, chargeID, op) })
}

// refundAny asks for a refund of which our books will not know.
func (g *gateway) refundAny(ctx context.Context, key string, p *stripe.RefundCreateParams) (*stripe.Refund, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p.SetIdempotencyKey(key)
	got, err := g.client.V1Refunds.Create(ctx, p)
	if err = g.judge(err); err == nil && got.ID == "" {
		err = errRubbish
	}
	return got, err
}
