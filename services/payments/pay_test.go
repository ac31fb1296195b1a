package payments_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/services/payments"
)

func TestPaySucceeds(t *testing.T) {
	eachWay(t, func(m *market) {
		o := m.payable()
		r := m.pay(o, "pm_card_visa", "Idempotency-Key", "k")
		if r.status != 201 || r.text("status") != event.Completed || r.text("orderId") != o.ID || r.body["amount"] != 19.99 ||
			r.text("currency") != "usd" || !strings.HasPrefix(r.text("stripeId"), "pi_") || r.text("id") == "" || r.body["clientSecret"] != nil {
			m.t.Fatalf("%d %v", r.status, r.body)
		}
		again := m.pay(o, "pm_card_visa", "Idempotency-Key", "k")
		if again.status != 201 || again.text("id") != r.text("id") || again.header.Get("Idempotent-Replayed") != "true" {
			m.t.Errorf("same key: %d %v", again.status, again.body)
		}
		if before := m.pay(o, "pm_card_mastercard"); before.status != 200 || before.text("id") != r.text("id") {
			m.t.Errorf("paid before: %d %v", before.status, before.body)
		}
		m.money(o, 1999, 0)
		c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Version == 2 })
		if c.Status != event.Completed || c.StripeID != r.text("stripeId") || c.Amount.String() != "19.99" || c.ID != r.text("id") {
			m.t.Errorf("event %+v", c)
		}
		list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "")
		if list.status != 200 || len(list.list) != 1 || list.list[0]["id"] != c.ID || list.list[0]["clientSecret"] != nil {
			m.t.Errorf("list: %d %v", list.status, list.list)
		}
	})
}

func TestDeclines(t *testing.T) {
	cases := map[string]struct{ code, says string }{
		"pm_card_chargeDeclined":                           {"card_declined", "without giving a reason"},
		"pm_card_visa_chargeDeclinedInsufficientFunds":     {"insufficient_funds", "not enough money"},
		"pm_card_chargeDeclinedLostCard":                   {"card_declined", "The bank refused the payment. N"},
		"pm_card_chargeDeclinedExpiredCard":                {"expired_card", "expired"},
		"pm_card_chargeDeclinedIncorrectCvc":               {"incorrect_cvc", "security code"},
		"pm_card_chargeDeclinedProcessingError":            {"processing_error", "fault"},
		"pm_card_visa_chargeDeclinedVelocityLimitExceeded": {"card_velocity_exceeded", "too often"},
		"pm_card_nobody_has":                               {"resource_missing", "does not know this payment method"},
	}
	eachWay(t, func(m *market) {
		for card, want := range cases {
			o := m.payable()
			r := m.pay(o, card)
			if r.status != 402 || r.text("code") != "card_declined" || !strings.Contains(r.text("detail"), want.says) || strings.Contains(r.text("detail"), card) {
				m.t.Errorf("%s: %d %v", card, r.status, r.body)
			}
			list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list
			if len(list) != 1 || list[0]["status"] != event.ChargeFailed || list[0]["failureCode"] != want.code {
				m.t.Errorf("%s: charges %v", card, list)
			}
			if again := m.pay(o, "pm_card_visa"); again.status != 409 || again.text("code") != "order_not_payable" {
				m.t.Errorf("%s: another card afterwards: %d %v", card, again.status, again.body)
			}
			m.money(o, 0, 0)
		}
	})
}

func TestSecondAttempt(t *testing.T) {
	eachWayWith(t, func(o *payments.Options) { o.Attempts = 2 }, func(m *market) {
		o := m.payable()
		if r := m.pay(o, "pm_card_chargeDeclined"); r.status != 402 {
			m.t.Fatalf("%d %v", r.status, r.body)
		}
		if free := m.agree(o); free.Status != event.AwaitingPayment || free.ChargeID != "" {
			m.t.Errorf("after a refused card: %+v", free)
		}
		if r := m.pay(o, "pm_card_visa"); r.status != 201 {
			m.t.Errorf("another card: %d %v", r.status, r.body)
		}
		if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; len(list) != 2 || list[0]["status"] != event.Completed {
			m.t.Errorf("charges, newest first: %v", list)
		}
		m.money(o, 1999, 0)
	})
}

