package simulation_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/test/simulation"
)

var (
	oneSeed  = flag.Uint64("seed", 0, "run this seed alone, and print its trace with -v")
	seeds    = flag.Int("seeds", 0, "how many seeds to run; 0: what takes less than half a minute")
	fromSeed = flag.Uint64("from", 1, "the first seed")
)

// A market through thousands of storms: every seed ends with books that agree.
func TestSeeds(t *testing.T) {
	if *oneSeed != 0 {
		r := run(t, ground(t), *oneSeed, simulation.Options{})
		t.Log("\n" + strings.Join(r.Trace, "\n"))
		t.Logf("%v\nhash %s", r.Counts, r.Hash)
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		return
	}
	n := *seeds
	if n == 0 {
		switch n = 150; {
		case slow:
			n = 8
		case testing.Short():
			n = 20
		}
	}
	began := time.Now()
	counts := map[string]int{}
	each(t, n, simulation.Options{}, func(r simulation.Result) bool {
		if err := r.Err(); err != nil {
			t.Errorf("%v\nrun it again: go test ./test/simulation -run TestSeeds -seed=%d -v\n%s", err, r.Seed, strings.Join(r.Trace, "\n"))
		}
		counts["steps"] += r.Steps
		for what, k := range r.Counts {
			counts[what] += k
		}
		return !t.Failed()
	})
	t.Logf("%d seeds, %.1f a second", n, float64(n)/time.Since(began).Seconds())
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%8d %s", counts[what], what)
	}
}

// The same seed is the same history, to the last id.
func TestSameSeedSameHistory(t *testing.T) {
	one, other := ground(t), ground(t)
	last, o := uint64(6), simulation.Options{}
	if slow {
		last, o.Steps = 2, 100
	}
	for seed := uint64(1); seed <= last; seed++ {
		a, b := run(t, one, seed, o), run(t, other, seed, o)
		if a.Hash == b.Hash {
			continue
		}
		for i := range min(len(a.Trace), len(b.Trace)) {
			if a.Trace[i] != b.Trace[i] {
				t.Errorf("seed %d parts at\n%s\n%s", seed, a.Trace[i], b.Trace[i])
				break
			}
		}
		t.Fatalf("seed %d: two histories, %s and %s", seed, a.Hash, b.Hash)
	}
}

// ground opens databases, in memory where there is a file system for that.
func ground(t testing.TB) *simulation.Ground {
	t.Helper()
	dir := ""
	if memory, err := os.MkdirTemp("/dev/shm", "ticketing-simulation-"); err == nil {
		dir = memory
		t.Cleanup(func() { os.RemoveAll(memory) })
	} else {
		dir = t.TempDir()
	}
	g, err := simulation.NewGround(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func run(t testing.TB, g *simulation.Ground, seed uint64, o simulation.Options) simulation.Result {
	t.Helper()
	r, err := g.Run(seed, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// each runs n seeds on as many grounds as there are cores, and stops when seen says so.
func each(t *testing.T, n int, o simulation.Options, seen func(simulation.Result) (goOn bool)) {
	t.Helper()
	var mu sync.Mutex
	next, end := *fromSeed, *fromSeed+uint64(n)
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		g := ground(t)
		all.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				mu.Unlock()
				if seed >= end {
					return
				}
				r, err := g.Run(seed, o)
				mu.Lock()
				if err != nil {
					t.Error(fmt.Errorf("seed %d: %w", seed, err))
					next = end
				} else if !seen(r) {
					next = end
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
}
