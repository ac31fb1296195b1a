package payments

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/kernel/fault"
	"ticketing/kernel/store"
)

// tolerance is how old a webhook's signature may be.
const tolerance = 5 * time.Minute

// Heard takes a webhook. It is only a hint that there is something to learn: what is true, the worker asks Stripe itself.
func (s *Service) Heard(ctx context.Context, body []byte, signature string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := webhook.ConstructEventWithOptions(body, signature, s.o.WebhookSecret,
			webhook.ConstructEventOptions{IgnoreTolerance: true, IgnoreAPIVersionMismatch: true})
		if s.o.WebhookSecret == "" || err != nil || !fresh(signature, tx.Now()) {
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
