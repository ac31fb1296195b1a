package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ticketing/kernel/event"
)

// check applies every rule to what was read.
func (b *books) check() Report {
	b.lookForTraffic()
	b.checkHistories()
	b.checkLog()
	b.checkOrders()
	b.checkTickets()
	b.checkCharges()
	b.checkMoney()
	b.checkTime()
	for _, f := range b.failed {
		b.find(7, "%s", f)
	}
	sortFindings(b.findings)
	r := Report{Findings: b.findings, Busy: b.busy, Users: len(b.histories["user"]), Tickets: len(b.histories["ticket"]),
		Orders: len(b.histories["order"]), Charges: len(b.histories["charge"])}
	for _, all := range b.histories {
		for _, h := range all {
			r.Events += len(*h)
		}
	}
	return r
}

func sortFindings(all []Finding) {
	slices.SortFunc(all, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Invariant, y.Invariant), cmp.Compare(x.What, y.What))
	})
}

// atRest says that nothing was on its way, so that the services have to agree.
func (b *books) atRest() bool { return len(b.busy) == 0 }

// lookForTraffic finds what is on its way: events between outbox, log and inbox, payments and refunds.
func (b *books) lookForTraffic() {
	for kind, all := range b.histories {
		unpublished := 0
		for _, h := range all {
			for _, s := range *h {
				if !s.published {
					unpublished++
				}
			}
		}
		b.traffic(unpublished, kind+" events that are not published")
	}
	for _, name := range []string{"tickets", "orders", "expiration", "payments"} {
		for _, kind := range follows[name] {
			late := 0
			for entity, h := range b.histories[kind.Name] {
				if seen, read := b.inbox[name+" "+kind.Name]; read && seen[entity] < (*h)[len(*h)-1].version {
					late++
				}
			}
			b.traffic(late, kind.Name+" events on their way to "+name)
		}
	}
	undecided := 0
	for _, h := range b.histories["charge"] {
		if c, ok := h.newest().(event.Charge); ok && c.Status == event.Created {
			undecided++
		}
	}
	b.traffic(undecided, "payments in progress")
	b.traffic(b.refunds, "refunds that are due")
	b.traffic(len(b.failed), "events that failed")
}

func (b *books) traffic(n int, what string) {
	if n > 0 {
		b.busy = append(b.busy, fmt.Sprintf("%d %s", n, what))
	}
}

// checkHistories: versions have no gaps, and the newest is the state's.
func (b *books) checkHistories() {
	for kind, all := range b.histories {
		for entity, h := range all {
			for i, s := range *h {
				if s.version != int64(i)+1 {
					b.find(3, "%s %s: version %d comes as number %d", kind, entity, s.version, i+1)
					break
				}
			}
		}
		for id, row := range b.before[kind] {
			if h := all[id]; h == nil || int64(len(*h)) < row.version {
				b.find(7, "%s %s: version %d was never said", kind, id, row.version)
			}
		}
		if b.after[kind] != nil {
			b.checkRows(kind, all)
		}
	}
}

// checkRows: the state, from which requests are answered, is what was said.
func (b *books) checkRows(kind string, all map[string]*history) {
	for id, h := range all {
		row, found := b.after[kind][id]
		if !found {
			b.find(7, "%s %s was said to exist, and is gone", kind, id)
			continue
		}
		if row.version > int64(len(*h)) || row.version < 1 { // said since the outbox was read, or found already
			continue
		}
		said := (*h)[row.version-1].state
		if is, was := b.describe(asSaid(row.state, said)), b.describe(said); is != was {
			b.find(7, "%s %s is %s, and was said to be %s", kind, id, is, was)
		}
	}
}

// checkLog: the log has what the outboxes have.
func (b *books) checkLog() {
	if b.logged == nil {
		return
	}
	said := map[string]bool{}
	for _, all := range b.histories {
		for _, h := range all {
			for _, s := range *h {
				said[s.id] = true
				if b.atRest() && b.logged[s.id] == 0 {
					b.find(7, "event %s is not in the log", s.id)
				}
			}
		}
	}
	for _, o := range owners {
		if !b.read[o.service] {
			return // somebody's outbox is missing here, so nothing in the log is strange
		}
	}
	for id := range b.logged {
		if !said[id] {
			b.find(7, "the log has event %s, which no service has said", id)
		}
	}
}

// mayFollow are the steps of an order. One that waits for payment is said again when a payment gets it or loses it, a
// cancelled one when its ticket is still locked for it.
var mayFollow = map[string][]string{
	"":                    {event.Created},
	event.Created:         {event.AwaitingPayment, event.Cancelled},
	event.AwaitingPayment: {event.AwaitingPayment, event.Completed, event.Cancelled},
	event.Cancelled:       {event.Cancelled},
}

