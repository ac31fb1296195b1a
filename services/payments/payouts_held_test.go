package payments_test

import (
	"net/url"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/stripesim"
)

// disputed is a sale whose buyer's bank has complained, as payments knows.
func (m *market) disputed(seller string) event.Order {
	m.t.Helper()
	o := m.sellTo("pm_card_createDispute", seller, "20")
	m.complains(o)
	return o
}

// complains lets the bank of a buyer who pays with pm_card_createDispute complain, and payments hear of it.
func (m *market) complains(o event.Order) {
	m.t.Helper()
	m.advance(4 * time.Second)
	m.deliver()
	m.listen()
	id, _ := m.chargeOf(o)
	if held, err := m.service.Disputed(ctx, id); err != nil || !held {
		m.t.Fatalf("the bank has not complained: %v", err)
	}
}

// decides lets the bank decide the dispute about the order, and payments hear of it.
func (m *market) decides(o event.Order, evidence string) {
	m.t.Helper()
	id, _ := m.chargeOf(o)
	all, err := m.service.Disputes(ctx, false, 100)
	m.must(err)
	for _, d := range all {
		if d.ChargeID == id {
			m.stripe("POST", "/v1/disputes/"+d.ID, url.Values{"evidence[uncategorized_text]": {evidence}})
		}
	}
	for range 2 {
		m.advance(4 * time.Second)
		m.deliver()
		m.listen()
	}
}

// What is disputed stays here until the market has won.
func TestDisputedSaleIsHeldBack(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		m.paysOut()
		account := m.onboarded("ann")
		won, lost := m.disputed("ann"), m.disputed("ann")
		undisputed := m.sell("ann", "20")
		m.advance(hold)
		m.payOut()
		m.transferred(undisputed, account, 1800)
		for i, want := range []string{"paid", "disputed", "disputed"} {
			if s := m.sales("ann")[i]; s["status"] != want {
				m.t.Errorf("sale %d: %v", i, s)
			}
		}
		m.balance("ann", 54, 6, 36, 0, 18)
		m.decides(won, "winning_evidence")
		m.decides(lost, "losing_evidence")
		m.advance(10 * time.Minute)
		m.payOut()
		m.transferred(won, account, 1800)
		m.advance(10 * hold)
		m.payOut()
		if n := len(m.transfers(lost)); n != 0 {
			m.t.Errorf("%d transfers of what was lost", n)
		}
		m.balance("ann", 54, 6, 18, 0, 36)
		m.sound()
	})
}

// A dispute that comes when a sale is available already holds it all the same.
func TestDisputeOfWhatIsAvailable(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		m.paysOut()
		o := m.sellTo("pm_card_createDispute", "ann", "20")
		m.advance(hold)
		m.payOut()
		m.balance("ann", 18, 2, 0, 18, 0)
		m.complains(o)
		account := m.onboarded("ann")
		m.advance(hold)
		m.payOut()
		if n := len(m.transfers(o)); n != 0 {
			m.t.Errorf("%d transfers", n)
		}
		if s := m.sales("ann")[0]; s["status"] != "disputed" {
			m.t.Errorf("%v", s)
		}
		m.decides(o, "winning_evidence")
		m.advance(time.Hour)
		m.payOut()
		m.transferred(o, account, 1800)
		m.sound()
	})
}

// A dispute comes while nobody knows whether a transfer was made: it is looked for, and none is asked for.
func TestDisputeWhileATransferIsUnderWay(t *testing.T) {
	for stage, made := range map[stripesim.Stage]int{stripesim.Before: 0, stripesim.After: 1} {
		each(t, func(m *market) {
			m.subscribe()
			m.paysOut()
			account := m.onboarded("ann")
			o := m.sellTo("pm_card_createDispute", "ann", "20")
			m.advance(hold)
			m.setFault(goesWrong("/v1/transfers", stage, stripesim.Fault{}, 1))
			m.payOut()
			m.setFault(nil)
			m.complains(o)
			for range 5 {
				m.advance(time.Hour)
				m.payOut()
			}
			if n := len(m.transfers(o)); n != made {
				m.t.Errorf("%d transfers, want %d", n, made)
			}
			m.balance("ann", 18, 2, 0, float64(18*(1-made)), float64(18*made))
			m.decides(o, "winning_evidence")
			m.advance(time.Hour)
			m.payOut()
			m.transferred(o, account, 1800)
			m.sound()
		})
	}
}

// A webhook about the account is enough: nothing has to be waited for.
func TestPayoutsGoOnWhenAnAccountIsReady(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		m.paysOut()
		o := m.sell("ann", "20")
		m.advance(hold)
		m.payOut()
		account := m.opens("ann").text("accountId")
		m.deliver()
		m.payOut()
		if n := len(m.transfers(o)); n != 0 {
			m.t.Errorf("%d transfers", n)
		}
		m.must(m.sim.Onboard(ctx, account))
		m.deliver()
		m.payOut()
		m.transferred(o, account, 1800)
		m.sound()
	})
}
