package payments_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// stripeAnswer is one that the simulator would not give.
func stripeAnswer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// instead answers a call in place of the simulator, and counts how often.
func instead(call string, of func() *http.Response, count *int) meddling {
	return func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
		if !isCall(r, call) {
			return next()
		}
		*count++
		return of(), nil
	}
}

// owed is a paid order that was cancelled all the same.
func (m *market) owed() event.Order {
	m.t.Helper()
	o := m.payable()
	if r := m.pay(o, "pm_card_visa"); r.status != 201 && r.status != 202 {
		m.t.Fatalf("%d %v", r.status, r.body)
	}
	if paid := m.settle(o); paid.Status != event.Completed {
		m.t.Fatalf("%+v", paid)
	}
	return m.become(o, event.Cancelled, event.Expired)
}

// While Stripe gives nothing back, it is asked at a pace that slows down.
func TestRefundsAreAskedForInMeasure(t *testing.T) {
	each(t, func(m *market) {
		o := m.owed()
		asked := 0
		m.setMeddling(instead("refund", func() *http.Response { return stripeAnswer(500, `{"error":{"type":"api_error"}}`) }, &asked))
		for range 120 {
			m.settle(o)
			m.advance(time.Second)
		}
		if asked < 8 || asked > 25 {
			m.t.Errorf("asked for %d times in two minutes", asked)
		}
		m.setMeddling(nil)
		m.advance(time.Minute)
		m.settle(o)
		m.money(o, 1999, 1999)
	})
}

// A refusal is repeated under its key for ever: another key is needed, later.
func TestRefundIsRefused(t *testing.T) {
	each(t, func(m *market) {
		o := m.owed()
		refused := map[string]int{}
		m.setMeddling(func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
			key := r.Header.Get("Idempotency-Key")
			if isCall(r, "refund") && (refused[key] > 0 || len(refused) < 3) {
				refused[key]++
				return stripeAnswer(400, `{"error":{"type":"invalid_request_error","code":"balance_insufficient","message":"no money"}}`), nil
			}
			return next()
		})
		for range 10 {
			m.settle(o)
			m.advance(61 * time.Second)
		}
		m.money(o, 1999, 1999)
		if len(refused) != 3 {
			m.t.Errorf("refused: %v", refused)
		}
		for key, n := range refused {
			if n != 1 {
				m.t.Errorf("%s was used %d times after it was refused", key, n)
			}
		}
	})
}

// Somebody gives back a part by hand; the rest goes back too, though the key for it came to nothing.
func TestRestIsRefunded(t *testing.T) {
	eachWay(t, func(m *market) {
		o := m.owed()
		id := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list[0]["stripeId"].(string)
		m.byHand("refunds", "payment_intent="+id+"&amount=500")
		failures := 0
		m.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
			if isCall(r, "refund") && at == stripesim.Before && failures < 2 {
				failures++
				return &stripesim.Fault{Status: 500}
			}
			return nil
		})
		for range 20 {
			m.settle(o)
			m.advance(10 * time.Second)
		}
		m.money(o, 1999, 1999)
		if c := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list[0]; c["refundStatus"] != "succeeded" {
			m.t.Errorf("%v", c)
		}
	})
}

// What is known already can be told without Stripe, and what cannot be paid is refused for that reason.
func TestWhatIsKnownNeedsNoStripe(t *testing.T) {
	eachWay(t, func(m *market) {
		paid, other, late := m.payable(), m.payable(), m.payable()
		if r := m.pay(paid, "pm_card_visa"); r.status != 201 {
			m.t.Fatalf("%d %v", r.status, r.body)
		}
		m.settle(paid)
		m.restart(noWait)
		m.setFault(always)
		if r := m.pay(other, "pm_card_visa"); r.status != 503 {
			m.t.Errorf("%d %v", r.status, r.body)
		}
		if r := m.pay(paid, "pm_card_visa"); r.status != 200 || r.text("status") != event.Completed {
			m.t.Errorf("paid before: %d %v", r.status, r.body)
		}
		m.advance(16 * time.Minute)
		if r := m.pay(late, "pm_card_visa"); r.status != 409 || r.text("code") != "order_expired" {
			m.t.Errorf("too late: %d %v", r.status, r.body)
		}
	})
}

// A request that found Stripe away is made again under its key, as it was told to, and pays.
func TestSameKeyWhenStripeIsBack(t *testing.T) {
	eachWay(t, func(m *market) {
		o := m.payable()
		m.restart(noWait)
		m.setFault(always)
		for range 2 {
			if r := m.pay(o, "pm_card_visa", "Idempotency-Key", "k"); r.status != 503 || r.header.Get("Retry-After") == "" {
				m.t.Fatalf("%d %v", r.status, r.body)
			}
			m.settle(o)
		}
		m.setFault(nil)
		m.restart(func(o *payments.Options) { o.Wait = 5 * time.Second })
		first := m.pay(o, "pm_card_visa", "Idempotency-Key", "k")
		if first.status != 201 || first.text("status") != event.Completed {
			m.t.Fatalf("%d %v", first.status, first.body)
		}
		again := m.pay(o, "pm_card_visa", "Idempotency-Key", "k")
		if again.status != 201 || again.text("id") != first.text("id") || again.header.Get("Idempotent-Replayed") != "true" {
			m.t.Errorf("%d %v", again.status, again.body)
		}
		m.money(o, 1999, 0)
	})
}

