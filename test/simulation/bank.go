package simulation

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"ticketing/services/payments"
	"ticketing/stripesim"
)

// bank is the simulated Stripe with the network in front of it. A call of payments that reaches the network parks: it
// hands the turn back to the world, which draws when it goes on and how it ends.
type bank struct {
	w       *World
	sim     *stripesim.Sim
	inner   http.RoundTripper
	turn    chan struct{} // the world waits here while a caller runs
	callers []*caller     // that have not ended
	late    []*flight     // requests that nobody waits for any more and that may still arrive
}

// caller is a goroutine in the payments service.
type caller struct {
	what   string
	part   *part
	dead   bool
	ended  bool
	where  string    // what it waits for
	resume chan fate // the world tells it how that went
	ends   func()    // what the world does when it has ended
	flight *flight   // of its request
	inside bool      // the request has reached Stripe and is held up there
}

// flight is one request to Stripe.
type flight struct {
	what string
	http *http.Request
	body []byte
	fate fate
	by   *caller
}

// fate is how a request goes.
type fate struct {
	die    bool             // the process has ended
	lost   bool             // it never arrives
	late   bool             // the client gives up, and it arrives later, or never
	hold   int              // 1: it is held up before its effect, 2: after it
	before *stripesim.Fault // instead of the effect
	after  *stripesim.Fault // instead of the true answer
	slow   bool             // others go on before the answer is there
}

type callerKey struct{}
type flightKey struct{}

const (
	webhookSecret = "whsec_simulation"
	forever       = 1000 * time.Hour // real time never decides anything here
)

func newBank(w *World) *bank {
	b := &bank{w: w, turn: make(chan struct{})}
	b.sim = stripesim.New(w.dbs[simulator], stripesim.Options{BaseURL: "http://bank.test", Fault: b.hook})
	b.inner = b.sim.Transport()
	return b
}

func (b *bank) options() payments.Options {
	return payments.Options{StripeKey: "sk_test_simulation", WebhookSecrets: []string{webhookSecret}, Transport: b, Simulator: true,
		ChargeAtOnce: b.w.atOnce, Fee: 333, Attempts: b.w.attempts, CallTimeout: forever}
}

// call runs fn until it parks or ends; then ends is called, in the world's turn, unless the process died before.
func (b *bank) call(p *part, what string, fn func(ctx context.Context), ends func()) *caller {
	c := &caller{what: what, part: p, resume: make(chan fate), ends: ends}
	b.callers = append(b.callers, c)
	go func() {
		defer func() {
			c.ended = true
			b.turn <- struct{}{}
		}()
		fn(context.WithValue(background, callerKey{}, c))
	}()
	b.await(c)
	return c
}

// await waits until the caller that has the turn parks or ends.
func (b *bank) await(c *caller) {
	<-b.turn
	if !c.ended {
		return
	}
	b.callers = slices.DeleteFunc(b.callers, func(other *caller) bool { return other == c })
	if !c.dead {
		c.ends()
	}
}

// goOn gives the turn to a parked caller.
func (b *bank) goOn(c *caller, f fate) {
	c.resume <- f
	b.await(c)
}

// park hands the turn back and waits for it.
func (b *bank) park(c *caller, where string) fate {
	c.where = where
	b.turn <- struct{}{}
	return <-c.resume
}

var errNetwork = errors.New("the network is down (" + simulated + ")")

// RoundTrip is the network.
func (b *bank) RoundTrip(r *http.Request) (*http.Response, error) {
	c, _ := r.Context().Value(callerKey{}).(*caller)
	if c == nil {
		return nil, errors.New("a call from nowhere")
	}
	if c.dead {
		runtime.Goexit()
	}
	f := &flight{what: requestName(r), http: r, by: c}
	if r.Body != nil {
		var err error
		if f.body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	c.flight = f
	f.fate = b.park(c, f.what+" on its way")
	switch {
	case f.fate.die:
		runtime.Goexit()
	case f.fate.lost:
		return nil, errNetwork
	case f.fate.late:
		b.late = append(b.late, f)
		return nil, context.DeadlineExceeded
	}
	response, err := b.inner.RoundTrip(f.request())
	if f.fate.slow && !c.dead {
		if b.park(c, f.what+" answered").die {
			runtime.Goexit()
		}
	}
	if c.dead {
		runtime.Goexit()
	}
	return response, err
}

// request is what arrives at Stripe; what becomes of the client does not matter there.
func (f *flight) request() *http.Request {
	r := f.http.Clone(context.WithValue(background, flightKey{}, f))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(f.body)), int64(len(f.body))
	return r
}

