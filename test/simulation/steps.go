package simulation

import (
	"context"
	"math"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// step is something that can happen next; do is false when it cannot happen now.
type step struct {
	name   string
	weight float64
	varies float64 // from world to world: 1 is much
	do     func(w *World) bool
}

// steps is everything that can happen, and how often in an average world.
var steps = []step{
	{"list", 2, 1, (*World).listTicket},
	{"edit", 1.5, 1, (*World).editTicket},
	{"withdraw", 0.3, 1, (*World).withdrawTicket},
	{"order", 12, 1, (*World).placeOrder},
	{"cancel", 3, 1, (*World).cancelOrder},
	{"pay", 12, 1, (*World).payOrder},
	{"bank step", 3, 1, (*World).answerBank},
	{"webhook", 2, 1, (*World).webhook},
	{"hear", 2, 1, (*World).hear},
	{"poll", 0.5, 1, (*World).poll},
	{"reconcile", 0.3, 1, (*World).reconcile},
	{"account", 0.2, 1, (*World).changeAccount},
	{"time", 1, 1, (*World).passTime},
	{"deadline", 1.5, 1, (*World).passToDeadline},
	{"last patience", 1.5, 1, (*World).passToLastPatience},
	{"relay", 60, 0.5, (*World).relaySome},
	{"deliver", 100, 0.5, (*World).deliverSome},
	{"repeat", 4, 1, (*World).repeatOld},
	{"ring", 10, 1, (*World).ring},
	{"decide", 10, 1, (*World).decide},
	{"refund", 10, 1, (*World).refund},
	{"network", 45, 0.5, (*World).letCallGoOn},
	{"late request", 2, 1, (*World).letLateArrive},
	{"retry", 4, 1, (*World).retry},
	{"crash", 1.5, 1, (*World).crashOne},
	{"log loss", 0.5, 1, (*World).loseLog},
	{"log away", 0.7, 1, (*World).turnLog},
}

// storm takes random steps. Each world has its own weather: some steps are many times more frequent in it than in others.
func (w *World) storm() int {
	weights, sum := make([]float64, len(steps)), 0.0
	for i, s := range steps {
		weights[i] = s.weight * math.Pow([]float64{0.1, 1, 1, 1, 4}[w.rand.IntN(5)], s.varies)
		sum += weights[i]
	}
	n := w.options.Steps
	if n == 0 {
		n = 100 + w.rand.IntN(400)
	}
	for i := range n {
		w.clock.advance(w.rand.Int64N(4))
		for done := false; !done; {
			at := w.rand.Float64() * sum
			for j, s := range steps {
				if at -= weights[j]; at >= 0 {
					continue
				}
				if done = s.do(w); done {
					w.count("step " + s.name)
				}
				break
			}
		}
		if i%w.options.CheckEvery == 0 {
			w.checkAlways()
		}
		if len(w.findings) > 0 {
			return i + 1
		}
	}
	return n
}

// prepare lists a few tickets, of which everybody knows in most worlds.
func (w *World) prepare() {
	for range 1 + w.rand.IntN(3) {
		w.listTicket()
	}
	if w.chance(0.8) {
		w.relay(w.part("tickets"), wholly)
		for len(w.log.queues["orders"]) > 0 {
			if m := w.log.take("orders", 0); !w.deliver(w.part("orders"), m) {
				w.log.queues["orders"] = append(w.log.queues["orders"], m)
			}
		}
	}
}

func (w *World) passTime() bool {
	ms := pick(w, []int64{10, 100, 1000, 5000, 15_000, 60_000, 200_000})
	w.clock.advance(1 + w.rand.Int64N(ms))
	w.note("time passes")
	return true
}

// due are the instants that somebody waits for, by the clock of the database that knows them.
var due = []struct{ service, query string }{
	{"orders", `SELECT expires_at FROM orders WHERE status IN ('Created', 'AwaitingPayment')`},
	{"orders", `SELECT expires_at + 180000 FROM orders WHERE status IN ('Created', 'AwaitingPayment')`},
	{"expiration", `SELECT due_at FROM deadlines`},
	{"payments", `SELECT due_at FROM charges WHERE due_at > 0`},
	{"payments", `SELECT expires_at FROM orders WHERE status = 'AwaitingPayment'`},
	{"payments", `SELECT created_at + 110000 FROM charges WHERE status = 'Created'`},
	{"tickets", `SELECT starts_at FROM tickets WHERE starts_at < 4000000000000`},
	{"auth", failedDue}, {"tickets", failedDue}, {"orders", failedDue}, {"expiration", failedDue}, {"payments", failedDue},
}

const failedDue = `SELECT next_at FROM failed_event WHERE NOT parked`

// passToDeadline lets time pass until just before, exactly at or just after an instant that somebody waits for.
func (w *World) passToDeadline() bool {
	d := pick(w, due)
	all := w.numbers(d.service, d.query+" ORDER BY 1")
	if len(all) == 0 {
		return false
	}
	left := pick(w, all) - w.clock.at(d.service)
	if left <= 0 {
		return false
	}
	w.clock.advance(left + int64(w.rand.IntN(3)) - 1)
	w.note("time passes to a deadline of %s", d.service)
	return true
}

// passToLastPatience lets so much time pass that an order gives up waiting for the payment that has it, and lets that be
// known before anything else: the payment may have been made all the same.
func (w *World) passToLastPatience() bool {
	all := w.numbers("orders", `SELECT expires_at + 180000 FROM orders WHERE status = 'AwaitingPayment' AND charge_id <> '' ORDER BY 1`)
	if len(all) == 0 {
		return false
	}
	w.clock.advance(max(0, pick(w, all)-w.clock.at("orders")) + int64(w.rand.IntN(10_000)))
	w.note("time passes until an order is tired of waiting for its payment")
	w.ring()
	w.relay(w.part("expiration"), wholly)
	for i := len(w.log.queues["orders"]) - 1; i >= 0; i-- {
		if e, err := bus.Decode(w.log.queues["orders"][i].Data); err == nil && e.Type == event.OrderExpired {
			if m := w.log.take("orders", i); !w.deliver(w.part("orders"), m) {
				w.log.queues["orders"] = append(w.log.queues["orders"], m)
			}
		}
	}
	return true
}

func (w *World) relaySome() bool {
	p, how := pick(w, w.parts), wholly
	if w.number(p.name, `SELECT 1 FROM outbox WHERE seq IS NULL LIMIT 1`) == 0 && w.chance(0.995) || w.log.away && w.chance(0.95) {
		return false
	}
	switch {
	case w.unlucky(0.06):
		how = publishing{stored: w.rand.IntN(4), acked: w.rand.IntN(3)}
	case w.unlucky(0.04):
		how = publishing{stored: 1 + w.rand.IntN(3), acked: 0, dies: true}
	}
	if how != wholly {
		w.count("publishing faults")
	}
	if w.unlucky(0.02) {
		w.arm(p)
		defer w.disarm(p)
	}
	n := w.relay(p, how)
	return n > 0 || how != wholly
}

// relay lets a service publish what it has said; it may die in the middle of it.
func (w *World) relay(p *part, how publishing) (n int) {
	var err error
	alive := false
	w.log.next = how
	w.bank.call(p, "relay", func(ctx context.Context) {
		n, err = p.bus.Relay(ctx)
		alive = true
	}, func() {})
	w.log.next = wholly
	switch {
	case !alive:
		w.note("%s dies while it publishes", p.name)
		w.crash(p)
	case n > 0 || err != nil:
		w.note("%s publishes %d: %s", p.name, n, w.outcome(err))
	}
	return n
}

// deliverSome delivers a few messages to one service, often the oldest, else any.
func (w *World) deliverSome() bool {
	p := w.parts[1+w.rand.IntN(4)] // auth follows nobody
	for range 1 + w.rand.IntN(4) {
		n := len(w.log.queues[p.name])
		if n == 0 {
			return false
		}
		i := 0
		if w.chance(0.4) {
			i = w.rand.IntN(n)
		}
		m := w.log.take(p.name, i)
		if w.unlucky(0.06) || !w.deliver(p, m) { // it was not acknowledged: it comes again
			w.log.queues[p.name] = append(w.log.queues[p.name], m)
			w.count("deliveries without acknowledgement")
		}
	}
	return true
}

// repeatOld delivers something that was delivered long ago, or that a log which is lost had.
func (w *World) repeatOld() bool {
	p := w.parts[1+w.rand.IntN(4)]
	if len(w.log.old) == 0 {
		return false
	}
	m := pick(w, w.log.old)
	if !w.log.reads(p.name, m) {
		return false
	}
	w.count("repeated deliveries")
	w.deliver(p, m)
	return true
}

// deliver gives a message to its follower; false if it has to be delivered again.
func (w *World) deliver(p *part, m bus.Message) bool {
	ctx, how := background, ""
	switch {
	case w.unlucky(0.02):
		stopped, stop := context.WithCancel(ctx)
		stop()
		ctx, how = stopped, " (cut off)"
	case w.unlucky(0.03):
		w.arm(p)
		defer w.disarm(p)
		how = " (with a fault)"
		w.count("failed handlers")
	}
	s := w.options.Sabotage
	if s != nil && s.Before != nil && !s.Before(w, p.name, m) {
		return true
	}
	patient := w.patience(p, m)
	err := p.bus.Deliver(ctx, m)
	patient(err == nil)
	w.note("%s hears %s%s: %s", p.name, w.describe(m), how, w.outcome(err))
	w.count("deliveries")
	if s != nil && s.After != nil {
		s.After(w, p.name, m)
	}
	return err == nil
}

func (w *World) ring() bool {
	n, _, err := w.expiration.Ring(background)
	if n > 0 || err != nil {
		w.note("expiration rings %d: %s", n, w.outcome(err))
	}
	return n > 0
}

// work runs a round of a worker of payments, which parks at Stripe.
func (w *World) work(what string, run func(context.Context) (int, error)) bool {
	var n int
	var err error
	w.note("payments begins to %s", what)
	w.bank.call(w.part("payments"), what, func(ctx context.Context) { n, err = run(ctx) }, func() {
		w.note("  payments has looked at %d charges to %s: %s", n, what, w.outcome(err))
	})
	return true
}

func (w *World) decide() bool {
	if w.busy("decide") > 1 || len(w.bank.callers) >= mostCallers || w.dueCharges("Created") == 0 {
		return false
	}
	return w.work("decide", w.payments.Decide)
}

func (w *World) refund() bool {
	if w.busy("refund") > 1 || len(w.bank.callers) >= mostCallers || w.dueCharges("Completed") == 0 {
		return false
	}
	return w.work("refund", w.payments.Refund)
}

// busy is how many rounds of a worker are under way. There may be two: of two replicas, when one takes over.
func (w *World) busy(what string) (n int) {
	for _, c := range w.bank.callers {
		if c.what == what {
			n++
		}
	}
	return n
}

// dueCharges counts what a worker of payments would look at.
func (w *World) dueCharges(status string) int64 {
	if s := w.options.Sabotage; s != nil && s.NoRefunds && status == "Completed" {
		return 0
	}
	return w.number("payments", `SELECT count(*) FROM charges WHERE due_at > 0 AND due_at <= $1 AND status = $2 AND (status = 'Created' OR refund_due)`,
		w.clock.at("payments"), status)
}

// letCallGoOn lets one of the calls that wait for Stripe have its way.
func (w *World) letCallGoOn() bool {
	if len(w.bank.callers) == 0 {
		return false
	}
	c := pick(w, w.bank.callers)
	f := w.bank.draw(c)
	w.note("%s (%s) %v", c.where, c.what, f)
	p := c.part
	if w.unlucky(0.02) {
		w.arm(p)
		defer w.disarm(p)
	}
	w.bank.goOn(c, f)
	return true
}

func (w *World) letLateArrive() bool {
	if len(w.bank.late) == 0 {
		return false
	}
	w.count("late requests")
	w.note("a late request arrives: %s", w.bank.arrive(w.rand.IntN(len(w.bank.late))))
	return true
}

// retry tries failed events again that are due; sometimes an operator asks for it before that.
func (w *World) retry() bool {
	p := pick(w, w.parts)
	failed, err := p.bus.Failed(background)
	if err != nil {
		w.find("failed events of %s: %v", p.name, err)
	}
	if len(failed) == 0 {
		return false
	}
	if w.chance(0.3) {
		w.note("an operator of %s retries %s", p.name, w.outcome(p.bus.Retry(background, pick(w, failed).ID)))
	}
	n, err := p.bus.RetryDue(background)
	w.note("%s tries %d failed events again: %s", p.name, n, w.outcome(err))
	return true
}

func (w *World) crashOne() bool {
	if !w.unlucky(0.8) {
		return false
	}
	w.crash(pick(w, w.parts))
	return true
}

// loseLog takes messages from the event log, or all of them.
func (w *World) loseLog() bool {
	n := len(w.log.messages)
	if n == 0 || !w.unlucky(0.6) {
		return false
	}
	switch w.rand.IntN(3) {
	case 0:
		w.note("the event log is lost, with %d messages", n)
		w.log.wipe()
	case 1:
		k := 1 + w.rand.IntN(n)
		w.note("the event log loses its last %d messages", k)
		w.log.cut(k)
	case 2:
		i := w.rand.IntN(n)
		w.note("the event log loses message %d", w.log.messages[i].Seq)
		w.log.lose(i)
	}
	w.count("log losses")
	for _, p := range w.parts {
		if w.chance(0.2) {
			w.note("  %s prepares: %s", p.name, w.outcome(p.bus.Prepare(background)))
		}
	}
	return true
}

func (w *World) turnLog() bool {
	if !w.log.away && !w.unlucky(0.7) {
		return false
	}
	w.log.away = !w.log.away
	if !w.log.away && w.chance(0.5) {
		w.log.link++
	}
	w.note("the event log is away: %v", w.log.away)
	w.count("log away")
	return true
}

// Sabotage is a market that is broken on purpose.
type Sabotage struct {
	NoRefunds bool                                                      // nobody gives money back
	BlindLog  bool                                                      // nobody notices that the log has lost messages
	Before    func(w *World, service string, m bus.Message) (pass bool) // a delivery; false: it gets lost
	After     func(w *World, service string, m bus.Message)
}

// Exec changes a service's database behind its back.
func (w *World) Exec(service, statement string, args ...any) {
	err := w.dbs[service].Update(background, func(tx *store.Tx) error {
		return tx.Do(statement, args...)
	})
	if err != nil {
		w.find("sabotage: %v", err)
	}
}

// ms is a duration in milliseconds.
func ms(d time.Duration) int64 { return d.Milliseconds() }
