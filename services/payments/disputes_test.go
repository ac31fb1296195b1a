package payments_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/services/payments"
)

// dispute is the only dispute about the charge, and whether one holds back what was earned.
func (m *market) dispute(c event.Charge) (d payments.Dispute, held bool) {
	m.t.Helper()
	held, err := m.service.Disputed(ctx, c.ID)
	m.must(err)
	for _, holding := range []bool{false, true} {
		all, err := m.service.Disputes(ctx, holding, 100)
		m.must(err)
		all = slices.DeleteFunc(all, func(d payments.Dispute) bool { return d.ChargeID != c.ID })
		if len(all) > 1 || holding && held != (len(all) == 1) {
			m.t.Fatalf("%d disputes, held %t", len(all), held)
		}
		for _, d = range all {
			if d.Holds() != held {
				m.t.Fatalf("%+v", d)
			}
		}
	}
	return d, held
}

func TestDispute(t *testing.T) {
	const card, inquiry = "pm_card_createDispute", "pm_card_createDisputeInquiry"
	cases := map[string]struct {
		card, text         string
		first, under, last string
		held               bool
	}{
		"won":       {card, "winning_evidence", "needs_response", "under_review", "won", false},
		"lost":      {card, "losing_evidence", "needs_response", "under_review", "lost", true},
		"closed":    {inquiry, "winning_evidence", "warning_needs_response", "warning_under_review", "warning_closed", false},
		"undecided": {inquiry, "any", "warning_needs_response", "warning_under_review", "warning_under_review", true},
		"escalated": {inquiry, "escalate_inquiry_evidence", "warning_needs_response", "warning_under_review", "needs_response", true},
	}
	each(t, func(m *market) {
		m.subscribe()
		for name, c := range cases {
			_, paid := m.paid(c.card)
			if d, held := m.dispute(paid); held {
				m.t.Fatalf(name+": before: %+v", d)
			}
			m.advance(4 * time.Second)
			opened := m.time()
			m.deliver()
			if d, held := m.dispute(paid); d.Status != "" || !held || d.CreatedAt.IsZero() {
				m.t.Errorf(name+": told, and not asked: %+v", d)
			}
			m.listen()
			d, held := m.dispute(paid)
			if d.Status != c.first || d.Amount != 1999 || d.Currency != "usd" || d.Reason != "fraudulent" || !held ||
				d.DueBy.Before(opened.Add(24*time.Hour)) || d.OpenedAt.Unix() != opened.Unix() {
				m.t.Errorf(name+": %+v", d)
			}
			m.stripe("POST", "/v1/disputes/"+d.ID, url.Values{"evidence[uncategorized_text]": {c.text}})
			m.deliver()
			m.listen()
			if d, held = m.dispute(paid); d.Status != c.under || !held {
				m.t.Errorf(name+": answered: %+v", d)
			}
			m.advance(4 * time.Second)
			m.deliver()
			m.listen()
			if d, held = m.dispute(paid); d.Status != c.last || held != c.held {
				m.t.Errorf(name+": decided: %+v", d)
			}
			if got := m.row(paid.ID); got.status != event.Completed {
				m.t.Errorf(name+": %+v", got)
			}
			if open := m.events(payments.EventFilter{Open: true}); len(open) > 0 {
				m.t.Errorf(name+": left over: %+v", open)
			}
		}
	})
}

// From the first word of a dispute nothing is paid out, also while Stripe cannot be asked; and no order of the words matters.
func TestDisputeIsToldInAnyOrder(t *testing.T) {
	each(t, func(m *market) {
		_, paid := m.paid("pm_card_createDispute")
		m.advance(4 * time.Second)
		if _, err := m.sim.Settle(ctx); err != nil {
			m.t.Fatal(err)
		}
		list := m.stripe("GET", "/v1/disputes?limit=1", nil)["data"].([]any)
		truth := list[0].(object)
		m.setFault(always)
		for _, told := range []struct{ kind, status string }{{"closed", "won"}, {"created", "needs_response"}, {"updated", "warning_closed"}} {
			m.tell(m.eventBody(m.event(), "charge.dispute."+told.kind, object{"id": truth["id"], "object": "dispute", "amount": 1,
				"status": told.status, "payment_intent": paid.StripeID}))
			m.listen()
			if d, held := m.dispute(paid); d.Status != "" || !held {
				m.t.Errorf("%+v", d)
			}
		}
		m.restart(func(*payments.Options) {}) // what was told is not forgotten
		asked := m.calls()
		m.advance(time.Minute)
		m.listen()
		if d, held := m.dispute(paid); d.Status != "needs_response" || d.Amount != 1999 || !held {
			m.t.Errorf("%+v", d)
		}
		if n := asked("GET", "/v1/disputes/"+truth["id"].(string)); n != 1 {
			m.t.Errorf("Stripe was asked %d times", n)
		}
	})
}

// A dispute that is not decided is asked after a few times a day, though nothing tells of it.
func TestDisputeIsAskedAfter(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		_, paid := m.paid("pm_card_createDispute")
		m.advance(4 * time.Second)
		m.deliver()
		m.listen()
		d, _ := m.dispute(paid)
		m.stripe("POST", "/v1/disputes/"+d.ID+"/close", nil)
		m.advance(5 * time.Hour)
		m.listen()
		if d, _ = m.dispute(paid); d.Status != "needs_response" {
			m.t.Errorf("too early: %+v", d)
		}
		m.setFault(always)
		m.advance(time.Hour)
		m.listen()
		m.setFault(nil)
		m.advance(10 * time.Minute)
		m.listen()
		if d, held := m.dispute(paid); d.Status != "lost" || !held {
			m.t.Errorf("%+v", d)
		}
		asked := m.calls()
		m.advance(24 * time.Hour)
		m.listen()
		if n := asked("GET", "/v1/disputes/"+d.ID); n != 0 {
			m.t.Errorf("asked after though it is over")
		}
	})
}

// A dispute that Stripe has never heard of is forgotten after a day.
func TestDisputeThatIsNone(t *testing.T) {
	each(t, func(m *market) {
		_, paid := m.paid("pm_card_visa")
		id := m.event()
		m.tell(m.eventBody(id, "charge.dispute.created", object{"id": "du_none", "object": "dispute", "payment_intent": paid.StripeID}))
		m.tell(m.eventBody(m.event(), "charge.dispute.created", object{"object": "dispute", "payment_intent": paid.StripeID}))
		for range 23 * 6 {
			m.listen()
			m.advance(10 * time.Minute)
		}
		if d, held := m.dispute(paid); d.ID != "du_none" || !held {
			m.t.Errorf("%+v", d)
		}
		for range 3 * 6 {
			m.advance(10 * time.Minute)
			m.listen()
		}
		if d, held := m.dispute(paid); d.ID != "" || held || m.recorded(id).Outcome != "unknown" {
			m.t.Errorf("%+v %+v", d, m.recorded(id))
		}
	})
}
