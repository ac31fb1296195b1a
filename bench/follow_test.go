package bench

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/test/market"
)

// followed is how many purchases are made in a second while events are followed.
const followed = 500

// BenchmarkFollow is how long events take to their followers' commits: from the time that an event's own transaction began to the
// commit of a service that somebody waits for, in the shipped market. The services count that themselves, in classes, so that
// the figures lie between the bounds of one.
func BenchmarkFollow(b *testing.B) {
	h := newHouse(b, embedded)
	benchmark(b, 2000, h.follow)
}

// follow makes purchases at a steady pace and reads how long their events took.
func (h *house) follow(tb testing.TB, count int) sample {
	ids := h.list(tb, count)
	before := gaugesOf(tb, h.market.Front)
	h.pace(tb, ids)
	after := gaugesOf(tb, h.market.Front)
	var all histogram
	for _, service := range []string{"orders", "tickets", "payments"} {
		all.add(after, before, "ticketing_event_apply_seconds", service)
	}
	return sample{count: count, plain: []figure{
		{"p50-ms", 1000 * all.quantile(0.5)}, {"p99-ms", 1000 * all.quantile(0.99)},
	}}
}

// pace buys tickets, so many in a second.
func (h *house) pace(tb testing.TB, ids []string) {
	began := time.Now()
	together(tb, crowd, len(ids), func(person, n int) error {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / followed)))
		order, err := h.buyers[person].order(ids[n])
		if err == nil {
			err = h.buyers[person].pay(order)
		}
		return err
	})
}

// BenchmarkFollowElsewhere is the same to the commit in a database of another program, which this test binary is. The market's
// event log is a server that both reach by sockets.
func BenchmarkFollowElsewhere(b *testing.B) {
	f := newFollower(b)
	benchmark(b, 1000, f.follow)
}

// follower is a service of its own, that hears of every order.
type follower struct {
	*house
	mu    sync.Mutex
	waits []time.Duration
}

func newFollower(tb testing.TB) *follower {
	tb.Helper()
	broker := market.NewBroker(tb)
	dir := filepath.Join(tb.TempDir(), "data")
	copyDir(tb, signedUp(tb), dir)
	f := &follower{house: openHouse(tb, dir, template.accounts, "--nats-url", broker.URL())}
	ctx, cancel := context.WithCancel(context.Background())
	db, err := store.Open(ctx, store.Options{Name: "bench", Dir: tb.TempDir(), Kernel: []store.Migrations{bus.Migrations}})
	if err != nil {
		tb.Fatal(err)
	}
	log, err := bus.Connect(ctx, bus.NATSOptions{URL: broker.URL()})
	if err != nil {
		tb.Fatal(err)
	}
	b := bus.New(db, log, bus.Options{})
	bus.Follow(b, func(_ context.Context, tx *store.Tx, o event.Order) error {
		tx.AfterCommit(func() { f.heard(time.Since(o.UpdatedAt)) })
		return nil
	})
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
		log.Close()
		db.Close()
	})
	return f
}

func (f *follower) heard(wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waits = append(f.waits, wait)
}

// follow makes purchases at a steady pace and returns how long the events of their orders took to get here.
func (f *follower) follow(tb testing.TB, count int) sample {
	ids := f.list(tb, count)
	f.mu.Lock()
	f.waits = nil
	f.mu.Unlock()
	f.pace(tb, ids)
	eventually(tb, "everything has been heard", func() (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.waits) >= 3*count, nil // made, locked and paid, at the least
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	return sample{count: count, waits: append([]time.Duration{}, f.waits...)}
}
