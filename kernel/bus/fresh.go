package bus

import "sync"

// mostFresh is how many events wait in memory at most. When there are more, the outbox is read.
const mostFresh = 4096

// fresh are events that this process has committed and nobody has published, in the order of their commits. As long as no
// other process writes, the outbox has nothing else to say; it is read at first, after a failure, and when these were too many.
type fresh struct {
	mu   sync.Mutex
	on   bool // while they are wanted
	rows []outboxRow
	lost bool // there were too many

	complete bool            // all that is not published is in rows, or about to be: it has been committed since the outbox was read
	read     map[string]bool // events that the outbox was last found to have, and that may still turn up in rows
}

// want has events kept from now on, or not any more.
func (f *fresh) want(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.rows, f.lost, f.complete = on, nil, false, false
}

// add is called for each event after its commit, in the order of the commits.
func (f *fresh) add(r outboxRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.on:
	case len(f.rows) < mostFresh:
		f.rows = append(f.rows, r)
	default:
		f.rows, f.lost = nil, true
	}
}

// take takes all that there are; false means that some are missing, so that the outbox has to be read.
func (f *fresh) take() (rows []outboxRow, whole bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows, whole = f.rows, !f.lost && f.complete
	f.rows, f.lost = nil, false
	unread := rows[:0]
	for _, r := range rows {
		if f.read[r.id] {
			delete(f.read, r.id)
			continue
		}
		clear(f.read) // reading sees all commits up to one of them: this one came later, as do those that follow
		unread = append(unread, r)
	}
	return unread, whole
}

// note is for what has been read from the outbox, be it all or not.
func (f *fresh) note(rows []outboxRow, all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on {
		return
	}
	f.complete = all
	f.read = make(map[string]bool, len(rows))
	for _, r := range rows {
		f.read[r.id] = true
	}
}

// doubt has the outbox read again.
func (f *fresh) doubt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.complete = false
}
