package audit

import (
	"slices"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// refundRow is a refund as payments knows it.
type refundRow struct {
	id     string
	amount money.Amount
	status string
}

// stands tells whether the money is back, or on its way.
func (r refundRow) stands() bool { return r.status != "failed" && r.status != "canceled" }

// readRefunds is read after the outbox: a refund that was said is there.
func (b *books) readRefunds(tx *store.Tx) error {
	clear(b.rows) // a view may run again
	return each(tx, func(scan store.Scan) error {
		var charge string
		var r refundRow
		err := scan(&r.id, &charge, &r.amount, &r.status)
		b.rows[charge] = append(b.rows[charge], r)
		return err
	}, `SELECT id, charge_id, amount, status FROM refunds`)
}

// isBack tells whether the money of a charge is back, or on its way.
func isBack(c event.Charge) bool {
	return c.StripeRefundID != "" && c.RefundStatus != "failed"
}

// checkRefund: a refund follows another only if that one failed, or if both together give back no more than was taken.
func (b *books) checkRefund(before, c event.Charge) {
	if before.StripeRefundID == "" || c.StripeRefundID == before.StripeRefundID {
		return
	}
	rows := b.rows[c.ID]
	former := slices.IndexFunc(rows, func(r refundRow) bool { return r.id == before.StripeRefundID })
	if former >= 0 && !rows[former].stands() {
		return
	}
	var given money.Amount
	for _, r := range rows {
		if r.stands() {
			given += r.amount
		}
	}
	if taken, err := b.currency.Amount(c.Amount); former < 0 || err != nil || given > taken {
		b.find(5, "charge %s was refunded as %s and as %s", c.ID, before.StripeRefundID, c.StripeRefundID)
	}
}
