package payments_test

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/services/payments"
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
			asked := m.calls()
			for range 5 {
				m.advance(time.Hour)
				m.payOut()
			}
			if n := asked("POST", "/v1/transfers"); n != 0 {
				m.t.Errorf("a transfer was asked for %d times", n)
			}
			m.setFault(nil)
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

// A part is refunded while nobody knows whether a transfer was made: what was asked for stays what it was, or there would be
// two of them, and what was paid too much is kept from later sales.
func TestRefundWhileATransferIsUnderWay(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		for seller, status := range map[string]int{"ann": 0, "bob": 500} {
			account := m.onboarded(seller)
			o := m.sell(seller, "20")
			m.advance(hold)
			m.setFault(goesWrong("/v1/transfers", stripesim.After, stripesim.Fault{Status: status}, 1))
			if _, err := m.service.PayOut(ctx); err != nil {
				m.t.Fatal(err)
			}
			m.payOut()
			m.setFault(nil)
			id, _ := m.chargeOf(o)
			m.refunded(id, o.ID, 500, "succeeded")
			m.advance(time.Minute)
			m.payOut()
			m.transferred(o, account, 1800)
			if s := m.sales(seller)[0]; s["status"] != "paid" || s["returned"] != 4.5 {
				m.t.Errorf("%v", s)
			}
			m.balance(seller, 13.5, 1.5, 0, -4.5, 18)
		}
		m.sound()
	})
}

// A request for a transfer gets to Stripe long after payments has given it up and asked again, and a part was refunded
// meanwhile: both ask for the same under the same key.
func TestTransferArrivesLate(t *testing.T) {
	eachWith(t, func(o *payments.Options) { o.PayoutAfter, o.Fee = hold, 6000 }, func(m *market) {
		account := m.onboarded("ann")
		o := m.sell("ann", "20")
		m.advance(hold)
		release, done := make(chan struct{}), make(chan struct{})
		impatient, giveUp := context.WithCancel(ctx)
		var first atomic.Bool
		m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
			if r.Method != http.MethodPost || r.URL.Path != "/v1/transfers" || first.Load() && at == stripesim.Before {
				return nil
			}
			if at == stripesim.Before {
				first.Store(true)
				giveUp()
				<-release
			} else if r.Context().Err() != nil {
				close(done)
			}
			return nil
		})
		for !first.Load() {
			if _, err := m.service.PayOut(impatient); err != nil {
				m.t.Fatal(err)
			}
		}
		id, _ := m.chargeOf(o)
		m.refunded(id, "re_1", 100, "succeeded")
		m.advance(time.Minute)
		if len(m.transfers(o)) != 0 {
			m.t.Fatal("the first request was not held up")
		}
		m.payOut()
		close(release)
		<-done
		m.payOut()
		m.transferred(o, account, 800)
		m.sound()
	})
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
