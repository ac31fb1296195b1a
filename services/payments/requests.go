package payments

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"ticketing/kernel/store"
)

// operation is something that Stripe is asked to do about a charge.
type operation string

// The operations. Each has effects that must not come twice.
const (
	opCreate  operation = "create"
	opConfirm operation = "confirm"
	opCapture operation = "capture"
	opCancel  operation = "cancel"
	opRefund  operation = "refund"

	opAccount  operation = "account"  // of a seller: then the request's charge is the seller's id
	opTransfer operation = "transfer" // of what a seller earned with the charge
)

// request is one operation as it is asked for: under this key, with parameters of this hash. It is stored before Stripe is
// asked, so whoever asks again, after a lost answer or a crash, asks under the same key.
type request struct {
	ChargeID   string
	Operation  operation
	Generation int
	Key        string // Stripe's Idempotency-Key
	Hash       string // of the parameters; another request must not go under this key
	Failures   int    // answers that Stripe failed inside
	MadeAt     time.Time
}

const (
	keyLife     = 23 * time.Hour // Stripe may forget a key after 24 h
	maxFailures = 2              // a key that answers so is answered so for ever: Stripe repeats its own failures
)

// newRequest is the request of the generation; the first is 1.
func newRequest(chargeID string, op operation, generation int, hash string, now time.Time) request {
	key := chargeID + ":" + string(op)
	if generation > 1 {
		key += ":" + strconv.Itoa(generation)
	}
	return request{ChargeID: chargeID, Operation: op, Generation: generation, Key: key, Hash: hash, MadeAt: now}
}

// usable tells whether Stripe may be asked under the key. If not, what came of it is read from Stripe before anything is
// asked under another.
func (r request) usable(hash string, now time.Time) bool {
	return r.Hash == hash && r.Failures < maxFailures && now.Sub(r.MadeAt) < keyLife
}

// hashOf tells requests apart as Stripe does: by their path and their parameters.
func hashOf(path string, p any) string { return encode(p).hash(path) }

func (p params) hash(path string) string {
	sum := sha256.Sum256([]byte(path + "?" + p.sorted))
	return hex.EncodeToString(sum[:])
}

// under asks Stripe for an operation with the key that is stored for it. When that key is of no use any more, look reads
// what has come of it so far: only if nothing has is the operation asked for again, under the next key.
func under[T any](ctx context.Context, s *Service, f file, op operation, hash string, look func() (T, bool, error), send func(key string) (T, error)) (got T, err error) {
	r, asked := f.requests[op]
	if !asked {
		err := s.db.View(ctx, func(tx *store.Tx) error {
			all, err := requestsOf(tx, f.ID)
			r, asked = all[op]
			return err
		})
		if err != nil {
			return got, err
		}
	}
	for again := true; ; again = false {
		if !asked || !r.usable(hash, f.now) {
			if asked {
				if found, ok, err := look(); ok || err != nil {
					return found, err
				}
			}
			if r, err = s.prepare(ctx, newRequest(f.ID, op, r.Generation+1, hash, f.now)); err != nil {
				return got, err
			}
		}
		got, err = send(r.Key)
		if !failedInside(err) {
			return got, err
		}
		if noted := s.spoilt(ctx, r, replayed(err)); noted != nil {
			return got, noted
		}
		if !again || !replayed(err) {
			return got, err
		}
		asked, r.Failures = true, maxFailures // a failure of then says nothing of now, so the next key is tried at once
	}
}

// prepare writes a request down, or finds it written down by somebody at the same moment.
func (s *Service) prepare(ctx context.Context, r request) (request, error) {
	err := s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		all, err := insertRequests(tx, []request{r})
		if stored, ok := all[r.Operation]; ok {
			r = stored
		}
		return err
	})
	return r, err
}

// spoilt counts an answer that Stripe failed inside against the key; a repeated one will be repeated for ever.
func (s *Service) spoilt(ctx context.Context, r request, forever bool) error {
	failures := 1
	if forever {
		failures = maxFailures
	}
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return countFailure(tx, r, failures) })
}
