package stripesim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

func (b *bench) createWith(key string, change func(p *stripe.PaymentIntentCreateParams)) (*stripe.PaymentIntent, error) {
	p := params("pm_card_visa")
	p.Confirm = stripe.Bool(true)
	if change != nil {
		change(p)
	}
	p.SetIdempotencyKey(key)
	return b.V1PaymentIntents.Create(ctx, p)
}

func TestKeyRepeatsTheAnswer(t *testing.T) {
	each(t, func(b *bench) {
		first, err := b.createWith("k", nil)
		if err != nil || first.LastResponse.Header.Get("Idempotent-Replayed") != "" {
			b.t.Fatal(first, err)
		}
		again, err := b.createWith("k", nil)
		if err != nil || again.ID != first.ID || again.LastResponse.Header.Get("Idempotent-Replayed") != "true" ||
			string(again.LastResponse.RawJSON) != string(first.LastResponse.RawJSON) ||
			again.LastResponse.Header.Get("Original-Request") != first.LastResponse.RequestID {
			b.t.Errorf("repeat: %+v %v", again, err)
		}
		b.money(first.ID, 1999, 0)

		_, err = b.createWith("k", func(p *stripe.PaymentIntentCreateParams) { p.Amount = stripe.Int64(5) })
		if e := refused(b.t, err); e.Type != stripe.ErrorTypeIdempotency || e.HTTPStatusCode != 400 || !strings.Contains(e.Msg, "same parameters") {
			b.t.Errorf("other parameters: %v", e)
		}
		_, err = b.refund(first.ID, 0, "k")
		if e := refused(b.t, err); e.Type != stripe.ErrorTypeIdempotency || !strings.Contains(e.Msg, "same endpoint") {
			b.t.Errorf("other endpoint: %v", e)
		}
		b.advance(24*time.Hour + time.Millisecond)
		late, err := b.createWith("k", nil)
		if err != nil || late.ID == first.ID {
			b.t.Errorf("after 24 h: %+v %v", late, err)
		}
		r := httptest.NewRequest("POST", "/v1/refunds", nil)
		r.Header.Set("Authorization", "Bearer sk_test_123")
		r.Header.Set("Idempotency-Key", strings.Repeat("k", 256))
		answer := httptest.NewRecorder()
		if b.sim.Handler().ServeHTTP(answer, r); answer.Code != 400 {
			b.t.Errorf("long key: %d %s", answer.Code, answer.Body)
		}
	})
}

func TestKeyRepeatsRefusalsOfTheBankButNotOfParameters(t *testing.T) {
	each(t, func(b *bench) {
		decline := func(p *stripe.PaymentIntentCreateParams) { p.PaymentMethod = stripe.String("pm_card_chargeDeclined") }
		_, err := b.createWith("declined", decline)
		first := refused(b.t, err)
		_, err = b.createWith("declined", decline)
		again := refused(b.t, err)
		if again.PaymentIntent.ID != first.PaymentIntent.ID || again.HTTPStatusCode != 402 || again.LastResponse.Header.Get("Idempotent-Replayed") != "true" {
			b.t.Errorf("repeat of a decline: %v", again)
		}
		if all := b.V1PaymentIntents.List(ctx, nil).Data(); len(all) != 1 {
			b.t.Errorf("%d intents", len(all))
		}
		_, err = b.createWith("typo", func(p *stripe.PaymentIntentCreateParams) { p.Amount = nil })
		refused(b.t, err)
		if _, err := b.createWith("typo", nil); err != nil {
			b.t.Errorf("the key of a refused request is still free: %v", err)
		}
	})
}

// lostOnce loses the connection of the first request at the stage.
func lostOnce(stage stripesim.Stage, fault *stripesim.Fault) func(*http.Request, stripesim.Stage) *stripesim.Fault {
	var done atomic.Bool
	return func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
		if at != stage || r.Method != "POST" || done.Swap(true) {
			return nil
		}
		return fault
	}
}

