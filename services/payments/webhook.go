package payments

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/kernel/fault"
	"ticketing/kernel/store"
)

// tolerance is how old a webhook's signature may be.
const tolerance = 5 * time.Minute

// Heard takes a webhook. It is only a hint that there is something to learn: what is true, the worker asks Stripe itself.
func (s *Service) Heard(ctx context.Context, body []byte, signature string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := s.signed(body, signature)
		if err != nil || !fresh(signature, tx.Now()) {
			return fault.BadSignature.New("The webhook's signature is not valid.").Because(err)
		}
		if !strings.HasPrefix(string(e.Type), "payment_intent.") || e.Data == nil {
			return nil
		}
		var in struct {
			ID       string            `json:"id"`
			Metadata map[string]string `json:"metadata"`
		}
		if err := json.Unmarshal(e.Data.Raw, &in); err != nil {
			return nil // of no use to us, and sending it again would not help
		}
		s.wake(tx)
		return hasten(tx, in.Metadata["charge_id"], in.ID)
	})
}

// signed is the event if one of our secrets signed it.
func (s *Service) signed(body []byte, signature string) (e stripe.Event, err error) {
	err = errors.New("there is no webhook secret")
	for _, secret := range s.o.WebhookSecrets {
		e, err = webhook.ConstructEventWithOptions(body, signature, secret,
			webhook.ConstructEventOptions{IgnoreTolerance: true, IgnoreAPIVersionMismatch: true})
		if err == nil {
			break
		}
	}
	return e, err
}

// fresh tells whether the signature was made within tolerance, by the database's clock.
func fresh(signature string, now time.Time) bool {
	for part := range strings.SplitSeq(signature, ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(part), "t="); ok {
			seconds, err := strconv.ParseInt(text, 10, 64)
			return err == nil && now.Sub(time.Unix(seconds, 0)).Abs() <= tolerance
		}
	}
	return false
}
