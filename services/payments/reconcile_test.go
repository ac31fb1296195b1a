package payments_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// stranger is somebody else with the keys of the Stripe account.
type stranger struct {
	t      *testing.T
	client *stripe.Client
}

func (m *market) stranger() stranger {
	config := &stripe.BackendConfig{HTTPClient: &http.Client{Transport: m.sim.Transport()}, MaxNetworkRetries: stripe.Int64(0),
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull}}
	return stranger{m.t, stripe.NewClient("sk_test_1", stripe.WithBackends(stripe.NewBackendsWithConfig(config)))}
}

func (s stranger) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// create makes an intent that says that it is of ours; capture is automatic or manual, and confirmed unless it is empty.
func (s stranger) create(orderID, chargeID, capture string) string {
	s.t.Helper()
	p := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(1999), Currency: stripe.String("usd"),
		PaymentMethod: stripe.String("pm_card_visa"), PaymentMethodTypes: []*string{stripe.String("card")},
		Metadata: map[string]string{"order_id": orderID, "charge_id": chargeID}}
	if capture != "" {
		p.CaptureMethod, p.Confirm = stripe.String(capture), stripe.Bool(true)
	}
	in, err := s.client.V1PaymentIntents.Create(ctx, p)
	s.must(err)
	return in.ID
}

func (s stranger) confirm(id string) {
	s.t.Helper()
	_, err := s.client.V1PaymentIntents.Confirm(ctx, id, &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")})
	s.must(err)
}

func (s stranger) capture(id string, amount int64) {
	s.t.Helper()
	_, err := s.client.V1PaymentIntents.Capture(ctx, id, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(amount)})
	s.must(err)
}

func (s stranger) refund(id string, amount int64) {
	s.t.Helper()
	_, err := s.client.V1Refunds.Create(ctx, &stripe.RefundCreateParams{PaymentIntent: stripe.String(id), Amount: stripe.Int64(amount)})
	s.must(err)
}

func (s stranger) status(id string) stripe.PaymentIntentStatus {
	s.t.Helper()
	in, err := s.client.V1PaymentIntents.Retrieve(ctx, id, nil)
	s.must(err)
	return in.Status
}

// sale is an order with a charge.
type sale struct {
	order            event.Order
	charge, stripeID string
}

// paidFor is an order that was paid, as everybody knows; refused one whose card was declined.
func (m *market) paidFor() sale { return m.attempt("pm_card_visa", 201) }
func (m *market) refused() sale { return m.attempt("pm_card_chargeDeclined", 402) }

func (m *market) attempt(card string, status int) sale {
	m.t.Helper()
	o := m.payable()
	if r := m.pay(o, card); r.status != status {
		m.t.Fatalf("paying with %s: %d %v", card, r.status, r.body)
	}
	return m.saleOf(o)
}

func (m *market) saleOf(o event.Order) sale {
	m.t.Helper()
	list := m.ask("GET", "/api/payments?orderId="+o.ID, o.UserID, "").list
	if len(list) == 0 {
		m.t.Fatalf("order %s has no charge", o.ID)
	}
	s := sale{order: m.current(o)}
	s.charge, _ = list[0]["id"].(string)
	s.stripeID, _ = list[0]["stripeId"].(string)
	return s
}

// holding is a payment whose money is held and that nobody decides.
func (m *market) holding() sale {
	m.t.Helper()
	o := m.payable()
	if r := m.pay(o, "pm_card_visa"); r.status != 202 {
		m.t.Fatalf("%d %v", r.status, r.body)
	}
	return m.saleOf(o)
}

