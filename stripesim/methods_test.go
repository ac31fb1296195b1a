package stripesim_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

// entered is a card as its holder enters it.
func entered(number string) *stripe.PaymentMethodCreateParams {
	return &stripe.PaymentMethodCreateParams{Type: stripe.String("card"), Card: &stripe.PaymentMethodCreateCardParams{
		Number: stripe.String(number), ExpMonth: stripe.Int64(12), ExpYear: stripe.Int64(2034), CVC: stripe.String("123")}}
}

func (b *bench) enter(number string) *stripe.PaymentMethod {
	b.t.Helper()
	m, err := b.V1PaymentMethods.Create(ctx, entered(number))
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

func TestCardsThatAreEntered(t *testing.T) {
	cards := []struct{ number, brand, last4, country, funding, status, code string }{
		{"4242424242424242", "visa", "4242", "US", "credit", "succeeded", ""},
		{"4000 0566 5566 5556", "visa", "5556", "US", "debit", "succeeded", ""},
		{"5555555555554444", "mastercard", "4444", "US", "credit", "succeeded", ""},
		{"2223003122003222", "mastercard", "3222", "US", "credit", "succeeded", ""},
		{"6205500000000000004", "unionpay", "0004", "CN", "credit", "succeeded", ""},
		{"4000008260000000", "visa", "0000", "GB", "credit", "succeeded", ""},
		{"4000000000000002", "visa", "0002", "US", "credit", "requires_payment_method", "card_declined"},
		{"4000000000000069", "visa", "0069", "US", "credit", "requires_payment_method", "expired_card"},
		{"4000000000000127", "visa", "0127", "US", "credit", "requires_payment_method", "incorrect_cvc"},
		{"4100000000000019", "visa", "0019", "US", "credit", "requires_payment_method", "card_declined"},
		{"4000002760003184", "visa", "3184", "DE", "credit", "requires_action", ""},
	}
	each(t, func(b *bench) {
		for _, c := range cards {
			m := b.enter(c.number)
			got, err := b.V1PaymentMethods.Retrieve(ctx, m.ID, nil)
			if err != nil || !strings.HasPrefix(m.ID, "pm_1") || string(got.Card.Brand) != c.brand || got.Card.Last4 != c.last4 ||
				got.Card.Country != c.country || string(got.Card.Funding) != c.funding || got.Card.ExpYear != 2034 || got.Card.Checks == nil {
				b.t.Fatalf("%s: %+v %v", c.number, got, err)
			}
			in := b.create(m.ID)
			_, err = b.V1PaymentIntents.Confirm(ctx, in.ID, nil)
			if c.code == "" && err != nil || c.code != "" && string(refused(b.t, err).Code) != c.code {
				b.t.Errorf("%s: %v", c.number, err)
			}
			b.checkAfterConfirm(in.ID, c.number, c.status, c.code)
		}
		if rows := b.count(`SELECT count(*) FROM payment_methods WHERE holder LIKE '%4242%' OR card LIKE '%4242%'`); rows != 0 {
			b.t.Error("a number was stored")
		}
	})
}

func TestCardsThatAreEnteredWrongly(t *testing.T) {
	cases := []struct {
		name              string
		change            func(p *stripe.PaymentMethodCreateCardParams)
		code, param, kind string
	}{
		{"check digit", func(p *stripe.PaymentMethodCreateCardParams) { p.Number = stripe.String("4242424242424241") }, "incorrect_number", "number", "card_error"},
		{"letters", func(p *stripe.PaymentMethodCreateCardParams) { p.Number = stripe.String("4242a42424242424") }, "invalid_number", "number", "card_error"},
		{"too short", func(p *stripe.PaymentMethodCreateCardParams) { p.Number = stripe.String("42") }, "invalid_number", "number", "card_error"},
		{"real card", func(p *stripe.PaymentMethodCreateCardParams) { p.Number = stripe.String("4539578763621486") }, "card_declined", "", "card_error"},
		{"month 13", func(p *stripe.PaymentMethodCreateCardParams) { p.ExpMonth = stripe.Int64(13) }, "invalid_expiry_month", "exp_month", "card_error"},
		{"last month", func(p *stripe.PaymentMethodCreateCardParams) {
			p.ExpMonth, p.ExpYear = stripe.Int64(4), stripe.Int64(2026)
		}, "invalid_expiry_month", "exp_month", "card_error"},
		{"year 95", func(p *stripe.PaymentMethodCreateCardParams) { p.ExpYear = stripe.Int64(95) }, "invalid_expiry_year", "exp_year", "card_error"},
		{"last year", func(p *stripe.PaymentMethodCreateCardParams) { p.ExpYear = stripe.Int64(2025) }, "invalid_expiry_year", "exp_year", "card_error"},
		{"two digits of CVC", func(p *stripe.PaymentMethodCreateCardParams) { p.CVC = stripe.String("99") }, "invalid_cvc", "cvc", "card_error"},
		{"no year", func(p *stripe.PaymentMethodCreateCardParams) { p.ExpYear = nil }, "parameter_missing", "card[exp_year]", "invalid_request_error"},
		{"unknown token", func(p *stripe.PaymentMethodCreateCardParams) {
			*p = stripe.PaymentMethodCreateCardParams{Token: stripe.String("tok_nope")}
		}, "resource_missing", "card[token]", "invalid_request_error"},
	}
	each(t, func(b *bench) {
		for _, c := range cases {
			p := entered("4242424242424242")
			c.change(p.Card)
			_, err := b.V1PaymentMethods.Create(ctx, p)
			e := refused(b.t, err)
			want := 400
			if c.kind == "card_error" {
				want = 402
			}
			if string(e.Code) != c.code || e.Param != c.param || string(e.Type) != c.kind || e.HTTPStatusCode != want || e.Msg == "" {
				b.t.Errorf("%s: %v", c.name, e)
			}
		}
		two := entered("4242424242424242")
		two.Card.ExpYear = stripe.Int64(34)
		if m, err := b.V1PaymentMethods.Create(ctx, two); err != nil || m.Card.ExpYear != 2034 {
			b.t.Errorf("a year of two digits: %+v %v", m, err)
		}
		if n := b.count(`SELECT count(*) FROM payment_methods`); n != 1 {
			b.t.Errorf("%d cards are there", n)
		}
	})
}

func (b *bench) count(query string) (n int) {
	b.t.Helper()
	if err := b.db.View(ctx, countInto(query, &n)); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestTokensAndDataOfAnIntent(t *testing.T) {
	each(t, func(b *bench) {
		m, err := b.V1PaymentMethods.Create(ctx, &stripe.PaymentMethodCreateParams{Type: stripe.String("card"),
			Card: &stripe.PaymentMethodCreateCardParams{Token: stripe.String("tok_mastercard_debit")}, Metadata: map[string]string{"k": "v"},
			BillingDetails: &stripe.PaymentMethodCreateBillingDetailsParams{Name: stripe.String("Ann"), Address: &stripe.AddressParams{PostalCode: stripe.String("1010")}}})
		if err != nil || m.Card.Last4 != "8210" || m.BillingDetails.Name != "Ann" || m.BillingDetails.Address.PostalCode != "1010" || m.Metadata["k"] != "v" {
			b.t.Fatalf("from a token: %+v %v", m, err)
		}
		p := params("")
		p.Confirm = stripe.Bool(true)
		data(&p.Params, "4000000000009995")
		_, err = b.V1PaymentIntents.Create(ctx, p)
		if e := refused(b.t, err); e.DeclineCode != "insufficient_funds" || !strings.HasPrefix(e.PaymentMethod.ID, "pm_1") {
			b.t.Errorf("declined data: %v", e)
		}
		in := b.create("")
		confirm := &stripe.PaymentIntentConfirmParams{}
		data(&confirm.Params, "4242424242424242")
		in, err = b.V1PaymentIntents.Confirm(ctx, in.ID, confirm)
		if err != nil || in.Status != "succeeded" || !strings.HasPrefix(in.PaymentMethod.ID, "pm_1") {
			b.t.Fatalf("confirmed with data: %+v %v", in, err)
		}
		if ch := b.intent(in.ID).LatestCharge; ch.PaymentMethodDetails.Card.Last4 != "4242" || ch.PaymentMethodDetails.Card.ExpYear != 2034 {
			b.t.Errorf("charge %+v", ch.PaymentMethodDetails.Card)
		}
		wrong := params("pm_card_visa")
		data(&wrong.Params, "4242424242424242")
		_, err = b.V1PaymentIntents.Create(ctx, wrong)
		if e := refused(b.t, err); e.Code != "parameters_exclusive" {
			b.t.Errorf("both: %v", e)
		}
		bad := params("")
		data(&bad.Params, "4242424242424241")
		_, err = b.V1PaymentIntents.Create(ctx, bad)
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeIncorrectNumber || e.HTTPStatusCode != 402 {
			b.t.Errorf("wrong number: %v", e)
		}
	})
}

// data is payment_method_data, which the client has no fields for numbers in.
func data(p *stripe.Params, number string) {
	for name, value := range map[string]string{"type": "card", "card][number": number, "card][exp_month": "12", "card][exp_year": "2034", "card][cvc": "123"} {
		p.AddExtra("payment_method_data["+name+"]", value)
	}
}

func TestEnteredCardServesOnce(t *testing.T) {
	each(t, func(b *bench) {
		m := b.enter("4242424242424242")
		first, second := b.create(m.ID), b.create(m.ID)
		errs := gate(2, func(i int) error {
			_, err := b.V1PaymentIntents.Confirm(ctx, []string{first.ID, second.ID}[i], nil)
			return err
		})
		b.onlyOne(errs, false, "")
		if totals, err := b.sim.Totals(ctx); err != nil || len(totals) != 1 {
			b.t.Errorf("taken %+v %v", totals, err)
		}
		for _, id := range []string{"pm_card_visa", "pm_card_visa"} {
			if _, err := b.V1PaymentIntents.Confirm(ctx, b.create(id).ID, nil); err != nil {
				b.t.Errorf("Stripe's own card again: %v", err)
			}
		}
	})
}

func TestMethodPages(t *testing.T) {
	each(t, func(b *bench) {
		server := b.socket()
		m := b.enter("4000002760003184")
		p := params(m.ID)
		p.Confirm, p.ReturnURL = stripe.Bool(true), stripe.String("https://shop.test/")
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil || in.Status != "requires_action" {
			b.t.Fatalf("%+v %v", in, err)
		}
		address := strings.Replace(in.NextAction.RedirectToURL.URL, "http://bank.test/sim", server, 1)
		if status, _, _ := visit(b.t, address, url.Values{"decision": {"approve"}}); status != 303 || b.intent(in.ID).Status != "succeeded" {
			b.t.Errorf("approved: %d", status)
		}
		if _, err := b.V1PaymentMethods.Retrieve(ctx, "pm_1nope", nil); refused(b.t, err).HTTPStatusCode != 404 {
			b.t.Errorf("unknown method: %v", err)
		}
	})
}
