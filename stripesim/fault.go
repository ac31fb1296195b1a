package stripesim

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
)

// Stage is a moment of a request at which it may go wrong.
type Stage int

// The stages: a request has arrived and has done nothing yet; it has taken effect and is not answered yet.
const (
	Before Stage = iota
	After
)

// Fault is how a request goes wrong. A fault hook that only wants to hold a request up blocks, and returns nil.
type Fault struct {
	Status int  // answered instead of the truth: 500, 503, 429, 409; 0 means that the connection is lost
	Sticky bool // before the effect: the idempotency key remembers the answer, as Stripe's own 500s are remembered
}

// ErrConnectionLost is what a client of Transport gets from a fault without a status.
var ErrConnectionLost = errors.New("stripesim: the connection was lost")

// breakOff is the answer that the fault gives.
func (s *Sim) breakOff(r *http.Request, f *Fault, at Stage, key string, values url.Values) answer {
	a := answer{}
	switch refusal := serverError(f.Status); {
	case f.Status == 0:
	case f.Sticky && key != "":
		refusal.executed = true
		a = s.carryOut(r, key, values, func(c *call) (object, error) { return nil, refusal })
	default:
		a = s.failed(refusal, "")
	}
	a.fault = at.String()
	return a
}

// Transport reaches the simulator without a socket. A request whose context ends is given up by the client at that
// moment; the simulator finishes what it has begun, as a server far away would.
func (s *Sim) Transport() http.RoundTripper { return transport{s.Handler()} }

type transport struct{ handler http.Handler }

// RoundTrip answers with the whole body in memory.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		in.Body = http.NoBody
	} else {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil {
			return nil, err
		}
		in.Body = nopCloser{&body}
	}
	type outcome struct {
		response *http.Response
		err      error
	}
	done := make(chan outcome, 1)
	go func() {
		response, err := t.serve(in)
		done <- outcome{response, err}
	}()
	select {
	case o := <-done:
		if o.response != nil {
			o.response.Request = r
		}
		return o.response, o.err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }

func (t transport) serve(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != any(http.ErrAbortHandler) {
				panic(p)
			}
			response, err = nil, ErrConnectionLost
		}
	}()
	w := httptest.NewRecorder()
	t.handler.ServeHTTP(w, r)
	return w.Result(), nil
}
