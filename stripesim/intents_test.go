package stripesim_test

import (
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

func TestCards(t *testing.T) {
	cards := []struct {
		card, status, code, decline string
	}{
		{"pm_card_visa", "succeeded", "", ""},
		{"pm_card_mastercard", "succeeded", "", ""},
		{"pm_card_amex", "succeeded", "", ""},
		{"pm_card_createDispute", "succeeded", "", ""},
		{"pm_card_chargeDeclined", "requires_payment_method", "card_declined", "generic_decline"},
		{"pm_card_visa_chargeDeclined", "requires_payment_method", "card_declined", "generic_decline"},
		{"pm_card_chargeDeclinedInsufficientFunds", "requires_payment_method", "card_declined", "insufficient_funds"},
		{"pm_card_visa_chargeDeclinedInsufficientFunds", "requires_payment_method", "card_declined", "insufficient_funds"},
		{"pm_card_visa_chargeDeclinedLostCard", "requires_payment_method", "card_declined", "lost_card"},
		{"pm_card_visa_chargeDeclinedStolenCard", "requires_payment_method", "card_declined", "stolen_card"},
		{"pm_card_visa_chargeDeclinedVelocityLimitExceeded", "requires_payment_method", "card_declined", "card_velocity_exceeded"},
		{"pm_card_radarBlock", "requires_payment_method", "card_declined", "fraudulent"},
		{"pm_card_chargeDeclinedExpiredCard", "requires_payment_method", "expired_card", "expired_card"},
		{"pm_card_chargeDeclinedIncorrectCvc", "requires_payment_method", "incorrect_cvc", "incorrect_cvc"},
		{"pm_card_chargeDeclinedProcessingError", "requires_payment_method", "processing_error", "processing_error"},
		{"pm_card_chargeCustomerFail", "requires_payment_method", "card_declined", "generic_decline"},
		{"pm_card_authenticationRequired", "requires_action", "", ""},
		{"pm_card_threeDSecure2Required", "requires_action", "", ""},
	}
	each(t, func(b *bench) {
		for _, c := range cards {
			created := b.create(c.card)
			if created.Status != stripe.PaymentIntentStatusRequiresConfirmation || created.LatestCharge != nil {
				b.t.Fatalf("%s: created as %s", c.card, created.Status)
			}
			_, err := b.V1PaymentIntents.Confirm(ctx, created.ID, nil)
			if c.code == "" && err != nil {
				b.t.Fatalf("%s: %v", c.card, err)
			}
			if c.code != "" {
				e := refused(b.t, err)
				if e.HTTPStatusCode != 402 || e.Type != stripe.ErrorTypeCard || string(e.Code) != c.code ||
					string(e.DeclineCode) != c.decline || e.PaymentIntent.ID != created.ID || e.ChargeID == "" || e.Msg == "" ||
					e.PaymentMethod.ID != c.card || !strings.HasSuffix(e.DocURL, strings.ReplaceAll(c.code, "_", "-")) {
					b.t.Errorf("%s: error %v", c.card, e)
				}
			}
			b.checkAfterConfirm(created.ID, c.card, c.status, c.code)
		}
	})
}

// checkAfterConfirm looks at an intent as its status says that it must be.
func (b *bench) checkAfterConfirm(id, card, status, code string) {
	b.t.Helper()
	in := b.intent(id)
	if string(in.Status) != status {
		b.t.Fatalf("%s: status %s, want %s", card, in.Status, status)
	}
	switch status {
	case "succeeded":
		ch := in.LatestCharge
		if in.AmountReceived != 1999 || !ch.Paid || !ch.Captured || ch.AmountCaptured != 1999 || ch.PaymentIntent.ID != id {
			b.t.Errorf("%s: intent %+v charge %+v", card, in, ch)
		}
		b.money(id, 1999, 0)
	case "requires_payment_method":
		if in.PaymentMethod != nil || string(in.LastPaymentError.Code) != code || in.LatestCharge.Status != "failed" || in.LatestCharge.FailureCode != code {
			b.t.Errorf("%s: intent %+v", card, in)
		}
		b.money(id, 0, 0)
	case "requires_action":
		if in.NextAction.Type != "use_stripe_sdk" || in.LatestCharge != nil {
			b.t.Errorf("%s: next action %+v", card, in.NextAction)
		}
		b.money(id, 0, 0)
	}
}

func TestDeclinedIntentTakesAnotherCard(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_chargeDeclined")
		p.Confirm = stripe.Bool(true)
		_, err := b.V1PaymentIntents.Create(ctx, p)
		id := refused(b.t, err).PaymentIntent.ID
		in, err := b.V1PaymentIntents.Confirm(ctx, id, &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")})
		if err != nil || in.Status != "succeeded" || in.LastPaymentError != nil {
			b.t.Fatalf("second card: %v %v", in, err)
		}
		b.money(id, 1999, 0)
	})
}

