package payments_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/kernel/event"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// stepped is an order whose bank wants to see the buyer.
func (m *market) stepped(card string) (event.Order, reply) {
	m.t.Helper()
	o := m.payable()
	r := m.pay(o, card)
	if r.status != 202 || r.text("status") != event.Created || !strings.HasPrefix(r.text("clientSecret"), r.text("stripeId")+"_secret_") {
		m.t.Fatalf("%d %v", r.status, r.body)
	}
	return o, r
}

func TestBankWantsAStep(t *testing.T) {
	for name, c := range map[string]struct {
		card    string
		approve bool
		status  string
		code    string
		money   int64
	}{
		"approved":             {"pm_card_threeDSecure2Required", true, event.Completed, "", 1999},
		"refused by the buyer": {"pm_card_threeDSecure2Required", false, event.ChargeFailed, "payment_intent_authentication_failure", 0},
		"declined by the bank": {"pm_card_threeDSecureRequiredChargeDeclined", true, event.ChargeFailed, "card_declined", 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(m *market) {
				o, r := m.stepped(c.card)
				if again := m.pay(o, c.card); again.status != 202 || again.text("clientSecret") != r.text("clientSecret") || again.text("id") != r.text("id") {
					m.t.Errorf("again: %d %v", again.status, again.body)
				}
				m.advance(20 * time.Second)
				m.settle(o)
				if err := m.sim.Answer(ctx, r.text("stripeId"), c.approve); err != nil {
					m.t.Fatal(err)
				}
				m.advance(20 * time.Second)
				m.settle(o)
				got := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status != event.Created })
				if got.Status != c.status || got.FailureCode != c.code {
					m.t.Errorf("%+v", got)
				}
				m.money(o, c.money, 0)
				if err := m.sim.Answer(ctx, r.text("stripeId"), true); err == nil {
					m.t.Error("the step could be taken again")
				}
			})
		})
	}
}

func TestBankStepIsNeverTaken(t *testing.T) {
	eachWay(t, func(m *market) {
		o, r := m.stepped("pm_card_authenticationRequired")
		m.advance(2 * time.Minute)
		m.settle(o)
		c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status != event.Created })
		if c.Status != event.ChargeFailed || c.FailureCode != "timeout" {
			m.t.Errorf("%+v", c)
		}
		if err := m.sim.Answer(ctx, r.text("stripeId"), true); err == nil {
			m.t.Error("a charge that has failed could still be paid")
		}
		m.money(o, 0, 0)
	})
}

func TestWebhook(t *testing.T) {
	eachWay(t, func(m *market) {
		o, r := m.stepped("pm_card_threeDSecure2Required")
		m.agree(o)
		if err := m.sim.Answer(ctx, r.text("stripeId"), true); err != nil {
			m.t.Fatal(err)
		}
		payload := func(kind string) string {
			return `{"id":"evt_` + kind + `","object":"event","api_version":"2020-08-27","type":"` + kind + `","data":{"object":{"id":"` +
				r.text("stripeId") + `","object":"payment_intent","metadata":{"charge_id":"` + r.text("id") + `"}}}}`
		}
		send := func(body, key string, age time.Duration) int {
			signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: key, Timestamp: m.time().Add(-age)})
			return m.ask("POST", "/api/payments/webhook", "", body, "Stripe-Signature", signed.Header).status
		}
		succeeded := payload("payment_intent.succeeded")
		for name, got := range map[string]int{
			"other secret": send(succeeded, "whsec_other", 0),
			"old":          send(succeeded, secret, 6*time.Minute),
			"from ahead":   send(succeeded, secret, -6*time.Minute),
			"unsigned":     m.ask("POST", "/api/payments/webhook", "", succeeded).status,
			"nonsense":     m.ask("POST", "/api/payments/webhook", "", succeeded, "Stripe-Signature", "t=x,v1=y").status,
			"no event":     send(`{"object":"dog"}`, secret, 0),
		} {
			if got != 400 {
				m.t.Errorf("%s: %d", name, got)
			}
		}
		if n, err := m.service.Decide(ctx); err != nil || n != 0 {
			m.t.Errorf("a webhook that was refused made %d charges due: %v", n, err)
		}
		for _, kind := range []string{"charge.refunded", "customer.created", "payment_intent.succeeded", "payment_intent.succeeded"} {
			if got := send(payload(kind), secret, time.Minute); got != 200 {
				m.t.Errorf("%s: %d", kind, got)
			}
		}
		if n, err := m.service.Decide(ctx); err != nil || n != 1 {
			m.t.Errorf("the webhook made %d charges due: %v", n, err)
		}
		m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status == event.Completed })
		m.money(o, 1999, 0)
		if got := send(succeeded, secret, 0); got != 200 {
			m.t.Errorf("late webhook: %d", got)
		}
	})
}

func TestWebhookWithoutASecret(t *testing.T) {
	m := newMarket(t, "")
	m.stop()
	m.options.WebhookSecrets = nil
	m.begin(false)
	body := `{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{}}}`
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: "", Timestamp: m.time()})
	if r := m.ask("POST", "/api/payments/webhook", "", body, "Stripe-Signature", signed.Header); r.status != 400 || r.text("code") != "bad_signature" {
		t.Errorf("%d %v", r.status, r.body)
	}
}

// Payments ends at each step of a payment, and is started again on what it left.
func TestRestartBetweenSteps(t *testing.T) {
	eachWayWith(t, noWait, func(m *market) {
		for _, call := range []string{"create", "confirm", "capture", "refund"} {
			if call == "capture" && m.options.ChargeAtOnce {
				continue
			}
			for _, stage := range []stripesim.Stage{stripesim.Before, stripesim.After} {
				o := m.payable()
				pay := func() {
					m.pay(o, "pm_card_visa")
					if call != "create" {
						m.settle(o)
					}
				}
				if call == "refund" {
					pay()
					m.become(o, event.Cancelled, event.Expired)
					pay = func() { m.settle(o) }
				}
				m.dieAt(call, stage, pay)
				for range 3 {
					m.advance(20 * time.Second)
					m.settle(o)
				}
				list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list
				if len(list) != 1 || list[0]["status"] != event.Completed {
					m.t.Errorf("%s %s: %v", call, stage, list)
				}
				if call == "refund" {
					m.money(o, 1999, 1999)
				} else {
					m.money(o, 1999, 0)
				}
			}
		}
	})
}

func TestZeroServiceHasRoutes(t *testing.T) {
	if got := len((&payments.Service{}).Routes()); got != 8 {
		t.Errorf("%d routes", got)
	}
}
