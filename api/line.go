package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
	"ticketing/kernel/trace"
)

const (
	sessionCookie = identity.Cookie
	maxAnswer     = 8 << 20 // bytes; a page of a hundred tickets has a fiftieth of that
	firstPause    = 100 * time.Millisecond
	longestPause  = 2 * time.Second
)

// line is the way to a market.
type line struct {
	base      string
	transport http.RoundTripper
	patience  time.Duration
}

// call is one thing to ask for.
type call struct {
	method string
	path   string // escaped
	query  url.Values
	body   any // sent as JSON; nil: none
	header http.Header
	once   bool // must not be repeated when it is not known whether it has been done
}

// answer is what came back: a success, or that nothing is new.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) into(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("%w: its answer is not what was expected: %w", ErrUnreachable, err)
	}
	return nil
}

type keyKey struct{}

// WithKey makes the POSTs of ctx carry this Idempotency-Key instead of one of their own: the same key with the same
// content, also another day and from another process, is done once.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyKey{}, key)
}

// do asks until there is an answer that counts, or the patience is at its end.
func (c *Client) do(ctx context.Context, what call) (*answer, error) {
	request, err := c.prepare(ctx, what)
	if err != nil {
		return nil, err
	}
	left := c.line.patience
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		a, err := c.line.ask(request)
		wait, again := worthRepeating(err, pause, what.once)
		if err == nil {
			c.enter(a.header)
		}
		if !again || wait > left {
			return a, err
		}
		if !pauseFor(ctx, wait) {
			return nil, ctx.Err()
		}
		left -= wait
	}
}

// get asks and reads the answer's body into a T.
func get[T any](ctx context.Context, c *Client, what call) (v T, err error) {
	a, err := c.do(ctx, what)
	if err == nil {
		err = a.into(&v)
	}
	return v, err
}

// prepare makes the request; it can be sent any number of times.
func (c *Client) prepare(ctx context.Context, what call) (*http.Request, error) {
	address := c.line.base + what.path
	if len(what.query) > 0 {
		address += "?" + what.query.Encode()
	}
	var body []byte
	if what.body != nil {
		var err error
		if body, err = json.Marshal(what.body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, what.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if what.header != nil {
		r.Header = what.header
	}
	r.Header.Set("Accept", "application/json, application/problem+json")
	if what.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token := c.Session().Token; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if parent := trace.From(ctx).Parent(); parent != "" {
		r.Header.Set("Traceparent", parent)
	}
	if what.method == http.MethodPost {
		key, ok := ctx.Value(keyKey{}).(string)
		if !ok {
			key = rand.Text()
		}
		r.Header.Set("Idempotency-Key", key)
	}
	return r, nil
}

// ask sends the request once. An error is a *Problem or ErrUnreachable.
func (l line) ask(r *http.Request) (*answer, error) {
	r = r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		r.Body = body
	}
	resp, err := l.transport.RoundTrip(r)
	if err != nil {
		return nil, unreachable(r, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unreachable(r, err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("%w: its answer has more than %d bytes", ErrUnreachable, maxAnswer)
	case resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusNotModified:
		return nil, problemOf(resp, body)
	}
	return &answer{resp.StatusCode, resp.Header, body}, nil
}

func unreachable(r *http.Request, err error) error {
	if r.Context().Err() != nil {
		return r.Context().Err()
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// worthRepeating tells whether the same request may fare better, and after which pause.
func worthRepeating(err error, pause time.Duration, once bool) (time.Duration, bool) {
	var p *Problem
	var dial *net.OpError
	switch {
	case err == nil:
		return 0, false
	case errors.As(err, &p):
		later := p.Status == http.StatusServiceUnavailable || p.Status == http.StatusBadGateway || p.Status == http.StatusGatewayTimeout
		return max(jittered(pause), p.RetryAfter), later && !once || Is(err, fault.KeyInUse)
	case errors.As(err, &dial) && dial.Op == "dial":
		return jittered(pause), true // it was never sent
	}
	return jittered(pause), errors.Is(err, ErrUnreachable) && !once
}

// jittered is between half of d and d, so that many who were refused at once do not come back at once.
func jittered(d time.Duration) time.Duration {
	return d/2 + mathrand.N(d/2)
}

// pauseFor is false when ctx ended first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter reads the header's number of seconds.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