func TestRefusedParameters(t *testing.T) {
	cases := []struct {
		name   string
		change func(p *stripe.PaymentIntentCreateParams)
		status int
		code   string
		param  string
	}{
		{"no amount", func(p *stripe.PaymentIntentCreateParams) { p.Amount = nil }, 400, "parameter_missing", "amount"},
		{"zero amount", func(p *stripe.PaymentIntentCreateParams) { p.Amount = stripe.Int64(0) }, 400, "parameter_invalid_integer", "amount"},
		{"negative amount", func(p *stripe.PaymentIntentCreateParams) { p.Amount = stripe.Int64(-5) }, 400, "parameter_invalid_integer", "amount"},
		{"huge amount", func(p *stripe.PaymentIntentCreateParams) { p.Amount = stripe.Int64(1e12) }, 400, "amount_too_large", "amount"},
		{"no currency", func(p *stripe.PaymentIntentCreateParams) { p.Currency = nil }, 400, "parameter_missing", "currency"},
		{"bad currency", func(p *stripe.PaymentIntentCreateParams) { p.Currency = stripe.String("zzz1") }, 400, "", "currency"},
		{"unknown card", func(p *stripe.PaymentIntentCreateParams) { p.PaymentMethod = stripe.String("pm_nope") }, 400, "resource_missing", "payment_method"},
		{"bad capture method", func(p *stripe.PaymentIntentCreateParams) { p.CaptureMethod = stripe.String("later") }, 400, "", "capture_method"},
		{"other methods", func(p *stripe.PaymentIntentCreateParams) { p.PaymentMethodTypes = []*string{stripe.String("ideal")} }, 400, "payment_intent_invalid_parameter", "payment_method_types"},
		{"unknown parameter", func(p *stripe.PaymentIntentCreateParams) { p.AddExtra("sprinkles", "yes") }, 400, "parameter_unknown", "sprinkles"},
		{"bad expansion", func(p *stripe.PaymentIntentCreateParams) { p.AddExpand("sprinkles") }, 400, "", "expand"},
		{"long metadata", func(p *stripe.PaymentIntentCreateParams) {
			p.Metadata = map[string]string{"k": strings.Repeat("x", 501)}
		}, 400, "", "metadata[k]"},
		{"confirm without a card", func(p *stripe.PaymentIntentCreateParams) { p.PaymentMethod, p.Confirm = nil, stripe.Bool(true) }, 400, "parameter_missing", "payment_method"},
		{"redirects without a way back", func(p *stripe.PaymentIntentCreateParams) {
			p.PaymentMethodTypes, p.Confirm = nil, stripe.Bool(true)
		}, 400, "", "return_url"},
	}
	each(t, func(b *bench) {
		for _, c := range cases {
			p := params("pm_card_visa")
			c.change(p)
			_, err := b.V1PaymentIntents.Create(ctx, p)
			e := refused(b.t, err)
			if e.HTTPStatusCode != c.status || string(e.Code) != c.code || e.Param != c.param || e.Type != stripe.ErrorTypeInvalidRequest {
				b.t.Errorf("%s: %v", c.name, e)
			}
		}
		_, err := b.V1PaymentIntents.Retrieve(ctx, "pi_nope", nil)
		if e := refused(b.t, err); e.HTTPStatusCode != 404 || e.Code != stripe.ErrorCodeResourceMissing {
			b.t.Errorf("unknown intent: %v", e)
		}
		if got := b.V1PaymentIntents.List(ctx, nil).Data(); len(got) != 0 {
			b.t.Errorf("refused requests left %d intents", len(got))
		}
	})
}

func TestAutomaticMethodsWithoutRedirects(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_visa")
		p.PaymentMethodTypes, p.Confirm = nil, stripe.Bool(true)
		p.AutomaticPaymentMethods = &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{
			Enabled: stripe.Bool(true), AllowRedirects: stripe.String("never")}
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil || in.Status != "succeeded" || !in.AutomaticPaymentMethods.Enabled {
			b.t.Fatalf("%+v %v", in, err)
		}
	})
}

