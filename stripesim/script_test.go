package stripesim_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

// faults adds rules to an empty script.
func (b *bench) faults(rules ...stripesim.Rule) {
	b.t.Helper()
	b.sim.ClearFaults()
	if err := b.sim.AddFaults(rules...); err != nil {
		b.t.Fatal(err)
	}
}

// status is how a call was answered: 200, an error's status, or 0 if the connection was lost.
func status(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 200
	}
	if errors.Is(err, stripesim.ErrConnectionLost) {
		return 0
	}
	return refused(t, err).HTTPStatusCode
}

func (b *bench) want(what string, err error, want int) {
	b.t.Helper()
	if got := status(b.t, err); got != want {
		b.t.Errorf("%s: %d, want %d", what, got, want)
	}
}

func TestRulesFitByOperation(t *testing.T) {
	each(t, func(b *bench) {
		in := b.create("pm_card_visa")
		calls := map[string]func() error{
			"create":   func() error { _, err := b.V1PaymentIntents.Create(ctx, params("")); return err },
			"retrieve": func() error { _, err := b.V1PaymentIntents.Retrieve(ctx, in.ID, nil); return err },
			"list": func() error {
				for _, err := range b.V1PaymentIntents.List(ctx, nil).All(ctx) {
					return err
				}
				return nil
			},
			"confirm": func() error { _, err := b.V1PaymentIntents.Confirm(ctx, in.ID, nil); return err },
			"capture": func() error { _, err := b.V1PaymentIntents.Capture(ctx, in.ID, nil); return err },
			"cancel":  func() error { _, err := b.V1PaymentIntents.Cancel(ctx, in.ID, nil); return err },
			"refund":  func() error { _, err := b.refund(in.ID, 0, ""); return err },
			"delete":  func() error { _, err := b.V1WebhookEndpoints.Delete(ctx, "we_1", nil); return err },
			"update":  func() error { _, err := b.V1WebhookEndpoints.Update(ctx, "we_1", nil); return err },
			"search": func() error {
				for _, err := range b.V1PaymentIntents.Search(ctx, &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{Query: "status:'canceled'"}}).All(ctx) {
					return err
				}
				return nil
			},
		}
		for named := range calls {
			b.faults(stripesim.Rule{Operation: named, Status: 503})
			for name, call := range calls {
				if name != named && (name == "confirm" || name == "cancel") {
					continue // they would change what the others find
				}
				if hit := status(b.t, call()) == 503; hit != (name == named) {
					b.t.Errorf("a rule for %s: %s hit %t", named, name, hit)
				}
			}
		}
	})
}

func TestRulesFitByPathMethodAndMatch(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_visa")
		p.Metadata = map[string]string{"order_id": "order-7"}
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil {
			b.t.Fatal(err)
		}
		other := b.create("pm_card_visa")
		retrieve := func(id string) error { _, err := b.V1PaymentIntents.Retrieve(ctx, id, nil); return err }
		b.faults(stripesim.Rule{Path: "/v1/payment_intents/*", Method: "get", Status: 500})
		b.want("path", retrieve(in.ID), 500)
		_, err = b.V1PaymentIntents.Confirm(ctx, other.ID, nil)
		b.want("another path", err, 200)
		b.faults(stripesim.Rule{Match: "order-7", Status: 500})
		b.want("metadata of the intent", retrieve(in.ID), 500)
		b.want("another intent", retrieve(other.ID), 200)
		_, err = b.refund(in.ID, 0, "")
		b.want("metadata of the intent to refund", err, 500)
		_, err = b.createWith("k", func(p *stripe.PaymentIntentCreateParams) { p.Metadata = map[string]string{"a": "order-77"} })
		b.want("metadata that is sent", err, 500)
		_, err = b.createWith("order-7:create", nil)
		b.want("key", err, 500)
		_, err = b.createWith("order-8:create", nil)
		b.want("another key", err, 200)
	})
}

func TestRulesCountAndClear(t *testing.T) {
	each(t, func(b *bench) {
		b.faults(stripesim.Rule{Operation: "create", Status: 500, Skip: 1, Times: 2}, stripesim.Rule{Operation: "create", Drop: true, Times: 1, Stage: "after"})
		for i, want := range []int{0, 500, 500, 200} {
			_, err := b.V1PaymentIntents.Create(ctx, params(""))
			b.want(string(rune('1'+i)), err, want)
		}
		all := b.sim.Faults()
		if len(all) != 2 || all[0].Used != 2 || all[1].Used != 1 || all[0].Stage != "before" {
			b.t.Errorf("%+v", all)
		}
		if n := len(b.V1PaymentIntents.List(ctx, nil).Data()); n != 2 {
			b.t.Errorf("%d intents: one whose answer was lost and one more", n)
		}
		b.faults(stripesim.Rule{Operation: "create", Status: 500})
		b.sim.ClearFaults()
		b.create("")
	})
}

