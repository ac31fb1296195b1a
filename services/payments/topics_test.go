package payments_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// What an event of each type does to a charge of each status, when it comes: whether it makes the charge due, what has come
// of it then, and what Stripe is asked by Hear after that.
func TestEveryTypeOfEvent(t *testing.T) {
	intent := func(c event.Charge) object {
		return object{"id": c.StripeID, "object": "payment_intent", "status": "canceled", "metadata": object{"charge_id": c.ID}}
	}
	part := func(kind, id string) func(event.Charge) object {
		return func(c event.Charge) object {
			return object{"id": id, "object": kind, "status": "failed", "payment_intent": c.StripeID, "metadata": object{}}
		}
	}
	type effect struct {
		due     bool
		outcome string
		asks    string // GET
	}
	type row struct {
		object                       func(c event.Charge) object
		undecided, completed, failed effect
	}
	hint := row{intent, effect{true, "applied", ""}, effect{false, "nothing", ""}, effect{false, "nothing", ""}}
	refund := row{part("refund", "re_1"), effect{true, "", ""}, effect{false, "", "/v1/refunds"}, effect{false, "nothing", ""}}
	dispute := row{part("dispute", "du_1"), effect{false, "", "/v1/disputes/du_1"}, effect{false, "", "/v1/disputes/du_1"}, effect{false, "", "/v1/disputes/du_1"}}
	ignored := row{part("charge", "ch_1"), effect{false, "ignored", ""}, effect{false, "ignored", ""}, effect{false, "ignored", ""}}
	foreign := row{part("account", "acct_1"), effect{false, "nothing", ""}, effect{false, "nothing", ""}, effect{false, "nothing", ""}}
	table := map[string]row{
		"account.updated": foreign, "transfer.reversed": foreign,
		"payment_intent.created": hint, "payment_intent.processing": hint, "payment_intent.requires_action": hint,
		"payment_intent.amount_capturable_updated": hint, "payment_intent.succeeded": hint, "payment_intent.payment_failed": hint,
		"payment_intent.canceled": hint, "payment_intent.partially_funded": hint,
		"charge.refunded": refund, "charge.refund.updated": refund, "refund.created": refund, "refund.updated": refund, "refund.failed": refund,
		"charge.dispute.created": dispute, "charge.dispute.updated": dispute, "charge.dispute.closed": dispute,
		"charge.dispute.funds_withdrawn": dispute, "charge.dispute.funds_reinstated": dispute,
		"charge.succeeded": ignored, "charge.captured": ignored, "charge.failed": ignored, "charge.expired": ignored, "charge.updated": ignored,
		"customer.created": ignored, "payout.paid": ignored, "setup_intent.succeeded": ignored,
	}
	for _, kind := range payments.EventTypes() {
		if _, ok := table[kind]; !ok {
			t.Errorf("what %s does is not said", kind)
		}
	}
	eachWith(t, noWait, func(m *market) {
		for kind, row := range table {
			undecided, completed, failed := m.event(), m.event(), m.event()
			_, waits := m.waiting()
			_, paid := m.paid("pm_card_visa")
			refused := m.payable()
			m.pay(refused, "pm_card_chargeDeclined")
			no := m.awaitCharge(refused.ID, func(c event.Charge) bool { return c.Status == event.ChargeFailed })
			m.work()
			for id, c := range map[string]struct {
				charge event.Charge
				want   effect
			}{undecided: {waits, row.undecided}, completed: {paid, row.completed}, failed: {no, row.failed}} {
				m.tell(m.eventBody(id, kind, row.object(c.charge)))
				if e := m.recorded(id); e.Outcome != c.want.outcome || m.row(c.charge.ID).due != c.want.due {
					m.t.Errorf("%s for a charge %s: %+v %+v", kind, c.charge.Status, e, m.row(c.charge.ID))
				}
				asked := m.calls()
				m.listen()
				if n := asked("GET", c.want.asks); c.want.asks != "" && n != 1 {
					m.t.Errorf("%s for a charge %s: %s is asked %d times", kind, c.charge.Status, c.want.asks, n)
				}
				m.setFault(nil)
				if after := m.row(c.charge.ID); after.status != c.charge.Status {
					m.t.Errorf("%s: %+v", kind, after)
				}
			}
			m.must(m.sim.Answer(ctx, waits.StripeID, false))
			m.advance(time.Minute)
			m.work()
		}
	})
}

