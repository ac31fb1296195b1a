package stripesim_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

func (b *bench) update(id string, change func(p *stripe.PaymentIntentUpdateParams)) (*stripe.PaymentIntent, error) {
	p := &stripe.PaymentIntentUpdateParams{}
	change(p)
	return b.V1PaymentIntents.Update(ctx, id, p)
}

func TestUpdateBeforeConfirmation(t *testing.T) {
	each(t, func(b *bench) {
		id := b.create("").ID
		in, err := b.update(id, func(p *stripe.PaymentIntentUpdateParams) {
			p.Amount, p.Currency, p.PaymentMethod = stripe.Int64(2500), stripe.String("eur"), stripe.String("pm_card_visa")
			p.Description, p.Metadata = stripe.String("Two tickets"), map[string]string{"order": "7", "seat": "4"}
		})
		if err != nil || in.Amount != 2500 || in.Currency != "eur" || in.Status != "requires_confirmation" ||
			in.Description != "Two tickets" || in.Metadata["order"] != "7" {
			b.t.Fatalf("%+v %v", in, err)
		}
		in, err = b.update(id, func(p *stripe.PaymentIntentUpdateParams) {
			p.Metadata, p.Description = map[string]string{"seat": "", "row": "2"}, stripe.String("")
		})
		if err != nil || !maps.Equal(in.Metadata, map[string]string{"order": "7", "row": "2"}) || in.Description != "" || in.Amount != 2500 {
			b.t.Errorf("%+v %v", in, err)
		}
		found := b.V1PaymentIntents.Search(ctx, &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{
			Query: "metadata['row']:'2' AND metadata['seat']:null"}}).Data()
		if len(found) != 1 {
			b.t.Errorf("found %v", found)
		}
		if in, err = b.update(id, func(p *stripe.PaymentIntentUpdateParams) { p.AddExtra("metadata", "") }); err != nil || len(in.Metadata) != 0 {
			b.t.Errorf("%+v %v", in, err)
		}
		if _, err := b.V1PaymentIntents.Confirm(ctx, id, nil); err != nil {
			b.t.Fatal(err)
		}
		b.money(id, 2500, 0)
	})
}

func TestUpdateKeepsWhatAnAccountToDebitNeeds(t *testing.T) {
	each(t, func(b *bench) {
		p := params("")
		p.PaymentMethodTypes = []*string{stripe.String("us_bank_account")}
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil {
			b.t.Fatal(err)
		}
		for param, change := range map[string]func(p *stripe.PaymentIntentUpdateParams){
			"capture_method":       func(p *stripe.PaymentIntentUpdateParams) { p.CaptureMethod = stripe.String("manual") },
			"currency":             func(p *stripe.PaymentIntentUpdateParams) { p.Currency = stripe.String("eur") },
			"payment_method_types": func(p *stripe.PaymentIntentUpdateParams) { p.PaymentMethodTypes = []*string{stripe.String("ideal")} },
		} {
			_, err := b.update(in.ID, change)
			if e := refused(b.t, err); e.Code != "payment_intent_invalid_parameter" || e.Param != param {
				b.t.Errorf("%s: %v", param, e)
			}
		}
		got := b.intent(in.ID)
		if got.Currency != "usd" || got.CaptureMethod != "automatic_async" || got.PaymentMethodOptions.Card != nil ||
			got.PaymentMethodOptions.USBankAccount.VerificationMethod != "automatic" {
			b.t.Errorf("%+v", got)
		}
	})
}

func TestUpdateAfterwards(t *testing.T) {
	each(t, func(b *bench) {
		id := b.paid().ID
		for name, change := range map[string]func(p *stripe.PaymentIntentUpdateParams){
			"amount":                 func(p *stripe.PaymentIntentUpdateParams) { p.Amount = stripe.Int64(5) },
			"currency":               func(p *stripe.PaymentIntentUpdateParams) { p.Currency = stripe.String("eur") },
			"payment_method":         func(p *stripe.PaymentIntentUpdateParams) { p.PaymentMethod = stripe.String("pm_card_amex") },
			"capture_method":         func(p *stripe.PaymentIntentUpdateParams) { p.CaptureMethod = stripe.String("manual") },
			"payment_method_types":   func(p *stripe.PaymentIntentUpdateParams) { p.PaymentMethodTypes = []*string{stripe.String("card")} },
			"payment_method_options": func(p *stripe.PaymentIntentUpdateParams) { p.PaymentMethodOptions = holdCards() },
		} {
			_, err := b.update(id, change)
			if e := refused(b.t, err); e.Code != stripe.ErrorCodePaymentIntentUnexpectedState || e.HTTPStatusCode != 400 ||
				!strings.HasPrefix(e.Msg, "This PaymentIntent's "+name+" could not be updated because it has a status of succeeded.") ||
				e.PaymentIntent.Amount != 1999 {
				b.t.Errorf("%s: %v", name, e)
			}
		}
		in, err := b.update(id, func(p *stripe.PaymentIntentUpdateParams) { p.Metadata = map[string]string{"seen": "yes"} })
		if err != nil || in.Status != "succeeded" || in.Metadata["seen"] != "yes" {
			b.t.Errorf("%+v %v", in, err)
		}
		b.money(id, 1999, 0)
	})
}