func TestManualCapture(t *testing.T) {
	each(t, func(b *bench) {
		hold := func() *stripe.PaymentIntent {
			p := params("pm_card_visa")
			p.CaptureMethod, p.Confirm = stripe.String("manual"), stripe.Bool(true)
			in, err := b.V1PaymentIntents.Create(ctx, p)
			if err != nil || in.Status != "requires_capture" || in.AmountCapturable != 1999 || in.AmountReceived != 0 {
				b.t.Fatalf("hold: %+v %v", in, err)
			}
			b.money(in.ID, 0, 0)
			return in
		}
		in := hold()
		_, err := b.V1PaymentIntents.Capture(ctx, in.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(2000)})
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeAmountTooLarge {
			b.t.Errorf("capture of too much: %v", e)
		}
		got, err := b.V1PaymentIntents.Capture(ctx, in.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(1500)})
		if err != nil || got.Status != "succeeded" || got.AmountReceived != 1500 || got.AmountCapturable != 0 {
			b.t.Errorf("capture: %+v %v", got, err)
		}
		b.money(in.ID, 1500, 0)
		_, err = b.V1PaymentIntents.Capture(ctx, in.ID, nil)
		if e := refused(b.t, err); e.Code != stripe.ErrorCodePaymentIntentUnexpectedState || e.PaymentIntent.ID != in.ID {
			b.t.Errorf("second capture: %v", e)
		}
		released := hold()
		got, err = b.V1PaymentIntents.Cancel(ctx, released.ID, &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")})
		if err != nil || got.Status != "canceled" || got.CancellationReason != "abandoned" || got.CanceledAt == 0 {
			b.t.Errorf("release: %+v %v", got, err)
		}
		if ch := b.intent(released.ID).LatestCharge; !ch.Refunded || ch.Captured {
			b.t.Errorf("released charge %+v", ch)
		}
		b.money(released.ID, 0, 0)
	})
}

func TestTransitionsThatAreRefused(t *testing.T) {
	each(t, func(b *bench) {
		done, gone, empty := b.paid(), b.create("pm_card_visa"), b.create("")
		if _, err := b.V1PaymentIntents.Cancel(ctx, gone.ID, nil); err != nil {
			b.t.Fatal(err)
		}
		confirm := func(id string) error { _, err := b.V1PaymentIntents.Confirm(ctx, id, nil); return err }
		cancel := func(id string) error { _, err := b.V1PaymentIntents.Cancel(ctx, id, nil); return err }
		capture := func(id string) error { _, err := b.V1PaymentIntents.Capture(ctx, id, nil); return err }
		for name, err := range map[string]error{
			"confirm succeeded": confirm(done.ID), "cancel succeeded": cancel(done.ID), "capture succeeded": capture(done.ID),
			"confirm canceled": confirm(gone.ID), "cancel canceled": cancel(gone.ID), "capture canceled": capture(gone.ID),
			"confirm without a card": confirm(empty.ID), "capture unconfirmed": capture(empty.ID),
		} {
			if e := refused(b.t, err); e.Code != stripe.ErrorCodePaymentIntentUnexpectedState || e.HTTPStatusCode != 400 || e.PaymentIntent == nil {
				b.t.Errorf("%s: %v", name, e)
			}
		}
		b.money(done.ID, 1999, 0)
	})
}

func TestKeysAndAddresses(t *testing.T) {
	each(t, func(b *bench) {
		for _, key := range []string{"", "sk_test_", "sk_live_1234567890123456", "pk_test_1"} {
			_, err := client(key, "", b.sim.Transport()).V1PaymentIntents.Create(ctx, params("pm_card_visa"))
			if key == "" && err != nil && !strings.Contains(err.Error(), "401") {
				continue // the client itself refuses to go without a key
			}
			if e := refused(b.t, err); e.HTTPStatusCode != 401 {
				b.t.Errorf("key %q: %v", key, e)
			}
		}
		p := params("pm_card_visa")
		p.SetStripeAccount("acct_1")
		_, err := b.V1PaymentIntents.Create(ctx, p)
		if e := refused(b.t, err); e.HTTPStatusCode != 403 || e.Code != "account_invalid" {
			b.t.Errorf("in the name of another account: %v", e)
		}
		_, err = b.V1Customers.Create(ctx, &stripe.CustomerCreateParams{})
		if e := refused(b.t, err); e.HTTPStatusCode != 404 || !strings.Contains(e.Msg, "Unrecognized request URL") {
			b.t.Errorf("unknown address: %v", e)
		}
	})
}
