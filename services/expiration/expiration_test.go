package expiration_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/services/expiration"
	"ticketing/test/service"
)

// house is expiration, or one replica of it.
type house struct {
	*service.Process
	*expiration.Service
}

// each runs the test on every engine. Nobody runs the service: the test rings.
func each(t *testing.T, test func(t *testing.T, h house)) {
	service.Each(t, func(t *testing.T, m *service.Market) { test(t, start(m, nil, false)) })
}

func start(m *service.Market, clock func() time.Time, runs bool) (h house) {
	m.Helper()
	h.Process = m.Start("expiration", expiration.Migrations, clock, func(db *store.DB, b *bus.Bus) service.Parts {
		h.Service = expiration.New(db, b, expiration.Options{})
		h.Follow(b)
		if runs {
			return service.Parts{Run: h.Run}
		}
		return service.Parts{}
	})
	return h
}

func order(id string, expires time.Time, status string, version int64) event.Order {
	o := event.Order{ID: id, Status: status, ExpiresAt: expires, Version: version, CreatedAt: expires, UpdatedAt: expires}
	if status == event.Cancelled {
		o.CancelReason = event.ByBuyer
	}
	return o
}

func (h house) deliver(o event.Order) {
	h.Helper()
	h.Deliver(event.OrderUpdated, o)
}

// rings rings what is due and checks how many alarms that were.
func (h house) rings(want int) (wait time.Duration) {
	h.Helper()
	n, wait, err := h.Ring(context.Background())
	if err != nil || n != want {
		h.Fatalf("%d alarms, %v, want %d", n, err, want)
	}
	return wait
}

func TestRingsAtTheTimeAndAgainUntilDecided(t *testing.T) {
	for _, end := range []string{event.Cancelled, event.Completed} {
		t.Run(end, func(t *testing.T) {
			each(t, func(t *testing.T, h house) {
				id, due := service.NewID(), h.Now().Add(15*time.Minute)
				if wait := h.rings(0); wait <= 0 {
					t.Errorf("without any deadline it looks again after %v", wait)
				}
				h.deliver(order(id, due, event.Created, 1))
				h.deliver(order(id, due, event.AwaitingPayment, 2))
				h.rings(0)
				h.Advance(15*time.Minute - 30*time.Millisecond)
				if wait := h.rings(0); wait != 30*time.Millisecond {
					t.Errorf("30 ms before the time it looks again after %v", wait)
				}
				h.Advance(30*time.Millisecond - time.Millisecond)
				h.rings(0)
				h.Advance(time.Millisecond)
				for _, pause := range []time.Duration{1, 2, 4, 8, 10, 10} {
					h.rings(1)
					h.rings(0)
					h.Advance(pause*time.Second - time.Millisecond)
					h.rings(0)
					h.Advance(time.Millisecond)
				}
				h.deliver(order(id, due, end, 3))
				h.deliver(order(id, due, event.AwaitingPayment, 2)) // late
				h.Advance(time.Hour)
				h.rings(0)
				for _, e := range service.Await(h.Market, id, func(all []event.Expiry) bool { return len(all) >= 6 }) {
					if e.OrderID != id || !e.ExpiresAt.Equal(due) {
						t.Errorf("%+v", e)
					}
				}
				if said := h.Idle(); said != 6 {
					t.Errorf("%d alarms, want 6", said)
				}
				h.Failed()
			})
		})
	}
}

// An order that is decided before its end is heard of late, or in the wrong order, never rings.
func TestDecidedOrdersDoNotRing(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		due := h.Now().Add(time.Minute)
		id := service.NewID()
		h.deliver(order(id, due, event.Created, 1))
		h.deliver(order(id, due, event.Cancelled, 2))
		id = service.NewID()
		h.deliver(order(id, due, event.Completed, 3))
		h.deliver(order(id, due, event.Created, 1))
		h.deliver(order(id, due, event.AwaitingPayment, 2))
		h.Advance(time.Hour)
		h.rings(0)
		h.Failed()
	})
}

func TestManyAreDueAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		var wg sync.WaitGroup
		for i := range 1100 {
			wg.Go(func() {
				h.deliver(order(service.NewID(), h.Now().Add(time.Duration(i)*time.Millisecond), event.Created, 1))
			})
		}
		wg.Wait()
		h.Advance(time.Minute)
		for _, want := range []int{500, 500, 100, 0} {
			h.rings(want)
		}
		if said := h.Idle(); said != 1100 {
			t.Errorf("%d alarms", said)
		}
	})
}

// What is due while nobody runs rings after the start, and the pauses go on where they were.
func TestDeadlinesSurviveARestart(t *testing.T) {
	service.Each(t, func(t *testing.T, m *service.Market) {
		h := start(m, nil, false)
		id, down := service.NewID(), service.NewID()
		h.deliver(order(id, m.Now(), event.AwaitingPayment, 2))
		h.deliver(order(down, m.Now().Add(time.Minute), event.AwaitingPayment, 2))
		h.rings(1)
		h.Stop()
		m.Advance(999 * time.Millisecond)
		h = start(m, nil, false)
		h.rings(0)
		m.Advance(time.Millisecond)
		h.rings(1)
		h.Stop()
		m.Advance(time.Hour)
		h = start(m, nil, false)
		h.rings(2)
		service.AwaitVersion[event.Expiry](m, id, 3)
		service.AwaitVersion[event.Expiry](m, down, 1)
		h.deliver(order(id, m.Now(), event.Cancelled, 3))
		h.deliver(order(down, m.Now(), event.Completed, 3))
		m.Advance(time.Hour)
		h.rings(0)
	})
}

// Replicas that look at the same instant ring each alarm once.
func TestReplicasRingOnce(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		if !h.Shared() {
			t.Skip("one process has the file to itself")
		}
		replicas := []house{h, start(h.Market, nil, false), start(h.Market, nil, false)}
		const rounds, orders = 40, 5
		due := h.Now()
		for range orders {
			h.deliver(order(service.NewID(), due, event.AwaitingPayment, 2))
		}
		for round := range rounds {
			gate, wg, rung := make(chan struct{}), sync.WaitGroup{}, make([]int, len(replicas))
			for i, r := range replicas {
				wg.Go(func() {
					<-gate
					n, _, err := r.Ring(context.Background())
					if err != nil {
						t.Error(err)
					}
					rung[i] = n
				})
			}
			close(gate)
			wg.Wait()
			if total := rung[0] + rung[1] + rung[2]; total != orders {
				t.Fatalf("round %d: %v alarms of %d orders", round, rung, orders)
			}
			h.Advance(10 * time.Second)
		}
		if said := h.Idle(); said != rounds*orders {
			t.Errorf("%d alarms", said)
		}
	})
}

// With clocks that run: as soon as it is time, not earlier, by whichever replica has the duty.
func TestRun(t *testing.T) {
	service.Each(t, func(t *testing.T, m *service.Market) {
		replicas := []house{start(m, time.Now, true)}
		if m.Shared() {
			replicas = append(replicas, start(m, time.Now, true))
		}
		orders := m.StandIn("orders", nil)
		var said []event.Order
		for i := range 20 {
			o := order(service.NewID(), time.Now().UTC().Truncate(time.Millisecond).Add(time.Duration(20*i)*time.Millisecond), event.AwaitingPayment, 2)
			o.Version = 1
			orders.Say(event.OrderCreated, o)
			said = append(said, o)
		}
		for _, o := range said {
			e := service.AwaitVersion[event.Expiry](m, o.ID, 1)
			if now := time.Now(); !e.ExpiresAt.Equal(o.ExpiresAt) || now.Before(o.ExpiresAt) {
				t.Errorf("%+v of %v was said at %v", e, o.ExpiresAt, now)
			}
		}
		// The one that rings goes; the alarms that repeat come from the other, or from the next one.
		replicas[0].Stop()
		if !m.Shared() {
			replicas = append(replicas, start(m, time.Now, true))
		}
		service.AwaitVersion[event.Expiry](m, said[0].ID, 2)
		for _, o := range said {
			o.Version, o.Status, o.CancelReason = 2, event.Cancelled, event.Expired
			orders.Say(event.OrderCancelled, o)
			replicas[1].Knows(o)
		}
		replicas[1].Idle()
		replicas[1].Failed()
	})
}
