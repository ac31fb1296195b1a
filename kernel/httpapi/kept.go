package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"sync"
	"time"
)

// mostKept is how many bytes of answers are kept; when there are more, all are forgotten.
const mostKept = 8 << 20

// keptOverhead is about what an answer takes beside its body.
const keptOverhead = 1024

// Kept holds the answers of routes that read, for as long as what they were made of has not changed. The answers must be the
// same for everybody. It is safe for concurrent use.
type Kept struct {
	still func(context.Context) (number uint64, still bool)
	now   func() time.Time

	mu      sync.RWMutex
	number  uint64 // of the state that all of them are made of
	answers map[keptKey]*keptAnswer
	bytes   int
}

// keptKey is an address as it was asked for.
type keptKey struct{ path, rawPath, query string }

type keptAnswer struct {
	*answer
	from, until time.Time // when it is right; until may be zero: for ever
}

// NewKept keeps answers as long as still gives the same number and true, as store.Changes does, by this clock.
func NewKept(still func(context.Context) (number uint64, still bool), now func() time.Time) *Kept {
	return &Kept{still: still, now: now, answers: map[keptKey]*keptAnswer{}}
}

// KeepUntil says that the answer to this request is only right before t, whatever changes or not. The earliest t counts.
func KeepUntil(ctx context.Context, t time.Time) {
	if c, _ := ctx.Value(callKey{}).(*call); c != nil && (c.until.IsZero() || t.Before(c.until)) {
		c.until = t
	}
}

// serve answers with what is kept, or has the answer made. Either way it is the caller's to change.
func (k *Kept) serve(ctx context.Context, r *http.Request, c *call, make endpoint) (*answer, error) {
	key := keptKey{r.URL.Path, r.URL.RawPath, r.URL.RawQuery}
	number, still := k.still(ctx) // before anything is read
	now := k.now()
	if still {
		if a := k.find(key, number, now); a != nil {
			return a.copy(), nil
		}
	}
	a, err := make(ctx, r, nil)
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	if a.get("Etag") == "" {
		a.add("Etag", a.tag())
	}
	if still {
		k.put(key, number, &keptAnswer{a, now, c.until})
	}
	return a.copy(), nil
}

func (k *Kept) find(key keptKey, number uint64, now time.Time) *answer {
	k.mu.RLock()
	defer k.mu.RUnlock()
	a := k.answers[key]
	if a == nil || k.number != number || now.Before(a.from) || !a.until.IsZero() && !now.Before(a.until) {
		return nil
	}
	return a.answer
}

func (k *Kept) put(key keptKey, number uint64, a *keptAnswer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if number < k.number { // it took long to make
		return
	}
	size := len(a.body) + len(key.path) + len(key.rawPath) + len(key.query) + keptOverhead
	if number > k.number || k.bytes+size > mostKept {
		k.number, k.bytes = number, 0
		k.answers = map[keptKey]*keptAnswer{}
	}
	k.bytes += size // twice if two have made it at once, which does no harm
	k.answers[key] = a
}

// copy can be given another status and more headers; the body is shared.
func (a *answer) copy() *answer {
	other := *a
	other.header = slices.Clip(a.header)
	return &other
}

// tag stands for all that an answer says.
func (a *answer) tag() string {
	sum := sha256.New()
	for _, h := range a.header {
		sum.Write([]byte(h.Name + ": " + h.Value + "\n"))
	}
	sum.Write(a.body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:15]) + `"`
}
