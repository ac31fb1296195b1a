package payments

import (
	"context"
	"errors"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// giveBack refunds a charge that is owed back. After a first try without an outcome it looks before it asks again: a
// refund may be there though its answer was lost, also when the key is long forgotten. Stripe itself never gives back more
// than it took.
func (s *Service) giveBack(ctx context.Context, c Charge) error {
	if c.Tries > 0 {
		if id, err := s.stripe.refunded(ctx, c, false); err != nil || id != "" {
			return errors.Join(err, s.refunded(ctx, c.ID, id))
		}
	}
	id, err := s.stripe.refund(ctx, c)
	if errors.Is(err, errRefunded) {
		id, err = s.stripe.refunded(ctx, c, true)
	}
	if err != nil {
		return err
	}
	return s.refunded(ctx, c.ID, id)
}

// refunded notes the refund, once.
func (s *Service) refunded(ctx context.Context, id, refundID string) error {
	if refundID == "" {
		return nil
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		c, ok, err := recordRefund(tx, id, refundID)
		if err != nil || !ok {
			return err
		}
		return s.announce(tx, event.ChargeUpdated, c)
	})
}