func (b *books) checkOrders() {
	sold := map[string]string{}
	for id, h := range b.histories["order"] {
		var before event.Order
		for i, s := range *h {
			o, ok := s.state.(event.Order)
			if !ok {
				continue
			}
			if !slices.Contains(mayFollow[before.Status], o.Status) {
				b.find(3, "order %s went from %q to %s", id, before.Status, o.Status)
			}
			if before.Status == event.AwaitingPayment && o.Status == before.Status && o.ChargeID == before.ChargeID {
				b.find(3, "order %s waits for payment as before, and was said again", id)
			}
			if i > 0 && (!sameTicket(before.Ticket, o.Ticket) || o.UserID != before.UserID || !o.ExpiresAt.Equal(before.ExpiresAt)) {
				b.find(3, "order %s changed its ticket, price, buyer or end", id)
			}
			if o.CancelReason == event.Expired && before.CancelReason == "" && o.UpdatedAt.Before(o.ExpiresAt) {
				b.find(6, "order %s expired at %v, before %v", id, o.UpdatedAt, o.ExpiresAt)
			}
			b.checkClaim(before, o)
			before = o
		}
		b.checkPayer(before)
		if before.Status == event.Completed {
			if other := sold[before.Ticket.ID]; other != "" {
				b.find(1, "ticket %s was sold to the orders %s and %s", before.Ticket.ID, other, id)
			}
			sold[before.Ticket.ID] = id
		}
	}
	if !b.atRest() || !b.read["tickets"] || !b.read["orders"] {
		return
	}
	for ticket, order := range sold {
		if t, ok := b.histories["ticket"][ticket].newest().(event.Ticket); !ok || t.Status != event.Sold || t.OrderID != order {
			b.find(1, "order %s is completed, but ticket %s is %s for %q", order, ticket, t.Status, t.OrderID)
		}
	}
	for id, h := range b.histories["ticket"] {
		if t, ok := h.newest().(event.Ticket); ok && t.Status == event.Sold && sold[id] != t.OrderID {
			b.find(1, "ticket %s is sold to order %s, which is not completed", id, t.OrderID)
		}
	}
}

// checkTickets: the locks of a ticket never overlap, each belongs to an order of that ticket at that price, and nothing
// about a ticket changes while it is held.
func (b *books) checkTickets() {
	for id, h := range b.histories["ticket"] {
		var before event.Ticket
		for _, s := range *h {
			t, ok := s.state.(event.Ticket)
			if !ok {
				continue
			}
			switch {
			case before.Status == event.Sold, before.Status == event.Withdrawn:
				b.find(2, "ticket %s changed after it was %s", id, before.Status)
			case before.OrderID != "" && t.OrderID != "" && t.OrderID != before.OrderID:
				b.find(2, "ticket %s went from order %s to %s without being free", id, before.OrderID, t.OrderID)
			case t.Status == event.Sold && before.OrderID != t.OrderID:
				b.find(2, "ticket %s was sold to order %s, which did not hold it", id, t.OrderID)
			case t.OrderID != "" && t.Price != before.Price && before.ID != "":
				b.find(2, "ticket %s changed its price while order %s held it", id, t.OrderID)
			}
			if t.OrderID != "" && t.OrderID != before.OrderID {
				b.checkLock(t, before.Version)
			}
			before = t
		}
		if before.Status == event.Locked && b.atRest() && b.read["orders"] {
			if o, ok := b.histories["order"][before.OrderID].newest().(event.Order); ok && o.Status != event.AwaitingPayment {
				b.find(2, "ticket %s is locked for order %s, which is %s", id, before.OrderID, o.Status)
			}
		}
	}
}

func (b *books) checkLock(t event.Ticket, version int64) {
	if !b.read["orders"] {
		return
	}
	o, ok := b.histories["order"][t.OrderID].newest().(event.Order)
	switch {
	case !ok:
		b.find(2, "ticket %s was locked for %s, which is no order", t.ID, t.OrderID)
	case o.Ticket.ID != t.ID:
		b.find(2, "ticket %s was locked for order %s, which is for another ticket", t.ID, t.OrderID)
	case o.Ticket.Price != t.Price || o.Ticket.Version != version:
		b.find(2, "ticket %s was locked for order %s as another version than its buyer saw", t.ID, t.OrderID)
	}
}

// checkTime: an order ends soon after its time, and so does a payment.
func (b *books) checkTime() {
	const (
		lateOrder  = 10 * time.Second
		lateCharge = 2*time.Minute + 15*time.Second
	)
	paying := map[string]bool{}
	for id, h := range b.histories["charge"] {
		if c, ok := h.newest().(event.Charge); ok && c.Status == event.Created {
			paying[c.OrderID] = true
			if age := b.now.Sub(c.CreatedAt); age > lateCharge {
				b.find(6, "charge %s has been undecided for %v%s", id, age.Round(time.Second), b.whyUndecided())
			}
		}
	}
	for id, h := range b.histories["order"] {
		o, ok := h.newest().(event.Order)
		if !ok {
			continue
		}
		live := o.Status == event.Created || o.Status == event.AwaitingPayment
		if late := b.now.Sub(o.ExpiresAt); live && late > lateOrder && !paying[id] {
			b.find(6, "order %s is %s, %v past its end", id, o.Status, late.Round(time.Second))
		}
		if b.atRest() && b.read["expiration"] && live != b.deadlines[id] {
			b.find(6, "order %s is %s, but expiration has a deadline for it: %v", id, o.Status, b.deadlines[id])
		}
	}
}

// whyUndecided is what excuses a payment that takes too long: none can be decided while its provider does not answer.
func (b *books) whyUndecided() string {
	if b.asked {
		return "; the payment provider answers now, so it should be decided within seconds"
	}
	return "; none can be decided while the payment provider does not answer, and it was not asked"
}
