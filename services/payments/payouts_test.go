package payments_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

const hold = 24 * time.Hour

// paysOut lets the market pay out a day after a sale, with a fee of ten percent.
func (m *market) paysOut() {
	m.t.Helper()
	m.restart(func(o *payments.Options) { o.PayoutAfter, o.Fee = hold, 1000 })
}

// goesWrong lets so many POSTs to paths with that end go wrong at the stage.
func goesWrong(path string, stage stripesim.Stage, fault stripesim.Fault, times int) func(*http.Request, stripesim.Stage) *stripesim.Fault {
	var left atomic.Int64
	left.Store(int64(times))
	return func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if at != stage || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, path) || left.Add(-1) < 0 {
			return nil
		}
		return &fault
	}
}

// payOut takes the steps towards payouts until none is due.
func (m *market) payOut() {
	m.t.Helper()
	for range 50 {
		n, err := m.service.PayOut(ctx)
		if err != nil {
			m.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
	m.t.Fatal("payouts never come to rest")
}

// opens is the seller's opening of an account.
func (m *market) opens(seller string) reply {
	m.t.Helper()
	return m.ask("POST", "/api/payments/account", seller, `{"returnUrl":"https://market.test/sales"}`)
}

// onboarded is a seller who can be paid, and whose account payments knows to be ready.
func (m *market) onboarded(seller string) (account string) {
	m.t.Helper()
	r := m.opens(seller)
	if r.status != 201 {
		m.t.Fatalf("%d %v", r.status, r.body)
	}
	if err := m.sim.Onboard(ctx, r.text("accountId")); err != nil {
		m.t.Fatal(err)
	}
	m.advance(10 * time.Second)
	m.payOut()
	return r.text("accountId")
}

// dashboard is Stripe as somebody else asks it: whoever sits at its dashboard.
func (m *market) dashboard() *stripe.Client {
	return stripe.NewClient("sk_test_other", stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		HTTPClient: &http.Client{Transport: m.sim.Transport()}, MaxNetworkRetries: stripe.Int64(0),
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull}})))
}

// transfers are all that Stripe made for the order.
func (m *market) transfers(o event.Order) (all []*stripe.Transfer) {
	m.t.Helper()
	for t, err := range m.dashboard().V1Transfers.List(ctx, &stripe.TransferListParams{TransferGroup: stripe.String(o.ID)}).All(ctx) {
		if err != nil {
			m.t.Fatal(err)
		}
		all = append(all, t)
	}
	return all
}

// transferred checks that exactly one transfer paid for the order's sale.
func (m *market) transferred(o event.Order, account string, amount int64) {
	m.t.Helper()
	all := m.transfers(o)
	if len(all) != 1 || all[0].Amount != amount || all[0].Destination.ID != account || all[0].Metadata["order_id"] != o.ID {
		m.t.Errorf("transfers %+v, want one of %d to %s", all, amount, account)
	}
}

func TestPayouts(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		account := m.onboarded("ann")
		if r := m.ask("GET", "/api/payments/account", "ann", ""); r.status != 200 || r.body["payoutsEnabled"] != true || r.text("accountId") != account {
			m.t.Errorf("%d %v", r.status, r.body)
		}
		first := m.sell("ann", "19.99")
		m.advance(hold / 2)
		second := m.sell("ann", "100")
		m.payOut()
		m.balance("ann", 108, 11.99, 108, 0, 0)
		if s := m.sales("ann")[0]; s["status"] != "pending" || s["availableAt"] == nil {
			m.t.Errorf("%v", s)
		}
		m.advance(hold / 2)
		m.payOut()
		m.transferred(first, account, 1800)
		m.balance("ann", 108, 11.99, 90, 0, 18)
		s := m.sales("ann")[1]
		if s["status"] != "paid" || s["stripeTransferId"] != m.transfers(first)[0].ID || s["paidAt"] == nil || s["availableAt"] != nil {
			m.t.Errorf("%v", s)
		}
		_, intent := m.chargeOf(first)
		in, err := m.dashboard().V1PaymentIntents.Retrieve(ctx, intent, nil)
		if tr := m.transfers(first)[0]; err != nil || tr.SourceTransaction.ID != in.LatestCharge.ID || tr.Metadata["sale_id"] != s["id"] {
			m.t.Errorf("%+v %v", tr, err)
		}
		m.advance(hold / 2)
		m.payOut()
		m.transferred(second, account, 9000)
		m.balance("ann", 108, 11.99, 0, 0, 108)
		m.sound()
	})
}

