package simulation

import (
	"context"
	"fmt"
	"strings"

	"ticketing/audit"
	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/payments"
)

// checkAlways checks what holds at every instant, whatever is on its way.
func (w *World) checkAlways() {
	for _, f := range w.audit().Findings {
		// In a storm services lie still for as long as the dice say, and events fail: these two are for the calm.
		if f.Invariant != 6 && f.Invariant != 7 {
			w.find("%v", f)
		}
	}
	w.checkOutboxes()
	w.checkLocks()
	w.checkExpiries()
	w.checkClaims()
	w.checkLedger()
	w.checkEarnings()
	w.checkCharges()
	w.checkFailures()
}

// checkAtRest checks what holds once nothing is on its way.
func (w *World) checkAtRest() {
	if len(w.findings) > 0 {
		return
	}
	w.checkAlways()
	r := w.audit()
	for _, f := range r.Findings {
		w.find("%v", f)
	}
	if len(r.Busy) > 0 {
		w.find("the market does not come to rest: %s", strings.Join(r.Busy, ", "))
	}
	w.checkEnded()
	w.checkLog()
	w.checkCopies()
	w.checkRefunds()
	w.countClaims()
	w.checkSecrets()
	for _, p := range w.promises {
		if why := p.kept(); why != "" {
			w.find("somebody was told that %s, but %s", p.what, why)
		}
	}
}

// audit is what the operator's command would say.
func (w *World) audit() audit.Report {
	sources := audit.Sources{DBs: map[string]*store.DB{}, Currency: usd}
	for _, p := range w.parts {
		sources.DBs[p.name] = w.dbs[p.name]
	}
	sources.Events = func(_ context.Context, each func(event.Envelope)) error {
		for _, m := range w.log.messages {
			e, err := bus.Decode(m.Data)
			if err != nil {
				return err
			}
			each(e)
		}
		return nil
	}
	sources.Payments = func(ctx context.Context) (all []audit.Payment, err error) {
		totals, err := w.bank.sim.Totals(ctx)
		for _, t := range totals {
			all = append(all, audit.Payment{ID: t.Intent, OrderID: t.Metadata["order_id"], ChargeID: t.Metadata["charge_id"],
				Captured: money.Amount(t.Captured), Refunded: money.Amount(t.Refunded)})
		}
		return all, err
	}
	r, err := audit.Run(background, sources)
	if err != nil {
		w.find("the audit cannot read the books: %v", err)
	}
	return r
}

// checkOutboxes: every change of state has its event, with no version left out.
func (w *World) checkOutboxes() {
	for _, of := range []struct{ service, table, kind string }{
		{"auth", "users", "user"}, {"tickets", "tickets", "ticket"}, {"orders", "orders", "order"}, {"payments", "charges", "charge"},
	} {
		bad := w.texts(of.service, `SELECT id FROM `+of.table+` s WHERE
			(SELECT count(*) FROM outbox WHERE kind = $1 AND entity = s.id) <> version
			OR (SELECT max(version) FROM outbox WHERE kind = $1 AND entity = s.id) <> version`, of.kind)
		for _, id := range bad {
			w.find("invariant 7: what was said of %s is not what it is", w.name(of.kind, id))
		}
	}
}

// checkLocks: a lock is for the order's ticket, as its buyer saw it, until the order's end.
func (w *World) checkLocks() {
	for _, id := range w.texts("tickets", `SELECT DISTINCT entity FROM outbox WHERE kind = 'ticket' ORDER BY entity`) {
		var before event.Ticket
		for _, t := range w.ticketHistory(id) {
			if t.Status == event.Locked && before.OrderID != t.OrderID {
				w.checkLock(before, t)
			}
			if t.Status == event.Locked && before.Status == event.Locked {
				w.find("invariant 2: %s is locked for %s and, at once, for %s", w.name("ticket", id),
					w.name("order", before.OrderID), w.name("order", t.OrderID))
			}
			before = t
		}
	}
}

func (w *World) checkLock(before, t event.Ticket) {
	all := history[event.Order](w, "orders", event.Orders.Name, t.OrderID)
	if len(all) == 0 {
		w.find("invariant 2: %s is locked for no order", w.name("ticket", t.ID))
		return
	}
	o := all[0]
	switch {
	case o.Ticket.ID != t.ID, o.Ticket.Version != before.Version, o.Ticket.Price != before.Price, o.Ticket.Title != before.Title:
		w.find("%s is locked for %s, whose buyer saw something else", w.name("ticket", t.ID), w.name("order", o.ID))
	case t.LockedUntil == nil || !t.LockedUntil.Equal(o.ExpiresAt):
		w.find("%s is locked until another time than the end of %s", w.name("ticket", t.ID), w.name("order", o.ID))
	case o.UserID == t.UserID, o.Ticket.SellerID != t.UserID:
		w.find("%s is locked for its seller, or was ordered from somebody else", w.name("ticket", t.ID))
	}
}

