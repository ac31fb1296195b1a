package stripesim_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

// visit reads a page, or sends its form, without following where it leads.
func visit(t *testing.T, address string, form url.Values) (status int, body, location string) {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var response *http.Response
	var err error
	if form == nil {
		response, err = browser.Get(address)
	} else {
		response, err = browser.PostForm(address, form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header.Get("Location")
}

func TestBankPage(t *testing.T) {
	each(t, func(b *bench) {
		server := b.socket()
		for decision, want := range map[string]struct{ status, redirect, code string }{
			"approve": {"succeeded", "succeeded", ""},
			"fail":    {"requires_payment_method", "failed", "payment_intent_authentication_failure"},
		} {
			p := params("pm_card_authenticationRequired")
			p.Confirm, p.ReturnURL = stripe.Bool(true), stripe.String("https://shop.test/back?order=1")
			in, err := b.V1PaymentIntents.Create(ctx, p)
			if err != nil || in.NextAction.Type != "redirect_to_url" || in.NextAction.RedirectToURL.ReturnURL != *p.ReturnURL {
				b.t.Fatalf("%+v %v", in, err)
			}
			link := in.NextAction.RedirectToURL.URL
			if !strings.HasPrefix(link, "http://bank.test/sim/bank/"+in.ID+"?") {
				b.t.Fatalf("link %s", link)
			}
			address := strings.Replace(link, "http://bank.test/sim", server, 1)
			if status, body, _ := visit(b.t, address, nil); status != 200 || !strings.Contains(body, "19.99 USD") || !strings.Contains(body, "Approve") {
				b.t.Errorf("page: %d %s", status, body)
			}
			if status, _, _ := visit(b.t, address, url.Values{"decision": {"perhaps"}}); status != 400 {
				b.t.Errorf("no decision: %d", status)
			}
			if status, _, _ := visit(b.t, server+"/bank/"+in.ID+"?step=guess", url.Values{"decision": {"approve"}}); status != 410 {
				b.t.Errorf("guessed step: %d", status)
			}
			status, _, back := visit(b.t, address, url.Values{"decision": {decision}})
			u, err := url.Parse(back)
			if status != 303 || err != nil || u.Query().Get("order") != "1" || u.Query().Get("payment_intent") != in.ID || u.Query().Get("redirect_status") != want.redirect {
				b.t.Errorf("decided: %d to %s", status, back)
			}
			got := b.intent(in.ID)
			if string(got.Status) != want.status || want.code != "" && string(got.LastPaymentError.Code) != want.code {
				b.t.Errorf("%s: %+v", decision, got)
			}
			for _, form := range []url.Values{nil, {"decision": {decision}}} {
				if status, _, _ := visit(b.t, address, form); status != 410 {
					b.t.Errorf("the page again: %d", status)
				}
			}
		}
	})
}

func TestStepThenBank(t *testing.T) {
	each(t, func(b *bench) {
		manual := params("pm_card_threeDSecure2Required")
		manual.CaptureMethod, manual.Confirm = stripe.String("manual"), stripe.Bool(true)
		held, err := b.V1PaymentIntents.Create(ctx, manual)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := b.sim.Answer(ctx, held.ID, true); err != nil || b.intent(held.ID).Status != "requires_capture" {
			b.t.Errorf("held: %v", err)
		}
		p := params("pm_card_threeDSecureRequiredChargeDeclined")
		p.Confirm = stripe.Bool(true)
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := b.sim.Answer(ctx, in.ID, true); err != nil {
			b.t.Fatal(err)
		}
		if got := b.intent(in.ID); got.Status != "requires_payment_method" || got.LastPaymentError.Code != "card_declined" {
			b.t.Errorf("declined after the step: %+v", got)
		}
		if err := b.sim.Answer(ctx, in.ID, true); err == nil {
			b.t.Error("a step was answered twice")
		}
		off := params("pm_card_authenticationRequired")
		off.Confirm, off.OffSession = stripe.Bool(true), stripe.Bool(true)
		_, err = b.V1PaymentIntents.Create(ctx, off)
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeAuthenticationRequired || e.HTTPStatusCode != 402 {
			b.t.Errorf("without the cardholder: %v", e)
		}
		setup := params("pm_card_authenticationRequiredOnSetup")
		setup.Confirm, setup.OffSession = stripe.Bool(true), stripe.Bool(true)
		if in, err := b.V1PaymentIntents.Create(ctx, setup); err != nil || in.Status != "succeeded" {
			b.t.Errorf("set up before: %v %v", in, err)
		}
	})
}
