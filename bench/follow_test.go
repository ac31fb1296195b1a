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

// followed is how many purchases are made in a second while a follower listens.
const followed = 500

// BenchmarkFollow is how long an event takes to a follower's commit: from the time that the event's own transaction began,
// as the event says, to the commit in a database of another service, which this test binary is. The market's event log is
// a server that both reach by sockets.
func BenchmarkFollow(b *testing.B) {
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

// follow makes purchases at a steady pace and returns how long the events of their orders took.
func (f *follower) follow(tb testing.TB, count int) sample {
	ids := f.list(tb, count)
	f.mu.Lock()
	f.waits = nil
	f.mu.Unlock()
	began := time.Now()
	together(tb, crowd, count, func(person, n int) error {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / followed)))
		order, err := f.buyers[person].order(ids[n])
		if err == nil {
			err = f.buyers[person].pay(order)
		}
		return err
	})
	eventually(tb, "everything has been heard", func() (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.waits) >= 3*count, nil // made, locked and paid, at the least
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	return sample{count: count, waits: append([]time.Duration{}, f.waits...)}
}
