package payments

import (
	"context"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Dispute is a cardholder's complaint to their bank about a charge, as Stripe showed it last.
type Dispute struct {
	ID        string
	ChargeID  string // ours
	Amount    money.Amount
	Currency  string
	Reason    string    // Stripe's: fraudulent, product_not_received …
	Status    string    // Stripe's; empty until it has been asked
	DueBy     time.Time // when evidence must be there; zero if none is wanted
	OpenedAt  time.Time // by Stripe's clock
	CreatedAt time.Time // when it was heard of here
	UpdatedAt time.Time // when it last changed here
}

// Holds tells whether the dispute keeps what was earned with the charge from being paid out: not if the market has won it,
// or if the bank only inquired and took nothing. It is what openDispute asks of the database.
func (d Dispute) Holds() bool {
	return d.Status != string(stripe.DisputeStatusWon) && d.Status != string(stripe.DisputeStatusWarningClosed)
}

// over tells whether nothing more is going to happen by itself.
func (d Dispute) over() bool {
	return !d.Holds() || d.Status == string(stripe.DisputeStatusLost) || d.Status == string(stripe.DisputeStatusPrevented)
}

// How often a dispute that is not decided is asked after though no event told of it, and how soon again without an answer.
const (
	disputeRefresh = 6 * time.Hour
	disputeRetry   = 10 * time.Minute
)

// disputeTold notes that a charge is disputed, before anything else is known: from now on its earnings stay here.
func (s *Service) disputeTold(tx *store.Tx, e *StripeEvent) (string, error) {
	if e.ObjectID == "" {
		return heardNothing, nil
	}
	c, ok, err := chargeTold(tx, e)
	if err != nil || !ok {
		return heardEarly, err
	}
	return heardAsk, insertDispute(tx, Dispute{ID: e.ObjectID, ChargeID: c.ID, Currency: c.Currency, CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
}

func (s *Service) askDispute(ctx context.Context, e StripeEvent) error {
	return s.learnDispute(ctx, e.ObjectID, e.ChargeID)
}

// refreshDispute asks after a dispute that nobody has told of for long.
func (s *Service) refreshDispute(ctx context.Context, d Dispute) error {
	err := s.db.Update(ctx, func(tx *store.Tx) error { return postponeDispute(tx, d.ID, tx.Now().Add(disputeRetry)) })
	if err == nil {
		err = s.learnDispute(ctx, d.ID, d.ChargeID)
	}
	if err != nil && !errors.Is(err, store.ErrUnavailable) {
		s.log.WarnContext(ctx, "a dispute is asked after again", "dispute", d.ID, "charge", d.ChargeID, "cause", err)
		return nil
	}
	return err
}

// learnDispute records a dispute as Stripe shows it.
func (s *Service) learnDispute(ctx context.Context, id, chargeID string) error {
	now, err := s.stripe.dispute(ctx, id)
	if errors.Is(err, errMissing) {
		err = errors.Join(err, s.db.Update(ctx, func(tx *store.Tx) error { return forgetDispute(tx, id, tx.Now().Add(-eventLife)) }))
	}
	if err != nil {
		return err
	}
	now.ChargeID = chargeID
	var changed bool
	err = s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		var due time.Time
		if !now.over() {
			due = tx.Now().Add(disputeRefresh)
		}
		now.UpdatedAt = tx.Now()
		if changed, err = saveDispute(tx, now); err != nil {
			return err
		}
		return postponeDispute(tx, id, due)
	})
	if err == nil && changed {
		s.log.WarnContext(ctx, "a payment is disputed", "charge", chargeID, "dispute", id, "reason", now.Reason, "status", now.Status)
	}
	return err
}

func (g *gateway) dispute(ctx context.Context, id string) (Dispute, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := g.client.V1Disputes.Retrieve(ctx, id, nil)
	if err = g.judge(err); err != nil {
		return Dispute{}, err
	}
	d := Dispute{ID: id, Currency: string(got.Currency), Reason: string(got.Reason), Status: string(got.Status), OpenedAt: time.Unix(got.Created, 0)}
	if got.EvidenceDetails != nil && got.EvidenceDetails.DueBy > 0 {
		d.DueBy = time.Unix(got.EvidenceDetails.DueBy, 0)
	}
	d.Amount, err = ourAmount(got.Amount, d.Currency)
	return d, err
}

// Disputes are the newest disputes, newest first: all of them, or only those that hold back what was earned.
func (s *Service) Disputes(ctx context.Context, holding bool, limit int) (all []Dispute, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		all, err = newestDisputes(tx, holding, limit)
		return err
	})
	return all, err
}

// Disputed tells whether a dispute holds back what was earned with the charge.
func (s *Service) Disputed(ctx context.Context, chargeID string) (held bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		held, err = openDispute(tx, chargeID)
		return err
	})
	return held, err
}
