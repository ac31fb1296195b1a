package payments_test

import (
	"strings"
	"sync"
	"testing"

	"ticketing/stripesim"
)

// A seller gets one account, however often and at the same moment they ask, whatever is lost.
func TestOneAccountForASeller(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		if r := m.ask("GET", "/api/payments/account", "ann", ""); r.status != 404 {
			m.t.Errorf("%d %v", r.status, r.body)
		}
		for _, body := range []string{`{}`, `{"returnUrl":""}`, `{"returnUrl":"javascript:alert(1)"}`, `{"returnUrl":"https://a.test","refreshUrl":"x"}`} {
			if r := m.ask("POST", "/api/payments/account", "ann", body); r.status != 400 {
				m.t.Errorf("%s: %d %v", body, r.status, r.body)
			}
		}
		faults := map[string]stripesim.Fault{"ann": {}, "bob": {Status: 500}, "cat": {Status: 500, Sticky: true}, "dot": {Status: 429}}
		for seller, fault := range faults {
			for _, stage := range []stripesim.Stage{stripesim.Before, stripesim.After} {
				if fault.Sticky && stage == stripesim.After {
					continue
				}
				name := seller + map[stripesim.Stage]string{stripesim.Before: "1", stripesim.After: "2"}[stage]
				m.setFault(goesWrong("/v1/accounts", stage, fault, 1))
				if r := m.opens(name); r.status != 503 || r.header.Get("Retry-After") == "" {
					m.t.Errorf("%s: %d %v", name, r.status, r.body)
				}
				m.setFault(nil)
				var id string
				for range 3 { // a key that is answered by a failure for ever is left after a few tries
					if r := m.opens(name); r.status < 300 {
						id = r.text("accountId")
						break
					}
				}
				r := m.opens(name)
				if r.status != 200 || r.text("accountId") != id || !strings.Contains(r.text("onboardingUrl"), id) || r.body["payoutsEnabled"] != false {
					m.t.Errorf("%s again: %d %v", name, r.status, r.body)
				}
			}
		}
		gate := make(chan struct{})
		var all sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			all.Go(func() {
				<-gate
				for range 20 {
					if r := m.opens("eve"); r.status != 503 {
						ids[i] = r.text("accountId")
						return
					}
				}
			})
		}
		close(gate)
		all.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				m.t.Errorf("accounts %q", ids)
				break
			}
		}
		made := map[string]int{}
		for a, err := range m.dashboard().V1Accounts.List(ctx, nil).All(ctx) {
			if err != nil {
				m.t.Fatal(err)
			}
			made[a.Metadata["user_id"]]++
		}
		if len(made) != 2*len(faults)-1+1 {
			m.t.Errorf("accounts of %v", made)
		}
		for user, n := range made {
			if n != 1 {
				m.t.Errorf("%d accounts of %s", n, user)
			}
		}
	})
}

// What is due waits for a seller who is not ready to be paid, and goes on when they are, whoever tells.
func TestPayoutsWaitForTheAccount(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		o := m.sell("ann", "20")
		m.advance(hold)
		m.payOut()
		m.balance("ann", 18, 2, 0, 18, 0)
		if s := m.sales("ann")[0]; s["status"] != "available" {
			m.t.Errorf("%v", s)
		}
		account := m.opens("ann").text("accountId")
		m.advance(hold)
		m.payOut()
		if n := len(m.transfers(o)); n != 0 {
			m.t.Errorf("%d transfers to an account that is not ready", n)
		}
		if err := m.sim.Onboard(ctx, account); err != nil {
			m.t.Fatal(err)
		}
		if r := m.ask("GET", "/api/payments/account", "ann", ""); r.body["payoutsEnabled"] != true {
			m.t.Errorf("%v", r.body)
		}
		m.payOut()
		m.transferred(o, account, 1800)
		// An account that is no more, and a sale of a seller whom nobody knows to be unable to be paid.
		second := m.sell("ann", "20")
		if _, err := m.dashboard().V1Accounts.Delete(ctx, account, nil); err != nil {
			m.t.Fatal(err)
		}
		for range 10 {
			m.advance(hold)
			m.payOut()
		}
		if n := len(m.transfers(second)); n != 0 {
			m.t.Errorf("%d transfers", n)
		}
		m.balance("ann", 36, 4, 0, 18, 18)
		m.sound()
	})
}
