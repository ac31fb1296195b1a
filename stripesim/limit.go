package stripesim

import (
	"context"
	"math"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"ticketing/kernel/store"
)

// newLimiter allows perSecond requests a second and burst at once; a burst of 0 is what a second allows. It is nil if
// nothing is limited.
func newLimiter(perSecond float64, burst int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	if burst == 0 {
		burst = int(math.Ceil(perSecond))
	}
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// admit refuses a request that comes too soon after others, by the store's clock.
func (s *Sim) admit(now time.Time) error {
	if s.limiter == nil || s.limiter.AllowN(now, 1) {
		return nil
	}
	return serverError(http.StatusTooManyRequests)
}

// now is the store's time.
func (s *Sim) now(ctx context.Context) (at time.Time) {
	_ = s.db.View(ctx, func(tx *store.Tx) error { // it asks nothing of the database, so nothing can fail
		at = tx.Now()
		return nil
	})
	return at
}
