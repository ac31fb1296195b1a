package payments_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
	"ticketing/test/postgres"
)

// listed is an order of a seller's ticket that the buyer may pay.
func (m *market) listed(seller, price string) event.Order {
	m.t.Helper()
	o := m.order(event.AwaitingPayment)
	o.Ticket.SellerID, o.Ticket.Title = seller, "a ticket for "+price
	var err error
	if o.Ticket.Price, err = money.ParseDecimal(price); err != nil {
		m.t.Fatal(err)
	}
	m.known(m.say(o))
	return o
}

// sell is a ticket of the seller that is paid for, and whose order payments knows as completed.
func (m *market) sell(seller, price string) event.Order {
	m.t.Helper()
	return m.sellTo("pm_card_visa", seller, price)
}

// sellTo is the same for somebody with that card.
func (m *market) sellTo(card, seller, price string) event.Order {
	m.t.Helper()
	o := m.listed(seller, price)
	if r := m.pay(o, card); r.status != 201 {
		m.t.Fatalf("%d %v", r.status, r.body)
	}
	return m.settle(o)
}

// chargeOf is the order's charge, as the database has it.
func (m *market) chargeOf(o event.Order) (id, stripeID string) {
	m.t.Helper()
	if err := m.db.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT id, stripe_id FROM charges WHERE order_id = $1`, o.ID).Scan(&id, &stripeID)
	}); err != nil {
		m.t.Fatal(err)
	}
	return id, stripeID
}

// balance checks what the seller is told to have: earned, fees, pending, available, paid out.
func (m *market) balance(seller string, want ...float64) {
	m.t.Helper()
	r := m.ask("GET", "/api/payments/balance", seller, "")
	if r.status != 200 {
		m.t.Fatalf("%d %v", r.status, r.body)
	}
	for i, name := range []string{"earned", "fees", "pending", "available", "paidOut"} {
		if r.body[name] != want[i] {
			m.t.Errorf("%s's balance has %v for %s, want %v: %v", seller, r.body[name], name, want[i], r.body)
		}
	}
}

// sales are all of the seller's, by the pages of the API.
func (m *market) sales(seller string) (all []map[string]any) {
	m.t.Helper()
	for next := "/api/payments/sales?limit=2"; next != ""; {
		r := m.ask("GET", next, seller, "")
		if r.status != 200 || len(r.list) > 2 {
			m.t.Fatalf("%s: %d %v", next, r.status, r.body)
		}
		all = append(all, r.list...)
		next, _, _ = strings.Cut(strings.TrimPrefix(r.header.Get("Link"), "<"), ">")
	}
	return all
}

// sound checks every rule of the ledger.
func (m *market) sound() {
	m.t.Helper()
	faults, err := m.service.LedgerFaults(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range faults {
		m.t.Error(f)
	}
}

func (m *market) tamper(query string, args ...any) error {
	return m.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
}

func TestSalesAndBalance(t *testing.T) {
	eachWith(t, func(o *payments.Options) { o.Fee = 250 }, func(m *market) {
		m.balance("ann", 0, 0, 0, 0, 0)
		if got := m.ask("GET", "/api/payments/sales", "ann", ""); got.status != 200 || got.list == nil || len(got.list) != 0 {
			m.t.Errorf("sales of nobody: %d %v", got.status, got.list)
		}
		var orders []event.Order
		for _, price := range []string{"19.99", "0.5", "100", "19.99", "1000000"} {
			orders = append(orders, m.sell("ann", price))
			m.advance(time.Second)
		}
		m.sell("bob", "10")
		declined := m.listed("ann", "7")
		m.pay(declined, "pm_card_chargeDeclined")
		// Fees: 0.49 + 0.01 + 2.50 + 0.49 + 25000
		m.balance("ann", 1000140.48-25003.49, 25003.49, 0, 1000140.48-25003.49, 0)
		m.balance("bob", 9.75, 0.25, 0, 9.75, 0)
		m.balance("buyer", 0, 0, 0, 0, 0)
		sales := m.sales("ann")
		if len(sales) != len(orders) {
			m.t.Fatalf("%d sales: %v", len(sales), sales)
		}
		for i, s := range sales {
			o := orders[len(orders)-1-i]
			if s["orderId"] != o.ID || s["ticketId"] != o.Ticket.ID || s["title"] != o.Ticket.Title || s["status"] != "available" ||
				s["currency"] != "usd" || fmt.Sprint(s["price"]) != fmt.Sprint(mustFloat(o.Ticket.Price)) {
				m.t.Errorf("sale %d is %v, want that of %+v", i, s, o)
			}
		}
		if s := sales[1]; s["fee"] != 0.49 || s["earned"] != 19.5 || s["paidAt"] != nil || s["stripeTransferId"] != nil || s["returned"] != nil {
			m.t.Errorf("%v", s)
		}
		for target, status := range map[string]int{"/api/payments/sales?limit=0": 400, "/api/payments/sales?cursor=x": 400} {
			if r := m.ask("GET", target, "ann", ""); r.status != status {
				m.t.Errorf("%s: %d", target, r.status)
			}
		}
		for _, target := range []string{"/api/payments/sales", "/api/payments/balance"} {
			if r := m.ask("GET", target, "", ""); r.status != 401 {
				m.t.Errorf("%s: %d", target, r.status)
			}
		}
		m.restart(func(o *payments.Options) { o.Fee = payments.FullFee })
		m.sell("ann", "1")
		m.balance("ann", 1000140.48-25003.49, 25004.49, 0, 1000140.48-25003.49, 0)
		if s := m.sales("ann")[0]; s["fee"] != 1.0 || s["earned"] != 0.0 {
			m.t.Errorf("all for the market: %v", s)
		}
		m.sound()
	})
}

func mustFloat(d money.Decimal) (f float64) {
	_, _ = fmt.Sscan(d.String(), &f)
	return f
}

// An order whose seller is not known, which events before sellers were part of them say, is nobody's sale.
func TestASaleNeedsASeller(t *testing.T) {
	each(t, func(m *market) {
		m.sell("", "19.99")
		var n int
		if err := m.db.View(ctx, func(tx *store.Tx) error { return tx.QueryRow(`SELECT count(*) FROM sales`).Scan(&n) }); err != nil || n != 0 {
			m.t.Errorf("%d sales, %v", n, err)
		}
		m.sound()
	})
}

// takenUnheard pays for the order, and Stripe cannot be reached any more from the answer to the capture on: the money is
// taken, and payments is due to learn it.
func (m *market) takenUnheard(o event.Order) {
	m.t.Helper()
	var taken atomic.Bool
	m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if at == stripesim.After && strings.HasSuffix(r.URL.Path, "/capture") {
			taken.Store(true)
		}
		if taken.Load() {
			return &stripesim.Fault{}
		}
		return nil
	})
	m.pay(o, "pm_card_visa")
	m.agree(o)
	m.work()
	m.setFault(nil)
	m.money(o, 1999, 0)
	m.advance(15 * time.Second)
}

// The order's end and the charge's meet in every order and at the same moment: the sale is booked once.
func TestASaleIsBookedOnce(t *testing.T) {
	each(t, func(m *market) {
		const rounds = 20
		for range rounds {
			m.restart(noWait)
			o := m.listed("ann", "19.99")
			m.takenUnheard(o)
			o = m.become(o, event.Completed, "")
			gate := make(chan struct{})
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					<-gate
					if _, err := m.service.Decide(ctx); err != nil {
						m.t.Error(err)
					}
				})
			}
			close(gate)
			both.Wait()
			m.settle(o)
			m.money(o, 1999, 0)
		}
		if n := len(m.sales("ann")); n != rounds {
			m.t.Errorf("%d sales of %d", n, rounds)
		}
		m.balance("ann", 19.99*rounds, 0, 0, 19.99*rounds, 0)
		m.sound()
	})
}

// Somebody gives money back at Stripe for a ticket that was sold: seller and market give their parts, and have them again
// when the bank sends it back.
func TestRefundOfASale(t *testing.T) {
	eachWith(t, func(o *payments.Options) { o.Fee = 1000 }, func(m *market) {
		o := m.sell("ann", "19.99")
		m.sell("ann", "5")
		id, _ := m.chargeOf(o)
		m.balance("ann", 18+4.5, 1.99+0.5, 0, 18+4.5, 0)
		m.refunded(id, "re_1", 1000, "pending")
		m.balance("ann", 18-9.01+4.5, 1.99-0.99+0.5, 0, 18-9.01+4.5, 0)
		m.refunded(id, "re_2", 999, "succeeded")
		m.refunded(id, "re_1", 1000, "succeeded")
		m.balance("ann", 4.5, 0.5, 0, 4.5, 0)
		if s := m.sales("ann")[1]; s["status"] != "refunded" || s["returned"] != 18.0 || s["earned"] != 18.0 {
			m.t.Errorf("%v", s)
		}
		m.sound()
		m.refunded(id, "re_1", 1000, "failed")
		m.balance("ann", 18-8.99+4.5, 1.99-1+0.5, 0, 18-8.99+4.5, 0)
		m.refunded(id, "re_2", 999, "failed")
		m.balance("ann", 18+4.5, 1.99+0.5, 0, 18+4.5, 0)
		if s := m.sales("ann")[1]; s["status"] != "available" || s["returned"] != nil {
			m.t.Errorf("%v", s)
		}
		m.sound()
	})
}

// refunded lets payments hear of a refund, as from Stripe.
func (m *market) refunded(chargeID, refundID string, amount int64, status string) {
	m.t.Helper()
	if err := m.service.HearRefund(ctx, chargeID, refundID, amount, status); err != nil {
		m.t.Fatal(err)
	}
}

// A cancelled order's money goes through the ledger without ever being a sale.
func TestLedgerOfACancelledOrder(t *testing.T) {
	eachWith(t, noWait, func(m *market) {
		o := m.listed("ann", "19.99")
		m.takenUnheard(o)
		m.known(m.become(o, event.Cancelled, event.Expired))
		m.settle(o)
		m.money(o, 1999, 1999)
		m.balance("ann", 0, 0, 0, 0, 0)
		if n := len(m.sales("ann")); n != 0 {
			m.t.Errorf("%d sales", n)
		}
		m.sound()
	})
}

// What the ledger says is never changed, whoever tries.
func TestTheLedgerIsAppendOnly(t *testing.T) {
	each(t, func(m *market) {
		m.sell("ann", "19.99")
		for _, query := range []string{
			`UPDATE ledger_lines SET amount = 1`, `DELETE FROM ledger_lines`,
			`UPDATE ledger_entries SET memo = 'x'`, `DELETE FROM ledger_entries`,
		} {
			if err := m.tamper(query); err == nil || !strings.Contains(err.Error(), "append-only") {
				m.t.Errorf("%s: %v", query, err)
			}
		}
		m.sound()
	})
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	forbidden := regexp.MustCompile(`(?is)(update|delete\s+from)\s+ledger_(entries|lines)`)
	for _, name := range sources {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := forbidden.Find(text); found != nil && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s: %s", name, found)
		}
	}
}

// Every rule of the ledger is noticed when it is broken.
func TestLedgerFaults(t *testing.T) {
	broken := map[string]struct{ query, says string }{
		"unbalanced":       {`INSERT INTO ledger_lines (kind, reference, account, amount) SELECT kind, reference, 'nowhere', 7 FROM ledger_entries WHERE kind = 'sale'`, "out of balance by 7"},
		"entry of nothing": {`INSERT INTO ledger_entries (kind, reference, charge_id, order_id, currency, memo, booked_at) SELECT 'capture', 'x', charge_id, order_id, currency, '', 1 FROM ledger_entries WHERE kind = 'sale'`, "out of balance by 0"},
		"sum":              {`UPDATE ledger_balances SET amount = amount + 1 WHERE account = 'orders' AND kind = 'sale'`, "the balance of orders in usd from entries sale is off by -1"},
		"lost sum":         {`DELETE FROM ledger_balances WHERE account = 'stripe'`, "the balance of stripe"},
		"charge":           {`UPDATE charges SET amount = 2000`, "and the ledger does not say so"},
		"not completed":    {`UPDATE charges SET status = 'Failed'`, "took money, and it is Failed"},
		"refund":           {`INSERT INTO refunds (id, charge_id, amount, status, created_at, updated_at) SELECT 're_9', id, 5, 'succeeded', 1, 1 FROM charges`, "refund re_9 gives 5 back"},
		"no sale":          {`DELETE FROM sales`, "its seller has sold nothing"},
		"sale too early":   {`UPDATE orders SET status = 'AwaitingPayment'`, "which is AwaitingPayment and paid by a charge that is Completed"},
		"another seller":   {`UPDATE sales SET seller_id = 'eve'`, "the ledger says otherwise than sale"},
		"another fee":      {`UPDATE sales SET fee = fee + 1, earned = earned - 1`, "what was earned and kept"},
		"returned":         {`UPDATE sales SET returned = 1`, "what went back of it"},
		"paid":             {`UPDATE sales SET status = 'paid', transfer_id = 'tr_1', paid = 1799`, "is paid with 1799 paid out, and the ledger says otherwise"},
	}
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, "", func(o *payments.Options) { o.Fee = 1000 })
			m.sell("ann", "19.99")
			m.sound()
			if err := m.tamper(c.query); err != nil {
				t.Fatal(err)
			}
			faults, err := payments.LedgerFaults(ctx, m.db)
			if err != nil || !strings.Contains(strings.Join(faults, "\n"), c.says) {
				t.Errorf("%q, %v", faults, err)
			}
		})
	}
	t.Run("postgres", func(t *testing.T) {
		m := newMarket(t, fresh(t))
		m.sell("ann", "19.99")
		m.sound()
		if err := m.tamper(`DELETE FROM ledger_balances`); err != nil {
			t.Fatal(err)
		}
		if faults, err := m.service.LedgerFaults(ctx); err != nil || len(faults) != 4 {
			t.Errorf("%q, %v", faults, err)
		}
	})
}

// A market that took and gave back money before it had a ledger has it booked when the ledger is made.
func TestTheLedgerBeginsWithWhatWasBefore(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "", "postgres": postgres.URL(t)} {
		t.Run(name, func(t *testing.T) {
			before := fstest.MapFS{}
			for _, file := range []string{"0001_payments.sql", "0002_money.sql"} {
				text, err := fs.ReadFile(payments.Migrations, file)
				if err != nil {
					t.Fatal(err)
				}
				before[file] = &fstest.MapFile{Data: text}
			}
			o := store.Options{Name: "payments", Dir: t.TempDir(), URL: url, Migrations: before, Kernel: []store.Migrations{bus.Migrations, httpapi.Migrations}}
			open := func() *store.DB {
				db, err := store.Open(ctx, o)
				if err != nil {
					t.Fatal(err)
				}
				return db
			}
			db := open()
			err := db.Update(ctx, func(tx *store.Tx) error {
				for i, status := range []string{"Completed", "Failed", "Completed"} {
					id := fmt.Sprint("c", i)
					if _, err := tx.Exec(`INSERT INTO orders (id, user_id, status, cancel_reason, expires_at, amount, currency)
						VALUES ($1, 'u', 'Completed', '', 1, 500, 'usd')`, id); err != nil {
						return err
					}
					if _, err := tx.Exec(`INSERT INTO charges (id, order_id, status, amount, currency, token, stripe_id, version, created_at, updated_at)
						VALUES ($1, $1, $2, 500, 'usd', 't', $1, 2, 1, 1)`, id, status); err != nil {
						return err
					}
				}
				if _, err := tx.Exec(`INSERT INTO stripe_requests (charge_id, operation, generation, key, hash, failures, made_at)
					VALUES ('c0', 'create', 2, 'c0:create:2', 'h', 1, 5)`); err != nil {
					return err
				}
				_, err := tx.Exec(`UPDATE charges SET stripe_refund_id = 're_1', refund_status = 'succeeded' WHERE id = 'c2'`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
			o.Migrations = payments.Migrations
			db = open()
			defer db.Close()
			if faults, err := payments.LedgerFaults(ctx, db); err != nil || len(faults) != 0 {
				t.Errorf("%q %v", faults, err)
			}
			var held int64
			if err := db.View(ctx, func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT sum(amount) FROM ledger_balances WHERE account = 'orders'`).Scan(&held)
			}); err != nil || held != 500 {
				t.Errorf("%d are held for orders: %v", held, err)
			}
			var asked int64
			if err := db.View(ctx, func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT count(*) FROM stripe_requests WHERE charge_id = 'c0' AND operation = 'create'
					AND generation = 2 AND key = 'c0:create:2' AND hash = 'h' AND failures = 1 AND made_at = 5`).Scan(&asked)
			}); err != nil || asked != 1 {
				t.Errorf("%d requests to Stripe are known: %v", asked, err)
			}
		})
	}
}