func (m *market) exec(statement string, args ...any) {
	m.t.Helper()
	err := m.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(statement, args...)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows by %s", n, statement)
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// wrong is a way in which the books come to disagree, and what is to be found and done.
type wrong struct {
	make            func(m *market, other stranger) sale
	mended, open    []payments.Kind
	captured, given int64
	also            func(m *market, other stranger, s sale) // what else is to be seen afterwards
}

// somebody else, or the past, has spoilt these. Those that need it are made while payments waits for nobody.
var wrongs = map[string]wrong{
	"a second intent, open": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		other.create(s.order.ID, s.charge, "")
		return s
	}, mended: kinds(payments.StrayIntent), captured: 1999},
	"a second intent, holding": {make: func(m *market, other stranger) sale {
		s := m.refused()
		other.create(s.order.ID, s.charge, "manual")
		return s
	}, mended: kinds(payments.StrayIntent)},
	"a second intent that took money": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		other.create(s.order.ID, s.charge, "automatic")
		return s
	}, mended: kinds(payments.PaidTwice), captured: 2 * 1999, given: 1999},
	"money without a ticket": {make: func(m *market, other stranger) sale {
		s := m.refused()
		other.create(s.order.ID, s.charge, "automatic")
		return s
	}, mended: kinds(payments.StrayMoney), captured: 1999, given: 1999},
	"another card after a decline, held": {make: func(m *market, other stranger) sale {
		s := m.refused()
		other.confirm(s.stripeID)
		return s
	}, mended: kinds(payments.OpenIntent)},
	"another card after a decline, taken": {make: func(m *market, other stranger) sale {
		s := m.refused()
		other.confirm(s.stripeID)
		other.capture(s.stripeID, 1999)
		return s
	}, mended: kinds(payments.FailedMoney), captured: 1999, given: 1999},
	"an answer to a creation that was lost": {make: func(m *market, other stranger) sale {
		m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
			if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/payment_intents") && at == stripesim.Before {
				return nil
			}
			return &stripesim.Fault{}
		})
		defer m.setFault(nil)
		o := m.payable()
		if r := m.pay(o, "pm_card_visa"); r.status != 503 {
			m.t.Fatalf("%d %v", r.status, r.body)
		}
		return m.saleOf(o)
	}, mended: kinds(payments.StrayIntent)},
	"a hold that nobody decides": {make: func(m *market, other stranger) sale { return m.holding() },
		mended: kinds(payments.Undecided), also: func(m *market, other stranger, s sale) {
			m.awaitCharge(s.order.ID, func(c event.Charge) bool { return c.FailureCode == "timeout" })
			if got := other.status(s.stripeID); got != stripe.PaymentIntentStatusCanceled {
				m.t.Errorf("the hold is %s", got)
			}
		}},
	"a hold that somebody took": {make: func(m *market, other stranger) sale {
		s := m.holding()
		other.capture(s.stripeID, 1999)
		return s
	}, mended: kinds(payments.Undecided), captured: 1999, also: func(m *market, other stranger, s sale) {
		m.awaitCharge(s.order.ID, func(c event.Charge) bool { return c.Status == event.Completed })
	}},
	"a hold that was noted as taken": {make: func(m *market, other stranger) sale {
		s := m.holding()
		m.exec(`UPDATE charges SET status = 'Completed', due_at = 0 WHERE id = $1`, s.charge)
		return s
	}, open: kinds(payments.NotCaptured)},
	"a part that somebody took": {make: func(m *market, other stranger) sale {
		s := m.holding()
		other.capture(s.stripeID, 1000)
		m.exec(`UPDATE charges SET status = 'Completed', due_at = 0 WHERE id = $1`, s.charge)
		return s
	}, open: kinds(payments.OtherAmount), captured: 1000},
	"metadata that somebody changed": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		_, err := other.client.V1PaymentIntents.Update(ctx, s.stripeID,
			&stripe.PaymentIntentUpdateParams{Metadata: map[string]string{"charge_id": newID(m.time())}})
		other.must(err)
		return s
	}, open: kinds(payments.OtherOrder), captured: 1999},
	"a refund that was forgotten": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		m.exec(`UPDATE orders SET status = 'Cancelled' WHERE id = $1`, s.order.ID)
		return s
	}, mended: kinds(payments.NotRefunded), captured: 1999, given: 1999, also: func(m *market, other stranger, s sale) {
		m.awaitCharge(s.order.ID, func(c event.Charge) bool { return c.RefundStatus == "succeeded" })
	}},
	"a sale that somebody refunded": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		other.refund(s.stripeID, 1999)
		return s
	}, mended: kinds(payments.UnknownRefund), open: kinds(payments.RefundedSale), captured: 1999, given: 1999,
		also: func(m *market, other stranger, s sale) {
			m.awaitCharge(s.order.ID, func(c event.Charge) bool { return c.StripeRefundID != "" && c.Status == event.Completed })
		}},
	"a refund whose news was lost": {make: func(m *market, other stranger) sale {
		s := m.cancelledSale()
		m.exec(`UPDATE refunds SET status = 'pending' WHERE charge_id = $1`, s.charge)
		m.exec(`UPDATE charges SET refund_status = 'pending' WHERE id = $1`, s.charge)
		return s
	}, mended: kinds(payments.RefundChanged), captured: 1999, given: 1999},
	"a refund that fails days later": {make: func(m *market, other stranger) sale {
		s := m.cancelled(m.attempt("pm_card_refundFail", 201))
		refund := m.awaitCharge(s.order.ID, func(c event.Charge) bool { return c.RefundStatus == "succeeded" }).StripeRefundID
		if n, err := m.sim.SettleNow(ctx, refund); err != nil || n != 1 {
			m.t.Fatalf("%d %v", n, err)
		}
		return s
	}, mended: kinds(payments.RefundChanged), captured: 1999, also: func(m *market, other stranger, s sale) {
		m.awaitCharge(s.order.ID, func(c event.Charge) bool { return c.RefundStatus == "failed" })
	}},
	"a cancelled order whose payment is disputed": {make: func(m *market, other stranger) sale {
		s := m.attempt("pm_card_createDispute", 201)
		if _, err := m.sim.SettleNow(ctx, s.stripeID); err != nil {
			m.t.Fatal(err)
		}
		m.exec(`UPDATE orders SET status = 'Cancelled' WHERE id = $1`, s.order.ID)
		return s
	}, open: kinds(payments.NotRefunded), captured: 1999},
	"a part that went back, and a refund of it that was forgotten": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		other.refund(s.stripeID, 500)
		m.exec(`UPDATE orders SET status = 'Cancelled' WHERE id = $1`, s.order.ID)
		return s
	}, mended: kinds(payments.NotRefunded, payments.UnknownRefund), captured: 1999, given: 1999},
	"a refund that Stripe does not know": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		m.exec(`INSERT INTO refunds (id, charge_id, amount, status, created_at, updated_at) VALUES ('re_gone', $1, 1999, 'failed', $2, $2)`,
			s.charge, store.Millis(m.time()))
		return s
	}, open: kinds(payments.MissingRefund), captured: 1999},
	"an intent that Stripe does not know": {make: func(m *market, other stranger) sale {
		s := m.paidFor()
		m.exec(`UPDATE charges SET stripe_id = 'pi_gone' WHERE id = $1`, s.charge)
		return s
	}, open: kinds(payments.MissingIntent, payments.StrayMoney), captured: 1999},
	"another market on the account": {make: func(m *market, other stranger) sale {
		at := m.time()
		s := sale{order: event.Order{ID: newID(at)}, charge: newID(at)}
		s.stripeID = other.create(s.order.ID, s.charge, "automatic")
		return s
	}, open: kinds(payments.MissingCharge), captured: 1999},
	"another program on the account": {make: func(m *market, other stranger) sale {
		return sale{stripeID: other.create("", "", "automatic")}
	}, captured: 1999},
	"an order that was paid":          {make: func(m *market, _ stranger) sale { return m.paidFor() }, captured: 1999},
	"an order whose card was refused": {make: func(m *market, _ stranger) sale { return m.refused() }},
	"an order that was cancelled":     {make: func(m *market, _ stranger) sale { return m.cancelledSale() }, captured: 1999, given: 1999},
}

