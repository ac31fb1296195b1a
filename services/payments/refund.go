package payments

import (
	"context"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// refund is money on its way back, as Stripe says.
type refund struct {
	ID        string
	ChargeID  string
	Amount    money.Amount
	Status    stripe.RefundStatus
	Reason    string // why it failed
	CreatedAt time.Time
	NotedAt   time.Time // when it was first seen so
}

// stands tells whether the money is back, or on its way.
func (r refund) stands() bool {
	return r.Status != stripe.RefundStatusFailed && r.Status != stripe.RefundStatusCanceled
}

// The pace at which refunds are looked after that are not Stripe's last word: one that is on its way is looked at again,
// one that the bank sent back is asked for again. Either pause doubles.
const (
	pendingPause, pendingPauseMax = 5 * time.Second, 4 * time.Minute
	failedPause, failedPauseMax   = time.Minute, 6 * time.Hour
)

func growing(first, most time.Duration, n int) time.Duration { return min(first<<min(n, 20), most) }

// standing is what is known of a charge's refunds together.
type standing struct {
	newest string       // the refund that tells: the newest that stands, else the newest of all
	status string       // of the charge's refund; empty if there never was one
	given  money.Amount // back, or on its way
	failed int          // refunds that the bank sent back
	since  time.Time    // when the last of these was seen
}

func sumUp(all []refund) (s standing) {
	for _, r := range all { // newest first
		if !r.stands() {
			s.failed++
			if r.NotedAt.After(s.since) {
				s.since = r.NotedAt
			}
			continue
		}
		s.given += r.Amount
		if s.newest == "" {
			s.newest, s.status = r.ID, refundSucceeded
		}
		if r.Status != stripe.RefundStatusSucceeded {
			s.status = refundPending
		}
	}
	if s.newest == "" && len(all) > 0 {
		s.newest, s.status = all[0].ID, refundFailed
	}
	return s
}

// giveBack looks after the refund of a charge: asks for it if it is owed, and for news of it if there is one. After a first
// try without an outcome it looks before it asks again: a refund may be there though its answer was lost, also when the key
// is long forgotten. Stripe itself never gives back more than it took.
func (s *Service) giveBack(ctx context.Context, c Charge) error {
	f, err := s.read(ctx, c.ID)
	if err != nil {
		return err
	}
	if !f.RefundDue || c.Tries > 0 || f.RefundStatus != "" {
		settled, err := s.lookAtRefunds(ctx, f.Charge)
		if settled || err != nil {
			return err
		}
	}
	p := refundParams(f.Charge)
	got, err := under(ctx, s, f, opRefund, hashOf("", p), func() (refund, bool, error) {
		all, err := s.stripe.refunds(ctx, f.Charge)
		if err != nil || sumUp(all).given < f.Amount {
			return refund{}, false, err
		}
		return all[0], true, nil
	}, func(key string) (refund, error) {
		return s.stripe.refund(ctx, key, f.Charge, p)
	})
	if no := (refusal{}); errors.As(err, &no) {
		return errors.Join(err, s.refundRefused(ctx, f))
	}
	if errors.Is(err, errRefunded) {
		settled, err := s.lookAtRefunds(ctx, f.Charge)
		if err == nil && !settled {
			err = errRefunded // Stripe will show it in a moment
		}
		return err
	}
	if err != nil {
		return err
	}
	_, err = s.recordRefunds(ctx, f.ID, []refund{got})
	return err
}

// lookAtRefunds asks Stripe for the charge's refunds. It is settled if nothing has to be asked for now.
func (s *Service) lookAtRefunds(ctx context.Context, c Charge) (settled bool, err error) {
	all, err := s.stripe.refunds(ctx, c)
	if err != nil {
		return false, err
	}
	return s.recordRefunds(ctx, c.ID, all)
}

// recordRefunds notes what Stripe says of refunds of a charge, newest first, and says so if it is news.
func (s *Service) recordRefunds(ctx context.Context, id string, seen []refund) (settled bool, err error) {
	err = s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		c, o, err := holdCharge(tx, id)
		if err != nil || c.Status != event.Completed {
			settled = true
			return err
		}
		for _, r := range seen {
			if err := saveRefund(tx, r); err != nil {
				return err
			}
		}
		all, err := refundsOf(tx, id)
		if err != nil {
			return err
		}
		now, before := sumUp(all), c
		c.StripeRefundID, c.RefundStatus = now.newest, now.status
		c.RefundDue = o.Status == event.Cancelled && now.given < c.Amount
		changed := c.StripeRefundID != before.StripeRefundID || c.RefundStatus != before.RefundStatus
		due := c.nextLook(now, tx.Now())
		settled = !c.RefundDue || due.After(tx.Now())
		if changed && c.RefundStatus == refundFailed {
			if err := spend(tx, id, opRefund); err != nil { // its key answers with the refund that failed
				return err
			}
		}
		if err := s.book(tx, c, o); err != nil {
			return err
		}
		return s.saveRefundState(tx, c, due, changed)
	})
	return settled, err
}

