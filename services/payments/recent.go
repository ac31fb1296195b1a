package payments

import (
	"sync"

	"ticketing/kernel/store"
)

// mostRecent is how many orders are remembered.
const mostRecent = 4096

// recent are the newest states of the orders that this process has heard of, once they are committed. Whoever waits for an order
// looks here: each commit makes the connections that read begin anew, so that a look into the database costs more than what
// was waited for. Where other processes hear of orders too, nothing is remembered.
type recent struct {
	mu     sync.Mutex
	orders map[string]Order
	ids    [mostRecent]string // of the orders, in a ring
	next   int                // the place of the oldest
}

// remember keeps the order once tx is committed.
func (r *recent) remember(tx *store.Tx, o Order) {
	if !tx.Embedded() {
		return
	}
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

// order is the order as it was committed last; false if it is not remembered.
func (r *recent) order(id string) (Order, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, ok := r.orders[id]
	return o, ok
}

// newestOrder is the order as it is now.
func (s *Service) newestOrder(tx *store.Tx, id string) (Order, bool, error) {
	if o, ok := s.recent.order(id); ok {
		return o, true, nil
	}
	return findOrder(tx, id)
}

// withOrder is the file with the order as it is now. The charge may be as it was: what decides it is an update on condition
// that nobody has, and what is asked of Stripe is asked under the same keys.
func (s *Service) withOrder(tx *store.Tx, f file) (file, error) {
	if o, ok := s.recent.order(f.OrderID); ok {
		f.order, f.now = o, tx.Now()
		return f, nil
	}
	now, err := readStates(tx, f.ID)
	now.requests = f.requests
	return now, err
}