func kinds(all ...payments.Kind) []payments.Kind { return all }

// cancelledSale is a paid order that was cancelled after all, and whose money is back.
func (m *market) cancelledSale() sale {
	m.t.Helper()
	s := m.cancelled(m.paidFor())
	m.awaitCharge(s.order.ID, func(c event.Charge) bool { return c.RefundStatus == "succeeded" })
	return s
}

// cancelled cancels a sale all the same.
func (m *market) cancelled(s sale) sale {
	m.t.Helper()
	m.known(m.become(s.order, event.Cancelled, event.ByBuyer))
	m.work()
	return s
}

// makeWrong makes everything that can go wrong.
func (m *market) makeWrong() map[string]sale {
	m.t.Helper()
	other, made := m.stranger(), map[string]sale{}
	hasty := func(name string) bool { // nobody waits
		return strings.Contains(name, "somebody took") || strings.Contains(name, "hold that") || strings.Contains(name, "was lost") && strings.Contains(name, "creation")
	}
	for _, name := range slices.Sorted(maps.Keys(wrongs)) {
		if !hasty(name) {
			made[name] = wrongs[name].make(m, other)
		}
	}
	m.deaf.Store(true)
	m.restart(noWait)
	for _, name := range slices.Sorted(maps.Keys(wrongs)) {
		if hasty(name) {
			made[name] = wrongs[name].make(m, other)
		}
	}
	return made
}

