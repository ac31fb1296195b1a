package stripesim

import (
	"sync"
	"time"
)

// mostFresh is how many deliveries wait in memory at most. When there are more, the database is read.
const mostFresh = 1024

// fresh are deliveries that this process has committed and not attempted, in the order of their commits. As long as no other
// process writes, the database need not be asked for them, with the events that they tell of. It is asked at first, after whatever
// makes others due, whenever these have come to an end, and once every lookEvery: what is tried again is only there.
type fresh struct {
	mu   sync.Mutex
	on   bool // while they are wanted
	rows []freshRow
	lost bool // there were too many

	complete bool                 // all that is due is in rows, or about to be: it has been committed since the database was read
	lookedAt time.Time            // when that was
	read     map[deliveryKey]bool // what the database was last found to have, and may still turn up in rows
}

// freshRow is a delivery that was never attempted; its endpoint is known by its id.
type freshRow struct {
	told     *event
	endpoint string
}

func (r freshRow) key() deliveryKey { return deliveryKey{r.told.id, r.endpoint} }

// want has deliveries kept from now on, or not any more.
func (f *fresh) want(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.rows, f.lost, f.complete = on, nil, false, false
}

// add is called after a commit, in the order of the commits.
func (f *fresh) add(rows []freshRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.on:
	case len(f.rows)+len(rows) <= mostFresh:
		f.rows = append(f.rows, rows...)
	default:
		f.rows, f.lost = nil, true
	}
}

// take takes the oldest; none means that the database has to be read.
func (f *fresh) take() (rows []freshRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost || !f.complete || time.Since(f.lookedAt) > lookEvery {
		f.rows, f.lost = nil, false
		return nil
	}
	for len(f.rows) > 0 && len(rows) < deliverBatch {
		r := f.rows[0]
		f.rows = f.rows[1:]
		if f.read[r.key()] {
			delete(f.read, r.key())
			continue
		}
		clear(f.read) // reading sees all commits up to one of them: this one came later, as do those that follow
		rows = append(rows, r)
	}
	return rows
}

// note is for what was read from the database after a moment, be it all or not.
func (f *fresh) note(due []*delivery, all bool, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.complete, f.lookedAt = f.on && all, at
	f.read = make(map[deliveryKey]bool, len(due))
	for _, d := range due {
		f.read[d.key()] = true
	}
}

// doubt has the database read again.
func (f *fresh) doubt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.complete = false
}