func TestPayoutsAreOff(t *testing.T) {
	each(t, func(m *market) {
		m.sell("ann", "19.99")
		m.advance(1000 * hold)
		m.payOut()
		m.balance("ann", 19.99, 0, 0, 19.99, 0)
		if r := m.opens("ann"); r.status != 409 || r.text("code") != "payouts_off" {
			m.t.Errorf("%d %v", r.status, r.body)
		}
		if r := m.ask("GET", "/api/payments/account", "ann", ""); r.status != 409 || r.text("code") != "payouts_off" {
			m.t.Errorf("%d %v", r.status, r.body)
		}
		m.paysOut() // from now on, and what was sold before too
		m.payOut()
		m.balance("ann", 19.99, 0, 0, 19.99, 0)
		m.onboarded("ann")
		m.balance("ann", 19.99, 0, 0, 0, 19.99)
		m.sound()
	})
}

// Every way in which asking for a transfer can go wrong ends in one transfer.
func TestTransfersAreLost(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		account := m.onboarded("ann")
		for _, c := range []struct {
			name  string
			stage stripesim.Stage
			fault stripesim.Fault
			times int
		}{
			{"no answer, before", stripesim.Before, stripesim.Fault{}, 1}, {"no answer, after", stripesim.After, stripesim.Fault{}, 1},
			{"no answer, after, 5 times", stripesim.After, stripesim.Fault{}, 5},
			{"500, before", stripesim.Before, stripesim.Fault{Status: 500}, 3}, {"500, after", stripesim.After, stripesim.Fault{Status: 500}, 3},
			{"500 for ever under that key", stripesim.Before, stripesim.Fault{Status: 500, Sticky: true}, 1},
			{"429, before", stripesim.Before, stripesim.Fault{Status: 429}, 3}, {"409, after", stripesim.After, stripesim.Fault{Status: 409}, 2},
		} {
			o := m.sell("ann", "20")
			m.advance(hold)
			m.setFault(goesWrong("/v1/transfers", c.stage, c.fault, c.times))
			for range 10 {
				m.payOut()
				m.advance(20 * time.Minute)
			}
			m.setFault(nil)
			if s := m.sales("ann")[0]; s["status"] != "paid" {
				m.t.Errorf("%s: %v", c.name, s)
			}
			m.transferred(o, account, 1800)
		}
		// Nobody got through for longer than Stripe keeps a key, and the transfer had been made.
		o := m.sell("ann", "20")
		m.advance(hold)
		m.setFault(goesWrong("/v1/transfers", stripesim.After, stripesim.Fault{}, 1))
		m.payOut()
		m.setFault(always)
		m.advance(2 * hold)
		m.payOut()
		m.setFault(nil)
		m.advance(hold)
		m.payOut()
		m.transferred(o, account, 1800)
		m.balance("ann", 9*18, 9*2, 0, 0, 9*18)
		m.sound()
	})
}