// event is a new id of an event.
func (m *market) event() string { return "evt_" + strings.ReplaceAll(newID(m.time()), "-", "") }

// In whatever order the events of a payment and its refund come, and come again, they change nothing but when Stripe is asked.
func TestEventsInEveryOrder(t *testing.T) {
	kinds := []string{"payment_intent.created", "payment_intent.amount_capturable_updated", "payment_intent.succeeded", "refund.created", "charge.refunded"}
	var orders [][]string
	permute(kinds, func(p []string) { orders = append(orders, slices.Clone(p)) })
	eachWith(t, noWait, func(m *market) {
		some := orders
		if m.url != "" || testing.Short() {
			some = orders[:len(orders)/10]
		}
		for i, order := range some {
			o, c := m.paid("pm_card_visa")
			m.known(m.become(o, event.Cancelled, event.Expired))
			if i%2 == 0 {
				m.work()
			}
			re := object{"id": "re_1", "object": "refund", "payment_intent": c.StripeID, "status": "succeeded"}
			in := object{"id": c.StripeID, "object": "payment_intent", "metadata": object{"charge_id": c.ID}}
			var bodies []string
			for _, kind := range order {
				told := re
				if strings.HasPrefix(kind, "payment_intent") {
					told = in
				}
				bodies = append(bodies, m.eventBody(m.event(), kind, told))
			}
			for _, body := range append(bodies, bodies...) {
				if got := m.tell(body); got != 200 {
					m.t.Errorf("%v: %d", order, got)
				}
				m.listen()
			}
			m.work()
			got := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.RefundStatus == "succeeded" })
			if got.Version != 3 {
				m.t.Errorf("%v: %+v", order, got)
			}
			m.money(o, 1999, 1999)
		}
	})
}

func permute(all []string, f func([]string)) {
	var with func(k int)
	with = func(k int) {
		if k == len(all) {
			f(all)
		}
		for i := k; i < len(all); i++ {
			all[k], all[i] = all[i], all[k]
			with(k + 1)
			all[k], all[i] = all[i], all[k]
		}
	}
	with(0)
}

// An event about an intent whose id has not been learnt yet waits for it.
func TestEventBeforeWhatItIsAbout(t *testing.T) {
	eachWith(t, noWait, func(m *market) {
		early, disputed := m.event(), m.event()
		told := false
		m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
			if at != stripesim.After || r.Method != "POST" || told {
				return nil
			}
			told = true // the intent is made, and the answer on its way
			list := m.stripe("GET", "/v1/payment_intents?limit=1", nil)["data"].([]any)
			id := list[0].(object)["id"].(string)
			m.tell(m.eventBody(early, "refund.created", object{"id": "re_1", "object": "refund", "payment_intent": id}))
			m.tell(m.eventBody(disputed, "charge.dispute.created", object{"id": "du_1", "object": "dispute", "payment_intent": id}))
			m.listen()
			for _, id := range []string{early, disputed} {
				if e := m.recorded(id); e.Outcome != "" || e.ChargeID != "" || !e.DueAt.After(m.time()) {
					m.t.Errorf("before its charge: %+v", e)
				}
			}
			return nil
		})
		o := m.payable()
		m.pay(o, "pm_card_visa")
		m.setFault(nil)
		m.advance(time.Minute)
		m.settle(o)
		m.listen()
		if e := m.recorded(early); e.Outcome != "applied" || e.ChargeID == "" {
			m.t.Errorf("after it: %+v", e)
		}
		if e := m.recorded(disputed); e.Outcome != "" || e.ChargeID == "" { // Stripe does not know of it, and is asked again
			m.t.Errorf("after it: %+v", e)
		}
		m.money(o, 1999, 0)
	})
}

