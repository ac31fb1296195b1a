package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"ticketing/kernel/store"
)

// Reconciliation is what came of holding Stripe's books against ours once.
type Reconciliation struct {
	Intents int           // of Stripe's that were looked at
	Refunds int           // of Stripe's
	Charges int           // of ours
	Tidied  int           // intents that declines had left behind, and that are given up
	Open    []Discrepancy // what does not agree, and was not mended
	Mended  []Discrepancy // what did not agree; Outcome says what was done
}

// Reconcile holds Stripe's books against ours, does what is always safe about what does not agree, and writes it down. It
// looks at what was made since it last looked, and at what is still open; or at all there ever was.
//
// Stripe's books are read first, so that ours can only be ahead of them. What has changed in the last three minutes may be
// on its way and is left alone; and whatever does not agree is asked for once more, by itself, before it counts.
func (s *Service) Reconcile(ctx context.Context, all bool) (Reconciliation, error) {
	p, err := s.newPass(ctx, true, nil)
	if err != nil {
		return Reconciliation{}, err
	}
	made := p.unseen()
	if all {
		made = span{to: p.now}
	}
	if err = p.lookAgain(ctx); err == nil {
		err = p.lookAt(ctx, made)
	}
	return p.out, err
}

// Discrepancies holds all of Stripe's books against ours and changes nothing.
func (s *Service) Discrepancies(ctx context.Context) ([]Discrepancy, error) {
	p, err := s.newPass(ctx, false, nil)
	if err == nil {
		err = p.stretches(ctx, span{to: p.now})
	}
	return p.out.Open, err
}

// pass is one comparison.
type pass struct {
	*Service
	out      Reconciliation
	acts     bool          // it mends what is always safe, and writes down what it finds
	pace     *rate.Limiter // of requests to Stripe; nil: as they come
	now      time.Time
	progress progress
	examined map[suspect]bool
}

// suspect is what has to be looked at closely: an intent, a charge, or both if they belong together.
type suspect struct{ intentID, chargeID string }

const (
	overlap    = 2 * time.Minute  // of one look at what is recent with the next
	skew       = 3 * time.Minute  // between a charge and its intent at most: two minutes of trying, and two clocks
	stretch    = 2000             // intents that are compared at a time, about
	leastTime  = 10 * time.Minute // that they cover, so that a busy time gets on too
	mostOpen   = 200              // open discrepancies that are looked at again each time
	mostAtOnce = 500              // suspects that are looked at closely in one stretch: more are all for one reason
	recentSpan = time.Hour        // what a market that never looked begins with; the rest is for the slow pass
)

func (s *Service) newPass(ctx context.Context, acts bool, pace *rate.Limiter) (*pass, error) {
	p := &pass{Service: s, acts: acts, pace: pace, examined: map[suspect]bool{}}
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		p.now = tx.Now()
		p.progress, err = readProgress(tx)
		return err
	})
	return p, err
}

// wait keeps to the pace.
func (p *pass) wait(ctx context.Context) error {
	if p.pace == nil {
		return ctx.Err()
	}
	return p.pace.Wait(ctx)
}

// unseen is all that was made since the last time, up to what may be on its way.
func (p *pass) unseen() span {
	made := span{p.progress.RecentTo.Add(-overlap), p.now.Add(-margin)}
	if p.progress.RecentTo.IsZero() {
		made.from = made.to.Add(-recentSpan)
	}
	return made
}

// lookAt looks at a span that goes up to now, or to what may be on its way, and notes that it did.
func (p *pass) lookAt(ctx context.Context, made span) error {
	if err := p.stretches(ctx, made); err != nil {
		return err
	}
	return p.db.Update(ctx, func(tx *store.Tx) error { return saveRecent(tx, p.now.Add(-margin)) })
}

// stretches looks at a span piece by piece, the newest first.
func (p *pass) stretches(ctx context.Context, made span) error {
	for made.to.After(made.from) {
		from, err := p.stretch(ctx, made)
		if err != nil {
			return err
		}
		made.to = from
	}
	return nil
}

// stretch looks at the newest part of a span, and returns where that begins.
func (p *pass) stretch(ctx context.Context, made span) (from time.Time, err error) {
	listed := span{to: made.to.Add(skew)}
	if !made.from.IsZero() {
		listed.from = made.from.Add(-skew)
	}
	intents, whole, err := p.listIntents(ctx, listed, made.to)
	if err != nil {
		return from, err
	}
	if from = made.from; !whole {
		// Of charges that were made since, all intents have been listed.
		from = intents[len(intents)-1].created.Add(skew)
		listed.from = from.Add(-skew)
	}
	refunds, err := allPages(func(after string) ([]theirRefund, string, error) {
		if err := p.wait(ctx); err != nil {
			return nil, "", err
		}
		return p.stripe.refundsPage(ctx, "", listed, after)
	})
	if err != nil {
		return from, err
	}
	p.out.Intents, p.out.Refunds = p.out.Intents+len(intents), p.out.Refunds+len(refunds)
	suspects, leftovers, err := p.compareLists(ctx, span{from, made.to}, intents, refunds)
	if err != nil {
		return from, err
	}
	if err := p.tidy(ctx, leftovers); err != nil {
		return from, err
	}
	for i, who := range suspects {
		if i == mostAtOnce {
			p.log.ErrorContext(ctx, "Stripe's books and ours have little in common; is this the right account?",
				"looked at closely", mostAtOnce, "left out", len(suspects)-mostAtOnce)
			break
		}
		if err := p.examine(ctx, who); err != nil {
			return from, err
		}
	}
	return from, nil
}

