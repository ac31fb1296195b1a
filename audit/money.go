package audit

import (
	"slices"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

// The steps of a charge; a completed one is said again when its money goes back.
var chargeMayFollow = map[string][]string{
	"":                 {event.Created},
	event.Created:      {event.Completed, event.ChargeFailed, event.Created},
	event.Completed:    {event.Completed},
	event.ChargeFailed: {},
}

func (b *books) checkCharges() {
	completed := map[string]string{}
	for id, h := range b.histories["charge"] {
		var before event.Charge
		for _, s := range *h {
			c, ok := s.state.(event.Charge)
			if !ok {
				continue
			}
			if !slices.Contains(chargeMayFollow[before.Status], c.Status) {
				b.find(3, "charge %s went from %q to %s", id, before.Status, c.Status)
			}
			b.checkRefund(before, c)
			before = c
		}
		if before.Status != event.Completed {
			continue
		}
		if other := completed[before.OrderID]; other != "" {
			b.find(5, "order %s was paid twice, by the charges %s and %s", before.OrderID, other, id)
		}
		completed[before.OrderID] = id
		b.checkOutcome(before)
	}
}

// checkOutcome: a charge that took money delivered a ticket, or gave it back.
func (b *books) checkOutcome(c event.Charge) {
	if !b.atRest() || !b.read["orders"] {
		return
	}
	o, ok := b.histories["order"][c.OrderID].newest().(event.Order)
	delivered, refunded := ok && o.Status == event.Completed, isBack(c)
	if delivered == refunded {
		b.find(4, "charge %s for order %s (%s) is completed, refunded: %v", c.ID, c.OrderID, o.Status, refunded)
	}
	if ok && c.Amount != o.Ticket.Price {
		b.find(4, "charge %s took %s for order %s, whose price is %s", c.ID, c.Amount, c.OrderID, o.Ticket.Price)
	}
}

// checkMoney holds the provider's books against ours, to the cent.
func (b *books) checkMoney() {
	if !b.asked {
		return
	}
	net := map[string]money.Amount{} // captured and not refunded, by order
	took := map[string]string{}
	for _, p := range b.payments {
		if p.Refunded > p.Captured {
			b.find(5, "payment %s gave back more than it took", p.ID)
		}
		if p.OrderID == "" {
			continue // of another program on the same account
		}
		net[p.OrderID] += p.Captured - p.Refunded
		if p.Captured == 0 || p.Mended && p.Captured == p.Refunded {
			continue
		}
		if other := took[p.OrderID]; other != "" {
			b.find(5, "order %s was paid by the payments %s and %s", p.OrderID, other, p.ID)
		}
		took[p.OrderID] = p.ID
		b.checkPayment(p)
	}
	if !b.atRest() || !b.read["orders"] {
		return
	}
	for id, h := range b.histories["order"] {
		o, ok := h.newest().(event.Order)
		if !ok {
			continue
		}
		var want money.Amount
		if o.Status == event.Completed {
			want, _ = b.currency.Amount(o.Ticket.Price)
		}
		if net[id] != want {
			b.find(4, "order %s is %s, and the provider kept %s for it, not %s", id, o.Status, b.currency.Format(net[id]), b.currency.Format(want))
		}
	}
}

// checkPayment: money that was taken was taken for a charge of ours, and no more than its price.
func (b *books) checkPayment(p Payment) {
	if !b.read["payments"] {
		return
	}
	c, ok := b.histories["charge"][p.ChargeID].newest().(event.Charge)
	if !ok || c.OrderID != p.OrderID {
		b.find(4, "payment %s took %s for charge %q, which is not ours", p.ID, b.currency.Format(p.Captured), p.ChargeID)
		return
	}
	if price, err := b.currency.Amount(c.Amount); err != nil || p.Captured > price {
		b.find(5, "payment %s took %s, and the price is %s", p.ID, b.currency.Format(p.Captured), c.Amount)
	}
	if b.atRest() && (c.Status != event.Completed || c.StripeID != p.ID) {
		b.find(4, "payment %s took money, but charge %s is %s with %q", p.ID, c.ID, c.Status, c.StripeID)
	}
}
