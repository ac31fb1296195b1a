package bench

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
)

// gauge reads a number of a process from its own metrics.
func gauge(tb testing.TB, p *market.Process, name string) float64 {
	tb.Helper()
	c := newClient(p.Ops, "")
	defer c.close()
	answer, err := c.want(200, "GET", "/metrics", "")
	if err != nil {
		tb.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(answer)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
	tb.Fatalf("there is no metric %s", name)
	return 0
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
	before := h.processorTime(tb)
	s := do()
	used := h.processorTime(tb) - before
	s.plain = append(s.plain, figure{"cpu-µs", float64(used.Microseconds()) / float64(s.count)})
	return s
}