// Stripe refuses, for lack of money: it is tried again, less and less often, under new keys.
func TestTransferIsRefused(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		account := m.onboarded("ann")
		o := m.sell("ann", "20")
		_, intent := m.chargeOf(o)
		in, err := m.dashboard().V1PaymentIntents.Retrieve(ctx, intent, nil)
		if err != nil {
			m.t.Fatal(err)
		}
		other, err := m.dashboard().V1Transfers.Create(ctx, &stripe.TransferCreateParams{Amount: stripe.Int64(500), Currency: stripe.String("usd"),
			Destination: &account, SourceTransaction: &in.LatestCharge.ID, TransferGroup: stripe.String("other")})
		if err != nil {
			m.t.Fatal(err)
		}
		m.advance(hold)
		for range 3 { // within the life of a key
			m.payOut()
			m.advance(2 * time.Hour)
		}
		if n := len(m.transfers(o)); n != 0 {
			m.t.Fatalf("%d transfers of money that is not there", n)
		}
		m.balance("ann", 18, 2, 0, 18, 0)
		if _, err := m.dashboard().V1TransferReversals.Create(ctx, &stripe.TransferReversalCreateParams{ID: &other.ID}); err != nil {
			m.t.Fatal(err)
		}
		m.advance(2 * time.Hour)
		m.payOut()
		m.transferred(o, account, 1800)
		m.balance("ann", 18, 2, 0, 0, 18)
		m.sound()
	})
}

// Two workers at the same sale pay it once.
func TestTwoWorkersPayOnce(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		account := m.onboarded("ann")
		const rounds = 20
		var orders []event.Order
		for range rounds {
			orders = append(orders, m.sell("ann", "20"))
		}
		m.advance(hold)
		gate := make(chan struct{})
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				<-gate
				for range 3 {
					if _, err := m.service.PayOut(ctx); err != nil {
						m.t.Error(err)
					}
				}
			})
		}
		close(gate)
		both.Wait()
		for range 5 {
			m.advance(time.Minute)
			m.payOut()
		}
		for _, o := range orders {
			m.transferred(o, account, 1800)
		}
		m.balance("ann", 18*rounds, 2*rounds, 0, 0, 18*rounds)
		m.sound()
	})
}

// A worker that ends between any two steps leaves what the next one finishes.
func TestPayoutIsInterrupted(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		account := m.onboarded("ann")
		for _, stage := range []stripesim.Stage{stripesim.Before, stripesim.After} {
			o := m.sell("ann", "20")
			m.advance(hold)
			m.setFault(goesWrong("/v1/transfers", stage, stripesim.Fault{}, 1))
			for range 2 {
				if _, err := m.service.PayOut(ctx); err != nil {
					m.t.Fatal(err)
				}
			}
			m.restart(func(*payments.Options) {})
			m.setFault(nil)
			m.advance(time.Minute)
			m.payOut()
			m.transferred(o, account, 1800)
		}
		m.sound()
	})
}

// Somebody takes a payout back at Stripe: it is owed again in the books, and not paid out once more by itself.
func TestPayoutIsTakenBack(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		m.paysOut()
		m.onboarded("ann")
		o := m.sell("ann", "20")
		m.advance(hold)
		m.payOut()
		tr := m.transfers(o)[0]
		take := func(amount int64) {
			if _, err := m.dashboard().V1TransferReversals.Create(ctx, &stripe.TransferReversalCreateParams{ID: &tr.ID, Amount: &amount}); err != nil {
				m.t.Fatal(err)
			}
			m.deliver()
			m.payOut()
		}
		take(300)
		m.balance("ann", 18, 2, 0, 3, 15)
		if s := m.sales("ann")[0]; s["status"] != "paid" {
			m.t.Errorf("%v", s)
		}
		take(1500)
		m.balance("ann", 18, 2, 0, 18, 0)
		if s := m.sales("ann")[0]; s["status"] != "reversed" {
			m.t.Errorf("%v", s)
		}
		m.advance(10 * hold)
		m.payOut()
		if n := len(m.transfers(o)); n != 1 {
			m.t.Errorf("%d transfers", n)
		}
		m.sound()
	})
}