// refundRefused puts the refund off: Stripe repeats a refusal under its key, so that it is asked for under another, later.
func (s *Service) refundRefused(ctx context.Context, f file) error {
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		requests, err := requestsOf(tx, f.ID)
		if err != nil {
			return err
		}
		if err := spend(tx, f.ID, opRefund); err != nil {
			return err
		}
		return postpone(tx, f.ID, tx.Now().Add(growing(failedPause, failedPauseMax, requests[opRefund].Generation-1)), f.Tries+1)
	})
}

// nextLook is when the refund needs attention again; zero if never. Looking early, because somebody told of something, makes
// nothing happen earlier: the pause after a refund that failed is counted from when that was seen.
func (c Charge) nextLook(s standing, now time.Time) time.Time {
	switch {
	case c.RefundDue && s.status == refundFailed:
		if next := s.since.Add(growing(failedPause, failedPauseMax, s.failed-1)); next.After(now) {
			return next
		}
		return now
	case c.RefundDue:
		return now
	case s.status == refundPending:
		return now.Add(growing(pendingPause, pendingPauseMax, c.Tries))
	}
	return time.Time{}
}

func (s *Service) saveRefundState(tx *store.Tx, c Charge, due time.Time, changed bool) error {
	if !changed {
		return watchRefund(tx, c, due)
	}
	c, err := changeRefund(tx, c, due)
	if err != nil {
		return err
	}
	return s.announce(tx, event.ChargeUpdated, c)
}

// refundParams give back all of the money that has not gone back yet.
func refundParams(c Charge) *stripe.RefundCreateParams {
	return &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(c.StripeID), Metadata: map[string]string{"order_id": c.OrderID, "charge_id": c.ID},
	}
}

func (g *gateway) refund(ctx context.Context, key string, c Charge, p *stripe.RefundCreateParams) (refund, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p.SetIdempotencyKey(key)
	got, err := g.client.V1Refunds.Create(ctx, p)
	if err = g.judge(err); err != nil {
		return refund{}, err
	}
	if got.ID == "" {
		return refund{}, errRubbish
	}
	return refundOf(c, got)
}

// refunds are all refunds of the charge's intent, newest first, whoever made them.
func (g *gateway) refunds(ctx context.Context, c Charge) (all []refund, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p := &stripe.RefundListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)}, PaymentIntent: stripe.String(c.StripeID)}
	for got, err := range g.client.V1Refunds.List(ctx, p).All(ctx) {
		if err != nil {
			return nil, g.judge(err)
		}
		r, err := refundOf(c, got)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, g.judge(nil)
}

func refundOf(c Charge, got *stripe.Refund) (refund, error) {
	amount, err := ourAmount(got.Amount, c.Currency)
	return refund{ID: got.ID, ChargeID: c.ID, Amount: amount, Status: got.Status, Reason: string(got.FailureReason),
		CreatedAt: time.Unix(got.Created, 0)}, err
}
