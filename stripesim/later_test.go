package stripesim_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/store"
)

func countInto(query string, n *int) func(tx *store.Tx) error {
	return func(tx *store.Tx) error { return tx.QueryRow(query).Scan(n) }
}

// settle checks how much is due after a while.
func (b *bench) settle(after time.Duration, want int) {
	b.t.Helper()
	b.advance(after)
	if n, err := b.sim.Settle(ctx); err != nil || n != want {
		b.t.Fatalf("settled %d %v, want %d", n, err, want)
	}
}

// told is the types of the events about an object since the last n, oldest first.
func (b *bench) told(object string) (types []string) {
	b.t.Helper()
	for e, err := range b.V1Events.List(ctx, nil).All(ctx) {
		if err != nil {
			b.t.Fatal(err)
		}
		if e.Data.Object["id"] == object {
			types = append(types, string(e.Type))
		}
	}
	slices.Reverse(types)
	return types
}

func (b *bench) wantTold(object string, want ...string) {
	b.t.Helper()
	if got := b.told(object); !slices.Equal(got, want) {
		b.t.Errorf("told of %s: %s\nwant: %s", object, strings.Join(got, " "), strings.Join(want, " "))
	}
}

// paidWith is a succeeded intent over 19.99.
func (b *bench) paidWith(card string) *stripe.PaymentIntent {
	b.t.Helper()
	p := params(card)
	p.Confirm = stripe.Bool(true)
	in, err := b.V1PaymentIntents.Create(ctx, p)
	if err != nil || in.Status != "succeeded" {
		b.t.Fatalf("%+v %v", in, err)
	}
	return in
}

func debit(account string) *stripe.PaymentIntentCreateParams {
	p := params(account)
	p.PaymentMethodTypes = []*string{stripe.String("us_bank_account"), stripe.String("card")}
	p.Confirm = stripe.Bool(true)
	return p
}

func TestDebitIsDecidedLater(t *testing.T) {
	each(t, func(b *bench) {
		for account, code := range map[string]string{"pm_usBankAccount_success": "", "pm_usBankAccount_accountClosed": "account_closed",
			"pm_usBankAccount_insufficientFunds": "insufficient_funds"} {
			in, err := b.V1PaymentIntents.Create(ctx, debit(account))
			if err != nil || in.Status != "processing" {
				b.t.Fatalf("%s: %+v %v", account, in, err)
			}
			if ch := b.intent(in.ID).LatestCharge; ch.Status != "pending" || ch.Paid || ch.Captured {
				b.t.Errorf("%s: charge %+v", account, ch)
			}
			b.money(in.ID, 0, 0)
			if _, err := b.V1PaymentIntents.Confirm(ctx, in.ID, nil); refused(b.t, err).Code != stripe.ErrorCodePaymentIntentUnexpectedState {
				b.t.Errorf("confirmed again: %v", err)
			}
			if _, err := b.refund(in.ID, 0, ""); err == nil {
				b.t.Error("refunded before it was paid")
			}
			b.settle(2*time.Second, 0)
			b.settle(time.Second, 1)
			got := b.intent(in.ID)
			if code == "" {
				b.money(in.ID, 1999, 0)
				if got.Status != "succeeded" || got.AmountReceived != 1999 || !got.LatestCharge.Paid || got.LatestCharge.ID != in.LatestCharge.ID {
					b.t.Errorf("%s: %+v", account, got)
				}
				b.wantTold(in.ID, "payment_intent.created", "payment_intent.processing", "payment_intent.succeeded")
				b.wantTold(got.LatestCharge.ID, "charge.pending", "charge.succeeded")
			} else {
				b.money(in.ID, 0, 0)
				if got.Status != "requires_payment_method" || string(got.LastPaymentError.Code) != code || got.LatestCharge.FailureCode != code {
					b.t.Errorf("%s: %+v", account, got)
				}
				b.wantTold(in.ID, "payment_intent.created", "payment_intent.processing", "payment_intent.payment_failed")
				b.wantTold(got.LatestCharge.ID, "charge.pending", "charge.failed")
				if in, err = b.V1PaymentIntents.Confirm(ctx, in.ID, &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")}); err != nil || in.Status != "succeeded" {
					b.t.Errorf("paid by card then: %+v %v", in, err)
				}
			}
		}
	})
}

func TestDebitThatLingersCanBeCancelled(t *testing.T) {
	each(t, func(b *bench) {
		for _, account := range []string{"pm_usBankAccount_processing", "pm_usBankAccount_success"} {
			in, err := b.V1PaymentIntents.Create(ctx, debit(account))
			if err != nil {
				b.t.Fatal(err)
			}
			if account == "pm_usBankAccount_processing" {
				b.settle(48*time.Hour, 0)
			}
			if got, err := b.V1PaymentIntents.Cancel(ctx, in.ID, nil); err != nil || got.Status != "canceled" {
				b.t.Errorf("cancelled: %+v %v", got, err)
			}
			if ch := b.intent(in.ID).LatestCharge; ch.Status != "failed" {
				b.t.Errorf("charge %+v", ch)
			}
			if _, err := b.sim.SettleNow(ctx, in.ID); err != nil {
				b.t.Error(err)
			}
			b.money(in.ID, 0, 0)
		}
	})
}

