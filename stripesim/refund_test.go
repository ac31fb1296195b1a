package stripesim_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

func TestRefundThatIsPending(t *testing.T) {
	each(t, func(b *bench) {
		in := b.paidWith("pm_card_pendingRefund")
		re, err := b.refund(in.ID, 1500, "")
		if err != nil || re.Status != "pending" || re.PendingReason != "processing" {
			b.t.Fatalf("%+v %v", re, err)
		}
		b.money(in.ID, 1999, 1500)
		if _, err := b.refund(in.ID, 500, ""); refused(b.t, err).Param != "amount" {
			b.t.Errorf("more than is left beside the pending one: %v", err)
		}
		b.settle(3*time.Second, 1)
		got, err := b.V1Refunds.Retrieve(ctx, re.ID, nil)
		if err != nil || got.Status != "succeeded" || got.FailureReason != "" {
			b.t.Errorf("later: %+v %v", got, err)
		}
		b.money(in.ID, 1999, 1500)
		b.wantTold(re.ID, "refund.created", "refund.updated", "charge.refund.updated")
	})
}

func TestRefundThatFails(t *testing.T) {
	each(t, func(b *bench) {
		in := b.paidWith("pm_card_refundFail")
		re, err := b.refund(in.ID, 0, "")
		if err != nil || re.Status != "succeeded" || re.FailureReason != "" {
			b.t.Fatalf("%+v %v", re, err)
		}
		b.money(in.ID, 1999, 1999)
		if n, err := b.sim.SettleNow(ctx, re.ID); err != nil || n != 1 {
			b.t.Fatalf("%d %v", n, err)
		}
		got, err := b.V1Refunds.Retrieve(ctx, re.ID, &stripe.RefundRetrieveParams{Expand: []*string{stripe.String("failure_balance_transaction")}})
		if err != nil || got.Status != "failed" || got.FailureReason != stripe.RefundFailureReasonExpiredOrCanceledCard ||
			got.FailureBalanceTransaction.Amount != 1999 || got.FailureBalanceTransaction.Type != "refund_failure" {
			b.t.Fatalf("%+v %v", got, err)
		}
		b.money(in.ID, 1999, 0)
		if ch := b.intent(in.ID).LatestCharge; ch.Refunded || ch.AmountRefunded != 0 {
			b.t.Errorf("charge %+v", ch)
		}
		b.wantTold(re.ID, "refund.created", "refund.updated", "charge.refund.updated", "refund.failed")
		entries, err := b.sim.Ledger(ctx)
		if err != nil || len(entries) != 3 || entries[2].Kind != stripesim.RefundFailed || entries[2].Amount != 1999 || entries[2].Refund != re.ID {
			b.t.Errorf("ledger %+v %v", entries, err)
		}
		if again, err := b.refund(in.ID, 0, ""); err != nil || again.Amount != 1999 {
			b.t.Errorf("refunded again: %+v %v", again, err)
		}
		b.money(in.ID, 1999, 1999)
	})
}

func TestRefundsAreChangedAndCalledOff(t *testing.T) {
	each(t, func(b *bench) {
		in := b.paid()
		re, err := b.V1Refunds.Create(ctx, &stripe.RefundCreateParams{PaymentIntent: &in.ID, Amount: stripe.Int64(100), Metadata: map[string]string{"a": "1", "b": "2"}})
		if err != nil {
			b.t.Fatal(err)
		}
		got, err := b.V1Refunds.Update(ctx, re.ID, &stripe.RefundUpdateParams{Metadata: map[string]string{"a": "", "c": "3"}})
		if err != nil || len(got.Metadata) != 2 || got.Metadata["b"] != "2" || got.Metadata["c"] != "3" {
			b.t.Errorf("metadata %v %v", got, err)
		}
		if _, err := b.V1Refunds.Cancel(ctx, re.ID, nil); refused(b.t, err).HTTPStatusCode != 400 {
			b.t.Errorf("cancelled through the API: %v", err)
		}
		if err := b.sim.CancelRefund(ctx, re.ID); err != nil {
			b.t.Fatal(err)
		}
		if got, err := b.V1Refunds.Retrieve(ctx, re.ID, nil); err != nil || got.Status != "canceled" || got.FailureReason != "merchant_request" {
			b.t.Errorf("cancelled: %+v %v", got, err)
		}
		b.money(in.ID, 1999, 0)
		if err := b.sim.CancelRefund(ctx, re.ID); err == nil {
			b.t.Error("cancelled twice")
		}
		late, err := b.refund(in.ID, 0, "")
		if err != nil {
			b.t.Fatal(err)
		}
		b.advance(31 * time.Minute)
		if err := b.sim.CancelRefund(ctx, late.ID); err == nil {
			b.t.Error("cancelled after half an hour")
		}
		b.money(in.ID, 1999, 1999)
	})
}

// A refund that comes back while others are asked for never lets more go out than was taken.
func TestFailingRefundsAtAGate(t *testing.T) {
	each(t, func(b *bench) {
		for range 5 {
			in := b.paidWith("pm_card_refundFail")
			if _, err := b.refund(in.ID, 1200, ""); err != nil {
				b.t.Fatal(err)
			}
			for _, err := range gate(8, func(i int) error {
				if i == 0 {
					_, err := b.sim.SettleNow(ctx, in.ID)
					return err
				}
				_, err := b.refund(in.ID, 900, "")
				return err
			}) {
				if err != nil && refused(b.t, err).Param != "amount" {
					b.t.Error(err)
				}
			}
			for _, total := range b.totals() {
				if total.Refunded > total.Captured || total.Refunded < 0 {
					b.t.Errorf("%+v", total)
				}
			}
		}
	})
}

func (b *bench) totals() []stripesim.Total {
	b.t.Helper()
	totals, err := b.sim.Totals(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return totals
}

// The ledger is only ever added to.
func TestNothingChangesTheLedger(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	change := regexp.MustCompile(`(?i)(UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+ledger\b`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := change.Find(text); found != nil {
			t.Errorf("%s: %s", file, found)
		}
	}
}
