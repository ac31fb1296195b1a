package payments_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/services/payments"
)

// payBack pays and says where the bank sends the buyer back to.
func (m *market) payBack(o event.Order, card, back string, headers ...string) reply {
	m.t.Helper()
	return m.ask("POST", "/api/payments", o.UserID, fmt.Sprintf(`{"orderId":%q,"token":%q,"returnUrl":%q}`, o.ID, card, back), headers...)
}

func TestReturnURL(t *testing.T) {
	each(t, func(m *market) {
		for _, bad := range []string{"javascript:alert(1)", "data:text/html,x", "/orders/17", "orders", "https://", "//tickets.example", "ftp://tickets.example",
			"mailto:me@tickets.example", "https:tickets.example", "http://[::1", "https://tickets.example/\n", "https://" + strings.Repeat("x", 500)} {
			o := m.payable()
			r := m.payBack(o, "pm_card_visa", bad)
			problems := fmt.Sprint(r.body["errors"])
			if r.status != 400 || r.text("code") != "invalid" || !strings.Contains(problems, "returnUrl") {
				m.t.Errorf("%q: %d %v", bad, r.status, r.body)
			}
			if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; len(list) != 0 {
				m.t.Errorf("%q: %v", bad, list)
			}
		}
		for _, good := range []string{"", "https://tickets.example", "https://tickets.example:8443/orders/17?tab=pay#top", "http://localhost:8080/back", "http://[::1]/x"} {
			if r := m.payBack(m.payable(), "pm_card_visa", good); r.status != 201 {
				m.t.Errorf("%q: %d %v", good, r.status, r.body)
			}
		}
	})
}

