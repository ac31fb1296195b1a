package demo

import (
	"context"
	"sync"
	"sync/atomic"

	"ticketing/api"
)

// Made counts what a run has added.
type Made struct {
	Accounts, Tickets, Edits, Withdrawals, Orders, Payments atomic.Int64
	Skipped                                                 atomic.Int64 // orders that could not be made: somebody else was there, or nothing may be paid
}

// Nothing tells whether everything was there already.
func (m *Made) Nothing() bool {
	for _, n := range []*atomic.Int64{&m.Accounts, &m.Tickets, &m.Edits, &m.Withdrawals, &m.Orders, &m.Payments} {
		if n.Load() != 0 {
			return false
		}
	}
	return true
}

// Report is what a run has made, and what the demo's people have on the market after it.
type Report struct {
	Made    *Made
	Paid    bool           // false: payments were left out, since this market takes real money
	Tickets map[string]int // by status
	Orders  map[string]int // by status, cancelled ones by their reason
	People  []Fan          // as in the plan
}

// Fan is a person and what they have.
type Fan struct {
	Person
	Listed int // tickets
	Orders map[string]int
}

// report counts.
func (f *filling) report(ctx context.Context) (*Report, error) {
	r := &Report{Made: &f.made, Paid: f.pays, Tickets: map[string]int{}, Orders: map[string]int{}, People: make([]Fan, len(f.people))}
	var mu sync.Mutex
	return r, f.each(ctx, "summary", len(f.people), func(ctx context.Context, i int) error {
		p, fan := f.people[i], Fan{Person: f.plan.People[i], Orders: map[string]int{}}
		tickets := map[string]int{}
		for t, err := range p.AllTickets(ctx, api.TicketQuery{Seller: p.id, Status: api.All, Limit: 100}) {
			if err != nil {
				return err
			}
			tickets[t.Status]++
			fan.Listed++
		}
		for o, err := range p.AllOrders(ctx, api.OrderQuery{Limit: 100}) {
			if err != nil {
				return err
			}
			fan.Orders[stateOf(o)]++
		}
		mu.Lock()
		defer mu.Unlock()
		r.People[i] = fan
		add(r.Tickets, tickets)
		add(r.Orders, fan.Orders)
		return nil
	})
}

// stateOf is the status, or why the order was cancelled.
func stateOf(o api.Order) string {
	if o.Status == api.Cancelled {
		return o.CancelReason
	}
	return o.Status
}

func add(to, more map[string]int) {
	for name, n := range more {
		to[name] += n
	}
}