// checkExpiries: no order is cancelled as expired before its time.
func (w *World) checkExpiries() {
	for _, o := range newest[event.Order](w, "orders") {
		for _, then := range history[event.Order](w, "orders", event.Orders.Name, o.ID) {
			if then.CancelReason == event.Expired && then.UpdatedAt.Before(then.ExpiresAt) {
				w.find("invariant 6: %s expired at %v, before %v", w.name("order", o.ID), then.UpdatedAt, then.ExpiresAt)
			}
		}
	}
}

// checkLedger: of one order's payments one takes money, once, the price; and no more is given back.
func (w *World) checkLedger() {
	totals, err := w.bank.sim.Totals(background)
	if err != nil {
		w.find("the ledger cannot be read: %v", err)
	}
	took := map[string]int{}
	for _, t := range totals {
		id := t.Metadata["order_id"]
		o := history[event.Order](w, "orders", event.Orders.Name, id)
		if len(o) == 0 {
			w.find("invariant 5: money was taken for no order")
			continue
		}
		price, _ := usd.Amount(o[0].Ticket.Price)
		if t.Captured != int64(price) || t.Refunded > t.Captured || t.Refunded != 0 && t.Refunded != t.Captured {
			w.find("invariant 5: of %s, which costs %d, %d was taken and %d given back", w.name("order", id), price, t.Captured, t.Refunded)
		}
		if took[id]++; took[id] > 1 {
			w.find("invariant 5: money was taken twice for %s", w.name("order", id))
		}
	}
}

// checkEarnings: what sellers earned is booked as it happened, once and to the cent.
func (w *World) checkEarnings() {
	faults, err := payments.LedgerFaults(background, w.dbs["payments"])
	if err != nil {
		w.find("the ledger cannot be checked: %v", err)
	}
	for _, f := range faults {
		w.find("%s", f)
	}
}

// checkCharges: a payment is for what the order says, and was submitted while the order could be paid.
func (w *World) checkCharges() {
	for _, c := range newest[event.Charge](w, "payments") {
		all := history[event.Order](w, "orders", event.Orders.Name, c.OrderID)
		if len(all) == 0 {
			w.find("%s is for no order", w.name("charge", c.ID))
			continue
		}
		if c.Amount != all[0].Ticket.Price || !c.CreatedAt.Before(all[0].ExpiresAt) {
			w.find("%s of %v at %v is for %s, which costs %v until %v", w.name("charge", c.ID), c.Amount, c.CreatedAt,
				w.name("order", c.OrderID), all[0].Ticket.Price, all[0].ExpiresAt)
		}
	}
}

// patience looks at an order before an alarm rings; what it returns looks again. An order that a payment has waits for it,
// but not for ever.
func (w *World) patience(p *part, m bus.Message) (again func(heard bool)) {
	e, err := bus.Decode(m.Data)
	if p.name != "orders" || err != nil || e.Type != event.OrderExpired {
		return func(bool) {}
	}
	id, now := e.Subject, w.clock.at("orders")
	const (
		waits  = `SELECT count(*) FROM orders WHERE id = $1 AND status = 'AwaitingPayment' AND charge_id <> '' AND $2 < expires_at + 180000`
		over   = `SELECT count(*) FROM orders WHERE id = $1 AND status IN ('Created', 'AwaitingPayment') AND $2 >= expires_at + 180000`
		inbox  = `SELECT version FROM inbox WHERE kind = 'expiry' AND entity = $1`
		failed = `SELECT count(*) FROM failed_event WHERE kind = 'expiry' AND entity = $1`
	)
	waiting, known := w.number("orders", waits, id, now), w.number("orders", inbox, id)
	return func(heard bool) {
		if waiting != w.number("orders", waits, id, now) {
			w.find("%s did not wait for its payment", w.name("order", id))
		}
		if heard && w.number("orders", inbox, id) > known && w.number("orders", over, id, now) > 0 && w.number("orders", failed, id) == 0 {
			w.find("%s waits for ever", w.name("order", id))
		}
	}
}

// checkFailures: no handler fails by itself.
func (w *World) checkFailures() {
	for _, p := range w.parts {
		for _, text := range w.texts(p.name, `SELECT error FROM failed_event ORDER BY id`) {
			if !strings.Contains(text, simulated) {
				w.find("a handler of %s failed: %s", p.name, text)
			}
		}
	}
}

// checkEnded: everything has come to an end.
func (w *World) checkEnded() {
	for _, q := range []struct{ service, query, what string }{
		{"orders", `SELECT id FROM orders WHERE status IN ('Created', 'AwaitingPayment')`, "order"},
		{"payments", `SELECT id FROM charges WHERE status = 'Created'`, "charge"},
		{"payments", `SELECT id FROM charges WHERE refund_due`, "charge"},
		{"tickets", `SELECT id FROM tickets WHERE order_id IS NOT NULL AND sold_at = 0`, "ticket"},
		{"expiration", `SELECT order_id FROM deadlines`, "order"},
	} {
		for _, id := range w.texts(q.service, q.query) {
			w.find("%s is not at its end (%s)", w.name(q.what, id), q.query)
		}
	}
}

