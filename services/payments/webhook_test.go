package payments_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/kernel/event"
	"ticketing/services/payments"
)

func TestWebhookSignature(t *testing.T) {
	eachWith(t, func(o *payments.Options) { o.WebhookSecrets = []string{"whsec_new", "", secret} }, func(m *market) {
		body := m.eventBody("evt_1", "customer.created", object{"id": "cus_1", "object": "customer"})
		sign := func(key string, age time.Duration) string {
			return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: key, Timestamp: m.time().Add(-age)}).Header
		}
		part := func(header string) string { _, v1, _ := strings.Cut(header, ","); return v1 }
		now, old := sign(secret, 0), sign(secret, time.Hour)
		for header, want := range map[string]int{
			now:                                    200,
			sign("whsec_new", 0):                   200,
			sign("whsec_old", 0):                   400,
			sign("", 0):                            400,
			now + ",v1=00":                         200,
			now + "," + part(sign("x", 0)):         200, // while Stripe changes the secret it signs with both
			sign("x", 0) + "," + part(now):         200,
			"":                                     400,
			"t=x,v1=y":                             400,
			part(now):                              400,
			strings.Replace(now, "v1", "v0", 1):    400,
			now[:len(now)-1] + "z":                 400,
			sign(secret, 4*time.Minute):            200,
			sign(secret, -4*time.Minute):           200,
			sign(secret, 6*time.Minute):            400,
			sign(secret, -6*time.Minute):           400,
			old:                                    400,
			strings.Split(now, ",")[0] + "," + old: 400, // a fresh time before the one that was signed
			old + "," + strings.Split(now, ",")[0]: 400,
			"t=99999999999999999999," + part(now):  400,
		} {
			if got := m.post(body, header); got != want {
				m.t.Errorf("%q: %d, want %d", header, got, want)
			}
		}
		if got := m.post(body+" ", now); got != 400 {
			m.t.Errorf("another body: %d", got)
		}
	})
}

// The simulator changes its secret as Stripe does: for a while it signs with both.
func TestWebhookSecretIsChanged(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		if _, err := m.sim.RotateSecret(ctx, "http://market.test/api/payments/webhook", "whsec_new", time.Hour); err != nil {
			m.t.Fatal(err)
		}
		heard := 0
		for _, secrets := range [][]string{{secret}, {secret, "whsec_new"}, {"whsec_new"}} {
			m.restart(func(o *payments.Options) { o.WebhookSecrets = secrets })
			m.paid("pm_card_visa")
			m.deliver()
			all := m.events(payments.EventFilter{Source: "webhook", Limit: 1000})
			if len(all) < heard+4 {
				m.t.Errorf("with %v nothing was heard", secrets)
			}
			heard = len(all)
			m.advance(30 * time.Minute)
		}
	})
}

func TestWebhookIsRecordedOnce(t *testing.T) {
	eachWith(t, noWait, func(m *market) {
		_, c := m.waiting()
		body := m.eventBody("evt_once", "payment_intent.succeeded", object{"id": c.StripeID, "object": "payment_intent", "metadata": object{"charge_id": c.ID}})
		open := make(chan struct{})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				<-open
				if got := m.tell(body); got != 200 {
					m.t.Errorf("%d", got)
				}
			})
		}
		close(open)
		all.Wait()
		e := m.recorded("evt_once")
		if !m.row(c.ID).due || e.Outcome != "applied" || e.ChargeID != c.ID || e.IntentID != c.StripeID || e.Source != "webhook" ||
			e.Type != "payment_intent.succeeded" || e.HandledAt.IsZero() || !e.DueAt.IsZero() || e.CreatedAt.Unix() != m.time().Unix() {
			m.t.Errorf("%+v %+v", m.row(c.ID), e)
		}
		m.work() // Stripe says that it has not succeeded
		if got := m.tell(body); got != 200 || m.row(c.ID).due || m.row(c.ID).status != event.Created || m.recorded("evt_once") != e {
			m.t.Errorf("again: %d, %+v", got, m.row(c.ID))
		}
		if n := len(m.events(payments.EventFilter{Limit: 100})); n != 1 {
			m.t.Errorf("%d events are recorded", n)
		}
	})
}

