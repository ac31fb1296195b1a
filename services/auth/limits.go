package auth

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
)

// What one client may do before it has to slow down: so often at once, then once in every interval.
const (
	pairBurst, pairEvery       = 10, 6 * time.Second          // failed sign-ins of one address to one account
	addressBurst, addressEvery = 100, time.Second             // failed sign-ins of one address
	signUpBurst, signUpEvery   = 500, 500 * time.Millisecond  // sign-ups of one address
	digestBurst, digestEvery   = 1000, 250 * time.Millisecond // fingerprints of requests of one address: both of the above
)

// maxTurns is how many attempts of one address at one account may wait for one another.
const maxTurns = 100

// limits slow down whoever guesses passwords. They never count an account alone: a stranger could then lock its owner
// out. A right password costs nothing.
type limits struct {
	pairs, addresses *failures
	signUps, digests *httpapi.Limiter
	turns            turns
}

func newLimits(now func() time.Time) *limits {
	return &limits{
		pairs:     newFailures(pairEvery, pairBurst, now),
		addresses: newFailures(addressEvery, addressBurst, now),
		signUps:   httpapi.NewLimiter(signUpEvery, signUpBurst, now),
		digests:   httpapi.NewLimiter(digestEvery, digestBurst, now),
		turns:     turns{taken: map[string]*turn{}},
	}
}

// signUp takes one sign-up of the request's client.
func (l *limits) signUp(ctx context.Context) error {
	if wait, ok := l.signUps.Allow(httpapi.ClientKey(ctx)); !ok {
		return slowDown(wait)
	}
	return nil
}

// digest takes one fingerprint of a request of the client, who must not have used up its failures either.
func (l *limits) digest(ctx context.Context) error {
	client := httpapi.ClientKey(ctx)
	if wait := l.addresses.wait(client); wait > 0 {
		return slowDown(wait)
	}
	if wait, ok := l.digests.Allow(client); !ok {
		return slowDown(wait)
	}
	return nil
}

// attempt runs try, which tells whether a password of the account was right, unless there were too many wrong ones.
// Attempts of one client at one account take turns, so that many at once get no further than one after the other.
func (l *limits) attempt(ctx context.Context, account string, try func() (bool, error)) (bool, error) {
	client := httpapi.ClientKey(ctx)
	pair := client + " " + account
	if wait := max(l.pairs.wait(pair), l.addresses.wait(client)); wait > 0 {
		return false, slowDown(wait)
	}
	leave, err := l.turns.enter(ctx, pair)
	if err != nil {
		return false, err
	}
	defer leave()
	if wait := max(l.pairs.wait(pair), l.addresses.wait(client)); wait > 0 {
		return false, slowDown(wait)
	}
	right, err := try()
	if err == nil && !right {
		l.pairs.note(pair)
		l.addresses.note(client)
	}
	return right, err
}

func slowDown(wait time.Duration) error {
	return fault.SlowDown.New("There were too many attempts. Please wait a moment before the next one.").After(wait)
}

// failureKeys is how many keys one half of the memory of failures holds.
const failureKeys = 16384

// failures are token buckets that are looked at before an attempt and charged after one that failed. Attempts that run
// at the same time can overdraw a bucket; the debt has to be waited for, so the rate holds all the same.
type failures struct {
	mu       sync.Mutex
	every    time.Duration
	burst    int
	now      func() time.Time
	new, old map[string]*rate.Limiter
}

func newFailures(every time.Duration, burst int, now func() time.Time) *failures {
	return &failures{every: every, burst: burst, now: now, new: map[string]*rate.Limiter{}}
}

// wait is how long it takes until the key may try again; 0 is now.
func (f *failures) wait(key string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.find(key)
	if b == nil {
		return 0
	}
	missing := 1 - b.TokensAt(f.now())
	if missing <= 1e-9 { // tokens are fractions, and sums of them are not exact
		return 0
	}
	return time.Duration(missing * float64(f.every))
}

// note charges the key for a failure.
func (f *failures) note(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.find(key)
	if b == nil {
		b = rate.NewLimiter(rate.Every(f.every), f.burst)
	}
	if len(f.new) >= failureKeys {
		f.old, f.new = f.new, map[string]*rate.Limiter{}
	}
	f.new[key] = b
	b.ReserveN(f.now(), 1)
}

func (f *failures) find(key string) *rate.Limiter {
	if b, ok := f.new[key]; ok {
		return b
	}
	return f.old[key]
}

// turns lets one after the other through, for each key.
type turns struct {
	mu    sync.Mutex
	taken map[string]*turn
}

type turn struct {
	baton chan struct{} // whoever has put something in may go
	users int
}

// enter waits for the key's turn; leave ends it.
func (t *turns) enter(ctx context.Context, key string) (leave func(), err error) {
	t.mu.Lock()
	mine := t.taken[key]
	if mine == nil {
		mine = &turn{baton: make(chan struct{}, 1)}
		t.taken[key] = mine
	}
	if mine.users >= maxTurns {
		t.mu.Unlock()
		return nil, slowDown(time.Second)
	}
	mine.users++
	t.mu.Unlock()
	select {
	case mine.baton <- struct{}{}:
		return func() { <-mine.baton; t.done(key, mine) }, nil
	case <-ctx.Done():
		t.done(key, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) done(key string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(t.taken, key)
	}
}
