package httpapi

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
	"ticketing/kernel/store"
)

// MaxBody is how many bytes a request's body may have, unless its route takes Larger ones.
const MaxBody = 64 << 10

// bodyTime is how long a client may take to send it.
const bodyTime = 10 * time.Second

// Options are what a service's handler works with.
type Options struct {
	Verifier Verifier      // nil: nobody is ever signed in
	Log      *slog.Logger  // nil: no log
	Private  bool          // no answer may be kept by a cache: users, orders, payments
	NewID    func() string // for ID without an Idempotency-Key; nil: UUIDv7
	Timeout  time.Duration // of a handler; 0: 25 s. It must be less than 30 s, when a repeat may take over
	// Fingerprint is a slow hash for the bodies of Secret routes, which must not be guessed from the database. It may
	// refuse with a fault. A service with such routes needs it.
	Fingerprint func(ctx context.Context, body, salt []byte) ([]byte, error)
	// Observe is told of every answer, with the route's pattern; nil: nobody is.
	Observe func(method, pattern string, status int, took time.Duration)
}

// Handler answers the requests of one service. The answers to requests with an Idempotency-Key are kept in db, which
// needs the tables of Migrations; without a db the key is ignored.
func Handler(o Options, db *store.DB, routes []Route) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.NewID == nil {
		o.NewID = newUUID
	}
	if o.Timeout == 0 {
		o.Timeout = 25 * time.Second
	}
	h := &handler{Options: o}
	if db != nil {
		h.keys = newKeys(db, o)
	}
	mux, s := http.NewServeMux(), newSchemas()
	paths := map[string]*resource{}
	for _, route := range routes {
		if route.About.Secret && db != nil && o.Fingerprint == nil {
			panic("httpapi: " + route.Method + " " + route.Path + " is Secret, but Options have no Fingerprint")
		}
		p := paths[route.Path]
		if p == nil {
			p = &resource{handler: h}
			paths[route.Path] = p
			mux.Handle(route.Path, p)
		}
		p.add(&entry{Route: route, serve: route.bind(s)})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { NotFound(w, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !cleanPath(r.URL.Path) {
			NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// NotFound answers 404 with the one error structure.
func NotFound(w http.ResponseWriter, r *http.Request) {
	WriteFault(w, r, fault.Unknown.New("There is nothing at this address."))
}

// cleanPath tells whether net/http's mux would take the path as it is instead of redirecting to a cleaner one.
func cleanPath(p string) bool {
	return p == "/" || strings.HasPrefix(p, "/") && path.Clean(p) == strings.TrimSuffix(p, "/")
}

type handler struct {
	Options
	keys *keys
}

// entry is a route that is ready to serve.
type entry struct {
	Route
	serve endpoint
}

// resource is all routes of one path.
type resource struct {
	handler *handler
	entries []*entry
	allow   string
}

func (p *resource) add(e *entry) {
	p.entries = append(p.entries, e)
	methods := []string{http.MethodOptions}
	for _, e := range p.entries {
		methods = append(methods, e.Method)
		if e.Method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	p.allow = strings.Join(methods, ", ")
}

func (p *resource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, e := range p.entries {
		if e.Method == method {
			p.handler.answer(w, r, e)
			return
		}
	}
	w.Header().Set("Allow", p.allow)
	if method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	WriteFault(w, r, fault.BadMethod.New("%s is not supported here. Use one of: %s.", r.Method, p.allow))
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request, e *entry) {
	var begin time.Time
	if h.Observe != nil {
		begin = time.Now()
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	c := &call{url: r.URL, newID: h.NewID}
	ctx, unjudged := withCaller(context.WithValue(ctx, callKey{}, c), r, h.Verifier)
	a, err := h.judge(ctx, w, r.WithContext(ctx), e, c, unjudged)
	if err != nil {
		a = faultAnswer(r, err, h.Log)
	}
	h.cacheable(ctx, r, e, a)
	a.write(w, r)
	if h.Observe != nil {
		h.Observe(e.Method, e.Path, a.status, time.Since(begin))
	}
}

// judge takes the request through everything that comes before the handler.
func (h *handler) judge(ctx context.Context, w http.ResponseWriter, r *http.Request, e *entry, c *call, unjudged error) (*answer, error) {
	if e.About.SignedIn {
		if unjudged != nil {
			return nil, unjudged
		}
		if _, err := RequireCaller(ctx); err != nil {
			return nil, err
		}
	}
	var body []byte
	if !e.reading() {
		var err error
		if body, err = readBody(w, r, e.Route); err != nil {
			return nil, err
		}
	}
	if e.Method == http.MethodPost && h.keys != nil {
		if key, ok := r.Header["Idempotency-Key"]; ok {
			return h.once(ctx, r, e, c, body, key)
		}
	}
	if e.About.Kept != nil {
		return e.About.Kept.serve(ctx, r, c, e.serve)
	}
	return e.serve(ctx, r, body)
}

// readBody reads what the client sends, within bounds of size and time. Routes without a body ignore its type.
func readBody(w http.ResponseWriter, r *http.Request, route Route) ([]byte, error) {
	limit := route.About.Larger.limit(r.Header)
	if r.ContentLength > limit {
		return nil, fault.BodyTooLarge.New("The body may have at most %d bytes.", limit)
	}
	if _, json := route.takesBody(); json && r.Body != nil && r.Body != http.NoBody && !jsonType(r.Header) {
		return nil, fault.NotJSON.New("Send the body as application/json, in UTF-8 and without compression.")
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	connection := http.NewResponseController(w) // its deadlines do nothing where there is no connection
	_ = connection.SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_ = connection.SetReadDeadline(time.Time{}) // it was for the body alone
	if err != nil {
		if f := faultOf(err); f.Code.Kind == fault.TooLarge {
			return nil, f
		}
		return nil, fault.BadJSON.New("The body did not arrive completely.").Because(err)
	}
	return body, nil
}

// jsonType tells whether the headers describe a body that is JSON; one without a type is taken for it.
func jsonType(h http.Header) bool {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return false
	}
	value := h.Get("Content-Type")
	if value == "" || value == typeJSON {
		return true
	}
	kind, params, err := mime.ParseMediaType(value)
	if err != nil || kind != typeJSON && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// cacheable says who may keep the answer, and turns one that the client has already into 304.
func (h *handler) cacheable(ctx context.Context, r *http.Request, e *entry, a *answer) {
	if a.get("Cache-Control") == "" {
		caller, _ := identity.From(ctx)
		switch {
		case h.Private || caller.UserID != "":
			a.add("Cache-Control", "no-store")
		case e.reading():
			a.add("Cache-Control", "no-cache")
		}
	}
	if !e.reading() || a.status != http.StatusOK {
		return
	}
	if known, tag := r.Header.Get("If-None-Match"), a.get("Etag"); known != "" && tag != "" && matches(known, tag, true) {
		a.status, a.body = http.StatusNotModified, nil
	}
}
