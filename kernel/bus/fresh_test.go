package bus_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
	"ticketing/test/postgres"
)

// moody is a log that every now and then takes nothing, or half, or does not say what it took.
type moody struct {
	bus.Log
	calls atomic.Int64
	gate  chan struct{} // nil, or what the first call waits for
}

func (m *moody) Publish(ctx context.Context, ms []bus.Message) ([]uint64, error) {
	n := m.calls.Add(1)
	if n == 1 && m.gate != nil {
		<-m.gate
	}
	half := len(ms) / 2
	switch n % 9 {
	case 3:
		return nil, errStop
	case 6:
		seqs, err := m.Log.Publish(ctx, ms[:half])
		if err == nil {
			err = errStop
		}
		return seqs, err
	case 8:
		seqs, err := m.Log.Publish(ctx, ms)
		if err == nil {
			seqs, err = seqs[:half], errStop
		}
		return seqs, err
	}
	return m.Log.Publish(ctx, ms)
}

// awaitPublished waits until the outbox says of all events where they are.
func awaitPublished(t *testing.T, b *bus.Bus) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		s, err := b.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Unpublished == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events are not published", s.Unpublished)
		}
	}
}

// writeTogether has four writers write about that many entities each, all from the same moment on, and returns the entities.
func writeTogether(each int, write func(id string, nth int)) (ids []string) {
	var writers sync.WaitGroup
	start := make(chan struct{})
	for w := range 4 {
		for i := range each {
			ids = append(ids, fmt.Sprintf("w%d-o%d", w, i))
		}
		own := ids[w*each:]
		writers.Go(func() {
			<-start
			for i, id := range own {
				write(id, w+i)
			}
		})
	}
	close(start)
	writers.Wait()
	return ids
}

// A relay that runs publishes what is committed meanwhile, each event once and those of an entity in order, whatever the log does.
func TestARunningRelayPublishesEverythingOnce(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		log, db := &moody{Log: embedded(t, t.TempDir())}, open.db("orders")
		b := bus.New(db, log, bus.Options{Log: logger(t)})
		emit(t, db, b, "before", 1)
		stop := running(t, b)
		want := map[string][]int64{"before": {1}}
		for _, id := range writeTogether(40, func(id string, _ int) { emit(t, db, b, id, 1, 2, 3) }) {
			want[id] = []int64{1, 2, 3}
		}
		awaitPublished(t, b)
		stop()
		wantVersions(t, log.Log, want)
	})
}

// What does not fit into memory while the log takes nothing is read from the outbox.
func TestARelayThatWasHeldUpCatchesUp(t *testing.T) {
	engines(t, func(t *testing.T, open opener) {
		log, db := &moody{Log: embedded(t, t.TempDir()), gate: make(chan struct{})}, open.db("orders")
		b := bus.New(db, log, bus.Options{Log: logger(t)})
		stop := running(t, b)
		emit(t, db, b, "first", 1)
		want := map[string][]int64{"first": {1}}
		for group := range 12 {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				for i := range 400 {
					id := fmt.Sprintf("g%02d-o%03d", group, i)
					want[id] = []int64{1}
					if err := b.Emit(tx, event.OrderCreated, order(id, 1)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		close(log.gate)
		awaitPublished(t, b)
		emit(t, db, b, "last", 1)
		want["last"] = []int64{1}
		awaitPublished(t, b)
		stop()
		wantVersions(t, log.Log, want)
	})
}

// deaf is a log that tells nobody what other processes have committed.
type deaf struct{ bus.Log }

// Two processes that change an entity in turns: whichever publishes, and whether it hears of the other or not, the versions are
// in the log in their order.
func TestVersionsOfTwoProcessesArePublishedInOrder(t *testing.T) {
	for name, log := range map[string]bus.Log{"hints": embedded(t, t.TempDir()), "no hints": deaf{embedded(t, t.TempDir())}} {
		t.Run(name, func(t *testing.T) {
			open := opener{t: t, o: store.Options{URL: postgres.URL(t)}}
			dbs := []*store.DB{open.db("orders"), open.db("orders")}
			both := []*bus.Bus{bus.New(dbs[0], log, bus.Options{Log: logger(t)}), bus.New(dbs[1], log, bus.Options{Log: logger(t)})}
			defer running(t, both[0])()
			defer running(t, both[1])()
			want := map[string][]int64{}
			for _, id := range writeTogether(25, func(id string, nth int) {
				for v := range 4 {
					at := (v + nth) % 2
					emit(t, dbs[at], both[at], id, int64(v+1))
				}
			}) {
				want[id] = []int64{1, 2, 3, 4}
			}
			awaitPublished(t, both[0])
			wantVersions(t, log, want)
		})
	}
}
