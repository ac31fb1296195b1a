package payments_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// script is how a purchase is meant to go.
type script struct {
	card      string
	step      string // the buyer's answer to the bank's step: "approve", "fail", or none
	meanwhile string // what happens to the order meanwhile: the buyer "cancels", it "expires", or it "is cancelled" whatever the rules say
	at        string // the call during which it happens; "after": when all is done
	ends      string // the outcome that it must have; empty: it may be paid or cancelled
	prompt    bool   // events arrive while Stripe is asked, not only when all else is done
}

func (s script) String() string {
	text := s.card
	if s.step != "" {
		text += ", step: " + s.step
	}
	if s.meanwhile != "" {
		text += ", " + s.meanwhile + " at " + s.at
	}
	if s.prompt {
		text += ", prompt events"
	}
	return text
}

// mishap is what goes wrong with the next request of a kind.
type mishap struct{ call, kind string }

// reads and writes are how a request can go wrong: before it has an effect, after it, or later than anybody waits.
var (
	reads  = []string{"lost before", "500 before", "429 before", "rubbish", "dies before"}
	writes = []string{"lost before", "lost after", "late by a call", "late by minutes", "500 before", "500 after", "500 for ever", "503 before",
		"503 after", "429 before", "409 before", "rubbish", "a proxy's page", "dies before", "dies after"}
)

// try is one purchase, with what goes wrong in it.
type try struct {
	*market
	script
	o        event.Order
	mishaps  []mishap // still to come, in their order
	done     bool     // the event has happened
	calls    map[string]bool
	late     []func() // requests that are still on their way
	overdue  []func() // those that come only after minutes
	dead     atomic.Bool
	ended    time.Time // of the last thing that went wrong
	sticky   bool
	refused  string        // the answer's code if the buyer got a final no
	longest  time.Duration // that a charge took to be decided
	hindered bool          // the buyer was asked to try again
}

// meddle is what stands between payments and Stripe in a try.
func (y *try) between(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
	if y.prompt {
		y.pump()
	}
	late := y.late
	y.late = nil
	for _, f := range late {
		f()
	}
	call := callOf(r)
	if call == y.at && !y.done {
		y.happen()
	}
	if y.calls[call] = true; len(y.mishaps) == 0 || y.mishaps[0].call != call {
		return next()
	}
	kind := y.mishaps[0].kind
	y.mishaps, y.ended = y.mishaps[1:], y.time()
	return y.spoil(kind, r, next)
}

func callOf(r *http.Request) string {
	for call := range stripeCalls {
		if isCall(r, call) {
			return call
		}
	}
	return r.Method + " " + r.URL.Path
}

// spoil lets a request go wrong.
func (y *try) spoil(kind string, r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
	failed := func(status int) (*http.Response, error) {
		return stripeAnswer(status, fmt.Sprintf(`{"error":{"type":"api_error","message":"%d"}}`, status)), nil
	}
	switch kind {
	case "lost before":
		return nil, stripesim.ErrConnectionLost
	case "late by a call", "late by minutes":
		return nil, y.delay(kind, r)
	case "500 before":
		return failed(500)
	case "503 before":
		return failed(503)
	case "429 before":
		return failed(429)
	case "409 before":
		return failed(409)
	case "dies before":
		y.die()
	case "500 for ever":
		y.sticky = true
		return next()
	}
	got, err := next()
	switch kind {
	case "lost after":
		return nil, stripesim.ErrConnectionLost
	case "500 after":
		return failed(500)
	case "503 after":
		return failed(503)
	case "rubbish":
		return stripeAnswer(200, `{"ok":true}`), nil
	case "a proxy's page":
		return stripeAnswer(502, `<html>`), nil
	case "dies after":
		y.die()
	}
	return got, err
}

// stick makes Stripe fail inside, and repeat that for the key.
func (y *try) stick(_ *http.Request, at stripesim.Stage) *stripesim.Fault {
	if at == stripesim.Before && y.sticky {
		y.sticky = false
		return &stripesim.Fault{Status: 500, Sticky: true}
	}
	return nil
}

// delay keeps the request for later, when nobody waits for it any more.
func (y *try) delay(kind string, r *http.Request) error {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		y.must(err)
	}
	again := r.Clone(ctx)
	arrive := func() {
		again.Body = io.NopCloser(bytes.NewReader(body))
		_, _ = y.sim.Transport().RoundTrip(again)
	}
	if kind == "late by minutes" {
		y.overdue = append(y.overdue, arrive)
	} else {
		y.late = append(y.late, arrive)
	}
	return stripesim.ErrConnectionLost
}

// die ends payments at this very point.
func (y *try) die() {
	y.dead.Store(true)
	runtime.Goexit()
}

// alive runs a piece of payments. If that ends in the middle, payments is started again, on what is stored.
func (y *try) alive(do func()) (lived bool) {
	y.t.Helper()
	finished := make(chan struct{})
	go func() { defer close(finished); do() }()
	<-finished
	if !y.dead.Swap(false) {
		return true
	}
	b := bus.New(y.db, y.log, bus.Options{})
	y.service = payments.New(y.db, b, y.options)
	y.service.Follow(b)
	y.side.bus = b
	y.handler = httpapi.Handler(httpapi.Options{Verifier: names{}, Private: true}, y.db, y.service.Routes())
	return false
}

// happen is the event of the script.
func (y *try) happen() {
	y.done = true
	switch y.meanwhile {
	case "cancels":
		y.cancel(y.o)
	case "expires":
		y.advance(y.o.ExpiresAt.Sub(y.time()) + time.Second)
		y.expire(y.o)
	case "is cancelled":
		y.become(y.o, event.Cancelled, event.Expired)
	}
	if y.prompt {
		y.pump()
	}
}

// tried is one of the order's charges as the database has it.
type tried struct {
	id, status, stripeID string
	created              int64
	refundDue            bool
}

func (y *try) rows() (all []tried) {
	y.t.Helper()
	y.must(y.db.View(ctx, func(tx *store.Tx) (err error) {
		all, err = store.All(tx, func(scan store.Scan) (c tried, err error) {
			err = scan(&c.id, &c.status, &c.stripeID, &c.created, &c.refundDue)
			return c, err
		}, `SELECT id, status, stripe_id, created_at, refund_due FROM charges WHERE order_id = $1 ORDER BY id`, y.o.ID)
		return err
	}))
	return all
}

// bankIntent is an intent of the order as Stripe shows it.
type bankIntent struct {
	ID, Status string
	Metadata   map[string]string
}

func (y *try) intents() (all []bankIntent) {
	y.t.Helper()
	r, err := http.NewRequest("GET", "http://stripe.test/v1/payment_intents?limit=30", nil)
	y.must(err)
	r.Header.Set("Authorization", "Bearer sk_test_1")
	got, err := y.sim.Transport().RoundTrip(r)
	y.must(err)
	var list struct{ Data []bankIntent }
	y.must(json.NewDecoder(got.Body).Decode(&list))
	for _, in := range list.Data {
		if in.Metadata["order_id"] == y.o.ID {
			all = append(all, in)
		}
	}
	return all
}
