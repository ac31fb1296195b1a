package payments

import (
	"context"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/money"
)

// HearRefund lets the service hear of one refund, as if Stripe had shown it.
func (s *Service) HearRefund(ctx context.Context, chargeID, refundID string, amount int64, status string) error {
	_, err := s.recordRefunds(ctx, chargeID, []refund{{ID: refundID, ChargeID: chargeID, Amount: money.Amount(amount), Status: stripe.RefundStatus(status)}})
	return err
}
