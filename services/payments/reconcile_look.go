package payments

import (
	"context"
	"errors"
	"slices"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// compareLists is the first look: what Stripe lists of a time against our charges and refunds, and what we have of that
// time against what Stripe lists. It says who has to be looked at closely, and what declines have left behind.
func (p *pass) compareLists(ctx context.Context, made span, intents []theirs, refunds []theirRefund) (all []suspect, leftovers []Discrepancy, err error) {
	known := map[suspect]bool{}
	add := func(more ...suspect) {
		for _, who := range more {
			if !known[who] {
				known[who], all = true, append(all, who)
			}
		}
	}
	compare := func(intents []theirs, refunds []theirRefund) error {
		x, err := p.gather(ctx, intents, refunds)
		if err != nil {
			return err
		}
		for _, d := range x.find() {
			if d.routine {
				leftovers = append(leftovers, d)
			} else {
				add(suspect{d.IntentID, d.ChargeID})
			}
		}
		return nil
	}
	listed := make(map[string]bool, len(intents)+len(refunds))
	for some := range slices.Chunk(intents, atOneTime) {
		if err := compare(some, refundsOfIntents(refunds, some)); err != nil {
			return nil, nil, err
		}
		for _, in := range some {
			listed[in.id] = true
		}
	}
	for some := range slices.Chunk(refunds, atOneTime) {
		if err := compare(nil, some); err != nil {
			return nil, nil, err
		}
		for _, r := range some {
			listed[r.ID] = true
		}
	}
	unlisted, err := p.unlisted(ctx, made, listed)
	add(unlisted...)
	return all, leftovers, err
}

func refundsOfIntents(all []theirRefund, intents []theirs) (some []theirRefund) {
	ids := make(map[string]bool, len(intents))
	for _, in := range intents {
		ids[in.id] = true
	}
	for _, r := range all {
		if ids[r.intentID] {
			some = append(some, r)
		}
	}
	return some
}

// gather adds what we have to what Stripe has of some intents and refunds. It is read afterwards.
func (p *pass) gather(ctx context.Context, intents []theirs, refunds []theirRefund) (*comparison, error) {
	x := &comparison{intents: intents, refunds: refunds}
	var ids, stripeIDs []string
	for _, in := range intents {
		stripeIDs = append(stripeIDs, in.id)
		if in.chargeID != "" {
			ids = append(ids, in.chargeID)
		}
	}
	for _, r := range refunds {
		stripeIDs = append(stripeIDs, r.intentID)
	}
	err := p.db.View(ctx, func(tx *store.Tx) error {
		x.now, x.charges = p.now, map[string]ours{}
		for column, all := range map[string][]string{"id": ids, "stripe_id": stripeIDs} {
			found, err := oursNamed(tx, column, all)
			if err != nil {
				return err
			}
			for _, c := range found {
				x.charges[c.ID] = c
			}
		}
		return nil
	})
	return x, err
}

// unlisted are our charges and refunds of a time that Stripe should have listed, and has not.
func (p *pass) unlisted(ctx context.Context, made span, listed map[string]bool) (all []suspect, err error) {
	for last := (ours{}); ; {
		var page []ours
		err := p.db.View(ctx, func(tx *store.Tx) (err error) {
			page, err = oursMade(tx, made, last)
			return err
		})
		if err != nil {
			return nil, err
		}
		p.out.Charges += len(page)
		for _, c := range page {
			if !listed[c.StripeID] && c.Status != event.ChargeFailed {
				all = append(all, suspect{c.StripeID, c.ID})
			}
		}
		if len(page) == 0 {
			break
		}
		last = page[len(page)-1]
	}
	for last := (refund{}); ; {
		var page []refund
		err := p.db.View(ctx, func(tx *store.Tx) (err error) {
			page, err = rowsMade(tx, made, last)
			return err
		})
		if err != nil || len(page) == 0 {
			return all, err
		}
		for _, r := range page {
			if !listed[r.ID] {
				all = append(all, suspect{"", r.ChargeID})
			}
		}
		last = page[len(page)-1]
	}
}

// lookClosely is the second look, at everything about the order of a suspect: all its charges, their intents, all refunds.
func (p *pass) lookClosely(ctx context.Context, who suspect) ([]Discrepancy, error) {
	ids := []string{}
	if who.intentID != "" {
		ids = append(ids, who.intentID)
	}
	family, err := p.family(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, c := range family {
		if c.StripeID != "" && !slices.Contains(ids, c.StripeID) {
			ids = append(ids, c.StripeID)
		}
	}
	x := &comparison{complete: true, absent: map[string]bool{}, charges: map[string]ours{}}
	for _, id := range ids {
		if err := p.ask(ctx, x, id); err != nil {
			return nil, err
		}
	}
	if family, err = p.family(ctx, who); err != nil { // as it is now
		return nil, err
	}
	for _, c := range family {
		x.charges[c.ID] = c
	}
	x.now = p.now
	return x.find(), nil
}

// family are all charges of the order that a suspect belongs to; none if we know of none.
func (p *pass) family(ctx context.Context, who suspect) (all []ours, err error) {
	err = p.db.View(ctx, func(tx *store.Tx) error {
		found, err := oursNamed(tx, "id", []string{who.chargeID})
		if err == nil && len(found) == 0 && who.intentID != "" {
			found, err = oursNamed(tx, "stripe_id", []string{who.intentID})
		}
		if err != nil || len(found) == 0 {
			all = nil
			return err
		}
		all, err = oursNamed(tx, "order_id", []string{found[0].OrderID})
		return err
	})
	return all, err
}

// ask adds what Stripe says of an intent.
func (p *pass) ask(ctx context.Context, x *comparison, id string) error {
	if err := p.wait(ctx); err != nil {
		return err
	}
	in, err := p.stripe.theirs(ctx, id)
	if errors.Is(err, errMissing) {
		x.absent[id] = true
		return nil
	}
	if err != nil {
		return err
	}
	x.intents = append(x.intents, in)
	if in.taken == 0 {
		return nil
	}
	refunds, err := p.refundsOf(ctx, id)
	x.refunds = append(x.refunds, refunds...)
	return err
}

// refundsOf are all refunds of an intent, whoever made them.
func (p *pass) refundsOf(ctx context.Context, intentID string) ([]theirRefund, error) {
	return allPages(func(after string) ([]theirRefund, string, error) {
		if err := p.wait(ctx); err != nil {
			return nil, "", err
		}
		return p.stripe.refundsPage(ctx, intentID, span{}, after)
	})
}
