package web

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/trace"
)

// prefixes says which service answers below which path.
var prefixes = []struct{ path, service string }{
	{"/api/users", "auth"},
	{"/api/tickets", "tickets"},
	{"/api/orders", "orders"},
	{"/api/payments", "payments"},
	{"/connect", "payments"}, // where it onboards sellers in Stripe's name
	{"/bank", "payments"},    // where the payment simulator asks the buyer in the bank's name
}

// gateway sends each request of the API to the service that answers it.
type gateway struct {
	local   http.Handler
	remotes map[string]*remote // by service; the empty name is for all that have none of their own
	errors  *log.Logger
	buffers buffers
	observe func(method, route string, status int, took time.Duration)
}

func newGateway(o Options) *gateway {
	g := &gateway{
		local: o.API, remotes: map[string]*remote{}, observe: o.Observe,
		errors: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	for name, bases := range o.Remotes {
		g.remotes[name] = &remote{bases: bases, transport: o.Transport}
	}
	return g
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, service := serviceOf(r.URL.Path)
	to := g.remotes[service]
	if to == nil {
		to = g.remotes[""]
	}
	switch {
	case to != nil:
		g.forward(w, r, to, route+" (forwarded)")
	case g.local != nil:
		g.local.ServeHTTP(w, r)
	default:
		httpapi.WriteFault(w, r, fault.Unknown.New("There is nothing at this address."))
	}
}

// serviceOf is the prefix that the path has, and the service behind it.
func serviceOf(path string) (prefix, service string) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(path, p.path); ok && (rest == "" || rest[0] == '/') {
			return p.path, p.service
		}
	}
	return "/api", ""
}

func (g *gateway) forward(w http.ResponseWriter, r *http.Request, to *remote, route string) {
	begin := time.Now()
	proxy := httputil.ReverseProxy{
		Transport: to,
		Rewrite:   rewrite,
		// What the edge of this process has set already must not be there twice.
		ModifyResponse: func(answer *http.Response) error {
			for name := range w.Header() {
				answer.Header.Del(name)
			}
			g.observe(r.Method, route, answer.StatusCode, time.Since(begin))
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			f := unanswered(r, err)
			g.observe(r.Method, route, int(f.Code.Kind), time.Since(begin))
			httpapi.WriteFault(w, r, f)
		},
		ErrorLog:   g.errors,
		BufferPool: &g.buffers,
	}
	proxy.ServeHTTP(w, r)
}

// buffers are what answers are copied through: to make and clear one for every answer takes longer than the copy.
type buffers struct{ free sync.Pool }

type buffer [32 << 10]byte

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if used, ok := b.free.Get().(*buffer); ok {
		return used[:]
	}
	return new(buffer)[:]
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(used []byte) { b.free.Put((*buffer)(used)) }

// rewrite passes on who asked, for what, and the trace. The address of the client is the one that the edge of this
// process has found behind the proxies that it trusts.
func rewrite(p *httputil.ProxyRequest) {
	p.SetXForwarded()
	if httpapi.Secure(p.In.Context()) {
		p.Out.Header.Set("X-Forwarded-Proto", "https")
	}
	if client := httpapi.ClientAddr(p.In.Context()); client.IsValid() {
		p.Out.Header.Set("X-Forwarded-For", client.String())
	}
	p.Out.Host = p.In.Host
	if parent := trace.From(p.In.Context()).Parent(); parent != "" {
		p.Out.Header.Set("Traceparent", parent)
	}
}

// unanswered says why there is no answer from the service.
func unanswered(r *http.Request, err error) *fault.Error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.BodyTooLarge.New("The body may have at most %d bytes.", tooLarge.Limit)
	case r.Context().Err() != nil:
		return fault.Busy.New("The client went away.").Because(r.Context().Err())
	}
	return fault.Busy.New("A part of the market does not answer right now. Please try again.").After(time.Second).Because(err)
}

// remote is one service, or a whole API, that runs elsewhere: the base URLs of its replicas, taken in turn.
type remote struct {
	bases     []*url.URL
	transport http.RoundTripper
	turn      atomic.Uint64
}

// RoundTrip asks the next replica. One that cannot be reached at all is passed over; one that has been sent anything
// is not, since it may have done what was asked.
func (t *remote) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	first := t.turn.Add(1)
	var last error
	for i := range t.bases {
		base := t.bases[(first+uint64(i))%uint64(len(t.bases))]
		answer, err := t.transport.RoundTrip(toBase(r, base))
		if err == nil || !neverConnected(err) {
			return answer, err
		}
		last = err
	}
	return nil, last
}

// toBase is a copy of r for this replica, whose body stays open for the next one.
func toBase(r *http.Request, base *url.URL) *http.Request {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host = base.Scheme, base.Host
	out.URL.Path, out.URL.RawPath = base.Path+r.URL.Path, base.EscapedPath()+r.URL.EscapedPath()
	if r.Body != nil {
		out.Body = io.NopCloser(r.Body)
	}
	return out
}

func neverConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, context.Canceled)
}

// newTransport is patient with answers, not with connections.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       30 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
	}
}
