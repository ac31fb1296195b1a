// Package simulation runs the whole market in one process from one seed: the real handlers, rules and SQL of all five
// services, without a socket, a timer or a sleep.
//
// What is random in a running market is drawn from the seed here: who does what next, how long it takes, which event is
// delivered when and how often, which request to Stripe gets through, which process dies in the middle of what. A clock
// that only the simulation moves tells the time. Exactly one goroutine runs at any moment: a call that waits for Stripe
// hands the turn back and gets it again when its answer is drawn. So a seed is a history, and running it again is the same
// history; a seed that breaks an invariant is a test case that stays.
//
// A world has three parts: a stormy one of random steps, in which what must hold at every instant is checked again and
// again; a calm, in which everything arrives, the clock runs past every deadline and the workers work until nothing is
// left to do; and the audit after it, in which the books have to agree to the cent.
package simulation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"

	"ticketing/kernel/bus"
	"ticketing/services/auth"
	"ticketing/services/expiration"
	"ticketing/services/orders"
	"ticketing/services/payments"
	"ticketing/services/tickets"
)

// Options are what a run can be told besides its seed.
type Options struct {
	Steps      int // of the storm; 0: as many as the seed says
	CheckEvery int // steps between two checks in the storm; 0: 40
	// Sabotage breaks the market on purpose, to show that it is found out; nil: the market as it is.
	Sabotage *Sabotage
}

// Result is what came of a seed.
type Result struct {
	Seed     uint64
	Findings []string // what broke; empty when all is well
	Trace    []string // what happened, in order
	Hash     string   // of the trace and of every event and every movement of money
	Steps    int      // of the storm
	Counts   map[string]int
}

// Err is the findings as an error, with the seed that shows them again; nil if there are none.
func (r Result) Err() error {
	if len(r.Findings) == 0 {
		return nil
	}
	return fmt.Errorf("seed %d:\n  %s", r.Seed, strings.Join(r.Findings, "\n  "))
}

// World is one market with its own history.
type World struct {
	*Ground
	options  Options
	rand     *rand.Rand
	log      *eventLog
	bank     *bank
	parts    []*part
	attempts int  // failed payments that end an order
	atOnce   bool // cards are not held first

	auth       *auth.Service
	tickets    *tickets.Service
	orders     *orders.Service
	expiration *expiration.Service
	payments   *payments.Service

	people   people
	trouble  float64 // how often things go wrong in this world, around 1
	calm     bool    // nothing goes wrong any more
	names    map[string]string
	trace    []string
	findings []string
	counts   map[string]int
	promises []promise
}

var background = context.Background()

// Run plays the world of a seed on this ground.
func (g *Ground) Run(seed uint64, o Options) (Result, error) {
	if err := g.clear(seed); err != nil {
		return Result{}, err
	}
	if o.CheckEvery == 0 {
		o.CheckEvery = 40
	}
	w := &World{Ground: g, options: o, rand: rand.New(rand.NewPCG(seed, 1)), names: map[string]string{}, counts: map[string]int{}}
	w.trouble = []float64{0, 0.3, 1, 1, 2}[w.rand.IntN(5)]
	w.attempts, w.atOnce = 1+w.rand.IntN(2), w.rand.IntN(3) == 0
	w.log = newEventLog(w)
	w.bank = newBank(w)
	w.start()
	w.prepare()
	steps := w.storm()
	w.settle()
	w.checkBooks()
	w.settle()
	w.checkAtRest()
	w.bank.end()
	r := Result{Seed: seed, Findings: w.findings, Trace: w.trace, Steps: steps, Counts: w.counts}
	var err error
	r.Hash, err = w.hash()
	return r, err
}

// hash is a fingerprint of everything that happened and of everything that was said and paid.
func (w *World) hash() (string, error) {
	sum := sha256.New()
	for _, line := range w.trace {
		fmt.Fprintln(sum, line)
	}
	for _, p := range w.parts {
		all, err := w.said(p)
		if err != nil {
			return "", err
		}
		for _, s := range all {
			fmt.Fprintln(sum, s.document)
		}
	}
	ledger, err := w.bank.sim.Ledger(background)
	fmt.Fprintln(sum, ledger)
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}

// note writes a line of the trace: the time, and what happened.
func (w *World) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.trace = append(w.trace, fmt.Sprintf("%4d %10.3fs %s", len(w.trace), w.clock.seconds(), line))
}

// find notes something that must not be.
func (w *World) find(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if len(w.findings) < 20 {
		w.findings = append(w.findings, what)
	}
	w.note("FOUND %s", what)
}

// count counts something for the statistics.
func (w *World) count(what string) { w.counts[what]++ }

// name is a short name for an id, so that a trace can be read.
func (w *World) name(kind, id string) string {
	if id == "" {
		return "no " + kind
	}
	if w.names[id] == "" {
		w.counts[kind+"s"]++
		w.names[id] = fmt.Sprintf("%s%d", kind, w.counts[kind+"s"])
	}
	return w.names[id]
}

// chance is true with this probability.
func (w *World) chance(p float64) bool { return w.rand.Float64() < p }

// unlucky is true with this probability, more or less according to the world, and never in the calm.
func (w *World) unlucky(p float64) bool { return w.chance(p*w.trouble) && !w.calm }

// pick draws one of several.
func pick[T any](w *World, all []T) T { return all[w.rand.IntN(len(all))] }

// part is one service: its database, which survives, and its traffic, which does not.
type part struct {
	name  string
	bus   *bus.Bus
	build func(*part) follower
}

type follower interface{ Follow(b *bus.Bus) }