// What is signed and makes no sense is refused or answered, recorded and nothing else.
func TestWebhookRubbish(t *testing.T) {
	each(t, func(m *market) {
		_, c := m.paid("pm_card_visa")
		before := m.row(c.ID)
		long := strings.Repeat("x", 300)
		for i, body := range []string{
			"", "{", "null", "[]", "7", `"x"`, "{}", "\xff\xfe", "\x00", strings.Repeat("[", 60_000), strings.Repeat(`{"a":`, 12_000),
			`{"id":7,"type":"refund.updated"}`, `{"id":"evt_x","type":""}`, `{"id":"evt_` + long + `","type":"refund.updated"}`,
			`{"id":"evt_\u0000","type":"refund.updated"}`, `{"id":"evt x","type":"refund.updated"}`, `{"id":"evt_1","type":"refund.updated","created":1.5}`,
		} {
			if got := m.tell(body); got != 400 {
				m.t.Errorf("%d: %.60q: %d", i, body, got)
			}
		}
		all := m.events(payments.EventFilter{Limit: 100})
		if len(all) != 17 {
			m.t.Errorf("%d are recorded", len(all))
		}
		for _, e := range all {
			if e.Outcome != "unreadable" || !strings.HasPrefix(e.ID, "sha256:") || e.Payload != "" {
				m.t.Errorf("%+v", e)
			}
		}
		intent := `"payment_intent":"` + c.StripeID + `"`
		for i, body := range []string{ // events, of odd objects
			`"data":null`, `"data":{}`, `"data":{"object":null}`, `"data":{"object":[]}`, `"data":{"object":"x"}`, `"data":{"object":{}}`,
			`"data":{"object":{"id":7,"metadata":[],"payment_intent":8}}`, `"data":{"object":{"id":"re_\u0000","payment_intent":"pi_\u0000"}}`,
			`"data":{"object":{"id":"re_1","metadata":{"charge_id":7}}}`, `"created":-1`, `"created":9223372036854775807`, `"created":1000`,
			`"data":{"object":{"id":"re_1","reason":"\u0000 \ud800",` + intent + `}}`, `"data":{"object":{"id":"re_1","payment_intent":{"id":"` + c.StripeID + `"}}}`,
		} {
			for _, kind := range []string{"refund.updated", "charge.dispute.created", "payment_intent.succeeded", "account.updated", "x"} {
				body := fmt.Sprintf(`{"id":"evt_%d_%s","type":%q,%s}`, i, kind, kind, body)
				if got := m.tell(body); got != 200 {
					m.t.Errorf("%s: %d", body, got)
				}
			}
		}
		for range 10 {
			if _, err := m.service.Hear(ctx); err != nil {
				m.t.Error(err)
			}
			m.advance(time.Hour)
		}
		m.work()
		if after := m.row(c.ID); after != before {
			m.t.Errorf("%+v, was %+v", after, before)
		}
	})
}

func TestWebhookSize(t *testing.T) {
	each(t, func(m *market) {
		for size, want := range map[int]int{100 << 10: 200, 1 << 20: 200, 1<<20 + 1: 413} {
			body := fmt.Sprintf(`{"id":"evt_%d","type":"charge.dispute.updated","data":{"object":{"id":"du_1","payment_intent":"pi_1","evidence":"`, size)
			body += strings.Repeat("e", size-len(body)-4) + `"}}}`
			if got := m.tell(body); got != want {
				m.t.Errorf("%d bytes: %d, want %d", len(body), got, want)
			}
		}
		if got := m.post(strings.Repeat(" ", 65<<10), ""); got != 413 {
			m.t.Errorf("unsigned: %d", got)
		}
	})
}

// Nothing that lets a browser act for a buyer is kept, and the rest not for longer than Stripe keeps it.
func TestPayloads(t *testing.T) {
	each(t, func(m *market) {
		m.subscribe()
		o, c := m.waiting()
		m.deliver()
		all := m.events(payments.EventFilter{ChargeID: c.ID, Limit: 100})
		if len(all) == 0 || all[0].Payload != "" {
			m.t.Fatalf("events of %s: %+v", o.ID, all)
		}
		for _, e := range all {
			got := m.recorded(e.ID).Payload
			if !strings.Contains(got, c.StripeID) || strings.Contains(got, "_secret_") || strings.Contains(got, "next_action") {
				m.t.Errorf("%s: %s", e.Type, got)
			}
		}
		body := m.eventBody("evt_other", "customer.updated", object{"id": "cus_1", "email": "a@example.com"})
		if m.tell(body) != 200 || m.recorded("evt_other").Payload != "" || m.recorded("evt_other").Outcome != "ignored" {
			m.t.Errorf("%+v", m.recorded("evt_other"))
		}
		m.advance(29 * 24 * time.Hour)
		m.poll()
		if m.recorded(all[0].ID).Payload == "" {
			m.t.Error("forgotten too early")
		}
		m.advance(25 * time.Hour)
		m.poll()
		for _, e := range all {
			if got := m.recorded(e.ID); got.Payload != "" || got.Type != e.Type || got.ObjectID != e.ObjectID {
				m.t.Errorf("after a month: %+v", got)
			}
		}
	})
}

func TestEventsInPages(t *testing.T) {
	each(t, func(m *market) {
		for i := range 7 {
			m.tell(m.eventBody(fmt.Sprintf("evt_%d", i), "x.y", object{}))
			m.advance(time.Duration(i%2) * time.Second) // some come in the same instant
		}
		var got []string
		for f := (payments.EventFilter{Limit: 2}); ; {
			page := m.events(f)
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, e.ID)
				f.Before = e.ID
			}
		}
		if strings.Join(got, " ") != "evt_6 evt_5 evt_4 evt_3 evt_2 evt_1 evt_0" {
			m.t.Errorf("%v", got)
		}
		if n := len(m.events(payments.EventFilter{Type: "x.y", Outcome: "ignored", Source: "webhook"})); n != 7 {
			m.t.Errorf("%d", n)
		}
		if n := len(m.events(payments.EventFilter{Source: "poll"})) + len(m.events(payments.EventFilter{Open: true})); n != 0 {
			m.t.Errorf("%d", n)
		}
	})
}