// hook is where Stripe asks whether a request goes wrong.
func (b *bank) hook(r *http.Request, stage stripesim.Stage) *stripesim.Fault {
	f, _ := r.Context().Value(flightKey{}).(*flight)
	if f == nil {
		return nil
	}
	if at := f.fate.hold; at == 1 && stage == stripesim.Before || at == 2 && stage == stripesim.After {
		f.by.inside = true
		again := b.park(f.by, f.what+" held up at Stripe")
		f.by.inside = false
		f.fate.after, f.fate.slow = again.after, again.slow
	}
	if stage == stripesim.Before {
		return f.fate.before
	}
	return f.fate.after
}

// kill ends the calls of a part. A request that was on its way may still arrive; one that Stripe has is carried out.
func (b *bank) kill(p *part) (died int) {
	for _, c := range slices.Clone(b.callers) {
		if c.part != p {
			continue
		}
		c.dead = true
		if !c.inside && c.flight != nil && strings.HasSuffix(c.where, "on its way") && b.w.chance(0.5) {
			b.late = append(b.late, c.flight)
		}
		b.goOn(c, fate{die: true})
		died++
	}
	return died
}

// arrive carries out a request that nobody waits for.
func (b *bank) arrive(i int) string {
	f := b.late[i]
	b.late = slices.Delete(b.late, i, i+1)
	f.fate = fate{}
	response, err := b.inner.RoundTrip(f.request())
	if err != nil {
		return f.what + ": " + err.Error()
	}
	return f.what + ": " + response.Status
}

// end leaves no goroutine behind.
func (b *bank) end() {
	for _, p := range b.w.parts {
		b.kill(p)
	}
}

// draw is how a request goes in this world.
func (b *bank) draw(c *caller) fate {
	var f fate
	switch w := b.w; {
	case strings.HasPrefix(c.where, "POST payment_intents") && w.chance(0.7):
		// A payment that never gets to the bank is over; most shall get further.
	case w.unlucky(0.06):
		f.lost = true
	case w.unlucky(0.06):
		f.late = true
	case w.unlucky(0.05):
		f.before = &stripesim.Fault{Status: pick(w, []int{500, 503, 429, 409})}
	case w.unlucky(0.02):
		f.before = &stripesim.Fault{Status: 500, Sticky: true}
	case w.unlucky(0.08):
		f.after = &stripesim.Fault{}
	case w.unlucky(0.05):
		f.after = &stripesim.Fault{Status: 500}
	case w.unlucky(0.08):
		f.hold = 1 + w.rand.IntN(2)
	}
	if f != (fate{}) {
		b.w.count("stripe faults")
	}
	f.slow = b.w.chance(0.3) && !b.w.calm
	return f
}

func (f fate) String() string {
	switch {
	case f.die:
		return "dies"
	case f.lost:
		return "is lost"
	case f.late:
		return "is late, the client gives up"
	case f.before != nil && f.before.Sticky:
		return "gets 500 for ever"
	case f.before != nil:
		return "gets " + http.StatusText(f.before.Status)
	case f.after != nil && f.after.Status == 0:
		return "works, the answer is lost"
	case f.after != nil:
		return "works, the answer is " + http.StatusText(f.after.Status)
	case f.hold > 0:
		return []string{"is held up before its effect", "is held up after its effect"}[f.hold-1]
	case f.slow:
		return "works, the answer takes its time"
	}
	return "works"
}

// requestName is a request in two words: "POST confirm".
func requestName(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	name := parts[len(parts)-1]
	if strings.HasPrefix(name, "pi_") {
		name = "payment_intent"
	}
	return r.Method + " " + name
}
