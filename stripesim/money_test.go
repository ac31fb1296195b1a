package stripesim_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

func (b *bench) refund(intent string, amount int64, key string) (*stripe.Refund, error) {
	p := &stripe.RefundCreateParams{PaymentIntent: stripe.String(intent)}
	if amount != 0 {
		p.Amount = stripe.Int64(amount)
	}
	if key != "" {
		p.SetIdempotencyKey(key)
	}
	return b.V1Refunds.Create(ctx, p)
}

func TestRefunds(t *testing.T) {
	each(t, func(b *bench) {
		in := b.paid()
		part, err := b.refund(in.ID, 500, "")
		if err != nil || part.Amount != 500 || part.Status != "succeeded" || part.PaymentIntent.ID != in.ID || part.Charge.ID != in.LatestCharge.ID {
			b.t.Fatalf("part: %+v %v", part, err)
		}
		b.money(in.ID, 1999, 500)
		if ch := b.intent(in.ID).LatestCharge; ch.Refunded || ch.AmountRefunded != 500 {
			b.t.Errorf("after a part: %+v", ch)
		}
		_, err = b.refund(in.ID, 1500, "")
		if e := refused(b.t, err); e.Param != "amount" || e.Msg != "Refund amount (15.00 USD) is greater than unrefunded amount on charge (14.99 USD)" {
			b.t.Errorf("too much: %v", e)
		}
		rest, err := b.refund(in.ID, 0, "")
		if err != nil || rest.Amount != 1499 {
			b.t.Fatalf("rest: %+v %v", rest, err)
		}
		b.money(in.ID, 1999, 1999)
		if ch := b.intent(in.ID).LatestCharge; !ch.Refunded || ch.AmountRefunded != 1999 {
			b.t.Errorf("after the rest: %+v", ch)
		}
		_, err = b.refund(in.ID, 0, "")
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeChargeAlreadyRefunded {
			b.t.Errorf("nothing left: %v", e)
		}
		list := b.V1Refunds.List(ctx, &stripe.RefundListParams{PaymentIntent: stripe.String(in.ID)}).Data()
		if len(list) != 2 || list[0].ID != rest.ID || list[1].ID != part.ID {
			b.t.Errorf("refunds of the intent: %+v", list)
		}
		got, err := b.V1Refunds.Retrieve(ctx, part.ID, nil)
		if err != nil || got.Amount != 500 {
			b.t.Errorf("retrieve: %+v %v", got, err)
		}
		for name, id := range map[string]string{"unpaid": b.create("pm_card_visa").ID, "unknown": "pi_nope"} {
			if _, err := b.refund(id, 0, ""); refused(b.t, err).HTTPStatusCode != 400 {
				b.t.Errorf("refund of an %s intent: %v", name, err)
			}
		}
		_, err = b.V1Refunds.Create(ctx, &stripe.RefundCreateParams{})
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeParameterMissing {
			b.t.Errorf("refund of nothing: %v", e)
		}
	})
}

func TestLedgerTellsEveryMovement(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_visa")
		p.Confirm, p.Metadata = stripe.Bool(true), map[string]string{"order_id": "o1"}
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil {
			b.t.Fatal(err)
		}
		re, err := b.refund(in.ID, 999, "")
		if err != nil {
			b.t.Fatal(err)
		}
		entries, err := b.sim.Ledger(ctx)
		if err != nil || len(entries) != 2 {
			b.t.Fatalf("%+v %v", entries, err)
		}
		at, ch := b.time().UTC(), in.LatestCharge.ID
		want := []stripesim.Entry{
			{At: at, Kind: stripesim.Capture, Intent: in.ID, Charge: ch, Amount: 1999, Currency: "usd"},
			{At: at, Kind: stripesim.Refund, Intent: in.ID, Charge: ch, Refund: re.ID, Amount: -999, Currency: "usd"},
		}
		for i := range want {
			if entries[i] != want[i] {
				b.t.Errorf("entry %d: %+v, want %+v", i, entries[i], want[i])
			}
		}
		totals, err := b.sim.Totals(ctx)
		if err != nil || len(totals) != 1 || totals[0].Metadata["order_id"] != "o1" || totals[0].Currency != "usd" {
			b.t.Errorf("totals %+v %v", totals, err)
		}
	})
}

// gate runs n calls at the same moment.
func gate(n int, call func(i int) error) []error {
	var ready, done sync.WaitGroup
	open, errs := make(chan struct{}), make([]error, n)
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-open
			errs[i] = call(i)
		})
	}
	ready.Wait()
	close(open)
	done.Wait()
	return errs
}

