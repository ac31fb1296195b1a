package payments

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/fault"
	"ticketing/kernel/store"
)

// PayoutAccount is where a seller is paid: an account at Stripe, made through Stripe Connect.
type PayoutAccount struct {
	UserID    string
	AccountID string // Stripe's; empty until there is one
	Enabled   bool   // it can be paid: its owner has told Stripe who they are
	CreatedAt time.Time
	Tries     int // of asking about it, in a row, without its being enabled
}

// The pace at which Stripe is asked whether an account can be paid by now, if no webhook says so. The pause doubles.
const accountPause, accountPauseMax = 5 * time.Second, 6 * time.Hour

// Onboarding is where a seller goes on to be paid.
type Onboarding struct {
	PayoutAccount
	URL   string // Stripe's page, good for one visit within minutes
	Fresh bool   // the account was made just now
}

// OpenAccount gives the seller an account at Stripe, the same one whenever it is asked for, and a link to the page where
// they finish it. Stripe sends them back to returnURL, or to refreshURL if the link was of no use any more.
func (s *Service) OpenAccount(ctx context.Context, userID, returnURL, refreshURL string) (o Onboarding, err error) {
	if s.o.PayoutAfter == 0 {
		return o, errPayoutsOff()
	}
	f := file{Charge: Charge{ID: userID}}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		f.now = tx.Now()
		if o.PayoutAccount, err = holdSeller(tx, userID); err == nil {
			f.requests, err = requestsOf(tx, userID)
		}
		return err
	})
	if err != nil {
		return o, err
	}
	if o.AccountID == "" {
		if o, err = s.makeAccount(ctx, f); err != nil {
			return o, errNoAccount(err)
		}
	}
	if o.URL, err = s.stripe.accountLink(ctx, o.AccountID, returnURL, refreshURL); err != nil {
		return o, errNoAccount(err)
	}
	return o, s.db.Update(ctx, func(tx *store.Tx) error { // soon its owner will have been there
		_, err := dueAccount(tx, o.AccountID, tx.Now().Add(accountPause))
		return err
	})
}

// makeAccount makes the account, or finds the one that was made, and stores its id.
func (s *Service) makeAccount(ctx context.Context, f file) (o Onboarding, err error) {
	p := accountParams(f.ID)
	id, err := under(ctx, s, f, opAccount, hashOf("", p), func() (string, bool, error) {
		return s.stripe.findAccount(ctx, f.ID, f.requests[opAccount].MadeAt)
	}, func(key string) (string, error) {
		return s.stripe.createAccount(ctx, key, p)
	})
	if err != nil {
		return o, err
	}
	err = s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if o.Fresh, err = learnAccount(tx, f.ID, id); err == nil {
			o.PayoutAccount, _, err = findSeller(tx, f.ID)
		}
		return err
	})
	return o, err
}

// Account is the seller's account as Stripe shows it now, or as it did last if Stripe cannot be asked.
func (s *Service) Account(ctx context.Context, userID string) (a PayoutAccount, err error) {
	read := func(tx *store.Tx) (err error) {
		a, _, err = findSeller(tx, userID)
		return err
	}
	if err := s.db.View(ctx, read); err != nil {
		return a, err
	}
	if a.AccountID == "" {
		if s.o.PayoutAfter == 0 {
			return a, errPayoutsOff()
		}
		return a, fault.Unknown.New("You have no account to be paid on. Open one first.")
	}
	if !s.stripe.reachable(ctx) || s.lookAtAccount(ctx, a) != nil {
		return a, nil
	}
	return a, s.db.View(ctx, read)
}

// lookAtAccount asks Stripe whether the account can be paid, and lets what is to be paid out go on if it can.
func (s *Service) lookAtAccount(ctx context.Context, a PayoutAccount) error {
	enabled, err := s.stripe.canBePaid(ctx, a.AccountID)
	if err != nil {
		return err
	}
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		before, err := holdSeller(tx, a.UserID)
		if err != nil {
			return err
		}
		var due time.Time
		if !enabled {
			due = tx.Now().Add(growing(accountPause, accountPauseMax, before.Tries))
		}
		if err := saveSeller(tx, a.UserID, enabled, due); err != nil || !enabled {
			return err
		}
		s.wakePayouts(tx)
		return unpark(tx, a.UserID)
	})
}

// accountTold lets a seller's account be asked about.
func (s *Service) accountTold(tx *store.Tx, e *StripeEvent) (string, error) {
	known, err := dueAccount(tx, e.ObjectID, tx.Now())
	if err != nil || !known {
		return heardNothing, err
	}
	s.wakePayouts(tx)
	return heardApplied, nil
}

// accountParams make an account that Stripe onboards and that transfers can go to, and nothing else.
func accountParams(userID string) *stripe.AccountCreateParams {
	return &stripe.AccountCreateParams{
		Type: stripe.String("express"), Metadata: map[string]string{"user_id": userID},
		Capabilities: &stripe.AccountCreateCapabilitiesParams{
			Transfers: &stripe.AccountCreateCapabilitiesTransfersParams{Requested: stripe.Bool(true)}},
	}
}

func (g *gateway) createAccount(ctx context.Context, key string, p *stripe.AccountCreateParams) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p.SetIdempotencyKey(key)
	got, err := g.client.V1Accounts.Create(ctx, p)
	if err = g.judge(err); err == nil && got.ID == "" {
		err = errRubbish
	}
	if err != nil {
		return "", err
	}
	return got.ID, nil
}

// findAccount looks for the seller's account, whose id was never learnt, among all that were made since.
func (g *gateway) findAccount(ctx context.Context, userID string, since time.Time) (id string, found bool, err error) {
	p := &stripe.AccountListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)},
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Add(-clockSkew).Unix()}}
	for got, err := range g.client.V1Accounts.List(ctx, p).All(ctx) {
		if err != nil {
			return "", false, g.judge(err)
		}
		if got.Metadata["user_id"] == userID {
			return got.ID, true, g.judge(nil)
		}
	}
	return "", false, g.judge(nil)
}

// accountLink is a page of Stripe's where the account's owner says who they are.
func (g *gateway) accountLink(ctx context.Context, id, returnURL, refreshURL string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := g.client.V1AccountLinks.Create(ctx, &stripe.AccountLinkCreateParams{Account: stripe.String(id),
		Type: stripe.String("account_onboarding"), ReturnURL: stripe.String(returnURL), RefreshURL: stripe.String(refreshURL)})
	if err = g.judge(err); err == nil && got.URL == "" {
		err = errRubbish
	}
	if err != nil {
		return "", err
	}
	return got.URL, nil
}

// canBePaid tells whether transfers may go to the account. One that was deleted, or has cut its ties, cannot be paid.
func (g *gateway) canBePaid(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := g.client.V1Accounts.GetByID(ctx, id, nil)
	var e *stripe.Error
	if errors.As(err, &e) && e.HTTPStatusCode == http.StatusForbidden && e.Code == stripe.ErrorCodeAccountInvalid {
		return false, g.judge(nil)
	}
	if err = g.judge(err); err != nil {
		return false, err
	}
	return got.PayoutsEnabled && got.Capabilities != nil && got.Capabilities.Transfers == stripe.AccountCapabilityStatusActive, nil
}

func errPayoutsOff() error {
	return fault.PayoutsOff.New("This market does not pay its sellers out through Stripe.")
}

func errNoAccount(err error) error {
	return fault.Busy.New("The payment provider cannot be asked for your account now. Try again in a moment.").After(5 * time.Second).Because(err)
}
