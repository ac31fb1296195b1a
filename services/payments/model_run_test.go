package payments

import (
	"flag"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

var everyWorld = flag.Bool("every-world", false, "explore two charges with the worker and the request at work together: minutes and gigabytes")

// Pay, claim, cancellation, the end of the time and of orders' patience, the bank, the buyer's browser, lost and late requests,
// deaths and keys of no use, in every order in which they can come: the protocol keeps its promises in each world that
// comes about, and from each of them everything comes to rest.
func TestEveryInterleaving(t *testing.T) {
	worlds := []modelOptions{
		{attempts: 1, charges: 1, worker: true},
		{attempts: 2, charges: 2},
		{attempts: 1, charges: 1, worker: true, late: true},
	}
	if *everyWorld {
		worlds = append(worlds, modelOptions{attempts: 2, charges: 2, worker: true})
	} else if testing.Short() || raceDetector {
		worlds = worlds[:1]
	}
	for _, o := range worlds {
		for _, o.hold = range []bool{true, false} {
			states, wrong := explore(o)
			t.Logf("%d states: %s", states, o)
			if wrong != "" {
				t.Errorf("%s: %s", o, wrong)
			}
		}
	}
}

// Each rule of the protocol is needed: without it something is wrong in some world.
func TestTheModelHasTeeth(t *testing.T) {
	few, late := modelOptions{attempts: 1, charges: 1, worker: true}, modelOptions{attempts: 1, charges: 1, worker: true, late: true}
	held := func(o modelOptions) modelOptions { o.hold = true; return o }
	insteadOf := func(when move, only func(f file, in *intent) bool, now move) func(f file, in *intent) (move, string) {
		return func(f file, in *intent) (move, string) {
			m, why := f.next(in)
			if m == when && (only == nil || only(f, in)) {
				return now, why
			}
			return m, why
		}
	}
	status := func(s stripe.PaymentIntentStatus) func(file, *intent) bool {
		return func(f file, in *intent) bool { return in != nil && in.status == s && f.lost() == "" }
	}
	for name, c := range map[string]struct {
		modelOptions
		next  func(f file, in *intent) (move, string)
		wants string
	}{
		"money is taken before the order is won":        {held(few), insteadOf(rest, status(stripe.PaymentIntentStatusRequiresCapture), capture), "not its own"},
		"the bank is asked before the order is won":     {few, insteadOf(rest, status(stripe.PaymentIntentStatusRequiresConfirmation), confirm), "not its own"},
		"a hold is not let go of":                       {held(few), insteadOf(release, nil, rest), "not decided"},
		"an intent is left open when the order is lost": {held(few), insteadOf(release, nil, drop), "could still be taken"},
		"a refused intent is left open":                 {few, insteadOf(release, func(_ file, in *intent) bool { return in.status == stripe.PaymentIntentStatusRequiresPaymentMethod }, drop), "another card"},
		"what was taken is not believed after its time": {few, insteadOf(finish, func(f file, _ *intent) bool { return f.lost() != "" }, drop), "money is kept"},
		"an order that is cancelled owes nothing":       {modelOptions: with(few, func(o *modelOptions) { o.forgetful = true }), wants: "money is kept"},
		"nor when the capture came late":                {modelOptions: with(held(late), func(o *modelOptions) { o.forgetful = true }), wants: "money is kept"},
		"orders cancels though a charge has the order":  {modelOptions: with(held(few), func(o *modelOptions) { o.careless = true }), wants: "not its own"},
	} {
		t.Run(name, func(t *testing.T) {
			c.modelOptions.next = c.next
			states, wrong := explore(c.modelOptions)
			if !strings.Contains(wrong, c.wants) || wrong == "" {
				t.Fatalf("nothing like %q is wrong in %d states: %q", c.wants, states, wrong)
			}
			what, _, _ := strings.Cut(wrong, ":\n")
			t.Logf("after %d states: %s", states, what)
		})
	}
}

func with(o modelOptions, change func(*modelOptions)) modelOptions {
	change(&o)
	return o
}
