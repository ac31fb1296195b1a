package bench

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
)

// gauge reads a number of a process from its own metrics.
func gauge(tb testing.TB, p *market.Process, name string) float64 {
	tb.Helper()
	all, err := gauges(p)
	if err != nil {
		tb.Fatal(err)
	}
	n, ok := all[name]
	if !ok {
		tb.Fatalf("there is no metric %s", name)
	}
	return n
}

// gauges are all the metrics of a process, by their names with their labels.
func gauges(p *market.Process) (map[string]float64, error) {
	c := newClient(p.Ops, "")
	defer c.close()
	answer, err := c.want(200, "GET", "/metrics", "")
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(answer)) {
		line = strings.TrimSpace(line)
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			if all[line[:at]], err = strconv.ParseFloat(line[at+1:], 64); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func gaugesOf(tb testing.TB, p *market.Process) map[string]float64 {
	tb.Helper()
	all, err := gauges(p)
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// histogram is how many took no longer than each of some bounds.
type histogram map[float64]float64

// add takes in what a histogram of a process has counted between two readings of its metrics.
func (h *histogram) add(after, before map[string]float64, name, service string) {
	if *h == nil {
		*h = histogram{}
	}
	for series, n := range after {
		rest, ok := strings.CutPrefix(series, name+`_bucket{service="`+service+`",le="`)
		if !ok {
			continue
		}
		if bound, err := strconv.ParseFloat(strings.TrimSuffix(rest, `"}`), 64); err == nil {
			(*h)[bound] += n - before[series]
		}
	}
}

// quantile is how long all but the longest took at most, as if those within a class were spread evenly.
func (h histogram) quantile(q float64) float64 {
	bounds := slices.Sorted(maps.Keys(h))
	below, counted := 0.0, 0.0
	for _, bound := range bounds {
		if want := q * h[bounds[len(bounds)-1]]; h[bound] >= want && h[bound] > counted {
			return below + (bound-below)*(want-counted)/(h[bound]-counted)
		}
		below, counted = bound, h[bound]
	}
	return below
}

// processorTime is what the processes of the market have used of the processors so far.
func (h *house) processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var all float64
	for _, p := range h.market.All {
		all += gauge(tb, p, "process_cpu_seconds_total")
	}
	return time.Duration(all * float64(time.Second))
}

// charged adds to a sample what the market used of the processors for each: a figure that says more than the rate when the
// machine has other things to do.
func (h *house) charged(tb testing.TB, do func() sample) sample {
	tb.Helper()
	profiled := h.profile(tb)
	before := h.processorTime(tb)
	s := do()
	used := h.processorTime(tb) - before
	s.plain = append(s.plain, figure{"cpu-µs", float64(used.Microseconds()) / float64(s.count)})
	profiled()
	return s
}