func TestWhoMayPayForWhat(t *testing.T) {
	eachWith(t, noWait, func(m *market) {
		expired, known := m.order(event.AwaitingPayment), m.payable()
		expired.ExpiresAt = m.time().Add(-time.Millisecond)
		created, late, byBuyer := m.order(event.Created), m.order(event.Cancelled), m.order(event.Cancelled)
		late.CancelReason, byBuyer.CancelReason = event.Expired, event.ByBuyer
		for _, o := range []event.Order{expired, created, late, byBuyer} {
			m.known(m.say(o))
		}
		body := func(order, token string) string { return `{"orderId":"` + order + `","token":"` + token + `"}` }
		for name, c := range map[string]struct {
			user, body string
			status     int
			code       string
		}{
			"stranger":          {"", body(known.ID, "pm_card_visa"), 401, "not_signed_in"},
			"another's order":   {"thief", body(known.ID, "pm_card_visa"), 404, "not_found"},
			"unknown order":     {"buyer", body(newID(m.time().Add(-time.Hour)), "pm_card_visa"), 404, "not_found"},
			"new unknown order": {"buyer", body(newID(m.time()), "pm_card_visa"), 404, "not_found"},
			"malformed order":   {"buyer", body("17", "pm_card_visa"), 404, "not_found"},
			"no order":          {"buyer", `{"token":"pm_card_visa"}`, 400, "invalid"},
			"no token":          {"buyer", body(known.ID, ""), 400, "invalid"},
			"long token":        {"buyer", body(known.ID, strings.Repeat("x", 256)), 400, "invalid"},
			"no JSON":           {"buyer", `{`, 400, "bad_json"},
			"time is over":      {"buyer", body(expired.ID, "pm_card_visa"), 409, "order_expired"},
			"expired":           {"buyer", body(late.ID, "pm_card_visa"), 409, "order_expired"},
			"cancelled":         {"buyer", body(byBuyer.ID, "pm_card_visa"), 409, "order_not_payable"},
			"not locked yet":    {"buyer", body(created.ID, "pm_card_visa"), 409, "order_not_payable"},
		} {
			if r := m.ask("POST", "/api/payments", c.user, c.body); r.status != c.status || r.text("code") != c.code {
				m.t.Errorf("%s: %d %v", name, r.status, r.body)
			}
		}
		for name, c := range map[string]struct {
			user, query string
			status      int
		}{
			"own":       {"buyer", "?orderId=" + known.ID, 200},
			"another's": {"thief", "?orderId=" + known.ID, 404},
			"unknown":   {"buyer", "?orderId=" + newID(m.time()), 404},
			"malformed": {"buyer", "?orderId=x", 404},
			"missing":   {"buyer", "", 400},
			"stranger":  {"", "?orderId=" + known.ID, 401},
		} {
			if r := m.ask("GET", "/api/payments"+c.query, c.user, ""); r.status != c.status {
				m.t.Errorf("list %s: %d %v", name, r.status, r.body)
			}
		}
		if r := m.ask("GET", "/api/payments/config", "", ""); r.status != 200 || r.body["simulator"] != true || r.body["publishableKey"] != "pk_test_1" {
			m.t.Errorf("config: %d %v", r.status, r.body)
		}
		m.money(known, 0, 0)
	})
}

// Stripe counts some currencies otherwise than ISO does.
func TestCurrencies(t *testing.T) {
	eachWay(t, func(m *market) {
		for _, c := range []struct {
			currency, price string
			captured        int64 // 0: Stripe can't take it
		}{
			{"usd", "0.01", 1}, {"usd", "1000000", 100_000_000}, {"eur", "12.5", 1250}, {"jpy", "500", 500},
			{"isk", "700", 70_000}, {"ugx", "900", 90_000}, {"kwd", "1.25", 1250}, {"kwd", "1.255", 0},
		} {
			price, err := money.ParseDecimal(c.price)
			if err != nil {
				m.t.Fatal(err)
			}
			o := m.order(event.AwaitingPayment)
			o.Ticket.Price, o.Ticket.Currency = price, c.currency
			m.known(m.say(o))
			r := m.pay(o, "pm_card_visa")
			if c.captured == 0 && r.status == 402 || r.status == 201 && r.text("currency") == c.currency {
				m.money(o, c.captured, 0)
				continue
			}
			m.t.Errorf("%s %s: %d %v", c.price, c.currency, r.status, r.body)
		}
	})
}

// A client that has a 2xx from orders can pay at once: the order's event is on its way, and so is the lock.
func TestPayBeforeTheOrderIsHeardOf(t *testing.T) {
	eachWay(t, func(m *market) {
		o := m.order(event.Created)
		answer := make(chan reply)
		go func() { answer <- m.pay(o, "pm_card_visa") }()
		m.say(o)
		m.known(o)
		o = m.become(o, event.AwaitingPayment, "")
		if r := <-answer; r.status != 201 {
			m.t.Errorf("%d %v", r.status, r.body)
		}
		m.money(o, 1999, 0)
	})
}

func TestPaymentsAtAGate(t *testing.T) {
	eachWay(t, func(m *market) {
		for range 15 {
			o := m.payable()
			const n = 8
			replies := make([]reply, n)
			var ready, done sync.WaitGroup
			open := make(chan struct{})
			for i := range n {
				ready.Add(1)
				done.Go(func() {
					ready.Done()
					<-open
					replies[i] = m.pay(o, "pm_card_visa")
				})
			}
			ready.Wait()
			close(open)
			done.Wait()
			first, id := 0, ""
			for _, r := range replies {
				if r.status == 201 {
					first, id = first+1, r.text("id")
				}
			}
			for _, r := range replies {
				if r.status != 201 && r.status != 200 || r.text("id") != id || r.text("status") != event.Completed {
					m.t.Errorf("%d %v", r.status, r.body)
				}
			}
			if first != 1 {
				m.t.Errorf("%d charges", first)
			}
			m.money(o, 1999, 0)
		}
	})
}
