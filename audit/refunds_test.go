package audit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/audit"
	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

// cancelPaid cancels the open order after its second payment took money, as if it had expired under it.
func (m *market) cancelPaid() {
	m.pay(3)
	m.ends(m.cancelled(4, event.Expired, m.now.Add(4*time.Minute)))
	m.decide(event.Completed)
}

// refund says the next state of the second payment's refund.
func (m *market) refund(version int64, id, status string) {
	c := m.charge("second", open, version, event.Completed, id)
	c.RefundStatus = status
	m.say("payments", event.ChargeUpdated, c)
	m.run("payments", `UPDATE charges SET refund_status = $1 WHERE id = 'second'`, status)
}

// row is a refund as payments knows it.
func (m *market) row(id string, amount int64, status string) {
	m.run("payments", `INSERT INTO refunds (id, charge_id, amount, status, created_at, updated_at) VALUES ($1, 'second', $2, $3, 0, 0)`, id, amount, status)
}

// gave is the provider's word that the second payment took its price, and gave that much of it back.
func (m *market) gave(back money.Amount) {
	m.payments = append(m.payments, audit.Payment{ID: "pi_second", OrderID: open, ChargeID: "second", Captured: 1999, Refunded: back})
}

// Each case is a history of the refunds of one payment, and the invariants that it breaks.
func TestRefunds(t *testing.T) {
	for name, c := range map[string]struct {
		history func(m *market)
		want    []int
	}{
		"given back": {func(m *market) {
			m.refund(3, "re_1", "pending")
			m.refund(4, "re_1", "succeeded")
			m.row("re_1", 1999, "succeeded")
			m.gave(1999)
		}, nil},
		"given back again after the bank sent it back": {func(m *market) {
			m.refund(3, "re_1", "succeeded")
			m.refund(4, "re_1", "failed")
			m.refund(5, "re_2", "succeeded")
			m.row("re_1", 1999, "failed")
			m.row("re_2", 1999, "succeeded")
			m.gave(1999)
		}, nil},
		"given back in two parts": {func(m *market) {
			m.refund(3, "re_1", "succeeded")
			m.refund(4, "re_2", "succeeded")
			m.row("re_1", 500, "succeeded")
			m.row("re_2", 1499, "pending")
			m.gave(1999)
		}, nil},
		"given back twice": {func(m *market) {
			m.refund(3, "re_1", "succeeded")
			m.refund(4, "re_2", "succeeded")
			m.row("re_1", 1999, "succeeded")
			m.row("re_2", 1, "succeeded")
			m.gave(1999)
		}, []int{5}},
		"given back as something that nobody knows": {func(m *market) {
			m.refund(3, "re_1", "succeeded")
			m.refund(4, "re_2", "succeeded")
			m.row("re_2", 1999, "succeeded")
			m.gave(1999)
		}, []int{5}},
		"not given back": {func(m *market) { m.gave(0) }, []int{4}},
		"not given back, by the provider": {func(m *market) {
			m.refund(3, "re_1", "succeeded")
			m.row("re_1", 1999, "succeeded")
			m.gave(1998)
		}, []int{4}},
		"a state that was not said": {func(m *market) {
			m.refund(3, "re_1", "pending")
			m.run("payments", `UPDATE charges SET refund_status = 'succeeded' WHERE id = 'second'`)
			m.gave(1999)
		}, []int{7}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			m.cancelPaid()
			c.history(m)
			m.finds(c.want)
		})
	}
}

// A refund that the bank sent back keeps the market busy until it is asked for again.
func TestAFailedRefundIsOnItsWay(t *testing.T) {
	m := newMarket(t)
	m.cancelPaid()
	m.refund(3, "re_1", "failed")
	m.row("re_1", 1999, "failed")
	m.run("payments", `UPDATE charges SET refund_due = TRUE WHERE id = 'second'`)
	m.gave(0)
	if r := m.audit(); len(r.Findings) > 0 || len(r.Busy) != 1 || r.Busy[0] != "1 refunds that are due" {
		t.Errorf("findings %v, busy %v", r.Findings, r.Busy)
	}
}