func TestStickyRule(t *testing.T) {
	each(t, func(b *bench) {
		b.faults(stripesim.Rule{Operation: "create", Status: 500, Sticky: true, Times: 1})
		for _, key := range []string{"k", "k", "other"} {
			_, err := b.createWith(key, nil)
			b.want(key, err, map[string]int{"k": 500, "other": 200}[key])
		}
		if err := b.sim.AgeKeys(ctx, 24*time.Hour); err != nil {
			b.t.Fatal(err)
		}
		if n, err := b.sim.PruneKeys(ctx); err != nil || n != 2 {
			b.t.Errorf("%d keys pruned (%v), want both", n, err)
		}
		_, err := b.createWith("k", nil)
		b.want("after a day", err, 200)
	})
}

func TestDelayedRequestIsCarriedOut(t *testing.T) {
	each(t, func(b *bench) {
		b.faults(stripesim.Rule{Operation: "create", DelayMS: 20})
		begin := time.Now()
		b.create("")
		if took := time.Since(begin); took < 20*time.Millisecond {
			b.t.Errorf("it took %v", took)
		}
	})
}

func TestRulesAreChecked(t *testing.T) {
	each(t, func(b *bench) {
		for _, r := range []stripesim.Rule{
			{}, {Status: 200}, {Status: 500, Drop: true}, {Status: 500, Stage: "during"}, {Drop: true, Sticky: true}, {Status: 500, Sticky: true, Stage: "after"},
			{Status: 500, Path: "["}, {Status: 500, Times: -1}, {DelayMS: -1}, {DelayMS: time.Hour.Milliseconds()},
		} {
			if err := b.sim.AddFaults(r); err == nil {
				b.t.Errorf("%+v was taken", r)
			}
		}
		if all := b.sim.Faults(); len(all) != 0 {
			b.t.Errorf("%+v", all)
		}
	})
}

func TestRateLimit(t *testing.T) {
	each(t, func(b *bench) {
		limited := stripesim.New(b.db, stripesim.Options{RateLimit: 10, RateBurst: 3})
		b.Client = client("sk_test_123", "", limited.Transport())
		read := func() error { _, err := b.V1Charges.Retrieve(ctx, "ch_1", nil); return err }
		for i, want := range []int{404, 404, 404, 429, 429} {
			b.want(string(rune('1'+i)), read(), want)
		}
		e := refused(b.t, read())
		if e.Code != stripe.ErrorCodeRateLimit || e.LastResponse.Header.Get("Stripe-Rate-Limited-Reason") != "global-rate" {
			b.t.Errorf("%v %v", e, e.LastResponse.Header)
		}
		b.advance(100 * time.Millisecond)
		b.want("a tenth of a second later", read(), 404)
		b.want("at once after it", read(), 429)
		b.advance(time.Hour)
		for range 3 {
			b.want("later", read(), 404)
		}
		b.want("one more", read(), 429)
	})
}

func TestRequestsAreRemembered(t *testing.T) {
	each(t, func(b *bench) {
		first, err := b.createWith("k", nil)
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.createWith("k", nil); err != nil {
			b.t.Fatal(err)
		}
		b.faults(stripesim.Rule{Drop: true, Stage: "after"})
		if _, err := b.V1PaymentIntents.Retrieve(ctx, first.ID, nil); err == nil {
			b.t.Error("no fault")
		}
		got := b.sim.Requests()
		at := b.time().UTC()
		want := []stripesim.Request{
			{At: at, Method: "GET", Path: "/v1/payment_intents/" + first.ID, Status: 0, Fault: "after"},
			{At: at, Method: "POST", Path: "/v1/payment_intents", Key: "k", Status: 200, Replayed: true},
			{At: at, Method: "POST", Path: "/v1/payment_intents", Key: "k", Status: 200},
		}
		for i := range want {
			if i < len(got) {
				want[i].ID = got[i].ID
			}
			if i >= len(got) || got[i] != want[i] {
				b.t.Fatalf("got %+v, want %+v", got, want)
			}
		}
		b.sim.ClearFaults()
		for range 600 {
			_, _ = b.V1PaymentMethods.Retrieve(ctx, "pm_card_visa", nil)
		}
		if n := len(b.sim.Requests()); n > 500 || n < 400 {
			b.t.Errorf("%d are remembered", n)
		}
		b.sim.ForgetRequests()
		if n := len(b.sim.Requests()); n != 0 {
			b.t.Errorf("%d are remembered", n)
		}
	})
}