// checkLog: the log has every event once, where the outbox says, the events of an entity in their order, and nothing else.
func (w *World) checkLog() {
	places := map[string]int64{}
	for _, m := range w.log.messages {
		if places[m.ID] != 0 {
			w.find("invariant 7: the log has an event twice: %s", w.describe(m))
		}
		places[m.ID] = int64(m.Seq)
	}
	for _, p := range w.parts {
		all, err := w.said(p)
		if err != nil {
			w.find("outbox of %s: %v", p.name, err)
		}
		last := map[string]int64{}
		for _, s := range all {
			key := s.kind + s.entity
			switch {
			case places[s.id] != s.seq || s.seq == 0:
				w.find("invariant 7: %s v%d is at %d in the log, and the outbox of %s says %d", w.name(s.kind, s.entity), s.version, places[s.id], p.name, s.seq)
			case s.seq < last[key] && !w.log.damaged:
				w.find("%s v%d was published before an earlier version", w.name(s.kind, s.entity), s.version)
			}
			last[key] = s.seq
			delete(places, s.id)
		}
	}
	if len(places) > 0 {
		w.find("invariant 7: the log has %d events that nobody has said", len(places))
	}
}

// checkCopies: what services know of one another's entities is what they are.
func (w *World) checkCopies() {
	for _, c := range []struct{ owner, copier, mine, theirs string }{
		{"tickets", "orders",
			`SELECT id || user_id || version || price || title || (CASE WHEN sold_at > 0 THEN 'sold' WHEN withdrawn_at > 0 THEN 'withdrawn'
				WHEN order_id IS NOT NULL THEN 'locked' ELSE 'available' END) || coalesce(order_id, '') FROM tickets ORDER BY id`,
			`SELECT id || seller_id || version || price || title || status || order_id FROM tickets ORDER BY id`},
		{"orders", "payments", `SELECT id || status || cancel_reason || price || charge_id FROM orders ORDER BY id`,
			`SELECT id || status || cancel_reason || amount || charge_id FROM orders ORDER BY id`},
		{"payments", "orders", `SELECT id || status || version FROM charges ORDER BY id`,
			`SELECT id || status || version FROM charges ORDER BY id`},
	} {
		mine, theirs := fmt.Sprint(w.texts(c.owner, c.mine)), fmt.Sprint(w.texts(c.copier, c.theirs))
		if mine != theirs {
			w.find("%s does not know the state of %s:\n    %s\n    %s", c.copier, c.owner, theirs, mine)
		}
	}
}

// checkRefunds: all that was taken for orders that did not come about went back once, and each charge says so.
func (w *World) checkRefunds() {
	entries, err := w.bank.sim.Ledger(background)
	if err != nil {
		w.find("the ledger cannot be read: %v", err)
	}
	refunds := map[string][]string{} // of an intent
	captured := map[string]bool{}
	for _, e := range entries {
		captured[e.Intent] = true
		if e.Refund != "" {
			refunds[e.Intent] = append(refunds[e.Intent], e.Refund)
		}
	}
	for _, c := range newest[event.Charge](w, "payments") {
		orders := history[event.Order](w, "orders", event.Orders.Name, c.OrderID)
		completed := len(orders) > 0 && orders[len(orders)-1].Status == event.Completed
		back := strings.Join(refunds[c.StripeID], " and ")
		switch {
		case (c.Status == event.Completed) != captured[c.StripeID]:
			w.find("invariant 4: %s is %s, and money was taken: %v", w.name("charge", c.ID), c.Status, captured[c.StripeID])
		case back != c.StripeRefundID:
			w.find("invariant 4: %s says refund %q, Stripe %q", w.name("charge", c.ID), c.StripeRefundID, back)
		case c.Status == event.Completed && completed == (back != ""):
			w.find("invariant 4: %s, order completed: %v, refund: %q", w.name("charge", c.ID), completed, back)
		}
		w.count(strings.TrimRight("outcome charge "+c.Status+" "+c.FailureCode+map[bool]string{true: "refunded"}[back != ""], " "))
	}
	for _, o := range newest[event.Order](w, "orders") {
		w.count("outcome order " + o.Status + " " + o.CancelReason)
	}
}

// checkSecrets: what people enter to prove who they are, and how they pay, is in no event.
func (w *World) checkSecrets() {
	for _, m := range w.log.messages {
		for _, secret := range []string{"secret of person", "pm_card", "_secret_", "sk_test", "$argon2", webhookSecret} {
			if strings.Contains(string(m.Data), secret) {
				w.find("invariant 10: %q is in an event: %s", secret, m.Data)
			}
		}
	}
}
