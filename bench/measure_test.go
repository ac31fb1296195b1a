package bench

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// crowd is how many people do something at once; fewer when it is only to be seen that everything works.
var crowd = 64

// sample is what one run has measured.
type sample struct {
	count int             // of what was done
	took  time.Duration   // for all of it; 0 if a rate says nothing
	waits []time.Duration // of each that waited
	plain []figure        // that are no rate and no time of waiting
}

// figure is anything else that was measured.
type figure struct {
	unit  string
	value float64
}

// add takes another run into account.
func (s *sample) add(more sample) {
	s.count += more.count
	s.took += more.took
	s.waits = append(s.waits, more.waits...)
	s.plain = append(s.plain, more.plain...)
}

func (s sample) rate() float64 {
	if s.took == 0 {
		return 0
	}
	return float64(s.count) / s.took.Seconds()
}

// quantile is how long all but the longest of the waits lasted at most, in milliseconds.
func (s *sample) quantile(q float64) float64 {
	if len(s.waits) == 0 {
		return 0
	}
	slices.Sort(s.waits)
	return float64(s.waits[min(len(s.waits)-1, int(float64(len(s.waits))*q))]) / float64(time.Millisecond)
}

// figures are the sample's, by their units as benchstat reads them.
func (s *sample) figures() map[string]float64 {
	all := map[string]float64{}
	if s.took > 0 {
		all["/s"] = s.rate()
	}
	if len(s.waits) > 0 {
		all["p50-ms"], all["p99-ms"], all["max-ms"] = s.quantile(0.5), s.quantile(0.99), s.quantile(1)
	}
	byUnit := map[string][]float64{}
	for _, f := range s.plain {
		byUnit[f.unit] = append(byUnit[f.unit], f.value)
	}
	for unit, values := range byUnit {
		all[unit] = median(values)
	}
	return all
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// work measures something that is done a number of times.
type work func(tb testing.TB, count int) sample

// benchmark repeats a work, after a smaller one to warm up, for as long as -benchtime says.
func benchmark(b *testing.B, count int, do work) {
	b.Helper()
	do(b, max(1, count/10))
	var all sample
	for b.Loop() {
		all.add(do(b, count))
	}
	report(b, all)
}

func report(b *testing.B, all sample) {
	for unit, value := range all.figures() {
		b.ReportMetric(value, unit)
	}
	b.ReportMetric(0, "ns/op") // an operation is a whole run, which says nothing
}

// together has the crowd begin at the same moment. Each does turn after turn until there are count of them, and measures
// how long each took. The first error ends it all.
func together(tb testing.TB, people, count int, turn func(person, n int) error) sample {
	tb.Helper()
	runtime.GC() // what was prepared is not paid for in the measured time
	var (
		gate  = make(chan struct{})
		all   sync.WaitGroup
		mu    sync.Mutex
		next  int
		first error
	)
	take := func(err error) (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && first == nil {
			first = err
		}
		if first != nil || next == count {
			return 0, false
		}
		next++
		return next - 1, true
	}
	waits := make([]time.Duration, count)
	for person := range people {
		all.Go(func() {
			<-gate
			for n, ok := take(nil); ok; {
				began := time.Now()
				err := turn(person, n)
				waits[n] = time.Since(began)
				n, ok = take(err)
			}
		})
	}
	began := time.Now()
	close(gate)
	all.Wait()
	took := time.Since(began)
	if first != nil {
		tb.Fatal(first)
	}
	return sample{count: count, took: took, waits: waits}
}

// eventually asks again and again until it is so.
func eventually(tb testing.TB, what string, so func() (bool, error)) {
	tb.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		ok, err := so()
		if err != nil {
			tb.Fatal(fmt.Errorf("%s: %w", what, err))
		}
		if ok {
			return
		}
		if time.Since(began) > patience {
			tb.Fatalf("it did not come about that %s", what)
		}
	}
}
