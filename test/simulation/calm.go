package simulation

import (
	"time"

	"ticketing/kernel/event"
)

const (
	mostRounds = 800              // of the calm; a market that is not done by then never is
	lateOrder  = 10 * time.Second // how long past its end an order may live without a charge in flight
	lateCharge = 12 * time.Second // how long past its two minutes a charge may be undecided
	grace      = 3 * time.Minute  // past an order's end, for a charge that was submitted in time
	quiet      = 10 * time.Minute // after which nothing that does not agree can still be on its way
)

// settle lets the world calm down: every call ends, everything arrives, the clock runs past every deadline, and the
// workers work until nothing is left to do.
func (w *World) settle() {
	if len(w.findings) > 0 {
		return
	}
	w.calm = true
	w.note("the world calms down")
	w.log.away = false
	for len(w.bank.callers) > 0 || len(w.bank.late) > 0 {
		if !w.letCallGoOn() {
			w.letLateArrive()
		}
	}
	since := w.clock.at("")
	for range mostRounds {
		if w.finishAll() {
			continue
		}
		if len(w.findings) > 0 || !w.passToNext() {
			return
		}
		w.checkTime(since) // before anybody makes up for it
	}
	w.find("the market never comes to rest")
}

// finishAll does everything that can be done now; false if that was nothing.
func (w *World) finishAll() bool {
	did := 0
	for _, p := range w.parts {
		did += w.relay(p, wholly)
		for n := len(w.log.queues[p.name]); n > 0; n = len(w.log.queues[p.name]) {
			did++
			if m := w.log.take(p.name, w.rand.IntN(n)); !w.deliver(p, m) {
				w.find("%s cannot take %s in the calm", p.name, w.describe(m))
				return false
			}
		}
		did += w.retryAll(p)
	}
	if w.ring() {
		did++
	}
	for _, work := range []func() bool{w.decide, w.refund} {
		if work() {
			did++
		}
		for len(w.bank.callers) > 0 {
			w.letCallGoOn()
		}
	}
	if w.chance(0.1) && w.answerBank() {
		did++
	}
	return did > 0 && len(w.findings) == 0
}

// retryAll tries again what is due; parked events are an operator's to retry.
func (w *World) retryAll(p *part) int {
	failed, err := p.bus.Failed(background)
	if err != nil {
		w.find("failed events of %s: %v", p.name, err)
	}
	for _, f := range failed {
		if f.Parked {
			w.note("an operator of %s retries a parked event: %s", p.name, w.outcome(p.bus.Retry(background, f.ID)))
		}
	}
	if len(failed) == 0 {
		return 0
	}
	n, err := p.bus.RetryDue(background)
	if n > 0 || err != nil {
		w.note("%s tries %d failed events again: %s", p.name, n, w.outcome(err))
	}
	return n
}

// passToNext lets time pass until the next thing is due; false if nothing ever is.
func (w *World) passToNext() bool {
	next := int64(0)
	for _, d := range []struct{ service, query string }{
		{"expiration", `SELECT due_at FROM deadlines`},
		{"payments", `SELECT due_at FROM charges WHERE due_at > 0 AND (status = 'Created' OR refund_due)`},
		{"auth", failedDue}, {"tickets", failedDue}, {"orders", failedDue}, {"expiration", failedDue}, {"payments", failedDue},
	} {
		if d.service == "payments" && w.options.Sabotage != nil && w.options.Sabotage.NoRefunds {
			d.query = `SELECT due_at FROM charges WHERE due_at > 0 AND status = 'Created'`
		}
		for _, at := range w.numbers(d.service, d.query) {
			if left := at - w.clock.at(d.service); next == 0 || left < next {
				next = max(1, left)
			}
		}
	}
	if next == 0 {
		return false
	}
	w.clock.advance(next)
	w.note("time passes to the next deadline")
	return true
}

// checkTime: what is over ends in time, counted from when nothing held it up any more.
func (w *World) checkTime(since int64) {
	ended := func(at int64, late time.Duration) bool { return w.clock.at("") > max(at, since)+ms(late)+maxSkew }
	paying := map[string]bool{}
	for _, c := range newest[event.Charge](w, "payments") {
		if c.Status != event.Created {
			continue
		}
		paying[c.OrderID] = true
		if ended(c.CreatedAt.Add(2*time.Minute).UnixMilli(), lateCharge) {
			w.find("%s is undecided, made at %v", w.name("charge", c.ID), c.CreatedAt)
		}
	}
	for _, o := range newest[event.Order](w, "orders") {
		if o.Status != event.Created && o.Status != event.AwaitingPayment {
			continue
		}
		end := o.ExpiresAt.UnixMilli()
		if paying[o.ID] {
			end += ms(grace)
		}
		if ended(end, lateOrder) {
			w.find("%s is %s long after its end at %v", w.name("order", o.ID), o.Status, o.ExpiresAt)
		}
	}
}