// A bank that takes its time is asked at a pace that slows down, and given up in time.
func TestBankIsProcessing(t *testing.T) {
	eachWayWith(t, noWait, func(m *market) {
		o := m.payable()
		asked, cancelled := 0, false
		m.setMeddling(func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
			got, err := next()
			if err != nil || got.StatusCode != 200 || cancelled || isCall(r, "create") || isCall(r, "list") {
				return got, err
			}
			if isCall(r, "cancel") {
				cancelled = true
				return got, err
			}
			asked++
			body, _ := io.ReadAll(got.Body)
			status := strings.NewReplacer(`"status":"succeeded"`, `"status":"processing"`, `"status":"requires_capture"`, `"status":"processing"`)
			return stripeAnswer(200, status.Replace(string(body))), nil
		})
		m.setFault(onlyConfirmIsLost)
		if r := m.pay(o, "pm_card_visa"); r.status != 202 {
			m.t.Errorf("%d %v", r.status, r.body)
		}
		m.settle(o)
		for range 100 {
			m.advance(time.Second)
			m.settle(o)
		}
		if asked < 5 || asked > 40 {
			m.t.Errorf("asked for %d times in 100 seconds", asked)
		}
		m.setMeddling(nil)
		m.advance(20 * time.Second)
		m.settle(o)
		if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; list[0]["status"] == event.Created {
			m.t.Errorf("not decided: %v", list)
		}
	})
}

// onlyConfirmIsLost lets confirmations take effect and loses their answers.
func onlyConfirmIsLost(r *http.Request, at stripesim.Stage) *stripesim.Fault {
	if at == stripesim.After && isCall(r, "confirm") {
		return &stripesim.Fault{}
	}
	return nil
}

// A hold that Stripe refuses to let go of is not said to be gone.
func TestReleaseIsRefused(t *testing.T) {
	each(t, func(m *market) {
		m.deaf.Store(true)
		m.restart(noWait)
		o := m.payable()
		if r := m.pay(o, "pm_card_visa"); r.status != 202 {
			m.t.Fatalf("%d %v", r.status, r.body)
		}
		m.become(o, event.Cancelled, event.ByBuyer)
		asked := 0
		m.setMeddling(instead("cancel", func() *http.Response {
			return stripeAnswer(400, `{"error":{"type":"invalid_request_error","code":"resource_busy","message":"later"}}`)
		}, &asked))
		m.settle(o)
		if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; list[0]["status"] != event.Created || asked == 0 {
			m.t.Errorf("the money is still held: %v", list)
		}
		m.setMeddling(nil)
		m.advance(time.Minute)
		m.settle(o)
		if list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list; list[0]["failureCode"] != "order_cancelled" {
			m.t.Errorf("%v", list)
		}
		m.money(o, 0, 0)
	})
}

// Answers that are not Stripe's, as a proxy on the way may give them, are as good as none.
func TestAnswersThatAreNotStripes(t *testing.T) {
	eachWayWith(t, noWait, func(m *market) {
		for _, call := range []string{"create", "confirm", "capture"} {
			for name, bad := range map[string]*http.Response{
				"empty": stripeAnswer(200, ""), "nothing": stripeAnswer(200, "{}"), "null": stripeAnswer(200, "null"), "a list": stripeAnswer(200, "[]"),
				"a page": stripeAnswer(200, "<html>"), "a page for an error": stripeAnswer(502, "<html>"), "no error": stripeAnswer(400, "{}"),
				"half of it": stripeAnswer(200, `{"id":"pi_1","object":"payment_in`),
			} {
				o := m.payable()
				given := false
				m.setMeddling(func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
					got, err := next()
					if !given && isCall(r, call) {
						given = true
						return bad, nil
					}
					return got, err
				})
				r := m.pay(o, "pm_card_visa")
				if call == "create" && r.status != 503 || call != "create" && r.status != 202 && r.status != 201 {
					m.t.Errorf("%s is answered with %s: %d %v", call, name, r.status, r.body)
				}
				m.setMeddling(nil)
				m.settle(o)
				if call == "create" {
					m.advance(10 * time.Second)
					m.pay(o, "pm_card_visa")
				}
				for range 3 {
					m.settle(o)
					m.advance(10 * time.Second)
				}
				m.money(o, 1999, 0)
			}
		}
	})
}