// belong are the kinds of those discrepancies that are about the sale.
func (s sale) belong(all []payments.Discrepancy) (found []payments.Kind) {
	for _, d := range all {
		if s.order.ID != "" && d.OrderID == s.order.ID || s.charge != "" && d.ChargeID == s.charge || s.stripeID != "" && d.IntentID == s.stripeID {
			found = append(found, d.Kind)
		}
	}
	slices.Sort(found)
	return found
}

func (m *market) reconcile(all bool) payments.Reconciliation {
	m.t.Helper()
	r, err := m.service.Reconcile(ctx, all)
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

// Everything that can go wrong is found, what is always safe is done, and once.
func TestWhatDisagreesIsMendedOrReported(t *testing.T) {
	each(t, func(m *market) {
		made := m.makeWrong()
		if r := m.reconcile(true); len(r.Open)+len(r.Mended) > 0 {
			t.Errorf("what is young was found: %v %v", r.Open, r.Mended)
		}
		m.advance(4 * time.Minute)
		found, err := m.service.Discrepancies(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range wrongs {
			want := slices.Sorted(slices.Values(append(slices.Clone(w.mended), w.open...)))
			if got := made[name].belong(found); !slices.Equal(got, want) {
				t.Errorf("%s: reported %v, want %v", name, got, want)
			}
		}
		r := m.reconcile(true)
		for name, w := range wrongs {
			if got := made[name].belong(r.Mended); !slices.Equal(got, w.mended) {
				t.Errorf("%s: mended %v, want %v", name, got, w.mended)
			}
			if got := made[name].belong(r.Open); !slices.Equal(got, w.open) {
				t.Errorf("%s: open %v, want %v", name, got, w.open)
			}
		}
		if r.Tidied != 3 {
			t.Errorf("%d intents of declines were given up, not 3", r.Tidied)
		}
		m.checkWrong(made)
		m.nothingMore(r)
	})
}

// checkWrong checks the money of each.
func (m *market) checkWrong(made map[string]sale) {
	m.t.Helper()
	totals, err := m.sim.Totals(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	for name, s := range made {
		w := wrongs[name]
		captured, given := int64(0), int64(0)
		for _, total := range totals {
			if total.Intent == s.stripeID || s.order.ID != "" && total.Metadata["order_id"] == s.order.ID {
				captured, given = captured+total.Captured, given+total.Refunded
			}
		}
		if captured != w.captured || given != w.given {
			m.t.Errorf("%s: took %d and gave back %d, want %d and %d", name, captured, given, w.captured, w.given)
		}
		if w.also != nil {
			w.also(m, m.stranger(), s)
		}
	}
}

// nothingMore reconciles again: nothing is asked of Stripe but what it knows, and the same is open.
func (m *market) nothingMore(before payments.Reconciliation) {
	m.t.Helper()
	m.sim.ForgetRequests()
	for range 2 {
		m.advance(24 * time.Hour)
		r := m.reconcile(true)
		if len(r.Mended) > 0 || r.Tidied > 0 || len(r.Open) != len(before.Open) {
			m.t.Errorf("again: mended %v, open %v, want %v", r.Mended, r.Open, before.Open)
		}
		for _, d := range r.Open {
			if !d.FirstSeen.Equal(before.Open[0].FirstSeen) || !d.LastSeen.After(d.FirstSeen) {
				m.t.Errorf("seen first at %v and last at %v", d.FirstSeen, d.LastSeen)
			}
		}
	}
	for _, asked := range m.sim.Requests() {
		if asked.Method != http.MethodGet {
			m.t.Errorf("again: %+v", asked)
		}
	}
}
