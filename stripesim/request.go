package stripesim

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// object is something of the API as JSON shows it.
type object = map[string]any

// call is one request under way, inside its transaction.
type call struct {
	sim       *Sim
	tx        *store.Tx
	form      *form
	id        string // of the object that the path names
	key       string // the idempotency key, if any
	requestID string

	events   []*event // that are not written down yet
	told     told
	answered bool // with what was told
}

// told is the object of the newest event, also as JSON, and the event's id.
type told struct {
	object  object
	members members // what object stands for, if it was told by its members
	json    []byte
	id      string
}

// endpoint carries out one request. An error is an *apiError, or a failure of the engine.
type endpoint func(c *call) (object, error)

// answer is what goes back over the wire.
type answer struct {
	status    int
	body      []byte
	requestID string
	original  string // the request whose answer this one repeats
	fault     string // the stage at which something went wrong on purpose
}

// The most that is read of a request's body.
const maxBody = 1 << 20

// serve is the way of every API request: who asks, what is asked, whether something shall go wrong, the effect, the answer.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, run endpoint) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	now := s.now(r.Context())
	a := s.answer(r, now, run)
	s.requests.add(now, r, a)
	if a.status == 0 {
		panic(http.ErrAbortHandler) // a lost connection: net/http knows it, and Transport too
	}
	s.write(w, r, a)
}

// answer is what comes of a request; one without a status is never answered.
func (s *Sim) answer(r *http.Request, now time.Time, run endpoint) answer {
	values, err := parse(r)
	if err == nil {
		err = authenticate(r)
	}
	if err == nil {
		err = s.admit(now)
	}
	if err != nil {
		return s.failed(err, "")
	}
	key, release, err := s.takeKey(r)
	if err != nil {
		return s.failed(err, "")
	}
	defer release()
	if f := s.wrong(r, Before, key, values); f != nil {
		return s.breakOff(r, f, Before, key, values)
	}
	a := s.carryOut(r, key, values, run)
	if f := s.wrong(r, After, key, values); f != nil {
		return s.breakOff(r, f, After, "", values)
	}
	return a
}

// carryOut runs the endpoint in a transaction. A request that has arrived is carried out even if its client has gone.
func (s *Sim) carryOut(r *http.Request, key string, values url.Values, run endpoint) answer {
	ctx := context.WithoutCancel(r.Context())
	var a answer
	step := func(tx *store.Tx) error {
		c := &call{sim: s, tx: tx, form: newForm(values), id: r.PathValue("id"), key: key, requestID: newID(tx, "req_")}
		c.form.fixed = r.Method == http.MethodDelete
		if s.asked != nil {
			c.form.asked = func(p parameter) { s.asked(r.Pattern, p) }
		}
		a = answer{status: http.StatusOK, requestID: c.requestID}
		if err := c.once(r, values, &a, run); err != nil {
			return err
		}
		return c.writeEvents()
	}
	var err error
	if r.Method != http.MethodGet {
		if strings.HasPrefix(r.URL.Path, hooksPath) {
			defer s.change()()
		}
		err = s.db.UpdateOf(ctx, aboutIntent(r, key), step)
	} else {
		err = s.db.View(ctx, step)
	}
	if err != nil {
		return s.failed(err, a.requestID)
	}
	return a
}

// aboutIntent is the intent that all of a request is about, in the sense of store.UpdateOf. One that is yet to be made is known by
// the key, under which there is one request at a time. Other requests name nothing.
func aboutIntent(r *http.Request, key string) string {
	switch r.Pattern {
	case "POST /v1/payment_intents":
		return key
	case "POST /v1/payment_intents/{id}/confirm", "POST /v1/payment_intents/{id}/capture", "POST /v1/payment_intents/{id}/cancel":
		return r.PathValue("id")
	}
	return ""
}

// act is what happens without a request.
func (s *Sim) act(ctx context.Context, do func(c *call) error) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		c := &call{sim: s, tx: tx}
		if err := do(c); err != nil {
			return err
		}
		return c.writeEvents()
	})
}

// do runs the endpoint and renders what came of it. Only errors that must undo the transaction are returned.
func (c *call) do(run endpoint) (status int, body []byte, err error) {
	o, err := run(c)
	if err == nil {
		err = c.form.checked()
	}
	t := c.told
	again := err == nil && t.object != nil && reflect.ValueOf(o).Pointer() == reflect.ValueOf(t.object).Pointer()
	if again && len(c.form.expand()) == 0 {
		c.answered = true
		return http.StatusOK, t.json, nil
	}
	if again && t.members != nil {
		o = t.members.object()
	}
	if err == nil {
		err = c.expandAll(o)
	}
	var refusal *apiError
	if errors.As(err, &refusal) && refusal.executed {
		return refusal.status, refusal.json(), nil
	}
	if err != nil {
		return 0, nil, err
	}
	body, err = encode(o)
	return http.StatusOK, body, err
}

// failed renders an error whose transaction, if there was one, left nothing behind.
func (s *Sim) failed(err error, requestID string) answer {
	var refusal *apiError
	if !errors.As(err, &refusal) {
		s.log.Error("payment simulator failed", "error", err)
		refusal = serverError(http.StatusInternalServerError)
		if errors.Is(err, store.ErrUnavailable) {
			refusal = serverError(http.StatusServiceUnavailable)
		}
	}
	return answer{status: refusal.status, body: refusal.json(), requestID: requestID}
}

func (s *Sim) write(w http.ResponseWriter, r *http.Request, a answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache, no-store")
	if v := r.Header.Get("Stripe-Version"); v != "" {
		h.Set("Stripe-Version", v)
	}
	if a.requestID != "" {
		h.Set("Request-Id", a.requestID)
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		h.Set("Idempotency-Key", key)
	}
	if a.original != "" {
		h.Set("Idempotent-Replayed", "true")
		h.Set("Original-Request", a.original)
	}
	if a.status == http.StatusTooManyRequests {
		h.Set("Stripe-Rate-Limited-Reason", "global-rate")
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err != nil {
		s.log.Debug("answer not delivered", "error", err)
	}
}

// authenticate accepts every secret test key, as a bearer token or as the user of basic authentication. Nothing is done in the
// name of a connected account: that would need books for each.
func authenticate(r *http.Request) error {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, _ = r.BasicAuth()
	}
	switch {
	case key == "":
		return noKey()
	case !strings.HasPrefix(key, "sk_test_") || len(key) == len("sk_test_"):
		return badKey(key)
	case r.Header.Get("Stripe-Account") != "":
		return noAccess(key, r.Header.Get("Stripe-Account"))
	}
	return nil
}

// parse reads the parameters: of the body for POST, else of the query.
func parse(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, invalid("", "", "Invalid request: the body is not a valid form.")
	}
	if r.Method == http.MethodPost {
		return r.PostForm, nil
	}
	return r.Form, nil
}