// The bank's page is told with the step, takes the answer, and sends the buyer back with what Stripe adds.
func TestBankPage(t *testing.T) {
	eachWay(t, func(m *market) {
		o := m.payable()
		first := m.payBack(o, "pm_card_threeDSecure2Required", "https://tickets.example/back?order=1", "Idempotency-Key", "k")
		page := first.text("bankUrl")
		if first.status != 202 || !strings.HasPrefix(page, "http://bank.test/bank/"+first.text("stripeId")) || first.text("clientSecret") == "" {
			m.t.Fatalf("%d %v", first.status, first.body)
		}
		again := m.payBack(o, "pm_card_threeDSecure2Required", "https://tickets.example/back?order=1", "Idempotency-Key", "k")
		if again.status != 202 || again.text("bankUrl") != page || again.header.Get("Idempotent-Replayed") != "true" {
			m.t.Errorf("same key: %d %v", again.status, again.body)
		}
		if other := m.pay(o, "pm_card_visa"); other.status != 202 || other.text("bankUrl") != page || other.text("id") != first.text("id") {
			m.t.Errorf("no key: %d %v", other.status, other.body)
		}
		if plain := m.pay(m.payable(), "pm_card_threeDSecure2Required"); plain.status != 202 || plain.body["bankUrl"] != nil || plain.text("clientSecret") == "" {
			m.t.Errorf("without a page: %d %v", plain.status, plain.body)
		}
		r := httptest.NewRequest("POST", page, strings.NewReader("decision=approve"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		m.sim.Bank().ServeHTTP(w, r)
		back, err := url.Parse(w.Header().Get("Location"))
		if err != nil || w.Code != http.StatusSeeOther || back.Host != "tickets.example" || back.Query().Get("order") != "1" ||
			back.Query().Get("payment_intent") != first.text("stripeId") || back.Query().Get("redirect_status") != "succeeded" {
			m.t.Errorf("%d %s %v", w.Code, back, err)
		}
		m.advance(10 * time.Second)
		m.settle(o)
		if paid := m.pay(o, "pm_card_visa"); paid.status != 200 || paid.text("status") != event.Completed || paid.body["bankUrl"] != nil || paid.body["clientSecret"] != nil {
			m.t.Errorf("after the step: %d %v", paid.status, paid.body)
		}
		if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; list[0]["bankUrl"] != nil || list[0]["clientSecret"] != nil {
			m.t.Errorf("the list tells the step: %v", list)
		}
	})
}

// A step that cannot be told, because Stripe does not answer, is asked for again; nothing is lost by it.
func TestStepCannotBeTold(t *testing.T) {
	each(t, func(m *market) {
		o, first := m.stepped("pm_card_threeDSecure2Required")
		m.setFault(always)
		if r := m.pay(o, "pm_card_visa"); r.status != 503 || r.header.Get("Retry-After") == "" {
			m.t.Errorf("%d %v %v", r.status, r.body, r.header)
		}
		m.setFault(nil)
		if r := m.pay(o, "pm_card_visa"); r.status != 202 || r.text("clientSecret") != first.text("clientSecret") {
			m.t.Errorf("%d %v", r.status, r.body)
		}
	})
}

// The list says how far a refund is: owed, and then as Stripe says.
func TestRefundStatusInTheList(t *testing.T) {
	eachWay(t, func(m *market) {
		o := m.owed()
		show := func() map[string]any { return m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list[0] }
		m.setFault(always)
		m.settle(o)
		if c := show(); c["status"] != event.Completed || c["refundStatus"] != "due" || c["stripeRefundId"] != nil {
			m.t.Errorf("owed: %v", c)
		}
		m.setFault(nil)
		m.advance(10 * time.Second)
		m.settle(o)
		if c := show(); c["refundStatus"] != "succeeded" || c["stripeRefundId"] == nil {
			m.t.Errorf("given back: %v", c)
		}
		paid := m.payable()
		m.pay(paid, "pm_card_visa")
		m.settle(paid)
		if c := m.ask("GET", "/api/payments?orderId="+paid.ID, "buyer", "").list[0]; c["refundStatus"] != nil {
			m.t.Errorf("paid: %v", c)
		}
	})
}

// The first answer is given again for the same key, whatever it was and whatever has happened since; a new key asks anew.
func TestAnswersAreRepeated(t *testing.T) {
	eachWayWith(t, func(o *payments.Options) { o.Attempts = 2 }, func(m *market) {
		declined, paid, stepped, over := m.payable(), m.payable(), m.payable(), m.payable()
		m.become(over, event.Cancelled, event.Expired)
		m.agree(over)
		tries := []struct {
			o      event.Order
			card   string
			status int
		}{
			{declined, "pm_card_chargeDeclined", 402}, {declined, "pm_card_visa", 201}, {paid, "pm_card_visa", 201}, {paid, "pm_card_mastercard", 200},
			{stepped, "pm_card_threeDSecure2Required", 202}, {over, "pm_card_visa", 409}, {over, "", 400},
		}
		var firsts []reply
		for i, c := range tries {
			r := m.pay(c.o, c.card, "Idempotency-Key", fmt.Sprint("key", i))
			if r.status != c.status || r.header.Get("Idempotent-Replayed") != "" {
				m.t.Errorf("%d: %d %v", i, r.status, r.body)
			}
			firsts = append(firsts, r)
			m.settle(c.o)
		}
		m.must(m.sim.Answer(ctx, firsts[4].text("stripeId"), true))
		m.setFault(always) // they need no Stripe either
		for i, c := range tries {
			again := m.pay(c.o, c.card, "Idempotency-Key", fmt.Sprint("key", i))
			replayed := again.header.Get("Idempotent-Replayed") == "true"
			if again.status != c.status || again.text("id") != firsts[i].text("id") || again.text("clientSecret") != firsts[i].text("clientSecret") || !replayed {
				m.t.Errorf("%d again: %d %v %v", i, again.status, again.header, again.body)
			}
			if other := m.pay(c.o, "pm_card_amex", "Idempotency-Key", fmt.Sprint("key", i)); other.status != 422 {
				m.t.Errorf("%d with another card: %d %v", i, other.status, other.body)
			}
		}
		m.setFault(nil)
		m.money(paid, 1999, 0)
		m.money(declined, 1999, 0)
	})
}
