package stripesim_test

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

// disputed is a paid intent about which its cardholder has complained.
func (b *bench) disputed(card string) (*stripe.PaymentIntent, *stripe.Dispute) {
	b.t.Helper()
	in := b.paidWith(card)
	b.settle(3*time.Second, 1)
	all := b.disputesOf(in.ID)
	if len(all) == 0 {
		b.t.Fatalf("%s: no dispute", card)
	}
	return in, all[0]
}

func (b *bench) disputesOf(intent string) []*stripe.Dispute {
	b.t.Helper()
	return b.V1Disputes.List(ctx, &stripe.DisputeListParams{PaymentIntent: &intent}).Data()
}

func (b *bench) total(intent string) (found stripesim.Total) {
	b.t.Helper()
	for _, total := range b.totals() {
		if total.Intent == intent {
			found = total
		}
	}
	return found
}

func (b *bench) answer(d *stripe.Dispute, text string) *stripe.Dispute {
	b.t.Helper()
	got, err := b.V1Disputes.Update(ctx, d.ID, &stripe.DisputeUpdateParams{Evidence: &stripe.DisputeUpdateEvidenceParams{UncategorizedText: &text}})
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

func TestDisputeTakesTheMoney(t *testing.T) {
	each(t, func(b *bench) {
		for card, reason := range map[string]string{"pm_card_createDispute": "fraudulent", "pm_card_createDisputeProductNotReceived": "product_not_received"} {
			in, d := b.disputed(card)
			if d.Amount != 1999 || d.Status != "needs_response" || string(d.Reason) != reason || d.IsChargeRefundable || d.Charge.ID != in.LatestCharge.ID ||
				len(d.BalanceTransactions) != 1 || d.BalanceTransactions[0].Amount != -1999 || d.PaymentMethodDetails.Card.CaseType != "chargeback" ||
				d.EvidenceDetails.DueBy <= b.time().Unix() {
				b.t.Errorf("%s: %+v", card, d)
			}
			if ch := b.intent(in.ID).LatestCharge; !ch.Disputed {
				b.t.Error("the charge is not disputed")
			}
			if got := b.total(in.ID); got.Disputed != 1999 || got.Captured != 1999 || got.Refunded != 0 {
				b.t.Errorf("%+v", got)
			}
			b.wantTold(d.ID, "charge.dispute.created", "charge.dispute.funds_withdrawn")
			_, err := b.refund(in.ID, 100, "")
			if e := refused(b.t, err); e.Code != stripe.ErrorCodeChargeDisputed {
				b.t.Errorf("refund: %v", e)
			}
		}
	})
}

func TestDisputeIsWonOrLost(t *testing.T) {
	each(t, func(b *bench) {
		for text, want := range map[string]struct {
			status string
			kept   int64
			events []string
		}{
			"winning_evidence": {"won", 0, []string{"charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_reinstated"}},
			"losing_evidence":  {"lost", 1999, []string{"charge.dispute.updated", "charge.dispute.closed"}},
		} {
			in, d := b.disputed("pm_card_createDispute")
			staged, err := b.V1Disputes.Update(ctx, d.ID, &stripe.DisputeUpdateParams{Submit: stripe.Bool(false), Metadata: map[string]string{"case": "7"},
				Evidence: &stripe.DisputeUpdateEvidenceParams{CustomerName: stripe.String("Ann")}})
			if err != nil || staged.Status != "needs_response" || staged.EvidenceDetails.SubmissionCount != 0 || !staged.EvidenceDetails.HasEvidence {
				b.t.Errorf("staged: %+v %v", staged, err)
			}
			if got := b.answer(d, text); got.Status != "under_review" || got.EvidenceDetails.SubmissionCount != 1 || got.Evidence.CustomerName != "Ann" || got.Metadata["case"] != "7" {
				b.t.Errorf("submitted: %+v", got)
			}
			if _, err := b.V1Disputes.Close(ctx, d.ID, nil); refused(b.t, err).HTTPStatusCode != 400 {
				b.t.Errorf("closed under review: %v", err)
			}
			b.settle(3*time.Second, 1)
			got, err := b.V1Disputes.Retrieve(ctx, d.ID, nil)
			if err != nil || string(got.Status) != want.status {
				b.t.Errorf("%s: %+v %v", text, got, err)
			}
			if total := b.total(in.ID); total.Disputed != want.kept {
				b.t.Errorf("%s: %+v", text, total)
			}
			b.wantTold(d.ID, append([]string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated"}, want.events...)...)
		}
	})
}

func TestDisputeIsGivenUp(t *testing.T) {
	each(t, func(b *bench) {
		_, d := b.disputed("pm_card_createDispute")
		if got, err := b.V1Disputes.Close(ctx, d.ID, nil); err != nil || got.Status != "lost" {
			b.t.Errorf("%+v %v", got, err)
		}
		if _, err := b.V1Disputes.Close(ctx, d.ID, nil); refused(b.t, err).HTTPStatusCode != 400 {
			b.t.Errorf("again: %v", err)
		}
		if _, err := b.V1Disputes.Retrieve(ctx, "du_nope", nil); refused(b.t, err).HTTPStatusCode != 404 {
			b.t.Errorf("unknown: %v", err)
		}
	})
}

func TestInquiry(t *testing.T) {
	each(t, func(b *bench) {
		in, d := b.disputed("pm_card_createDisputeInquiry")
		if d.Status != "warning_needs_response" || !d.IsChargeRefundable || len(d.BalanceTransactions) != 0 || b.total(in.ID).Disputed != 0 {
			b.t.Errorf("%+v", d)
		}
		b.wantTold(d.ID, "charge.dispute.created")
		if _, err := b.refund(in.ID, 500, ""); err != nil {
			b.t.Errorf("refund while the bank only asks: %v", err)
		}
		if got := b.answer(d, "escalate_inquiry_evidence"); got.Status != "warning_under_review" {
			b.t.Errorf("%+v", got)
		}
		b.settle(3*time.Second, 1)
		got, err := b.V1Disputes.Retrieve(ctx, d.ID, nil)
		if err != nil || got.Status != "needs_response" || got.Amount != 1499 || got.IsChargeRefundable || len(got.BalanceTransactions) != 1 {
			b.t.Errorf("escalated: %+v %v", got, err)
		}
		if total := b.total(in.ID); total.Disputed != 1499 || total.Refunded != 500 {
			b.t.Errorf("%+v", total)
		}
		_, quiet := b.disputed("pm_card_createDisputeInquiry")
		b.answer(quiet, "losing_evidence")
		b.settle(3*time.Second, 1)
		if got, err := b.V1Disputes.Retrieve(ctx, quiet.ID, nil); err != nil || got.Status != "warning_closed" {
			b.t.Errorf("closed: %+v %v", got, err)
		}
	})
}

func TestDisputesAndRefundsShareTheMoney(t *testing.T) {
	each(t, func(b *bench) {
		partly := b.paidWith("pm_card_createDispute")
		if _, err := b.refund(partly.ID, 1200, ""); err != nil {
			b.t.Fatal(err)
		}
		whole := b.paidWith("pm_card_createDispute")
		if _, err := b.refund(whole.ID, 0, ""); err != nil {
			b.t.Fatal(err)
		}
		twice := b.paidWith("pm_card_createMultipleDisputes")
		b.settle(3*time.Second, 3)
		if total := b.total(partly.ID); total.Disputed != 799 || total.Refunded != 1200 {
			b.t.Errorf("partly refunded: %+v", total)
		}
		if got := b.disputesOf(whole.ID); len(got) != 0 {
			b.t.Errorf("refunded, and disputed: %+v", got)
		}
		if got := b.disputesOf(twice.ID); len(got) != 2 || got[0].Amount+got[1].Amount != 1999 || b.total(twice.ID).Disputed != 1999 {
			b.t.Errorf("twice: %+v", got)
		}
	})
}

func TestReturnedDebit(t *testing.T) {
	each(t, func(b *bench) {
		in, err := b.V1PaymentIntents.Create(ctx, debit("pm_usBankAccount_dispute"))
		if err != nil {
			b.t.Fatal(err)
		}
		b.settle(3*time.Second, 1)
		re, err := b.refund(in.ID, 500, "")
		if err != nil || re.Status != "pending" {
			b.t.Fatalf("refund of a debit: %+v %v", re, err)
		}
		b.settle(3*time.Second, 2)
		if re, err = b.V1Refunds.Retrieve(ctx, re.ID, nil); err != nil || re.Status != "failed" || re.FailureReason != "charge_for_pending_refund_disputed" {
			b.t.Errorf("the refund that was under way: %+v %v", re, err)
		}
		all := b.disputesOf(in.ID)
		if len(all) != 1 || all[0].Status != "lost" || all[0].Reason != "debit_not_authorized" || b.total(in.ID).Disputed != 1999 {
			b.t.Errorf("%+v", all)
		}
	})
}

// A hold is nothing to dispute; what was captured of it is.
func TestDisputeOfACapture(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_createDispute")
		p.CaptureMethod, p.Confirm = stripe.String("manual"), stripe.Bool(true)
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil {
			b.t.Fatal(err)
		}
		b.settle(time.Hour, 0)
		if _, err := b.V1PaymentIntents.Capture(ctx, in.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(1000)}); err != nil {
			b.t.Fatal(err)
		}
		b.settle(3*time.Second, 1)
		if all := b.disputesOf(in.ID); len(all) != 1 || all[0].Amount != 1000 {
			b.t.Errorf("%+v", all)
		}
	})
}
