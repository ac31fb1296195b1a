package payments_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/services/payments"
)

var allTries = flag.Bool("all-tries", false, "let everything go wrong in the matrix of faults, in all pairs: an hour")

// Every request to Stripe goes wrong in every way, alone and in pairs, while the card is taken, refused or sent to the bank's
// step, and while the order is cancelled or expires. Whatever happens, all of it comes to rest in time, and the money is
// where it belongs. With -v the outcomes are printed, as a table.
func TestMatrixOfFaults(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, atOnce := range []bool{false, true} {
			t.Run(engine+"/"+way(atOnce), func(t *testing.T) {
				x := matrix{t: t, singles: 5, pairs: 500, table: table{}}
				all := scripts(atOnce)
				switch {
				case engine == "postgres":
					x.url, x.singles, x.pairs, all = fresh(t), 15, 2000, half(all)
				case *allTries:
					x.singles, x.pairs = 1, 1
				case payments.RaceDetector || testing.Short():
					x.singles, x.pairs, all = 15, 2000, half(all)
				}
				x.start(atOnce)
				for _, s := range all {
					if !*allTries || engine != "sqlite" {
						x.play(s)
						continue
					}
					t.Run(s.String(), func(t *testing.T) {
						x.t = t
						x.start(atOnce)
						x.play(s)
					})
				}
				t.Logf("%s, %s\n%s", engine, way(atOnce), x.table)
			})
		}
	}
}

// scripts are all ways in which a purchase is meant to go.
func scripts(atOnce bool) (all []script) {
	for _, prompt := range []bool{true, false} {
		for _, s := range []script{
			{card: "pm_card_visa", ends: "paid"},
			{card: "pm_card_chargeDeclined", ends: "refused"},
			{card: "pm_card_threeDSecure2Required", step: "approve", ends: "paid"},
			{card: "pm_card_threeDSecure2Required", step: "fail", ends: "refused"},
			{card: "pm_card_threeDSecureRequiredChargeDeclined", step: "approve", ends: "refused"},
			{card: "pm_card_threeDSecure2Required", ends: "refused"},
			{card: "pm_card_visa", meanwhile: "is cancelled", at: "after", ends: "cancelled"},
		} {
			s.prompt = prompt
			all = append(all, s)
		}
		for _, event := range []string{"cancels", "expires", "is cancelled"} {
			for _, at := range []string{"create", "confirm", "capture"} {
				s := script{card: "pm_card_visa", meanwhile: event, at: at, prompt: prompt}
				if event == "is cancelled" {
					s.ends = "cancelled"
				}
				if at != "capture" || !atOnce {
					all = append(all, s)
				}
			}
		}
	}
	return all
}

// half of the scripts: every second, and the others when it is run with other events.
func half(all []script) (some []script) {
	for i, s := range all {
		if (i%2 == 0) == s.prompt {
			some = append(some, s)
		}
	}
	return some
}

// matrix tries a sample of everything that can go wrong.
type matrix struct {
	*market
	t              *testing.T
	url            string
	atOnce         bool
	singles, pairs int // one of so many is tried
	n              int // that could have been
	table          table
}

func (x *matrix) start(atOnce bool) {
	x.market, x.atOnce = newMarketOn(x.t, x.url, &handLog{}, noWait, charging(atOnce)), atOnce
}

// play tries a script without a mishap, with every single one that can happen in it, and with every pair.
func (x *matrix) play(s script) {
	whole := x.once(s)
	for _, first := range mishapsOf(whole.calls) {
		// What else can go wrong is known only from a try, so each first mishap that has a pair in the sample is tried too.
		var calls map[string]bool
		if x.chosen(x.singles) {
			calls = x.once(s, first).calls
		}
		for _, second := range mishapsOf(stripeCallSet()) {
			if first.plain() || second.plain() || !x.chosen(x.pairs) || calls != nil && !calls[second.call] {
				continue
			}
			x.once(s, first, second)
		}
	}
}

// chosen tells whether the next of so many is in the sample.
func (x *matrix) chosen(of int) bool {
	x.n++
	return x.n%of == 0
}

// plain tells whether, of what can go wrong, something else does the same and more. Such things are not tried in pairs.
func (f mishap) plain() bool {
	return slices.Contains([]string{"503 before", "503 after", "429 before", "409 before", "a proxy's page"}, f.kind)
}

func stripeCallSet() map[string]bool {
	all := map[string]bool{}
	for call := range stripeCalls {
		all[call] = true
	}
	return all
}

// mishapsOf are all that can happen to the calls.
func mishapsOf(calls map[string]bool) (all []mishap) {
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		kinds := writes
		if strings.HasPrefix(stripeCalls[call], "GET") {
			kinds = reads
		}
		for _, kind := range kinds {
			all = append(all, mishap{call, kind})
		}
	}
	return all
}

// once tries it, and enters what came of it in the table if all of it has happened.
func (x *matrix) once(s script, mishaps ...mishap) *try {
	x.t.Helper()
	y, outcome, wrong := x.run(s, mishaps...)
	if wrong == "" && s.ends != "" && !strings.HasPrefix(outcome, s.ends) {
		wrong = "it should have ended as " + s.ends
	}
	if wrong != "" {
		x.t.Errorf("%s; %v: %s\n%s", s, mishaps, outcome, wrong)
	}
	if len(y.mishaps) == 0 {
		x.table.add(y, outcome, mishaps)
	}
	return y
}

// table counts outcomes.
type table map[string]*row

type row struct {
	tries   int
	ends    map[string]int
	longest time.Duration
}

func (t table) add(y *try, outcome string, mishaps []mishap) {
	names := []string{"all of them"}
	for _, f := range mishaps {
		names = append(names, f.kind, f.call)
	}
	names = append(names, fmt.Sprintf("%d mishaps", len(mishaps)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		r := t[name]
		if r == nil {
			r = &row{ends: map[string]int{}}
			t[name] = r
		}
		r.tries++
		r.ends[outcome]++
		r.longest = max(r.longest, y.longest)
	}
}

func (t table) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "| what goes wrong | tries | %s | longest undecided |\n|---|---|%s---|\n", strings.Join(outcomes, " | "), strings.Repeat("---|", len(outcomes)))
	line := func(name string) {
		r := t[name]
		if r == nil {
			return
		}
		fmt.Fprintf(&text, "| %s | %d |", name, r.tries)
		for _, o := range outcomes {
			fmt.Fprintf(&text, " %d |", r.ends[o])
		}
		fmt.Fprintf(&text, " %s |\n", r.longest.Truncate(time.Second))
	}
	for _, name := range slices.Concat(writes, []string{"create", "confirm", "capture", "cancel", "refund", "retrieve", "list", "list refunds",
		"0 mishaps", "1 mishaps", "2 mishaps", "all of them"}) {
		line(name)
	}
	return text.String()
}
