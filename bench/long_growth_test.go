package bench

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// longMoments is how often a long load is looked at: every half minute of an hour.
const longMoments = 120

// moment is what was found at one time, and in the interval before it, by the names of the figures.
type moment struct {
	minute  float64
	figures map[string]float64
}

// The figures. Those of latency are named for what was waited for.
const (
	memoryFigure     = "resident memory, MB"
	goroutinesFigure = "goroutines"
	filesFigure      = "open descriptors"
	walFigure        = "write-ahead logs, MB"
	folderFigure     = "data folder, MB"
	databaseFigure   = "databases, kB a purchase so far"
	logFigure        = "event log, kB a purchase so far"
	eventFigure      = "data folder, bytes an event so far"
	processorFigure  = "processor time, ms a purchase"
	rateFigure       = "purchases a second"
	errorFigure      = "unexpected answers"
)

// latency is the name of a quantile of the waits for something.
func latency(what string, percent int) string { return fmt.Sprintf("%s, p%d ms", what, percent) }

// longFigures are those of the table, in its order.
var longFigures = []string{rateFigure, memoryFigure, goroutinesFigure, filesFigure, walFigure, folderFigure, databaseFigure, logFigure, eventFigure,
	processorFigure, latency(readsDone, 50), latency(readsDone, 99), latency(locksDone, 50), latency(locksDone, 99),
	latency(purchasesDone, 50), latency(purchasesDone, 99), errorFigure}

// growth looks at a market under a long load again and again.
type growth struct {
	tb    testing.TB
	load  *load
	first state // before it all
}

// state is what is counted from the beginning on.
type state struct {
	disk              folder
	processor, events float64
	purchases, failed int
}

// folder is the bytes of a data folder.
type folder struct{ databases, wal, log, all float64 }

func newGrowth(tb testing.TB, l *load) *growth {
	tb.Helper()
	g := &growth{tb: tb, load: l}
	var err error
	if g.first, _, err = g.look(); err != nil {
		tb.Fatal(err)
	}
	return g
}

// watch returns what it found until the load ends. A market that does not answer any more ends it, too.
func (g *growth) watch(whole time.Duration) (all []moment) {
	began, before, last := time.Now(), g.first, time.Duration(0)
	every := max(whole/longMoments, 500*time.Millisecond)
	for next := every; next <= whole; next += every {
		select {
		case <-g.load.over:
			return all
		case <-time.After(time.Until(began.Add(next))):
		}
		now, gauged, err := g.look()
		if err != nil {
			g.tb.Error(err)
			return all
		}
		at := time.Since(began)
		all = append(all, moment{at.Minutes(), g.figures(before, now, gauged, at-last)})
		before, last = now, at
	}
	return all
}

// look reads the process's metrics and its folder.
func (g *growth) look() (s state, gauged map[string]float64, err error) {
	front := g.load.market.Front
	if gauged, err = gauges(front); err != nil {
		return s, nil, err
	}
	s.processor = gauged["process_cpu_seconds_total"]
	for name, value := range gauged {
		if strings.HasPrefix(name, "ticketing_events_published_total{") {
			s.events += value
		}
	}
	g.load.mu.Lock()
	s.purchases, s.failed = g.load.counts[purchasesDone], g.load.failed
	g.load.mu.Unlock()
	s.disk, err = measureFolder(front.Data())
	return s, gauged, err
}

// measureFolder adds up what is in a data folder. Files come and go meanwhile.
func measureFolder(dir string) (f folder, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		size := float64(info.Size())
		f.all += size
		switch {
		case strings.HasSuffix(path, "-wal"):
			f.wal += size
		case strings.HasSuffix(path, ".db"):
			f.databases += size
		case !strings.HasSuffix(path, "-shm"):
			f.log += size
		}
		return nil
	})
	return f, err
}

func (g *growth) figures(before, now state, gauged map[string]float64, interval time.Duration) map[string]float64 {
	bought, sofar, events := float64(now.purchases-before.purchases), float64(now.purchases), now.events-g.first.events
	all := map[string]float64{
		memoryFigure:     gauged["process_resident_memory_bytes"] / 1e6,
		goroutinesFigure: gauged["go_goroutines"],
		filesFigure:      gauged["process_open_fds"],
		walFigure:        now.disk.wal / 1e6,
		folderFigure:     now.disk.all / 1e6,
		databaseFigure:   each(now.disk.databases-g.first.disk.databases, sofar) / 1e3,
		logFigure:        each(now.disk.log-g.first.disk.log, sofar) / 1e3,
		eventFigure:      each(now.disk.all-now.disk.wal-g.first.disk.all+g.first.disk.wal, events),
		processorFigure:  each(1e3*(now.processor-before.processor), bought),
		rateFigure:       bought / interval.Seconds(),
		errorFigure:      float64(now.failed - before.failed),
	}
	waits := g.load.take()
	for _, what := range []string{readsDone, locksDone, purchasesDone} {
		for _, percent := range []int{50, 99} {
			s := sample{waits: waits[what]}
			value := math.NaN()
			if len(s.waits) > 0 {
				value = s.quantile(float64(percent) / 100)
			}
			all[latency(what, percent)] = value
		}
	}
	return all
}

