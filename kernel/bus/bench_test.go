package bus_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/test/postgres"
)

// BenchmarkEmitToFollower is the time from the commit that says something to the commit of the follower that applied it:
// one event at a time, on an idle machine the latency of one hop of the saga.
func BenchmarkEmitToFollower(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchmarkLatency(b, sqlite(b)) })
	b.Run("PostgreSQL", func(b *testing.B) {
		benchmarkLatency(b, opener{t: b, o: store.Options{URL: postgres.URL(b)}})
	})
}

func benchmarkLatency(b *testing.B, open opener) {
	orders, emitter, applied := benchMarket(b, open)
	var hops []time.Duration
	for i := 0; b.Loop(); i++ {
		emit(b, orders, emitter, fmt.Sprintf("o%d", i), 1)
		committed := time.Now()
		<-applied
		hops = append(hops, time.Since(committed))
	}
	slices.Sort(hops)
	b.ReportMetric(float64(hops[len(hops)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(hops[len(hops)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkThroughput is the rate at which events go from one database through the log into another, when many wait.
func BenchmarkThroughput(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchmarkThroughput(b, sqlite(b)) })
	b.Run("PostgreSQL", func(b *testing.B) {
		benchmarkThroughput(b, opener{t: b, o: store.Options{URL: postgres.URL(b)}})
	})
}

func benchmarkThroughput(b *testing.B, open opener) {
	orders, emitter, applied := benchMarket(b, open)
	answers := make([]<-chan error, 0, b.N)
	b.ResetTimer()
	go func() {
		for i := range b.N {
			answers = append(answers, orders.Start(context.Background(), func(tx *store.Tx) error {
				return emitter.Emit(tx, event.OrderUpdated, order(fmt.Sprintf("o%d", i), 1))
			}))
		}
	}()
	for range b.N {
		<-applied
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// benchMarket is orders that says, and tickets that follows and signals every commit.
func benchMarket(b *testing.B, open opener) (*store.DB, *bus.Bus, <-chan struct{}) {
	log, err := bus.Connect(context.Background(), bus.NATSOptions{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(log.Close)
	orders, tickets := open.db("orders"), open.db("tickets")
	emitter, follower := bus.New(orders, log, bus.Options{}), bus.New(tickets, log, bus.Options{})
	applied := make(chan struct{}, 1_000_000)
	bus.Follow(follower, func(ctx context.Context, tx *store.Tx, o event.Order) error {
		tx.AfterCommit(func() { applied <- struct{}{} })
		return see(ctx, tx, o)
	})
	running(b, emitter)
	running(b, follower)
	return orders, emitter, applied
}