// Money that went back to a buyer after its payout is kept from what the seller earns next.
func TestRefundAfterThePayout(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		account := m.onboarded("ann")
		first := m.sell("ann", "20")
		m.advance(hold)
		m.payOut()
		id, _ := m.chargeOf(first)
		m.refunded(id, "re_1", 2000, "succeeded")
		m.balance("ann", 0, 0, 0, -18, 18)
		second := m.sell("ann", "10")
		m.advance(hold)
		m.payOut()
		m.balance("ann", 9, 1, 0, -9, 18)
		third := m.sell("ann", "30")
		m.advance(hold)
		for range 3 {
			m.payOut()
			m.advance(hold)
		}
		m.balance("ann", 36, 4, 0, 9, 27)
		if len(m.transfers(third)) != 0 {
			m.t.Error("more was paid out than was owed")
		}
		m.transferred(second, account, 900)
		m.sound()
	})
}

// A refund of a part before the payout leaves less to be paid, and a refund of all leaves nothing.
func TestRefundBeforeThePayout(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		account := m.onboarded("ann")
		part, whole, late := m.sell("ann", "20"), m.sell("ann", "20"), m.sell("ann", "20")
		id, _ := m.chargeOf(part)
		m.refunded(id, "re_1", 1000, "succeeded")
		id, _ = m.chargeOf(whole)
		m.refunded(id, "re_2", 2000, "succeeded")
		m.advance(hold)
		if _, err := m.service.PayOut(ctx); err != nil { // available, and not all of it paid
			m.t.Fatal(err)
		}
		m.payOut()
		m.transferred(part, account, 900)
		if n := len(m.transfers(whole)); n != 0 {
			m.t.Errorf("%d transfers of nothing", n)
		}
		if s := m.sales("ann"); s[1]["status"] != "refunded" || s[2]["status"] != "paid" || s[2]["returned"] != 9.0 {
			m.t.Errorf("%v", s)
		}
		m.transferred(late, account, 1800)
		m.balance("ann", 27, 3, 0, 0, 27)
		m.sound()
	})
}

// The worker pays by itself.
func TestTheWorkerPaysOut(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		m.onboarded("ann")
		m.sell("ann", "20")
		m.advance(hold)
		m.stop()
		m.begin(true)
		waiting, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if err := m.db.Await(waiting, "sales", func(tx *store.Tx) (paid bool, err error) {
			err = tx.QueryRow(`SELECT count(*) = 1 FROM sales WHERE status = 'paid'`).Scan(&paid)
			return paid, err
		}); err != nil {
			m.t.Error(err)
		}
		m.sound()
	})
}

// An answer that is none of Stripe's says nothing: accounts and transfers are asked for again, under the same keys.
func TestRubbishForAnAnswer(t *testing.T) {
	each(t, func(m *market) {
		m.paysOut()
		rubbish := func(path string) meddling {
			var once sync.Once
			return func(r *http.Request, next func() (*http.Response, error)) (got *http.Response, err error) {
				got, err = next()
				if r.Method == http.MethodPost && r.URL.Path == path {
					once.Do(func() { got = stripeAnswer(200, `{}`) })
				}
				return got, err
			}
		}
		for _, path := range []string{"/v1/accounts", "/v1/account_links"} {
			m.setMeddling(rubbish(path))
			if r := m.opens("ann"); r.status != 503 {
				m.t.Errorf("%s: %d %v", path, r.status, r.body)
			}
		}
		m.setMeddling(nil)
		account := m.opens("ann").text("accountId")
		m.must(m.sim.Onboard(ctx, account))
		o := m.sell("ann", "20")
		m.advance(hold)
		m.setMeddling(rubbish("/v1/transfers"))
		for range 3 {
			m.payOut()
			m.advance(time.Minute)
		}
		m.transferred(o, account, 1800)
		m.balance("ann", 18, 2, 0, 0, 18)
		m.sound()
	})
}