func TestFaults(t *testing.T) {
	cases := []struct {
		name   string
		stage  stripesim.Stage
		fault  stripesim.Fault
		status int // 0: the connection is lost
		effect bool
		sticky bool
	}{
		{"lost before", stripesim.Before, stripesim.Fault{}, 0, false, false},
		{"lost after", stripesim.After, stripesim.Fault{}, 0, true, false},
		{"500 before", stripesim.Before, stripesim.Fault{Status: 500}, 500, false, false},
		{"sticky 500 before", stripesim.Before, stripesim.Fault{Status: 500, Sticky: true}, 500, false, true},
		{"500 after", stripesim.After, stripesim.Fault{Status: 500}, 500, true, false},
		{"rate limit", stripesim.Before, stripesim.Fault{Status: 429}, 429, false, false},
		{"key in use", stripesim.Before, stripesim.Fault{Status: 409}, 409, false, false},
	}
	each(t, func(b *bench) {
		inProcess := b.Client
		b.socket()
		overSocket := b.Client
		for _, c := range cases {
			for way, client := range map[string]*stripe.Client{"in process": inProcess, "socket": overSocket} {
				b.Client = client
				before := len(b.V1PaymentIntents.List(ctx, nil).Data())
				b.setFault(lostOnce(c.stage, &c.fault))
				key := c.name + way
				_, err := b.createWith(key, nil)
				var e *stripe.Error
				switch {
				case err == nil, c.status != 0 && refused(b.t, err).HTTPStatusCode != c.status, c.status == 0 && errors.As(err, &e):
					b.t.Errorf("%s %s: %v", c.name, way, err)
				case c.status == 0 && way == "in process" && !errors.Is(err, stripesim.ErrConnectionLost):
					b.t.Errorf("%s: %v", c.name, err)
				}
				if happened := len(b.V1PaymentIntents.List(ctx, nil).Data()) > before; happened != c.effect {
					b.t.Errorf("%s %s: effect %t", c.name, way, happened)
				}
				again, err := b.createWith(key, nil)
				if c.sticky {
					if refused(b.t, err).HTTPStatusCode != c.status {
						b.t.Errorf("%s %s: the repeat got %v", c.name, way, err)
					}
					continue
				}
				if err != nil || (again.LastResponse.Header.Get("Idempotent-Replayed") == "true") != c.effect {
					b.t.Errorf("%s %s: repeat %v %v", c.name, way, again, err)
				}
				b.money(again.ID, 1999, 0)
			}
		}
	})
}

func TestKeyInUseAndClientThatLeaves(t *testing.T) {
	each(t, func(b *bench) {
		arrived, open := make(chan struct{}), make(chan struct{})
		b.setFault(func(r *http.Request, at stripesim.Stage) *stripesim.Fault {
			if at == stripesim.Before && r.Header.Get("Idempotency-Key") == "slow" {
				arrived <- struct{}{}
				<-open
			}
			return nil
		})
		leaving, leave := context.WithCancel(ctx)
		gone := make(chan error)
		p := params("pm_card_visa")
		p.Confirm = stripe.Bool(true)
		p.SetIdempotencyKey("slow")
		go func() {
			_, err := b.V1PaymentIntents.Create(leaving, p)
			gone <- err
		}()
		<-arrived
		_, err := b.createWith("slow", nil)
		if e := refused(b.t, err); e.HTTPStatusCode != 409 || e.Code != stripe.ErrorCodeIdempotencyKeyInUse {
			b.t.Errorf("second request: %v", e)
		}
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			b.t.Errorf("the client that left got %v", err)
		}
		b.setFault(nil)
		close(open)
		for {
			in, err := b.createWith("slow", nil)
			if err == nil {
				if in.LastResponse.Header.Get("Idempotent-Replayed") != "true" {
					b.t.Error("the request that had arrived was not carried out")
				}
				return
			}
			if e := refused(b.t, err); e.HTTPStatusCode != 409 {
				b.t.Fatal(err)
			}
		}
	})
}
