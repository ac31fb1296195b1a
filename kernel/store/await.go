package store

import (
	"context"
	"sync"
	"time"
)

// pollEvery is how often Await looks by itself: a net under the wake-ups, of which those of other processes may get lost.
const pollEvery = 250 * time.Millisecond

// Await returns once cond holds. It looks at once, after each commit of this process that touched key, when Wake says that
// another process has touched it, and every so often by itself. It returns ctx's error when ctx ends first, after having
// looked at least once.
func (db *DB) Await(ctx context.Context, key string, cond func(tx *Tx) (bool, error)) error {
	l := db.Listen(key)
	defer l.Close()
	l.woken <- struct{}{}
	return l.Await(ctx, cond)
}

// Listener notices every commit that touches its key.
type Listener struct {
	db    *DB
	key   string
	woken chan struct{}
}

// Listen notices commits from now on, so that whoever knows what there is now can wait for the next one. It must be closed.
func (db *DB) Listen(key string) *Listener { return &Listener{db, key, db.waits.add(key)} }

// Close ends the listening.
func (l *Listener) Close() { l.db.waits.remove(l.key, l.woken) }

// Await is DB.Await, but does not look before something has been touched since Listen.
func (l *Listener) Await(ctx context.Context, cond func(tx *Tx) (bool, error)) error {
	for looked := false; ; looked = true {
		if err := l.wait(ctx); err != nil && (looked || ctx.Err() == nil) {
			return err
		}
		var holds bool
		err := l.db.View(context.WithoutCancel(ctx), func(tx *Tx) (err error) {
			holds, err = cond(tx)
			return err
		})
		if err != nil || holds {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// wait returns when it is time to look.
func (l *Listener) wait(ctx context.Context) error {
	select {
	case <-l.woken:
		return nil
	default:
	}
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	select {
	case <-l.woken:
		return nil
	case <-poll.C:
		return nil
	case <-l.db.waits.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Announce has f called after every commit of this process with the keys that it touched, each group of updates at once, so
// that other processes of the service can be told: their Wake is for that. f must not block.
func (db *DB) Announce(f func(keys []string)) { db.announce.Store(&f) }

// Wake has everybody look who awaits one of the keys in this process.
func (db *DB) Wake(keys ...string) { db.waits.wake(keys) }

// waits knows who awaits which key.
type waits struct {
	mu     sync.Mutex
	byKey  map[string]map[chan struct{}]struct{}
	closed chan struct{}
}

func newWaits() *waits {
	return &waits{byKey: map[string]map[chan struct{}]struct{}{}, closed: make(chan struct{})}
}

func (w *waits) add(key string) chan struct{} {
	woken := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey[key] == nil {
		w.byKey[key] = map[chan struct{}]struct{}{}
	}
	w.byKey[key][woken] = struct{}{}
	return woken
}

func (w *waits) remove(key string, woken chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.byKey[key], woken)
	if len(w.byKey[key]) == 0 {
		delete(w.byKey, key)
	}
}

func (w *waits) wake(keys []string) {
	if len(keys) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range keys {
		for woken := range w.byKey[key] {
			select {
			case woken <- struct{}{}:
			default: // it has not looked since the last wake-up, and will see this commit too
			}
		}
	}
}

func (w *waits) close() { close(w.closed) }
