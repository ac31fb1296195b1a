package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiterKeys is how many keys one half of a Limiter's memory holds.
const limiterKeys = 16384

// Limiter lets each key do something so often and no more: a token bucket for every key. It remembers the keys that were
// used last, and never more than a bounded number. It is safe for concurrent use.
type Limiter struct {
	mu       sync.Mutex
	rate     rate.Limit
	burst    int
	now      func() time.Time
	new, old map[string]*rate.Limiter
}

// NewLimiter allows burst times at once and then once in every interval, by this clock.
func NewLimiter(every time.Duration, burst int, now func() time.Time) *Limiter {
	return &Limiter{rate: rate.Every(every), burst: burst, now: now, new: map[string]*rate.Limiter{}}
}

// Allow takes a token of the key. Without one it says after which time there will be.
func (l *Limiter) Allow(key string) (retryAfter time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	bucket := l.bucket(key)
	if bucket.AllowN(now, 1) {
		return 0, true
	}
	wait := bucket.ReserveN(now, 1)
	defer wait.CancelAt(now)
	return wait.DelayFrom(now), false
}

// bucket finds the key's bucket. When the newer half of the memory is full it becomes the older one, and what the older
// half held is forgotten: those keys have not been used while thousands of others were.
func (l *Limiter) bucket(key string) *rate.Limiter {
	if b, ok := l.new[key]; ok {
		return b
	}
	b, ok := l.old[key]
	if !ok {
		b = rate.NewLimiter(l.rate, l.burst)
	}
	if len(l.new) >= limiterKeys {
		l.old, l.new = l.new, map[string]*rate.Limiter{}
	}
	l.new[key] = b
	return b
}
