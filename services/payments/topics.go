package payments

import (
	"context"
	"slices"
	"strings"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// topic is a kind of events and what they hint at.
type topic struct {
	prefix string   // of the types that belong to it; the first topic that fits has the event
	types  []string // those of them that Stripe's list of events is read for

	// note does what can be done with the database alone, and says what came of it. It may run again for the same event.
	note func(s *Service, tx *store.Tx, e *StripeEvent) (outcome string, err error)
	// hints says that note decides by nothing but what Stripe's intent is of, and changes nothing but when that is looked at.
	hints bool
	// ask asks Stripe for what is true now, after note has said that it must be. Events with the same subject share one answer.
	ask     func(s *Service, ctx context.Context, e StripeEvent) error
	subject func(e StripeEvent) string
}

// What comes of an event. While it is open there is no outcome.
const (
	heardApplied    = "applied"    // what it hinted at is looked at, or has been
	heardNothing    = "nothing"    // it came too late to mean anything
	heardIgnored    = "ignored"    // its type never concerns us
	heardUnknown    = "unknown"    // what it is about never became known here: it is another program's
	heardUnreadable = "unreadable" // it is signed, and no event

	heardEarly = ""    // what it is about is not known here yet, or not ready: it stays open
	heardAsk   = "ask" // Stripe is to be asked: it stays open until that has been done
)

// topics are all that concerns us.
var topics = []topic{
	{prefix: "charge.dispute.", types: []string{
		"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn",
		"charge.dispute.funds_reinstated"},
		note: (*Service).disputeTold, ask: (*Service).askDispute, subject: func(e StripeEvent) string { return "dispute " + e.ObjectID }},
	{prefix: "charge.refund", types: []string{"charge.refunded", "charge.refund.updated"},
		note: (*Service).refundTold, ask: (*Service).askRefunds, subject: refundsOfCharge},
	{prefix: "refund.", types: []string{"refund.created", "refund.updated", "refund.failed"},
		note: (*Service).refundTold, ask: (*Service).askRefunds, subject: refundsOfCharge},
	{prefix: "payment_intent.", types: []string{
		"payment_intent.processing", "payment_intent.requires_action", "payment_intent.amount_capturable_updated",
		"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"},
		note: (*Service).intentTold, hints: true},
	{prefix: "account.updated", types: []string{"account.updated"}, note: (*Service).accountTold},
	{prefix: "transfer.", types: []string{"transfer.reversed"}, note: (*Service).transferTold},
}

// topicOf is the topic of a type, nil if it concerns us not.
func topicOf(kind string) *topic {
	for i := range topics {
		if strings.HasPrefix(kind, topics[i].prefix) {
			return &topics[i]
		}
	}
	return nil
}

// thing is what the event's note is about, in the sense of store.UpdateOf: the intent that it hints at, or nothing but itself if it
// concerns us not, else everything.
func (e StripeEvent) thing() string {
	switch t := topicOf(e.Type); {
	case t == nil:
		return e.ID
	case t.hints:
		return e.IntentID
	}
	return ""
}

// EventTypes are the types of events that mean anything here: those that a webhook endpoint at Stripe should send. That an intent
// was made is not among them: nobody makes one for us but ourselves, and it moves no money.
func EventTypes() (all []string) {
	for _, t := range topics {
		all = append(all, t.types...)
	}
	slices.Sort(all)
	return all
}

// chargeTold is the charge that an event is about: that of its intent, else the one that its object's metadata name.
func chargeTold(tx *store.Tx, e *StripeEvent) (c Charge, ok bool, err error) {
	if e.charge != nil {
		c, ok = *e.charge, true
	} else if c, ok, err = chargeOfIntent(tx, e.IntentID); err == nil && !ok {
		c, ok, err = findCharge(tx, e.ChargeID)
	}
	if ok {
		e.ChargeID = c.ID
	}
	return c, ok, err
}

// intentTold makes an undecided charge due for a look at its intent.
func (s *Service) intentTold(tx *store.Tx, e *StripeEvent) (string, error) {
	c, ok, err := chargeTold(tx, e)
	switch {
	case err != nil || !ok:
		return heardEarly, err
	case c.Decided():
		return heardNothing, nil
	}
	return heardApplied, s.hint(tx, c)
}

// hint has the worker look at an undecided charge, unless somebody does already.
func (s *Service) hint(tx *store.Tx, c Charge) error {
	due, err := hint(tx, c.ID)
	if due {
		s.wake(tx)
	}
	return err
}

// refundTold wants the refunds of a completed charge to be looked at. One that is not decided yet is to be, first.
func (s *Service) refundTold(tx *store.Tx, e *StripeEvent) (string, error) {
	c, ok, err := chargeTold(tx, e)
	switch {
	case err != nil || !ok:
		return heardEarly, err
	case c.Status == event.ChargeFailed:
		return heardNothing, nil
	case c.Status == event.Completed:
		return heardAsk, nil
	}
	return heardEarly, s.hint(tx, c)
}

func refundsOfCharge(e StripeEvent) string { return "refunds of " + e.ChargeID }

// askRefunds asks Stripe for the refunds of the charge, and records them.
func (s *Service) askRefunds(ctx context.Context, e StripeEvent) error {
	f, err := s.read(ctx, e.ChargeID)
	if err == nil {
		_, err = s.lookAtRefunds(ctx, f.Charge)
	}
	return err
}
