package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

const (
	maxGroup   = 256  // updates that share a commit
	maxQueue   = 4096 // updates that wait; one more waits for its place
	maxRepeats = 10   // runs of one update that the engine asks to repeat
	carefulFor = 16   // groups with savepoints after one that failed without

	// Where several updates shared the last commit, the next one waits a little for company: a commit costs the processors as
	// much as some thirty short updates. Who updates alone never waits.
	commitDelay = 1500 * time.Microsecond
	busyFrom    = 3 // updates of the last commit
)

// writer is the one connection that changes a database, behind a queue. Waiting updates share a commit.
type writer struct {
	db     *DB
	queue  chan *update
	done   chan struct{}
	mu     sync.RWMutex // guards closed against sends to a closed queue
	closed bool

	conn      conn       // nil when it must be opened again
	careful   int        // groups that are still to be run with savepoints
	unsettled []*Changes // by the commit that is under way
}

// update is one call of Update.
type update struct {
	ctx      context.Context
	fn       func(*Tx) error
	weight   int    // updates that it stands for
	thing    string // that it is about; "" for whatever
	answer   chan error
	answered bool
	runs     int
	tx       *Tx
	failure  error // of its own, to be answered after the commit: it may rest on what the others of the group wrote
}

func newWriter(db *DB) *writer {
	w := &writer{db: db, queue: make(chan *update, maxQueue), done: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) start(u *update) <-chan error {
	u.answer = make(chan error, 1)
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		u.answer <- errClosed
		return u.answer
	}
	w.queue <- u
	return u.answer
}

// close finishes the updates that have been started. The connection stays until disconnect.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
}

func (w *writer) loop() {
	defer close(w.done)
	busy := false
	for first := range w.queue {
		if busy {
			time.Sleep(commitDelay)
		}
		group := w.gather(first)
		busy = weight(group) >= busyFrom
		w.commit(group)
	}
}

func weight(group []*update) (all int) {
	for _, u := range group {
		all += u.weight
	}
	return all
}

// gather takes the updates that are waiting, in their order, and drops those whose caller has gone.
func (w *writer) gather(first *update) []*update {
	var group []*update
	for u := first; u != nil; {
		if err := u.ctx.Err(); err != nil {
			u.answer <- err
		} else {
			group = append(group, u)
		}
		u = nil
		if len(group) < maxGroup {
			select {
			case u = <-w.queue: // nil when closed and empty
			default:
			}
		}
	}
	return group
}

// commit runs the group in one transaction and answers every member. Those that the engine wants to be run again are run
// alone afterwards: two replicas that update the same rows in different orders do not meet twice that way.
func (w *writer) commit(group []*update) {
	var again []*update
	err := w.transact(group, &again)
	if err != nil && w.conn != nil && !w.conn.answered() {
		// The connection had died since it was last used, and nothing was lost with it.
		w.disconnect()
		for _, u := range group {
			u.tx = nil
		}
		err = w.transact(group, &again)
	}
	if err != nil {
		w.disconnect()
	}
	w.settle()
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		w.db.log.Error("a commit failed", "database", w.db.name, "error", err)
		for _, u := range group {
			u.answerOnce(err)
		}
		return
	}
	var touched []string
	for _, u := range group {
		switch {
		case u.tx != nil:
			touched = append(touched, u.tx.keys...)
			u.tx.committed()
			u.answerOnce(nil)
		case u.failure != nil:
			u.answerOnce(u.failure)
		}
	}
	w.tell(touched)
	for _, u := range again {
		w.commit([]*update{u})
	}
}

// tell wakes those who await one of the keys, here and in other processes.
func (w *writer) tell(touched []string) {
	if announce := w.db.announce.Load(); announce != nil && len(touched) > 0 {
		(*announce)(slices.Clone(touched))
	}
	w.db.waits.wake(touched, w.conn)
}

// transact runs the members and commits. The tx of members that failed is nil.
func (w *writer) transact(group []*update, again *[]*update) error {
	if len(group) == 0 {
		return nil
	}
	if w.careful == 0 || len(group) == 1 {
		if done, err := w.together(group); done || err != nil {
			return err
		}
		w.careful = carefulFor
	}
	w.careful--
	return w.apart(group, again)
}

