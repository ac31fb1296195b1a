package bench

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"ticketing/test/market"
)

var (
	wanted = flag.Bool("table", false, "have TestTable measure everything and print the table")
	runs   = flag.Int("runs", 5, "runs of each path whose median is in the table")
	only   = flag.String("only", "", "have TestTable measure only paths whose name matches this regular expression")
)

// TestTable measures every path beside its limit, run by run in turns, and prints the medians.
func TestTable(t *testing.T) {
	if !*wanted {
		t.Skip("skipped: measures for minutes; -table has it do so")
	}
	tabulate(t, *runs, func(count int) int { return count }, os.Stdout)
}

// How many tickets a large market has, and how many people there are, when it is only to be seen that everything works.
const smokeLarge, smokeCrowd = 2000, 8

// TestSmoke does a little of everything, so that nothing rots, and shows figures that nobody should believe.
func TestSmoke(t *testing.T) {
	if *wanted {
		t.Skip("skipped: TestTable does all of it")
	}
	if market.Raced {
		t.Skip("skipped: measures nothing with the race detector")
	}
	tickets, people := *large, crowd
	*large, crowd, template = smokeLarge, smokeCrowd, &signUps{}
	t.Cleanup(func() { *large, crowd, template = tickets, people, &signUps{} })
	var out strings.Builder
	tabulate(t, 1, func(count int) int { return max(1, count/100) }, &out)
	t.Log("\n" + out.String())
}

// printer is where tables go.
type printer interface{ WriteString(string) (int, error) }

// tabulate measures all and prints two tables: paths beside their limits, and engines beside the shipped ones.
func tabulate(t *testing.T, runs int, size func(int) int, out printer) {
	print := func(format string, args ...any) {
		if _, err := out.WriteString(fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	print("| path | figure | floor | goal | limit | measured | ratio | CPU µs each |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	chosen, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if chosen.MatchString(p.name) {
			t.Run("path="+p.name, func(t *testing.T) { print("%s", p.measure(t, runs, size)) })
		}
	}
	compare(t, runs, size, chosen, print)
}

// compare measures what all engines have to do, and prints each beside the shipped ones.
func compare(t *testing.T, runs int, size func(int) int, chosen *regexp.Regexp, print func(format string, args ...any)) {
	all := engines
	if runs == 1 {
		all = engines[:1] // sign-ups and many processes take long
	}
	rows := make([]string, len(shared))
	first := make([]float64, len(shared))
	heads, rules := "| path | figure |", "| --- | --- |"
	for _, e := range all {
		heads, rules = heads+" "+e.name+" |", rules+" --- |"
		t.Run("engine="+e.name, func(t *testing.T) {
			h := newHouse(t, e)
			for i, s := range shared {
				if !chosen.MatchString(s.name) {
					continue
				}
				value := medians(t, runs, size(s.count), func(tb testing.TB, n int) sample { return s.do(h, tb, n) })[s.unit]
				if first[i] == 0 {
					first[i] = value
				}
				rows[i] += fmt.Sprintf(" %s (%s) |", number(value), ratio(s.unit, value, first[i]))
			}
		})
	}
	print("\n%s\n%s\n", heads, rules)
	for i, s := range shared {
		if rows[i] != "" {
			print("| %s | %s |%s\n", s.name, s.unit, rows[i])
		}
	}
}

// medians are the figures of a work, after a run that does not count.
func medians(tb testing.TB, runs, count int, do work) map[string]float64 {
	do(tb, max(1, count/10))
	values := map[string][]float64{}
	for range runs {
		gather(values, do(tb, count))
	}
	return reduce(values)
}

func gather(values map[string][]float64, s sample) {
	for unit, v := range s.figures() {
		values[unit] = append(values[unit], v)
	}
}

func reduce(values map[string][]float64) map[string]float64 {
	all := map[string]float64{}
	for unit, v := range values {
		all[unit] = median(v)
	}
	return all
}

// measure is the lines of the table for a path.
func (p path) measure(t *testing.T, runs int, size func(int) int) (lines string) {
	var limit work
	if p.limit != nil {
		limit = p.limit(t)
		limit(t, size(p.many/10))
	}
	for _, k := range p.tasks(t) {
		k.name = strings.TrimSuffix(p.name+": "+k.name, ": ")
		lines += k.measure(t, runs, size, limit, p.many)
	}
	return lines
}

// measure is a task and its limit in turns, so that both see the same machine.
func (k task) measure(t *testing.T, runs int, size func(int) int, limit work, many int) (lines string) {
	values, limits := map[string][]float64{}, map[string][]float64{}
	if k.count > 1 && runs > 1 {
		k.do(t, size(max(1, k.count/10)))
	}
	for range runs {
		if limit != nil {
			gather(limits, limit(t, size(many)))
		}
		gather(values, k.do(t, size(k.count)))
	}
	measured, possible := reduce(values), reduce(limits)
	for i, l := range k.lines {
		has, cpu := measured[l.unit], ""
		if i == 0 {
			cpu = number(measured["cpu-µs"])
		}
		lines += fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", k.name, l.unit, number(l.floor), number(l.goal),
			number(possible[l.unit]), number(has), ratio(l.unit, has, possible[l.unit]), cpu)
	}
	return lines
}

// number is short: nobody measures more than three digits.
func number(v float64) string {
	switch {
	case v == 0:
		return ""
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// ratio is how near the figure is to what it is held against: 1 is as good.
func ratio(unit string, has, against float64) string {
	switch {
	case has == 0 || against == 0:
		return ""
	case unit == "/s":
		return fmt.Sprintf("%.2f", has/against)
	}
	return fmt.Sprintf("%.2f", against/has)
}