func TestUpdateStartsAgain(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_authenticationRequired")
		p.Confirm = stripe.Bool(true)
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil {
			b.t.Fatal(err)
		}
		same, err := b.update(in.ID, func(p *stripe.PaymentIntentUpdateParams) { p.Description = stripe.String("Still waiting") })
		if err != nil || same.Status != "requires_action" || same.NextAction == nil {
			b.t.Errorf("%+v %v", same, err)
		}
		changed, err := b.update(in.ID, func(p *stripe.PaymentIntentUpdateParams) { p.Amount = stripe.Int64(500) })
		if err != nil || changed.Status != "requires_confirmation" || changed.NextAction != nil {
			b.t.Errorf("%+v %v", changed, err)
		}
		if err := b.sim.Answer(ctx, in.ID, true); err == nil {
			b.t.Error("the bank took an answer for the old amount")
		}
		b.money(in.ID, 0, 0)

		p = params("pm_card_chargeDeclined")
		p.Confirm = stripe.Bool(true)
		_, err = b.V1PaymentIntents.Create(ctx, p)
		id := refused(b.t, err).PaymentIntent.ID
		again, err := b.update(id, func(p *stripe.PaymentIntentUpdateParams) { p.PaymentMethod = stripe.String("pm_card_visa") })
		if err != nil || again.Status != "requires_confirmation" || again.LastPaymentError != nil {
			b.t.Errorf("%+v %v", again, err)
		}
		_, err = b.update(id, func(p *stripe.PaymentIntentUpdateParams) { p.PaymentMethod = stripe.String("pm_nope") })
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeResourceMissing || e.Param != "payment_method" {
			b.t.Errorf("unknown card: %v", e)
		}
	})
}

func holdCards() *stripe.PaymentIntentUpdatePaymentMethodOptionsParams {
	return &stripe.PaymentIntentUpdatePaymentMethodOptionsParams{Card: &stripe.PaymentIntentUpdatePaymentMethodOptionsCardParams{
		CaptureMethod: stripe.String("manual")}}
}

func TestCardsAloneAreHeld(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_visa")
		p.Confirm, p.PaymentMethodOptions = stripe.Bool(true), &stripe.PaymentIntentCreatePaymentMethodOptionsParams{
			Card: &stripe.PaymentIntentCreatePaymentMethodOptionsCardParams{CaptureMethod: stripe.String("manual")}}
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil || in.Status != "requires_capture" || in.CaptureMethod != "automatic_async" ||
			in.PaymentMethodOptions.Card.CaptureMethod != "manual" {
			b.t.Fatalf("%+v %v", in, err)
		}
		b.money(in.ID, 0, 0)
		if _, err := b.V1PaymentIntents.Capture(ctx, in.ID, nil); err != nil {
			b.t.Error(err)
		}
		b.money(in.ID, 1999, 0)

		id := b.create("pm_card_visa").ID
		if _, err := b.update(id, func(p *stripe.PaymentIntentUpdateParams) { p.PaymentMethodOptions = holdCards() }); err != nil {
			b.t.Fatal(err)
		}
		in, err = b.update(id, func(p *stripe.PaymentIntentUpdateParams) {
			p.AddExtra("payment_method_options[card][capture_method]", "")
		})
		if err != nil || in.PaymentMethodOptions.Card.CaptureMethod != "" {
			b.t.Errorf("%+v %v", in, err)
		}
		if in, err = b.V1PaymentIntents.Confirm(ctx, id, nil); err != nil || in.Status != "succeeded" {
			b.t.Errorf("%+v %v", in, err)
		}
	})
}