// together runs the members without savepoints, which cost as much as short updates do. It is undone, and false, when one of
// several fails, or the engine asks for a repeat: then only savepoints tell who is to blame.
func (w *writer) together(group []*update) (done bool, err error) {
	if err := w.begin(len(group) == 1); err != nil {
		return false, err
	}
	for from, to := range independent(len(group), func(i int) string { return group[i].thing }) {
		failure := w.beside(group[from:to])
		if failure == nil && w.conn.doomed() {
			failure = errSwallowed
		}
		if failure != nil {
			return w.blame(group, failure)
		}
	}
	w.unsettle(group)
	late, err := w.conn.commit()
	if late == nil {
		return true, err
	}
	return w.blame(group, late)
}

// beside runs members that are about different things.
func (w *writer) beside(some []*update) error {
	c, ok := w.conn.(laned)
	if !ok || len(some) == 1 {
		for _, u := range some {
			u.tx = &Tx{db: w.db, caller: u.ctx, run: w.conn}
			if err := u.run(); err != nil {
				return err
			}
		}
		return nil
	}
	return c.beside(len(some), func(i int, lane writes) error {
		u := some[i]
		u.tx = &Tx{db: w.db, caller: u.ctx, run: lane}
		return u.run()
	})
}

// blame undoes a group of which a statement has failed. It is true if that is settled with the failure of its only member.
func (w *writer) blame(group []*update, failure error) (done bool, err error) {
	verdict := w.judge(failure)
	if verdict == broken {
		return false, failure
	}
	for _, u := range group {
		u.tx = nil
	}
	if done = len(group) == 1 && verdict == refused; done {
		group[0].failure = failure
	}
	return done, w.conn.rollback()
}

// judge is the engine's verdict. A connection that is dead is to be replaced, even if the function has an error of its own to
// tell, or one that came after the one that says so.
func (w *writer) judge(failure error) verdict {
	if w.conn.dead() {
		return broken
	}
	return w.db.engine.judge(failure)
}

// errSwallowed is for a function that went on after a statement had failed, which PostgreSQL lets no transaction do.
var errSwallowed = errors.New("a statement of the transaction has failed")

// apart runs each member in a savepoint of its own.
func (w *writer) apart(group []*update, again *[]*update) error {
	if err := w.begin(len(group) == 1); err != nil {
		return err
	}
	live := 0
	for _, u := range group {
		ok, err := w.runMember(u, again)
		if err != nil {
			return err
		}
		if ok {
			live++
		}
	}
	if live == 0 {
		return w.conn.rollback()
	}
	w.unsettle(group)
	late, err := w.conn.commit()
	return errors.Join(late, err)
}

// runMember runs one update in a savepoint. Its error is one of the engine; the update's own is kept with the update.
func (w *writer) runMember(u *update, again *[]*update) (ok bool, err error) {
	if err := w.savepoint("SAVEPOINT member"); err != nil {
		return false, err
	}
	u.runs++
	u.tx = &Tx{db: w.db, caller: u.ctx, run: w.conn}
	failure := u.run()
	if failure == nil {
		if failure = w.savepoint("RELEASE SAVEPOINT member"); failure == nil {
			return true, nil
		}
	}
	u.tx = nil
	verdict := w.judge(failure)
	if verdict == broken {
		return false, failure
	}
	w.conn.forget()
	if err := w.savepoint("ROLLBACK TO SAVEPOINT member", "RELEASE SAVEPOINT member"); err != nil {
		return false, err
	}
	if verdict == repeat && u.runs < maxRepeats {
		*again = append(*again, u)
		return false, nil
	}
	u.failure = failure
	return false, nil
}

func (w *writer) savepoint(statements ...string) error {
	for _, s := range statements {
		if _, err := w.conn.exec(s, nil); err != nil {
			return err
		}
	}
	return nil
}

// run calls the function; a panic of it is an error of this member alone.
func (u *update) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("an update panicked: %v\n%s", p, debug.Stack())
		}
	}()
	if err := u.fn(u.tx); err != nil {
		return err
	}
	return u.tx.err
}

func (u *update) answerOnce(err error) {
	if !u.answered {
		u.answered = true
		u.answer <- err
	}
}

func (w *writer) begin(alone bool) (err error) {
	if w.conn == nil {
		if w.conn, err = w.db.engine.connect(); err != nil {
			return err
		}
	}
	return w.conn.begin(alone)
}

// disconnect gives the connection up, so that the next update begins on a fresh one.
func (w *writer) disconnect() {
	if w.conn == nil {
		return
	}
	if err := w.conn.close(); err != nil {
		w.db.log.Warn("closing a connection failed", "database", w.db.name, "error", err)
	}
	w.conn = nil
}
