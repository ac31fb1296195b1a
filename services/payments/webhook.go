package payments

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/kernel/fault"
	"ticketing/kernel/store"
)

const (
	tolerance  = 5 * time.Minute // how far from now a webhook's signature may have been made
	maxWebhook = 1 << 20         // bytes of a webhook: a dispute comes with its evidence
)

// Heard takes a webhook. It is recorded before it is answered, and what can be done about it with the database alone is done
// in that same transaction; the rest, Hear does. Whatever a signed body says, it is only a hint.
func (s *Service) Heard(ctx context.Context, body []byte, signature string) error {
	made, err := s.verify(body, signature)
	if err != nil {
		return badSignature(err)
	}
	told := readEvent(body)
	err = s.db.UpdateOf(ctx, told.thing(), func(tx *store.Tx) error {
		if tx.Now().Sub(made).Abs() > tolerance {
			return badSignature(webhook.ErrTooOld)
		}
		return s.take(tx, told)
	})
	if err == nil && told.Outcome == heardUnreadable {
		err = fault.BadInput.New("The body is not an event of Stripe's.")
	}
	return err
}

func badSignature(cause error) error {
	return fault.BadSignature.New("The webhook's signature is not valid.").Because(cause)
}

// verify returns when the signature was made, if one of our secrets made it.
func (s *Service) verify(body []byte, signature string) (made time.Time, err error) {
	if made, err = signedAt(signature); err != nil {
		return made, err
	}
	err = errors.New("there is no webhook secret")
	for _, secret := range s.o.WebhookSecrets {
		if secret == "" {
			continue // anybody could sign with it
		}
		if err = webhook.ValidatePayloadIgnoringTolerance(body, signature, secret); err == nil {
			break
		}
	}
	return made, err
}

// signedAt is the time in the header of a signature. There must be one only: with several, the one that is checked need not
// be the one that was signed.
func signedAt(signature string) (made time.Time, err error) {
	found := 0
	for part := range strings.SplitSeq(signature, ",") {
		if text, ok := strings.CutPrefix(part, "t="); ok {
			seconds, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return made, webhook.ErrInvalidHeader
			}
			made, found = time.Unix(seconds, 0), found+1
		}
	}
	if found != 1 {
		return made, webhook.ErrInvalidHeader
	}
	return made, nil
}

// EventFilter says which events are wanted. Its zero value lets all through.
type EventFilter struct {
	ID       string // this one, with its payload
	Type     string
	ChargeID string
	Source   string // webhook or poll
	Outcome  string
	Open     bool   // only those without an outcome
	Before   string // only older ones than the event with this id: the next page
	Limit    int    // 0: 50
}

func (f EventFilter) limit() int {
	if f.Limit <= 0 {
		return 50
	}
	return f.Limit
}

// Events are what Stripe has told, newest first.
func (s *Service) Events(ctx context.Context, f EventFilter) (all []StripeEvent, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		all, err = selectEvents(tx, f)
		return err
	})
	return all, err
}