// listIntents lists intents, the newest first, until there are enough of them: then it is not the whole.
func (p *pass) listIntents(ctx context.Context, listed span, to time.Time) (all []theirs, whole bool, err error) {
	for after := ""; ; {
		if err := p.wait(ctx); err != nil {
			return nil, false, err
		}
		page, next, err := p.stripe.intentsPage(ctx, listed, after)
		if err != nil {
			return nil, false, err
		}
		all = append(all, page...)
		if next == "" {
			return all, true, nil
		}
		if last := all[len(all)-1].created; len(all) >= stretch && to.Sub(last) >= leastTime && last.After(listed.from) {
			return all, false, nil
		}
		after = next
	}
}

// examine looks closely at a suspect, and does about it what there is to do.
func (p *pass) examine(ctx context.Context, who suspect) error {
	if p.examined[who] {
		return nil
	}
	p.examined[who] = true
	found, err := p.lookClosely(ctx, who)
	if err != nil {
		return err
	}
	for _, d := range without(found, append(p.out.Open, p.out.Mended...)) {
		if d.routine {
			continue
		}
		if err := p.treat(ctx, who, d); err != nil {
			return err
		}
	}
	return nil
}

// treat writes a discrepancy down and mends it, if that is safe and its time has come.
func (p *pass) treat(ctx context.Context, who suspect, d Discrepancy) error {
	if !p.acts {
		p.out.Open = append(p.out.Open, d)
		return nil
	}
	d, err := p.note(ctx, d)
	if err != nil || d.remedy == nothing || d.NextTry.After(p.now) {
		p.out.Open = append(p.out.Open, d)
		return err
	}
	did, err := p.mend(ctx, d)
	if err == nil {
		d, err = p.judge(ctx, who, d, did)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	d.Outcome = "could not be mended: " + err.Error()
	p.out.Open = append(p.out.Open, d)
	return p.db.Update(ctx, func(tx *store.Tx) error { return noteTry(tx, d, d.Outcome) })
}

// tidy gives intents up that are of no use any more. What cannot be given up now is tried again by the next slow pass.
func (p *pass) tidy(ctx context.Context, leftovers []Discrepancy) error {
	if !p.acts {
		return nil
	}
	for _, d := range leftovers[:min(len(leftovers), mostAtOnce)] {
		if err := p.wait(ctx); err != nil {
			return err
		}
		_, err := p.giveUp(ctx, d)
		switch {
		case errors.Is(err, store.ErrUnavailable):
			return err
		case err == nil:
			p.out.Tidied++
		}
	}
	return ctx.Err()
}

// judge looks whether what was done has helped.
func (p *pass) judge(ctx context.Context, who suspect, d Discrepancy, did string) (Discrepancy, error) {
	left, err := p.lookClosely(ctx, who)
	if err != nil {
		return d, err
	}
	for _, still := range left {
		if still.same(d) {
			return d, fmt.Errorf("%s, and it is no different", did)
		}
	}
	d.Outcome, d.FixedAt = did, p.now
	p.out.Mended = append(p.out.Mended, d)
	return d, p.fixed(ctx, d)
}

// lookAgain looks at what is open, at its own pace less often the longer it has been. What agrees by now is closed.
func (p *pass) lookAgain(ctx context.Context) error {
	var open []Discrepancy
	err := p.db.View(ctx, func(tx *store.Tx) (err error) {
		if open, err = openDiscrepancies(tx, mostOpen); p.pace != nil {
			open, err = dueDiscrepancies(tx, mostOpen)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range open {
		who := suspect{d.IntentID, d.ChargeID}
		if err := p.examine(ctx, who); err != nil {
			return err
		}
		if len(without([]Discrepancy{d}, append(p.out.Open, p.out.Mended...))) == 0 {
			continue
		}
		d.Outcome = "it is in order again"
		if err := p.fixed(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// note writes a discrepancy down, and says it the first time.
func (p *pass) note(ctx context.Context, d Discrepancy) (noted Discrepancy, err error) {
	news := false
	err = p.db.Update(ctx, func(tx *store.Tx) error {
		noted, news, err = noteDiscrepancy(tx, d)
		return err
	})
	if news && err == nil {
		p.log.WarnContext(ctx, "Stripe's books and ours do not agree", "kind", string(d.Kind), "payment", d.IntentID,
			"charge", d.ChargeID, "order", d.OrderID, "what", d.Sentence, "byItself", d.ByItself)
	}
	return noted, err
}

// fixed closes a discrepancy, and says it.
func (p *pass) fixed(ctx context.Context, d Discrepancy) error {
	news := false
	err := p.db.Update(ctx, func(tx *store.Tx) (err error) {
		news, err = noteFixed(tx, d, d.Outcome)
		return err
	})
	if news && err == nil {
		p.log.InfoContext(ctx, "Stripe's books and ours agree again", "kind", string(d.Kind), "payment", d.IntentID,
			"charge", d.ChargeID, "order", d.OrderID, "outcome", d.Outcome)
	}
	return err
}
