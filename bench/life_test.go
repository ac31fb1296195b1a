package bench

import (
	"testing"
	"time"
)

// opens are an empty market and a large one, in which very many orders hold tickets.
var opens = []struct {
	name string
	open func(tb testing.TB) *house
}{
	{"empty", func(tb testing.TB) *house { return newHouse(tb, embedded) }},
	{"large", func(tb testing.TB) *house { return openSeed(tb, lockedSeed) }},
}

// BenchmarkStart is how long a market that was stopped takes until it is ready.
func BenchmarkStart(b *testing.B) {
	for _, o := range opens {
		b.Run("market="+o.name, func(b *testing.B) {
			h := o.open(b)
			benchmark(b, 1, h.starts)
		})
	}
}

func (h *house) starts(tb testing.TB, count int) (all sample) {
	for range count {
		h.market.Front.Stop()
		h.hangUp()
		began := time.Now()
		h.market.Front.Start()
		all.waits = append(all.waits, time.Since(began))
	}
	all.count = count
	return all
}

// BenchmarkMemory is what the process holds of the machine's memory: when it has started, and when it has worked.
func BenchmarkMemory(b *testing.B) {
	for _, o := range opens {
		b.Run("market="+o.name, func(b *testing.B) {
			h := o.open(b)
			benchmark(b, 1, h.memory)
		})
	}
}

func (h *house) memory(tb testing.TB, count int) (all sample) {
	for range count {
		h.restart()
		before := h.resident(tb)
		h.reading("/api/tickets")(tb, 500)
		h.lock(tb, 500)
		all.plain = append(all.plain, figure{"MB", before}, figure{"busy-MB", h.resident(tb)})
	}
	all.count = count
	return all
}

// restart starts the market's process again.
func (h *house) restart() {
	h.market.Front.Restart()
	h.hangUp()
}

func (h *house) resident(tb testing.TB) (megabytes float64) {
	for _, p := range h.market.All {
		megabytes += gauge(tb, p, "process_resident_memory_bytes") / 1e6
	}
	return megabytes
}

// BenchmarkGrowth is the whole purchase in an empty market, and after very many sales.
func BenchmarkGrowth(b *testing.B) {
	for _, o := range []struct {
		name string
		open func(tb testing.TB) *house
	}{{"none", opens[0].open}, {"large", func(tb testing.TB) *house { return openSeed(tb, soldSeed) }}} {
		b.Run("past="+o.name, func(b *testing.B) {
			h := o.open(b)
			benchmark(b, 4000, h.purchase)
		})
	}
}

// endsSecond is how many locks end in a second.
const endsSecond = 2000

// BenchmarkLockEnd is how late tickets are free again whose time is over, with very many locks that go on: from the end of
// the time to pay to the transaction that frees the ticket, through the events of expiration, orders and tickets.
func BenchmarkLockEnd(b *testing.B) {
	var all sample
	for b.Loop() { // each time another copy of the market, which is warm when the first lock ends
		all.add(lockEnds(b, 5*endsSecond))
	}
	report(b, all)
}

func lockEnds(tb testing.TB, count int) sample {
	dir, people := seeded(tb, lockedSeed)
	dir = copyOf(tb, dir)
	s := &seed{kind: lockedSeed, people: people}
	orders, ends, err := s.endSoon(dir, min(count, *large), time.Now().Add(startWait()))
	if err != nil {
		tb.Fatal(err)
	}
	h := openHouse(tb, dir, people)
	if late := time.Since(ends[0]); late > 0 {
		tb.Logf("the market was ready %v after the first lock had ended: this run says nothing", late)
	}
	all := sample{count: len(orders)}
	for n, o := range orders {
		eventually(tb, "a lock ends", func() (bool, error) {
			answer, err := h.buyers[0].want(200, "GET", "/api/tickets/"+o, "")
			if err != nil || field(answer, "status") != "available" {
				time.Sleep(50 * time.Millisecond) // so that the question does not slow down what it asks about
				return false, err
			}
			at, err := time.Parse(time.RFC3339Nano, field(answer, "updatedAt"))
			all.waits = append(all.waits, at.Sub(ends[n]))
			return true, err
		})
	}
	h.market.Front.Stop()
	return all
}

// startWait is what a market has to start in, before its first lock ends.
func startWait() time.Duration { return 2*time.Second + time.Duration(*large)*30*time.Microsecond }

// endSoon gives so many locks an end soon, and returns their tickets and when each ends.
func (s *seed) endSoon(dir string, count int, first time.Time) (tickets []string, ends []time.Time, err error) {
	first = first.Truncate(time.Millisecond)
	db, err := openSeedDB(dir, "orders")
	if err != nil {
		return nil, nil, err
	}
	rows, err := db.Query(`SELECT id, ticket_id FROM orders ORDER BY id LIMIT $1`, count)
	if err != nil {
		return nil, nil, err
	}
	var orders []string
	for rows.Next() {
		var order, ticket string
		if err := rows.Scan(&order, &ticket); err != nil {
			return nil, nil, err
		}
		orders, tickets = append(orders, order), append(tickets, ticket)
		ends = append(ends, first.Add(time.Duration(len(ends))*time.Second/endsSecond).Truncate(time.Millisecond))
	}
	if err := firstOf(rows.Err(), rows.Close(), db.Close()); err != nil {
		return nil, nil, err
	}
	for service, text := range map[string]string{
		"orders":     `UPDATE orders SET expires_at = $1 WHERE id = $2`,
		"tickets":    `UPDATE tickets SET locked_until = $1 WHERE order_id = $2`,
		"expiration": `UPDATE deadlines SET expires_at = $1, due_at = $1 WHERE order_id = $2`,
		"payments":   `UPDATE orders SET expires_at = $1 WHERE id = $2`,
	} {
		if err := updateAll(dir, service, text, orders, ends); err != nil {
			return nil, nil, err
		}
	}
	return tickets, ends, nil
}

func updateAll(dir, service, text string, orders []string, ends []time.Time) error {
	db, err := openSeedDB(dir, service)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	for n, id := range orders {
		if _, err := tx.Exec(text, ends[n].UnixMilli(), id); err != nil {
			return firstOf(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
