package stripesim

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long a card's refund can be called off.
const refundCancelable = 30 * time.Minute

// lockedRefund is the refund with the id and its charge; nobody else changes either until the commit.
func (c *call) lockedRefund(id string) (*refund, *charge, error) {
	re, ok, err := findRefund(c.tx, id)
	if err == nil && !ok {
		err = missing("refund", "id", id, true)
	}
	if err != nil {
		return nil, nil, err
	}
	if _, _, err = lockIntent(c.tx, re.intent); err != nil {
		return nil, nil, err
	}
	if re, _, err = findRefund(c.tx, id); err != nil {
		return nil, nil, err
	}
	ch, _, err := findCharge(c.tx, re.charge)
	return re, ch, err
}

// decideRefund is what the cardholder's bank makes of a refund in the end.
func (c *call) decideRefund(id string) error {
	re, ch, err := c.lockedRefund(id)
	switch {
	case err != nil:
		return err
	case re.status == pending:
		re.status = succeeded
		return c.changedRefund(re)
	case re.status == succeeded && ch.with.card.refunds == bounces:
		return c.takeBack(re, ch, failed, "expired_or_canceled_card")
	}
	return nil
}

// takeBack is a refund that did not arrive: its money is here again, and the charge can be refunded once more.
func (c *call) takeBack(re *refund, ch *charge, status, why string) error {
	ch.refunded -= re.amount
	re.status, re.failure, re.failureTxn = status, why, newID(c.tx, "txn_")
	if err := saveCharge(c.tx, ch); err != nil {
		return err
	}
	b := booking{Entry: ch.entry(RefundFailed, re.amount), id: re.failureTxn}
	b.Refund = re.id
	if err := c.book(b); err != nil {
		return err
	}
	if err := c.changedRefund(re); err != nil || status != failed {
		return err
	}
	return c.emit("refund.failed", re.render())
}

// changedRefund stores a refund and says so, under both names that Stripe has for it.
func (c *call) changedRefund(re *refund) error {
	if err := saveRefund(c.tx, re); err != nil {
		return err
	}
	if err := c.emit("refund.updated", re.render()); err != nil {
		return err
	}
	return c.emit("charge.refund.updated", re.render())
}

// updateRefund changes the metadata, which is all of a refund that can be changed.
func updateRefund(c *call) (object, error) {
	re, _, err := c.lockedRefund(c.id)
	if err != nil {
		return nil, err
	}
	re.metadata = c.form.changedMetadata(re.metadata)
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	return re.render(), c.changedRefund(re)
}

// cancelRefund refuses: only refunds that wait for their payer can be cancelled through the API, and no card's does.
// CancelRefund is the button of the Dashboard.
func cancelRefund(c *call) (object, error) {
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	re, _, err := c.lockedRefund(c.id)
	if err != nil {
		return nil, err
	}
	e := invalid("", "", "Refund %s has a status of %s. You can only cancel refunds with a status of requires_action.", re.id, re.status)
	e.executed = true
	return nil, e
}

// CancelRefund calls a refund off, as the Dashboard can for half an hour: its status becomes canceled and its money is here
// again.
func (s *Sim) CancelRefund(ctx context.Context, id string) error {
	return s.act(ctx, func(c *call) error {
		re, ch, err := c.lockedRefund(id)
		if err != nil {
			return err
		}
		if re.status != pending && re.status != succeeded {
			return fmt.Errorf("refund %s cannot be cancelled: it has a status of %s", id, re.status)
		}
		if c.tx.Now().Sub(re.createdAt) > refundCancelable {
			return errors.New("refund " + id + " cannot be cancelled: it is more than half an hour old")
		}
		return c.takeBack(re, ch, canceled, "merchant_request")
	})
}