// A refund between the reading of the provider's books and of ours is no finding; one that never came is.
func TestARefundWhileTheBooksAreRead(t *testing.T) {
	m := newMarket(t)
	m.cancelPaid()
	m.refund(3, "re_1", "succeeded")
	m.row("re_1", 1999, "succeeded")
	m.gave(0)
	readings := 0
	r, err := audit.Run(t.Context(), audit.Sources{DBs: m.dbs, Currency: usd, Payments: func(context.Context) ([]audit.Payment, error) {
		if readings++; readings == 2 {
			m.payments[len(m.payments)-1].Refunded = 1999
		}
		return slices.Clone(m.payments), nil
	}})
	if err != nil || len(r.Findings) > 0 || readings != 2 {
		t.Errorf("findings %v, %v after %d readings", r.Findings, err, readings)
	}
	m.payments[len(m.payments)-1].Refunded = 0
	m.finds([]int{4})
}

// An event that is said and published between the reading of the log and of the outboxes is no finding.
func TestAnEventWhileTheBooksAreRead(t *testing.T) {
	m := newMarket(t)
	late, readings := m.logged[len(m.logged)-1], 0
	r, err := audit.Run(t.Context(), audit.Sources{DBs: m.dbs, Currency: usd, Events: func(_ context.Context, each func(event.Envelope)) error {
		readings++
		for _, id := range m.logged {
			if id != late || readings > 1 {
				each(event.Envelope{ID: id})
			}
		}
		return nil
	}})
	if err != nil || len(r.Findings) > 0 || readings != 2 {
		t.Errorf("findings %v, %v after %d readings", r.Findings, err, readings)
	}
}

// A second payment that was given back, and is known to have been, is no finding any more.
func TestASecondPaymentThatWasMended(t *testing.T) {
	for _, c := range []struct {
		mended bool
		back   money.Amount
		want   []int
	}{{true, 1999, nil}, {false, 1999, []int{4, 5}}, {true, 1998, []int{4, 5}}} {
		m := newMarket(t)
		m.payments = append(m.payments, audit.Payment{ID: "pi_2", OrderID: paid, ChargeID: "charge", Captured: 1999, Refunded: c.back, Mended: c.mended})
		if !c.mended { // the one that the charge names comes last, and is found to be the second
			m.payments[0], m.payments[1] = m.payments[1], m.payments[0]
		}
		m.finds(c.want)
	}
}

// What the provider's books and ours do not agree in is a finding at any time.
func TestDisagreements(t *testing.T) {
	m := newMarket(t)
	m.run("orders", `UPDATE outbox SET seq = NULL WHERE id = $1`, "order-"+paid+"-4")
	disagree := func(found []audit.Finding, err error) (audit.Report, error) {
		return audit.Run(t.Context(), audit.Sources{DBs: m.dbs, Currency: usd,
			Disagreements: func(context.Context) ([]audit.Finding, error) { return found, err }})
	}
	r, err := disagree([]audit.Finding{{Invariant: 6, What: "b"}, {Invariant: 4, What: "a"}}, nil)
	if err != nil || len(r.Busy) == 0 || len(r.Findings) != 2 || r.Findings[0].String() != "invariant 4: a" {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := disagree(nil, errors.New("no answer")); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("%v", err)
	}
}

// What the ledger says against itself is a finding at any time.
func TestLedger(t *testing.T) {
	m := newMarket(t)
	check := func(faults []string, err error) (audit.Report, error) {
		return audit.Run(t.Context(), audit.Sources{DBs: m.dbs, Currency: usd, Ledger: func(context.Context) ([]string, error) { return faults, err }})
	}
	if r, err := check([]string{"it is off by 1"}, nil); err != nil || len(r.Findings) != 1 || r.Findings[0].String() != "invariant 12: it is off by 1" {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := check([]string{}, nil); err != nil || len(r.Findings) != 0 {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := check(nil, errors.New("no answer")); err == nil || !strings.Contains(err.Error(), "cannot check the ledger") {
		t.Errorf("%v", err)
	}
}

// A payment that nobody decides is a finding that says whether its provider answers.
func TestUndecided(t *testing.T) {
	m := newMarket(t)
	m.pay(3)
	m.now = m.now.Add(10 * time.Minute)
	r := m.audit()
	if len(r.Findings) != 1 || r.Findings[0].Invariant != 6 || !strings.Contains(r.Findings[0].What, "charge second has been undecided for 10m0s; the payment provider answers now") {
		t.Errorf("%v", r.Findings)
	}
	r, err := audit.Run(t.Context(), audit.Sources{DBs: m.dbs, Currency: usd})
	if err != nil || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "while the payment provider does not answer") {
		t.Errorf("%v %v", r.Findings, err)
	}
}