// each is no number if there are none.
func each(all, count float64) float64 {
	if count == 0 {
		return math.NaN()
	}
	return all / count
}

// tenth is the median of a figure in the nth tenth of the moments, from 0 on.
func tenth(moments []moment, n int, figure string) float64 {
	var values []float64
	for _, m := range moments[n*len(moments)/10 : (n+1)*len(moments)/10] {
		if v := m.figures[figure]; !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return math.NaN()
	}
	return median(values)
}

// longTable is how each figure was at the beginning, in the middle and at the end.
func longTable(moments []moment) string {
	var b strings.Builder
	b.WriteString("| figure | first tenth | middle | last tenth |\n| --- | --- | --- | --- |\n")
	for _, f := range longFigures {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f, short(tenth(moments, 0, f)), short(tenth(moments, 5, f)), short(tenth(moments, 9, f)))
	}
	return b.String()
}

// grownFor says what has certainly grown that had no reason to. The first tenth is left out: it opens what is kept open.
func grownFor(moments []moment) (all []string) {
	for _, limit := range []struct {
		figure       string
		factor, more float64
	}{{goroutinesFigure, 1.5, 0}, {filesFigure, 1.5, 0}, {walFigure, 4, 64}} {
		early, late := tenth(moments, 1, limit.figure), tenth(moments, 9, limit.figure)
		if late > limit.factor*early+limit.more {
			all = append(all, fmt.Sprintf("%s: from %s in the second tenth to %s in the last", limit.figure, short(early), short(late)))
		}
	}
	return all
}

// longPicture is the chart of a long load.
func longPicture(whole time.Duration, rate float64, moments []moment) chart {
	c := chart{title: fmt.Sprintf("%s minutes of mixed load, %g purchases a second", short(whole.Minutes()), rate)}
	for _, m := range moments {
		c.minutes = append(c.minutes, m.minute)
	}
	line := func(name, figure string) chartLine {
		l := chartLine{name: name}
		for _, m := range moments {
			l.values = append(l.values, m.figures[figure])
		}
		return l
	}
	quantiles := func(what string) chartRow {
		return chartRow{"Latency of " + what, "ms", true, []chartLine{line("p50", latency(what, 50)), line("p99", latency(what, 99))}}
	}
	c.rows = []chartRow{
		{"Resident memory", "MB", false, []chartLine{line("memory", memoryFigure)}},
		{"Goroutines and open descriptors", "count", false, []chartLine{line("goroutines", goroutinesFigure), line("descriptors", filesFigure)}},
		{"Write-ahead logs of all databases", "MB", false, []chartLine{line("*-wal", walFigure)}},
		{"Data folder, for each purchase so far", "kB", false, []chartLine{line("databases", databaseFigure), line("event log", logFigure)}},
		quantiles(readsDone), quantiles(locksDone), quantiles(purchasesDone),
		{"Processor time of the mix for each purchase", "ms", false, []chartLine{line("processors", processorFigure)}},
	}
	return c
}

// TestGrownFor sees what grows, and nothing else.
func TestGrownFor(t *testing.T) {
	grows := func(figure string, by float64) (all []moment) {
		for n := range 40 {
			m := moment{float64(n), map[string]float64{goroutinesFigure: 200, filesFigure: 100, walFigure: 20}}
			if m.figures[figure] += by * float64(n); n < 4 {
				m.figures[figure] = 1
			}
			all = append(all, m)
		}
		return all
	}
	for _, c := range []struct {
		figure string
		by     float64
		grown  int
	}{
		{goroutinesFigure, 0, 0}, {goroutinesFigure, 2, 0}, {goroutinesFigure, 5, 1}, {filesFigure, 1, 0}, {filesFigure, 5, 1},
		{walFigure, 3, 0}, {walFigure, 100, 1},
	} {
		if grown := grownFor(grows(c.figure, c.by)); len(grown) != c.grown {
			t.Errorf("%s, by %g a moment: %v", c.figure, c.by, grown)
		}
	}
}