func TestConfirmsAtAGateTakeTheMoneyOnce(t *testing.T) {
	for _, key := range []string{"same", "own", "none"} {
		t.Run(key, func(t *testing.T) {
			each(t, func(b *bench) {
				for round := range 10 {
					in := b.create("pm_card_visa")
					errs := gate(16, func(i int) error {
						p := &stripe.PaymentIntentConfirmParams{}
						switch key {
						case "same":
							p.SetIdempotencyKey(in.ID)
						case "own":
							p.SetIdempotencyKey(fmt.Sprint(in.ID, i))
						}
						_, err := b.V1PaymentIntents.Confirm(ctx, in.ID, p)
						return err
					})
					b.onlyOne(errs, key == "same", stripe.ErrorCodePaymentIntentUnexpectedState)
					b.money(in.ID, 1999, 0)
					if round == 0 && b.intent(in.ID).Status != "succeeded" {
						b.t.Error("nobody paid")
					}
				}
			})
		})
	}
}

// onlyOne checks the answers of a race: with one key all that answer agree, else all but one are refused with the code.
func (b *bench) onlyOne(errs []error, sameKey bool, code stripe.ErrorCode) {
	b.t.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		e := refused(b.t, err)
		if sameKey && e.Code == stripe.ErrorCodeIdempotencyKeyInUse && e.HTTPStatusCode == 409 || !sameKey && e.Code == code {
			continue
		}
		b.t.Errorf("refused with %v", err)
	}
	if won == 0 || !sameKey && won != 1 {
		b.t.Errorf("%d of %d won", won, len(errs))
	}
}

func TestRefundsAtAGateGiveBackNoMoreThanWasTaken(t *testing.T) {
	each(t, func(b *bench) {
		for range 10 {
			in := b.paid()
			errs := gate(16, func(i int) error {
				_, err := b.refund(in.ID, 600, "")
				return err
			})
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if refused(b.t, err).Param != "amount" {
					b.t.Error(err)
				}
			}
			if won != 3 {
				b.t.Errorf("%d refunds of 600 from 1999", won)
			}
			b.money(in.ID, 1999, 1800)
		}
	})
}

func TestCancelAgainstConfirm(t *testing.T) {
	each(t, func(b *bench) {
		for range 20 {
			in := b.create("pm_card_visa")
			errs := gate(2, func(i int) (err error) {
				if i == 0 {
					_, err = b.V1PaymentIntents.Confirm(ctx, in.ID, nil)
				} else {
					_, err = b.V1PaymentIntents.Cancel(ctx, in.ID, nil)
				}
				return err
			})
			b.onlyOne(errs, false, stripe.ErrorCodePaymentIntentUnexpectedState)
			if errs[0] == nil {
				b.money(in.ID, 1999, 0)
			} else {
				b.money(in.ID, 0, 0)
			}
		}
	})
}

func TestTwoReplicasShareAnAccount(t *testing.T) {
	b := newBench(t, engines["postgres"](t))
	other := &bench{t: t, options: b.options, now: b.now}
	other.open()
	t.Cleanup(func() { other.db.Close() })
	for range 20 {
		in := b.create("pm_card_visa")
		errs := gate(8, func(i int) error {
			p := &stripe.PaymentIntentConfirmParams{}
			p.SetIdempotencyKey(fmt.Sprint(in.ID, "-", i/2))
			at := b
			if i%2 == 1 {
				at = other
			}
			_, err := at.V1PaymentIntents.Confirm(ctx, in.ID, p)
			return err
		})
		won := 0
		for _, err := range errs {
			var e *stripe.Error
			if err == nil {
				won++
			} else if !errors.As(err, &e) || e.Code != stripe.ErrorCodePaymentIntentUnexpectedState {
				t.Error(err)
			}
		}
		if won != 2 {
			t.Errorf("%d answers of success, want the two of one key", won)
		}
		b.money(in.ID, 1999, 0)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_visa")
		p.Confirm = stripe.Bool(true)
		p.SetIdempotencyKey("k")
		in, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := b.db.Close(); err != nil {
			b.t.Fatal(err)
		}
		b.open()
		again, err := b.V1PaymentIntents.Create(ctx, p)
		if err != nil || again.ID != in.ID || again.LastResponse.Header.Get("Idempotent-Replayed") != "true" {
			b.t.Errorf("after the restart: %+v %v", again, err)
		}
		b.money(in.ID, 1999, 0)
	})
}