func TestDebitsThatAreRefused(t *testing.T) {
	each(t, func(b *bench) {
		manual := debit("pm_usBankAccount_success")
		manual.CaptureMethod = stripe.String("manual")
		_, err := b.V1PaymentIntents.Create(ctx, manual)
		if e := refused(b.t, err); e.Msg != "`capture_method=manual` is not supported by payment method type `us_bank_account`. Use a different capture method." {
			b.t.Errorf("held: %v", e)
		}
		euros := debit("pm_usBankAccount_success")
		euros.Currency = stripe.String("eur")
		if _, err := b.V1PaymentIntents.Create(ctx, euros); refused(b.t, err).Param != "currency" {
			b.t.Errorf("in euros: %v", err)
		}
		cards := params("pm_usBankAccount_success")
		cards.Confirm = stripe.Bool(true)
		if _, err := b.V1PaymentIntents.Create(ctx, cards); !strings.Contains(refused(b.t, err).Msg, "is not allowed for this PaymentIntent") {
			b.t.Errorf("where only cards are taken: %v", err)
		}
		account := &stripe.PaymentMethodCreateParams{Type: stripe.String("us_bank_account"),
			BillingDetails: &stripe.PaymentMethodCreateBillingDetailsParams{Name: stripe.String("Ann")},
			USBankAccount: &stripe.PaymentMethodCreateUSBankAccountParams{AccountNumber: stripe.String("000123456789"),
				RoutingNumber: stripe.String("110000000"), AccountHolderType: stripe.String("individual")}}
		m, err := b.V1PaymentMethods.Create(ctx, account)
		if err != nil || m.USBankAccount.Last4 != "6789" || m.USBankAccount.AccountType != "checking" {
			b.t.Fatalf("entered: %+v %v", m, err)
		}
		in, err := b.V1PaymentIntents.Create(ctx, debit(m.ID))
		if err != nil || in.Status != "processing" {
			b.t.Errorf("debited: %+v %v", in, err)
		}
		account.USBankAccount.AccountNumber = stripe.String("000123456788")
		if _, err := b.V1PaymentMethods.Create(ctx, account); refused(b.t, err).Code != "account_number_invalid" {
			b.t.Errorf("unknown account: %v", err)
		}
	})
}

func TestHoldExpires(t *testing.T) {
	each(t, func(b *bench) {
		hold := func() *stripe.PaymentIntent {
			p := params("pm_card_visa")
			p.CaptureMethod, p.Confirm = stripe.String("manual"), stripe.Bool(true)
			in, err := b.V1PaymentIntents.Create(ctx, p)
			if err != nil {
				b.t.Fatal(err)
			}
			return in
		}
		old, captured, soon := hold(), hold(), hold()
		if before := b.intent(old.ID).LatestCharge.PaymentMethodDetails.Card.CaptureBefore; before != b.time().Unix()+7*24*3600 {
			b.t.Errorf("capture before %d", before)
		}
		if _, err := b.V1PaymentIntents.Capture(ctx, captured.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(1500)}); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.refund(captured.ID, 1501, ""); refused(b.t, err).Param != "amount" {
			b.t.Errorf("refund of what was released: %v", err)
		}
		if n, err := b.sim.SettleNow(ctx, soon.ID); err != nil || n != 1 || b.intent(soon.ID).Status != "canceled" {
			b.t.Errorf("at once: %d %v", n, err)
		}
		b.settle(7*24*time.Hour-time.Second, 0)
		b.settle(time.Second, 1)
		got := b.intent(old.ID)
		if got.Status != "canceled" || got.CancellationReason != "automatic" || got.AmountCapturable != 0 || !got.LatestCharge.Refunded {
			b.t.Errorf("old: %+v", got)
		}
		b.wantTold(old.ID, "payment_intent.created", "payment_intent.amount_capturable_updated", "payment_intent.canceled")
		b.wantTold(got.LatestCharge.ID, "charge.succeeded", "charge.expired")
		if got := b.intent(captured.ID); got.Status != "succeeded" || got.AmountReceived != 1500 {
			b.t.Errorf("captured: %+v", got)
		}
		b.money(captured.ID, 1500, 0)
		b.money(old.ID, 0, 0)
		if _, err := b.V1PaymentIntents.Capture(ctx, old.ID, nil); refused(b.t, err).Code != stripe.ErrorCodePaymentIntentUnexpectedState {
			b.t.Errorf("captured too late: %v", err)
		}
	})
}

func TestSettlersShareTheWork(t *testing.T) {
	b := newBench(t, engines["postgres"](t))
	other := &bench{t: t, options: b.options, now: b.now}
	other.open()
	t.Cleanup(func() { other.db.Close() })
	for range 5 {
		var ids []string
		for range 6 {
			in, err := b.V1PaymentIntents.Create(ctx, debit("pm_usBankAccount_success"))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, in.ID)
		}
		if at, ok, err := b.sim.NextDue(ctx); err != nil || !ok || !at.Equal(b.time().Add(3*time.Second)) {
			t.Errorf("next due %s %v %v", at, ok, err)
		}
		b.advance(3 * time.Second)
		other.advance(3 * time.Second)
		done := [4]int{}
		for _, err := range gate(4, func(i int) (err error) {
			done[i], err = []*bench{b, other}[i%2].sim.Settle(ctx)
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if sum := done[0] + done[1] + done[2] + done[3]; sum != len(ids) {
			t.Errorf("settled %v", done)
		}
		for _, id := range ids {
			b.money(id, 1999, 0)
		}
	}
	if _, ok, err := b.sim.NextDue(ctx); ok || err != nil {
		t.Errorf("something is left: %v", err)
	}
}
