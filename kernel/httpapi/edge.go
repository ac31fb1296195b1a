package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
	"ticketing/kernel/trace"
)

// EdgeOptions are what the edge of a process works with.
type EdgeOptions struct {
	TrustedProxies []netip.Prefix    // networks whose forwarding headers name the client
	Log            *slog.Logger      // nil: no log
	Larger         map[string]Larger // paths that take larger bodies; see LargerBodies
}

// Edge is the outermost handler of a process. It gives every request a trace and a client address, refuses changes that
// another site's page makes, bounds bodies, adds the security headers, logs, turns a panic and what net/http answers by
// itself (no such path, wrong method) into the one error structure.
func Edge(o EdgeOptions, next http.Handler) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &edge{EdgeOptions: o, next: next, origins: http.NewCrossOriginProtection()}
}

type edge struct {
	EdgeOptions
	next    http.Handler
	origins *http.CrossOriginProtection
}

// Header values that are the same for all answers, so that none is made for each.
var (
	headerNosniff     = []string{"nosniff"}
	headerReferrer    = []string{"strict-origin-when-cross-origin"}
	headerPermissions = []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
	headerPolicy      = []string{"default-src 'none'; frame-ancestors 'none'"}
	headerHSTS        = []string{"max-age=31536000"}
)

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	t, ok := trace.Parse(r.Header.Get("Traceparent"))
	if !ok {
		t = trace.New()
	}
	client, secure := e.client(r)
	ctx := context.WithValue(trace.With(r.Context(), t), arrivalKey{}, &arrival{client: client, secure: secure, log: e.Log})
	r = r.WithContext(ctx)
	h := w.Header()
	h["X-Trace-Id"] = []string{t.ID()}
	h["X-Content-Type-Options"] = headerNosniff
	h["Referrer-Policy"] = headerReferrer
	h["Permissions-Policy"] = headerPermissions
	h["Content-Security-Policy"] = headerPolicy
	if secure {
		h["Strict-Transport-Security"] = headerHSTS
	}
	own := &writer{ResponseWriter: w, r: r}
	defer e.finish(own, r, t, begin)
	if err := e.admit(r); err != nil {
		WriteFault(own, r, err)
		return
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, e.Larger[r.URL.Path].limit(r.Header)) // w itself: it closes the connection
	}
	e.next.ServeHTTP(own, r)
}

// admit refuses what no handler should see.
func (e *edge) admit(r *http.Request) error {
	if !cleanPath(r.URL.Path) && r.URL.Path != "*" {
		return fault.Unknown.New("There is nothing at this address.")
	}
	if err := e.origins.Check(r); err == nil {
		return nil
	}
	// A page cannot make a browser send a token that it does not know; only a cookie comes along by itself.
	if _, err := r.Cookie(identity.Cookie); err != nil && bearer(r) != "" {
		return nil
	}
	return fault.CrossOrigin.New("This change came from a page of another site and was refused.")
}

// finish answers after a panic and logs the request.
func (e *edge) finish(w *writer, r *http.Request, t trace.Trace, begin time.Time) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		e.Log.LogAttrs(r.Context(), slog.LevelError, "a handler panicked", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.String("trace", t.ID()), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		if w.status != 0 {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		h := w.Header()
		for _, name := range []string{"Etag", "Location", "Link", "Set-Cookie", "Content-Length", "Content-Encoding"} {
			h.Del(name)
		}
		WriteFault(w, r, fault.Broken.New("Something went wrong on our side. It has been logged; please try again."))
	}
	level := slog.LevelDebug
	if w.status >= 500 {
		level = slog.LevelInfo
	}
	if !e.Log.Enabled(r.Context(), level) {
		return
	}
	e.Log.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", w.status), slog.Duration("took", time.Since(begin)), slog.String("trace", t.ID()))
}
