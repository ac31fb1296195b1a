package bus

import "sync"

// mostFresh is how many events wait in memory at most. When there are more, the outbox is read.
const mostFresh = 4096

// fresh are events that this process has committed and nobody has published, in the order of their commits. As long as no
// other process writes, the outbox has nothing else to say; it is read at first, after a failure, when these were too many, and
// when others may have written.
type fresh struct {
	mu     sync.Mutex
	on     bool // while they are wanted
	rows   []outboxRow
	lost   bool // there were too many
	doubts int  // calls of doubt, and how many there had been when rows were taken
	taken  int

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
	f.rows, f.lost, f.taken = nil, false, f.doubts
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
	f.complete = all && f.doubts == f.taken
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
	f.doubts++
}

// lineage knows which versions of entities were sent last. Where several processes write, one may hear of its own commit before it
// hears of another's that this one followed upon, which then has to be sent first.
type lineage struct {
	recent, older map[string]int64
}

// mostRecent is how many entities a lineage remembers at least; at most twice as many.
const mostRecent = 1 << 14

// note notes what is sent.
func (l *lineage) note(rows []outboxRow) {
	for _, r := range rows {
		if len(l.recent) >= mostRecent || l.recent == nil {
			l.recent, l.older = make(map[string]int64, mostRecent/4), l.recent
		}
		l.recent[r.kind+" "+r.entity] = r.version
	}
}

// has tells whether each of the rows is the first of its entity, or follows one that was sent or stands before it.
func (l *lineage) has(rows []outboxRow) bool {
	among := make(map[string]int64, len(rows))
	for _, r := range rows {
		entity := r.kind + " " + r.entity
		last := max(among[entity], l.recent[entity], l.older[entity])
		if r.version > 1 && last < r.version-1 {
			return false
		}
		among[entity] = r.version
	}
	return true
}
