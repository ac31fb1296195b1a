package stripesim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

// seller is an account that can be paid.
func (b *bench) seller() string {
	b.t.Helper()
	a, err := b.V1Accounts.Create(ctx, &stripe.AccountCreateParams{Type: stripe.String("express"), Country: stripe.String("US"),
		Capabilities: &stripe.AccountCreateCapabilitiesParams{Transfers: &stripe.AccountCreateCapabilitiesTransfersParams{Requested: stripe.Bool(true)}}})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.sim.Onboard(ctx, a.ID); err != nil {
		b.t.Fatal(err)
	}
	return a.ID
}

func (b *bench) link(account string) *stripe.AccountLink {
	b.t.Helper()
	l, err := b.V1AccountLinks.Create(ctx, &stripe.AccountLinkCreateParams{Account: &account, Type: stripe.String("account_onboarding"),
		ReturnURL: stripe.String("https://shop.test/back"), RefreshURL: stripe.String("https://shop.test/again")})
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func TestOnboarding(t *testing.T) {
	each(t, func(b *bench) {
		server := b.socket()
		a, err := b.V1Accounts.Create(ctx, &stripe.AccountCreateParams{Email: stripe.String("ann@example.com"), Country: stripe.String("AT"),
			Metadata: map[string]string{"user": "7"}, Controller: &stripe.AccountCreateControllerParams{
				Fees:            &stripe.AccountCreateControllerFeesParams{Payer: stripe.String("application")},
				Losses:          &stripe.AccountCreateControllerLossesParams{Payments: stripe.String("application")},
				StripeDashboard: &stripe.AccountCreateControllerStripeDashboardParams{Type: stripe.String("express")}},
			Capabilities: &stripe.AccountCreateCapabilitiesParams{Transfers: &stripe.AccountCreateCapabilitiesTransfersParams{Requested: stripe.Bool(true)}}})
		if err != nil || a.PayoutsEnabled || a.ChargesEnabled || a.DetailsSubmitted || a.Type != "express" || a.DefaultCurrency != "eur" ||
			a.Capabilities.Transfers != "inactive" || a.Requirements.DisabledReason == "" || a.Metadata["user"] != "7" {
			b.t.Fatalf("%+v %v", a, err)
		}
		l := b.link(a.ID)
		if l.ExpiresAt != b.time().Add(5*time.Minute).Unix() || !strings.HasPrefix(l.URL, "http://bank.test/sim/connect/"+a.ID+"?link=") {
			b.t.Fatalf("%+v", l)
		}
		address := strings.Replace(l.URL, "http://bank.test/sim", server, 1)
		for range 2 {
			if status, body, _ := visit(b.t, address, nil); status != 200 || !strings.Contains(body, "Finish onboarding") {
				b.t.Errorf("page: %d %s", status, body)
			}
		}
		if status, _, _ := visit(b.t, server+"/connect/"+a.ID+"?link=guess", url.Values{"decision": {"finish"}}); status != 410 {
			b.t.Errorf("guessed: %d", status)
		}
		if status, _, back := visit(b.t, address, url.Values{"decision": {"finish"}}); status != 303 || back != "https://shop.test/back" {
			b.t.Errorf("finished: %d %s", status, back)
		}
		got, err := b.V1Accounts.GetByID(ctx, a.ID, nil)
		if err != nil || !got.PayoutsEnabled || !got.ChargesEnabled || !got.DetailsSubmitted || got.Capabilities.Transfers != "active" ||
			len(got.Requirements.CurrentlyDue) != 0 || got.Requirements.DisabledReason != "" {
			b.t.Errorf("%+v %v", got, err)
		}
		b.wantTold(a.ID, "account.updated")
		for e, err := range b.V1Events.List(ctx, nil).All(ctx) {
			if err != nil || e.Account != a.ID {
				b.t.Errorf("event of account %q %v", e.Account, err)
			}
		}
		old := strings.Replace(b.link(a.ID).URL, "http://bank.test/sim", server, 1)
		b.advance(5 * time.Minute)
		for what, link := range map[string]string{"used": address, "expired": old} {
			for _, form := range []url.Values{nil, {"decision": {"finish"}}} {
				if status, _, to := visit(b.t, link, form); status != 303 || to != "https://shop.test/again" {
					b.t.Errorf("%s: %d %s", what, status, to)
				}
			}
		}
		b.wantTold(a.ID, "account.updated")
	})
}

func TestAccountsAreChangedAndDeleted(t *testing.T) {
	each(t, func(b *bench) {
		id := b.seller()
		got, err := b.V1Accounts.Update(ctx, id, &stripe.AccountUpdateParams{Email: stripe.String("new@example.com"), Metadata: map[string]string{"a": "1"},
			BusinessProfile: &stripe.AccountUpdateBusinessProfileParams{Name: stripe.String("Ann")}})
		if err != nil || got.Email != "new@example.com" || got.BusinessProfile.Name != "Ann" || got.Metadata["a"] != "1" || !got.PayoutsEnabled {
			b.t.Errorf("%+v %v", got, err)
		}
		other := b.seller()
		if gone, err := b.V1Accounts.Delete(ctx, id, nil); err != nil || !gone.Deleted {
			b.t.Errorf("%+v %v", gone, err)
		}
		_, err = b.V1Accounts.GetByID(ctx, id, nil)
		if e := refused(b.t, err); e.HTTPStatusCode != 403 || e.Code != stripe.ErrorCodeAccountInvalid {
			b.t.Errorf("deleted: %v", e)
		}
		if all := b.V1Accounts.List(ctx, nil).Data(); len(all) != 1 || all[0].ID != other {
			b.t.Errorf("%+v", all)
		}
		if err := b.sim.Onboard(ctx, id); err == nil {
			b.t.Error("a deleted account was onboarded")
		}
	})
}

func transferTo(account string, amount int64, source string) *stripe.TransferCreateParams {
	p := &stripe.TransferCreateParams{Currency: stripe.String("usd"), Destination: &account, Amount: &amount, TransferGroup: stripe.String("order-1")}
	if source != "" {
		p.SourceTransaction = &source
	}
	return p
}

// has checks the balance in dollars.
func (b *bench) has(available, pending int64) {
	b.t.Helper()
	got, err := b.V1Balance.Retrieve(ctx, nil)
	if err != nil || got.Available[0].Amount != available || got.Pending[0].Amount != pending {
		b.t.Errorf("balance %+v %v, want %d and %d", got, err, available, pending)
	}
}

func TestTransferOfTheBalance(t *testing.T) {
	each(t, func(b *bench) {
		b.has(0, 0)
		to := b.seller()
		_, err := b.V1Transfers.Create(ctx, transferTo(to, 100, ""))
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeBalanceInsufficient {
			b.t.Errorf("of nothing: %v", e)
		}
		b.paid()
		b.has(0, 1999)
		if _, err := b.V1Transfers.Create(ctx, transferTo(to, 100, "")); refused(b.t, err).Code != stripe.ErrorCodeBalanceInsufficient {
			b.t.Errorf("of what is pending: %v", err)
		}
		b.advance(48 * time.Hour)
		b.has(1999, 0)
		now := b.paidWith("pm_card_bypassPending")
		b.has(3998, 0)
		tr, err := b.V1Transfers.Create(ctx, transferTo(to, 3000, ""))
		if err != nil || tr.Destination.ID != to || tr.Amount != 3000 || tr.TransferGroup != "order-1" || tr.SourceTransaction != nil {
			b.t.Fatalf("%+v %v", tr, err)
		}
		b.has(998, 0)
		if _, err := b.V1Transfers.Create(ctx, transferTo(to, 999, "")); refused(b.t, err).Code != stripe.ErrorCodeBalanceInsufficient {
			b.t.Errorf("of more than there is: %v", err)
		}
		re, err := b.V1TransferReversals.Create(ctx, &stripe.TransferReversalCreateParams{ID: &tr.ID, Amount: stripe.Int64(1000)})
		if err != nil || re.Amount != 1000 || re.Transfer.ID != tr.ID {
			b.t.Fatalf("%+v %v", re, err)
		}
		got, err := b.V1Transfers.Retrieve(ctx, tr.ID, nil)
		if err != nil || got.AmountReversed != 1000 || got.Reversed || len(got.Reversals.Data) != 1 {
			b.t.Errorf("%+v %v", got, err)
		}
		b.has(1998, 0)
		if _, err := b.V1TransferReversals.Create(ctx, &stripe.TransferReversalCreateParams{ID: &tr.ID, Amount: stripe.Int64(2001)}); refused(b.t, err).Param != "amount" {
			b.t.Errorf("reversed too much: %v", err)
		}
		b.wantTold(tr.ID, "transfer.created", "transfer.reversed")
		if total := b.total(now.ID); total.Transferred != 0 {
			b.t.Errorf("of no charge in particular: %+v", total)
		}
		entries, err := b.sim.Ledger(ctx)
		if err != nil || entries[2].Kind != stripesim.Transfer || entries[2].Amount != -3000 || entries[3].Kind != stripesim.TransferReversal || entries[3].Transfer != tr.ID {
			b.t.Errorf("%+v %v", entries, err)
		}
	})
}

func TestTransferOfACharge(t *testing.T) {
	each(t, func(b *bench) {
		in, to := b.paid(), b.seller()
		charge := in.LatestCharge.ID
		if _, err := b.refund(in.ID, 499, ""); err != nil {
			b.t.Fatal(err)
		}
		tr, err := b.V1Transfers.Create(ctx, transferTo(to, 1000, charge))
		if err != nil || tr.SourceTransaction.ID != charge {
			b.t.Fatalf("pending money: %+v %v", tr, err)
		}
		_, err = b.V1Transfers.Create(ctx, transferTo(to, 501, charge))
		if e := refused(b.t, err); !strings.HasPrefix(e.Msg, "Transfers using this transaction as a source must not exceed the source amount of 15.00 USD.") {
			b.t.Errorf("more than is left: %v", e)
		}
		b.has(0, 500)
		if total := b.total(in.ID); total.Transferred != 1000 || total.Refunded != 499 || total.Captured != 1999 {
			b.t.Errorf("%+v", total)
		}
		euros := transferTo(to, 1, charge)
		euros.Currency = stripe.String("eur")
		if _, err := b.V1Transfers.Create(ctx, euros); refused(b.t, err).Param != "currency" {
			b.t.Errorf("in euros: %v", err)
		}
		if _, err := b.V1TransferReversals.Create(ctx, &stripe.TransferReversalCreateParams{ID: &tr.ID}); err != nil {
			b.t.Fatal(err)
		}
		if got, err := b.V1Transfers.Retrieve(ctx, tr.ID, nil); err != nil || !got.Reversed {
			b.t.Errorf("%+v %v", got, err)
		}
		if total := b.total(in.ID); total.Transferred != 0 {
			b.t.Errorf("%+v", total)
		}
		if _, err := b.V1Transfers.Create(ctx, transferTo(to, 1500, charge)); err != nil {
			b.t.Errorf("again: %v", err)
		}
		if all := b.V1Transfers.List(ctx, &stripe.TransferListParams{Destination: &to, TransferGroup: stripe.String("order-1")}).Data(); len(all) != 2 {
			b.t.Errorf("%+v", all)
		}
	})
}

func TestTransfersThatAreRefused(t *testing.T) {
	each(t, func(b *bench) {
		b.paidWith("pm_card_bypassPending")
		a, err := b.V1Accounts.Create(ctx, &stripe.AccountCreateParams{Type: stripe.String("express")})
		if err != nil {
			b.t.Fatal(err)
		}
		_, err = b.V1Transfers.Create(ctx, transferTo(a.ID, 100, ""))
		if e := refused(b.t, err); e.Code != "insufficient_capabilities_for_transfer" || e.HTTPStatusCode != 400 {
			b.t.Errorf("before onboarding: %v", e)
		}
		if _, err := b.V1Transfers.Create(ctx, transferTo("acct_nope", 100, "")); refused(b.t, err).Param != "destination" {
			b.t.Errorf("to nobody: %v", err)
		}
		if _, err := b.V1Transfers.Create(ctx, transferTo(b.seller(), 100, "ch_nope")); refused(b.t, err).Param != "source_transaction" {
			b.t.Errorf("out of nothing: %v", err)
		}
		b.has(1999, 0)
	})
}

// No two transfers spend the same money, whether they come out of the balance or of a charge.
func TestTransfersAtAGate(t *testing.T) {
	each(t, func(b *bench) {
		to := b.seller()
		for _, source := range []bool{false, true} {
			for range 5 {
				in := b.paidWith("pm_card_bypassPending")
				charge := ""
				if source {
					charge = in.LatestCharge.ID
				}
				before, err := b.V1Balance.Retrieve(ctx, nil)
				if err != nil {
					b.t.Fatal(err)
				}
				left := before.Available[0].Amount
				if source {
					left = 1999
				}
				won := int64(0)
				for _, err := range gate(12, func(int) error {
					_, err := b.V1Transfers.Create(ctx, transferTo(to, 600, charge))
					return err
				}) {
					if err == nil {
						won++
					} else {
						refused(b.t, err)
					}
				}
				if won != left/600 {
					b.t.Errorf("%d transfers of 600 out of %d", won, left)
				}
			}
		}
	})
}

// A client that changes an account while its owner onboards overwrites nothing.
func TestOnboardingAgainstUpdates(t *testing.T) {
	each(t, func(b *bench) {
		for range 10 {
			a, err := b.V1Accounts.Create(ctx, &stripe.AccountCreateParams{Type: stripe.String("express")})
			if err != nil {
				b.t.Fatal(err)
			}
			for _, err := range gate(6, func(i int) error {
				if i == 0 {
					return b.sim.Onboard(ctx, a.ID)
				}
				_, err := b.V1Accounts.Update(ctx, a.ID, &stripe.AccountUpdateParams{Metadata: map[string]string{fmt.Sprint(i): "yes"}})
				return err
			}) {
				if err != nil {
					b.t.Error(err)
				}
			}
			if got, err := b.V1Accounts.GetByID(ctx, a.ID, nil); err != nil || !got.PayoutsEnabled || len(got.Metadata) != 5 {
				b.t.Errorf("%+v %v", got, err)
			}
		}
	})
}
