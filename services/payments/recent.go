package payments

import (
	"sync"

	"ticketing/kernel/store"
)

// mostRecent is how many orders are remembered.
const mostRecent = 4096

// recent are the newest states of the orders that this process has heard of, once they are committed. Whoever waits for an order
// looks here: each commit makes the connections that read begin anew, so that a look into the database costs more than what
// was waited for. Where other processes hear of orders too, a state here may be old, and is good only for what cannot change any more.
type recent struct {
	mu     sync.Mutex
	orders map[string]Order
	ids    [mostRecent]string // of the orders, in a ring
	next   int                // the place of the oldest
}

// remember keeps the order once tx is committed.
func (r *recent) remember(tx *store.Tx, o Order) {
	tx.AfterCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, known := r.orders[o.ID]; !known {
			delete(r.orders, r.ids[r.next])
			r.ids[r.next], r.next = o.ID, (r.next+1)%mostRecent
		}
		r.orders[o.ID] = o
	})
}

// heard is the order as this process has heard of it last; false if it is not remembered.
func (r *recent) heard(id string) (Order, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, ok := r.orders[id]
	return o, ok
}

// newest is the order as it is now; false if that is not known here.
func (r *recent) newest(tx *store.Tx, id string) (Order, bool) {
	o, ok := r.heard(id)
	return o, ok && (tx.Embedded() || o.over())
}

// newestOrder is the order as it is now.
func (s *Service) newestOrder(tx *store.Tx, id string) (Order, bool, error) {
	if o, ok := s.recent.newest(tx, id); ok {
		return o, true, nil
	}
	return findOrder(tx, id)
}

// withOrder is the file with the order as it is now. The charge may be as it was: what decides it is an update on condition
// that nobody has, and what is asked of Stripe is asked under the same keys.
func (s *Service) withOrder(tx *store.Tx, f file) (file, error) {
	if o, ok := s.recent.newest(tx, f.OrderID); ok {
		f.order, f.now = o, tx.Now()
		return f, nil
	}
	now, err := readStates(tx, f.ID)
	now.requests = f.requests
	return now, err
}
