package store

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pollEvery is how often Await looks by itself: a net under the wake-ups, of which those of other processes may get lost.
const pollEvery = 250 * time.Millisecond

// Await returns once cond holds. It looks at once, after each commit of this process that touched key, when Wake says that
// another process has touched it, and every so often by itself. It returns ctx's error when ctx ends first, after having
// looked at least once.
func (db *DB) Await(ctx context.Context, key string, cond condition) error {
	l := db.Listen(key)
	defer l.Close()
	if holds, err := l.view(ctx, cond); err != nil || holds {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.Await(ctx, cond)
}

// Listener notices every commit that touches its key.
type Listener struct {
	db    *DB
	key   string
	woken chan struct{}

	mu     sync.Mutex
	cond   condition // of who waits; nil while they look by themselves
	caller context.Context
	holds  bool // the writer has found that it does
}

// condition is what is awaited. It only reads, and waits for nothing.
type condition = func(tx *Tx) (bool, error)

// Listen notices commits from now on, so that whoever knows what there is now can wait for the next one. It must be closed.
func (db *DB) Listen(key string) *Listener {
	l := &Listener{db: db, key: key, woken: make(chan struct{}, 1)}
	db.waits.add(l)
	return l
}

// Close ends the listening.
func (l *Listener) Close() { l.db.waits.remove(l) }

// Await is DB.Await, but does not look before something has been touched since Listen. One call at a time.
func (l *Listener) Await(ctx context.Context, cond condition) error {
	for looked := false; ; looked = true {
		l.ask(ctx, cond)
		err := l.wait(ctx)
		if l.told() {
			return nil
		}
		if err != nil && (looked || ctx.Err() == nil) {
			return err
		}
		if holds, err := l.view(ctx, cond); err != nil || holds {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// view looks, although ctx may have ended.
func (l *Listener) view(ctx context.Context, cond condition) (holds bool, err error) {
	err = l.db.View(context.WithoutCancel(ctx), func(tx *Tx) (err error) {
		holds, err = cond(tx)
		return err
	})
	return holds, err
}

// ask lets the writer look. What that reads is still in its memory, while others have to get it anew after each commit.
func (l *Listener) ask(ctx context.Context, cond condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cond, l.caller, l.holds = cond, context.WithoutCancel(ctx), false
}

// told has the writer look no more, and says whether it has found that the condition holds.
func (l *Listener) told() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cond = nil
	return l.holds
}

// look looks on the connection, and is true if there is nothing new for who waits. A panic of the condition comes up where it
// belongs: who waits looks, too. The caller has the lock.
func (l *Listener) look(writer runner) (nothing bool) {
	defer func() {
		if p := recover(); p != nil {
			nothing = false
		}
	}()
	holds, err := l.cond(&Tx{db: l.db, caller: l.caller, run: onlyReads{writer}})
	if l.holds = holds && err == nil; l.holds {
		l.cond = nil
	}
	return err == nil && !holds
}

// wake has who waits look, unless the writer can do so at once and finds that there is nothing new for them.
func (l *Listener) wake(writer runner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if writer == nil || l.cond == nil || !l.look(writer) {
		l.signal()
	}
}

func (l *Listener) signal() {
	select {
	case l.woken <- struct{}{}:
	default: // it has not looked since the last wake-up, and will see this commit too
	}
}

// onlyReads is a writer's connection between two transactions.
type onlyReads struct{ runner }

func (onlyReads) exec(string, []any) (int64, error) { return 0, errReadOnly }

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
func (db *DB) Wake(keys ...string) { db.waits.wake(keys, nil) }

// waits knows who awaits which key.
type waits struct {
	mu     sync.Mutex
	byKey  map[string]map[*Listener]struct{}
	closed chan struct{}
}

func newWaits() *waits {
	return &waits{byKey: map[string]map[*Listener]struct{}{}, closed: make(chan struct{})}
}

func (w *waits) add(l *Listener) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey[l.key] == nil {
		w.byKey[l.key] = map[*Listener]struct{}{}
	}
	w.byKey[l.key][l] = struct{}{}
}

func (w *waits) remove(l *Listener) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.byKey[l.key], l)
	if len(w.byKey[l.key]) == 0 {
		delete(w.byKey, l.key)
	}
}

// of are those who await one of the keys, each once.
func (w *waits) of(keys []string) (all []*Listener) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(keys)
	for i, key := range keys {
		if i > 0 && key == keys[i-1] {
			continue
		}
		for l := range w.byKey[key] {
			all = append(all, l)
		}
	}
	return all
}

// wake has those look who await one of the keys. The writer, between two transactions, does it for them; nil if it cannot.
func (w *waits) wake(keys []string, writer runner) {
	if len(keys) == 0 {
		return
	}
	all := w.of(keys)
	if lanes, ok := writer.(laned); ok && len(all) > 1 {
		lookForAll(all, lanes)
		return
	}
	for _, l := range all {
		l.wake(writer)
	}
}

// lookForAll is wake for all of them, in one round trip.
func lookForAll(all []*Listener, writer laned) {
	var asking []*Listener
	for _, l := range all {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.cond == nil {
			l.signal()
		} else {
			asking = append(asking, l)
		}
	}
	nothing := make([]bool, len(asking)) // new for them
	// An error is that of all looks: then all of them look by themselves.
	_ = writer.beside(len(asking), func(i int, lane writes) error {
		nothing[i] = asking[i].look(lane)
		return nil
	})
	for i, l := range asking {
		if !nothing[i] {
			l.signal()
		}
	}
}

func (w *waits) close() { close(w.closed) }
