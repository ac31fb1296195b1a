package bench

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkLock is POST /api/orders to the answer AwaitingPayment: 64 buyers, each ticket another one.
func BenchmarkLock(b *testing.B) { onEngines(b, 4000, (*house).lock) }

// BenchmarkLockAlone is the same by one buyer, one after another.
func BenchmarkLockAlone(b *testing.B) { onEngines(b, 400, (*house).lockAlone) }

// BenchmarkPurchase is the whole of it: order, pay, and the tickets are sold.
func BenchmarkPurchase(b *testing.B) { onEngines(b, 2000, (*house).purchase) }

// BenchmarkFlashSale is 64 buyers who want one ticket, one such ticket after another.
func BenchmarkFlashSale(b *testing.B) { onEngines(b, 100, (*house).flashSale) }

// onEngines measures something on every engine.
func onEngines(b *testing.B, count int, do func(h *house, tb testing.TB, count int) sample) {
	for _, e := range engines {
		b.Run("engine="+e.name, func(b *testing.B) {
			h := newHouse(b, e)
			n := count
			if e != embedded { // they take several times as long; a quarter would be over before their heaps have been used once
				n = max(1, count/2)
			}
			benchmark(b, n, func(tb testing.TB, count int) sample { return do(h, tb, count) })
		})
	}
}

func (h *house) lock(tb testing.TB, count int) sample { return h.lockBy(tb, crowd, count) }

func (h *house) lockAlone(tb testing.TB, count int) sample {
	s := h.lockBy(tb, 1, count)
	s.took = 0 // the rate is but the inverse of the time
	return s
}

func (h *house) lockBy(tb testing.TB, people, count int) sample {
	ids := h.list(tb, count)
	return h.charged(tb, func() sample {
		return together(tb, people, count, func(person, n int) error {
			_, err := h.buyers[person].order(ids[n])
			return err
		})
	})
}

// purchase ends when the last ticket is sold; a buyer waits until the payment is answered.
func (h *house) purchase(tb testing.TB, count int) sample {
	ids := h.list(tb, count)
	return h.charged(tb, func() sample { return h.buyAll(tb, ids) })
}

func (h *house) buyAll(tb testing.TB, ids []string) sample {
	began := time.Now()
	s := together(tb, crowd, len(ids), func(person, n int) error {
		order, err := h.buyers[person].order(ids[n])
		if err == nil {
			err = h.buyers[person].pay(order)
		}
		return err
	})
	for n := len(ids) - 1; n >= 0; n-- {
		eventually(tb, "every ticket is sold", func() (bool, error) {
			answer, err := h.buyers[0].want(200, "GET", "/api/tickets/"+ids[n], "")
			return field(answer, "status") == "sold", err
		})
		if n == max(0, len(ids)-crowd) {
			s.took = time.Since(began) // of those before, sold long ago, it is only made sure
		}
	}
	return s
}

// flashSale counts the attempts that were answered, and makes sure that each ticket has one winner.
func (h *house) flashSale(tb testing.TB, count int) sample {
	ids := h.list(tb, count)
	return h.charged(tb, func() (all sample) {
		for _, id := range ids {
			s, won := h.rush(tb, id)
			if won != 1 {
				tb.Fatalf("ticket %s has %d winners", id, won)
			}
			all.add(s)
		}
		return all
	})
}

// rush has everybody want one ticket at the same moment.
func (h *house) rush(tb testing.TB, id string) (sample, int64) {
	var won atomic.Int64
	var everybody sync.WaitGroup
	gate, waits, errs := make(chan struct{}), make([]time.Duration, crowd), make([]error, crowd)
	for i, buyer := range h.buyers {
		everybody.Go(func() {
			<-gate
			began := time.Now()
			status, answer, err := buyer.do("POST", "/api/orders", orderOf(id))
			waits[i] = time.Since(began)
			switch {
			case err != nil:
				errs[i] = err
			case status == 201:
				won.Add(1)
			case status != 409:
				errs[i] = fmt.Errorf("%d %s", status, answer)
			}
		})
	}
	began := time.Now()
	close(gate)
	everybody.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			tb.Fatal(err)
		}
	}
	return sample{count: crowd, took: took, waits: waits}, won.Load()
}
