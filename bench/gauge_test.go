package bench

import (
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