// While the buyer's own request is at the charge, what is told of it does not bring a second one.
func TestEventWhileTheBuyerWaits(t *testing.T) {
	eachWay(t, func(m *market) {
		told := 0
		m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
			if at == stripesim.After && r.Method == "POST" {
				told++
				m.deliver()
				if n, err := m.service.Decide(ctx); n != 0 || err != nil {
					m.t.Errorf("%s: %d charges are due: %v", r.URL.Path, n, err)
				}
			}
			return nil
		})
		m.subscribe()
		o := m.payable()
		if r := m.pay(o, "pm_card_visa"); r.status != 201 || told < 2 {
			m.t.Errorf("%d %v, told %d times", r.status, r.body, told)
		}
		m.setFault(nil)
		m.deliver()
		for _, e := range m.events(payments.EventFilter{Limit: 100}) {
			if e.Outcome == "" || e.Type == "payment_intent.created" && e.Outcome != "applied" {
				m.t.Errorf("%+v", e)
			}
		}
		m.money(o, 1999, 0)
	})
}

// What another program does with the same account is looked at again for a day, more and more rarely.
func TestEventOfAnotherProgram(t *testing.T) {
	each(t, func(m *market) {
		id := m.event()
		m.tell(m.eventBody(id, "payment_intent.succeeded", object{"id": "pi_other", "object": "payment_intent", "metadata": object{"charge_id": "c_other"}}))
		began := m.recorded(id).ReceivedAt
		for m.recorded(id).Outcome == "" && m.time().Sub(began) < 48*time.Hour {
			m.listen()
			m.advance(time.Minute)
		}
		e := m.recorded(id)
		if took := e.HandledAt.Sub(began); e.Outcome != "unknown" || took < 24*time.Hour || took > 24*time.Hour+time.Minute || e.Tries < 10 || e.Tries > 40 {
			m.t.Errorf("after %s: %+v", took, e)
		}
		if n, err := m.service.Hear(ctx); n != 0 || err != nil {
			m.t.Error(n, err)
		}
	})
}

// While Stripe does not answer, an event that it must be asked about stays open; many about one charge are one question.
func TestEventsWhileStripeIsAway(t *testing.T) {
	each(t, func(m *market) {
		_, c := m.paid("pm_card_visa")
		var ids []string
		for i := range 9 {
			ids = append(ids, m.event())
			kind := []string{"refund.created", "refund.updated", "charge.refunded"}[i%3]
			m.tell(m.eventBody(ids[i], kind, object{"id": "re_1", "object": "refund", "payment_intent": c.StripeID}))
		}
		m.setFault(func(*http.Request, stripesim.Stage) *stripesim.Fault { return &stripesim.Fault{Status: 503} })
		for range 26 * 6 { // longer than what is unknown is kept
			m.listen()
			m.advance(10 * time.Minute)
		}
		for _, id := range ids {
			if e := m.recorded(id); e.Outcome != "" || e.Tries < 100 {
				m.t.Fatalf("%+v", e)
			}
		}
		asked := m.calls()
		m.advance(10 * time.Minute)
		m.listen()
		for _, id := range ids {
			if e := m.recorded(id); e.Outcome != "applied" {
				m.t.Errorf("%+v", e)
			}
		}
		if n := asked("GET", "/v1/refunds"); n != 1 {
			m.t.Errorf("Stripe was asked %d times", n)
		}
	})
}

// A refund that the bank sent back is asked for again after a pause, whatever is told meanwhile.
func TestEventsDoNotHastenRefunds(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		o, c := m.paid("pm_card_refundFail")
		m.known(m.become(o, event.Cancelled, event.Expired))
		asked := m.calls()
		began := m.time()
		for m.time().Sub(began) < 10*time.Minute {
			m.work()
			m.deliver()
			m.listen()
			m.tell(m.eventBody(m.event(), "refund.updated", object{"id": "re_x", "object": "refund", "payment_intent": c.StripeID}))
			m.listen()
			m.advance(5 * time.Second)
		}
		// at once, and 1, 2 and 4 minutes after each was sent back
		if n := asked("POST", "/v1/refunds"); n != 4 {
			m.t.Errorf("%d refunds were asked for", n)
		}
		if got := m.row(c.ID); got.refund != "failed" {
			m.t.Errorf("%+v", got)
		}
	})
}
