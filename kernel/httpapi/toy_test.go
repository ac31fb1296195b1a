package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/identity"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/test/postgres"
)

var tables = fstest.MapFS{"0001_note.sql": {Data: []byte(`
CREATE TABLE note (id TEXT PRIMARY KEY, title TEXT NOT NULL, attempt BIGINT NOT NULL);
`)}}

// toy is a service with one route of every sort.
type toy struct {
	db   *store.DB
	gate chan struct{} // POST /api/gate waits here
	ran  atomic.Int64  // how often its handler ran
	fail atomic.Int64  // how many of the next runs crash after their effect
}

type note struct {
	ID       string        `json:"id" doc:"The note's id."`
	Title    string        `json:"title" example:"Milk"`
	Price    money.Decimal `json:"price" example:"19.99"`
	StartsAt *time.Time    `json:"startsAt,omitempty"`
	Version  int64         `json:"version"`
}

type noteBody struct {
	Title    string        `json:"title" minLength:"1" maxLength:"20" pattern:"\\S" patternDescription:"must not be blank"`
	Price    money.Decimal `json:"price" exclusiveMinimum:"0" maximum:"1000"`
	StartsAt *time.Time    `json:"startsAt,omitempty"`
	Colour   string        `json:"colour,omitempty" enum:"red,green"`
	Tags     []string      `json:"tags,omitempty" maxItems:"2"`
}

type createInput struct{ Body noteBody }

type noteOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the note is."`
	ETag     string `header:"ETag" doc:"The note's version."`
	Body     note
}

type listInput struct {
	httpapi.Page
	Colour string `query:"colour" enum:"red,green"`
	Exact  bool   `query:"exact"`
}

type listOutput struct {
	Link string `header:"Link"`
	Body []note
}

type idInput struct {
	ID      string `path:"id" format:"uuid"`
	IfMatch string `header:"If-Match"`
}

type signInInput struct {
	Body struct {
		Password string `json:"password" minLength:"1"`
	}
}

type signInOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      struct {
		User httpapi.OrNull[note] `json:"user"`
	}
}

type rawInput struct {
	Signature string `header:"Stripe-Signature"`
	RawBody   []byte `contentType:"application/json"`
}

type rawOutput struct {
	Body httpapi.Encoded[note]
}

type none struct{}

const knownID = "0198c0de-0000-7000-8000-000000000001"

func (s *toy) Routes() []httpapi.Route {
	about := func(id string, more ...func(*httpapi.About)) httpapi.About {
		a := httpapi.About{ID: id, Summary: id, Tag: "Notes"}
		for _, f := range more {
			f(&a)
		}
		return a
	}
	signedIn := func(a *httpapi.About) { a.SignedIn = true }
	return []httpapi.Route{
		httpapi.Get("/api/notes", s.list, about("listNotes")),
		httpapi.Post("/api/notes", s.create, about("createNote", signedIn, func(a *httpapi.About) {
			a.Status, a.Statuses, a.Faults = 201, []int{200}, []fault.Code{fault.EmailTaken}
			a.Check = httpapi.Checks(s.check)
		})),
		httpapi.Get("/api/notes/{id}", s.read, about("readNote")),
		httpapi.Put("/api/notes/{id}", s.replace, about("replaceNote", signedIn)),
		httpapi.Delete("/api/notes/{id}", s.remove, about("removeNote")),
		httpapi.Post("/api/signin", s.signIn, about("signIn", func(a *httpapi.About) {
			a.Secret = true
			a.OnReplay = func(context.Context, []byte) (http.Header, error) {
				return http.Header{"Set-Cookie": {"session=second"}}, nil
			}
		})),
		httpapi.Post("/api/gate", s.wait, about("gate", func(a *httpapi.About) { a.Status = 201 })),
		httpapi.Post("/api/raw", s.raw, about("raw", func(a *httpapi.About) {
			a.Larger = httpapi.Larger{Bytes: 4 * httpapi.MaxBody, Header: "Stripe-Signature"}
		})),
		httpapi.Get("/api/panic", func(context.Context, *none) (*none, error) { panic("inner secret") }, about("panic")),
		httpapi.Get("/api/broken", func(context.Context, *none) (*none, error) { return nil, errors.New("inner secret") }, about("broken")),
		httpapi.Get("/api/away", func(context.Context, *none) (*none, error) { return nil, store.ErrUnavailable }, about("away")),
		httpapi.Get("/api/slow", func(ctx context.Context, _ *none) (*none, error) { <-ctx.Done(); return nil, ctx.Err() }, about("slow")),
		httpapi.Get("/api/limited", func(context.Context, *none) (*none, error) {
			return nil, fault.SlowDown.New("Too many.").After(1500 * time.Millisecond)
		}, about("limited", func(a *httpapi.About) { a.Faults = []fault.Code{fault.SlowDown} })),
	}
}

func (s *toy) check(_ context.Context, in *createInput) fault.Problems {
	var p fault.Problems
	if usd := (money.Currency{Code: "usd", Decimals: 2}); in.Body.Price.Sign() > 0 {
		if _, err := usd.Amount(in.Body.Price); err != nil {
			p.Add("price", "Price must have at most 2 decimals.")
		}
	}
	if in.Body.StartsAt != nil && in.Body.StartsAt.Year() < 2000 {
		p.Add("startsAt", "Starts at must be in the future.")
	}
	if in.Body.Title == "" {
		p.Add("title", "said again")
	}
	return p
}

func (s *toy) create(ctx context.Context, in *createInput) (*noteOutput, error) {
	if in.Body.Title == "taken" {
		return nil, fault.EmailTaken.New("It is taken.").On("title")
	}
	id := httpapi.ID(ctx)
	if id != httpapi.ID(ctx) {
		return nil, errors.New("the id changed")
	}
	return &noteOutput{Location: "/api/notes/" + id, ETag: httpapi.ETag(1), Body: note{ID: id, Title: in.Body.Title, Price: in.Body.Price, StartsAt: in.Body.StartsAt, Version: 1}}, nil
}

func (s *toy) list(ctx context.Context, in *listInput) (*listOutput, error) {
	var after int
	if _, err := in.After("new", &after); err != nil {
		return nil, err
	}
	if after >= 40 {
		return &listOutput{}, nil
	}
	out := &listOutput{Link: httpapi.NextLink(ctx, "new", after+in.Limit)}
	for i := range in.Limit {
		out.Body = append(out.Body, note{ID: knownID, Title: "n", Version: int64(after + i)})
	}
	return out, nil
}

func (s *toy) read(_ context.Context, in *idInput) (*noteOutput, error) {
	if in.ID != knownID {
		return nil, fault.Unknown.New("There is no such note.")
	}
	return &noteOutput{ETag: httpapi.ETag(7), Body: note{ID: in.ID, Title: "known", Version: 7}}, nil
}

func (s *toy) replace(_ context.Context, in *struct {
	idInput
	Body noteBody
}) (*noteOutput, error) {
	if err := httpapi.CheckIfMatch(in.IfMatch, 7); err != nil {
		return nil, err
	}
	return &noteOutput{ETag: httpapi.ETag(8), Body: note{ID: in.ID, Title: in.Body.Title, Price: in.Body.Price, Version: 8}}, nil
}

func (s *toy) remove(_ context.Context, in *idInput) (*none, error) {
	return nil, httpapi.CheckIfMatch(in.IfMatch, 7)
}

func (s *toy) signIn(ctx context.Context, in *signInInput) (*signInOutput, error) {
	if in.Body.Password == "wrong" {
		return nil, fault.BadCredentials.New("E-mail or password is wrong.")
	}
	return &signInOutput{SetCookie: httpapi.SessionCookie("first", time.Unix(1e10, 0), httpapi.Secure(ctx)).String()}, nil
}

// wait has an effect in the database, under the reserved id, and answers when the gate opens.
func (s *toy) wait(ctx context.Context, in *createInput) (*noteOutput, error) {
	attempt := s.ran.Add(1)
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	id := httpapi.ID(ctx)
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO note (id, title, attempt) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, id, in.Body.Title, attempt)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.fail.Add(-1) >= 0 {
		panic("crash after the effect")
	}
	return &noteOutput{Location: "/api/notes/" + id, ETag: httpapi.ETag(1), Body: note{ID: id, Title: in.Body.Title, Price: in.Body.Price, Version: 1}}, nil
}

func (s *toy) raw(_ context.Context, in *rawInput) (*rawOutput, error) {
	b, err := json.Marshal(note{ID: knownID, Title: string(in.RawBody), Version: 1})
	return &rawOutput{Body: b}, err
}

// verifier takes "good" for a session of somebody, and cannot judge "maybe".
type verifier struct{}

func (verifier) Verify(_ context.Context, token string) (identity.Caller, error) {
	switch token {
	case "good", "other":
		return identity.Caller{UserID: "user-" + token}, nil
	case "maybe":
		return identity.Caller{}, identity.ErrUnavailable
	}
	return identity.Caller{}, identity.ErrInvalid
}

// slowHash stands for argon2: what matters here is that the salt is in it.
func slowHash(_ context.Context, body, salt []byte) ([]byte, error) {
	return append(append([]byte(nil), salt...), body...), nil
}

func everyEngine(t *testing.T, test func(t *testing.T, db *store.DB)) {
	options := func(o store.Options) store.Options {
		o.Name, o.Migrations, o.Kernel = "toy", tables, []store.Migrations{httpapi.Migrations}
		return o
	}
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, options(store.Options{Dir: t.TempDir()}))) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, options(store.Options{URL: postgres.URL(t)}))) })
}

func open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func sqlite(t testing.TB) *store.DB {
	return open(t, store.Options{Name: "toy", Dir: t.TempDir(), Migrations: tables, Kernel: []store.Migrations{httpapi.Migrations}})
}

func (s *toy) options() httpapi.Options {
	return httpapi.Options{Verifier: verifier{}, Fingerprint: slowHash, Log: slog.New(slog.DiscardHandler)}
}

// served is the toy behind the edge, without a socket.
func served(s *toy) http.Handler {
	return httpapi.Edge(httpapi.EdgeOptions{Larger: httpapi.LargerBodies(s.Routes())}, httpapi.Handler(s.options(), s.db, s.Routes()))
}

// ask makes one request; headers are "Name: value".
func ask(h http.Handler, method, target, body string, headers ...string) *http.Response {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "/", reader)
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery = path, query
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// problem reads the error structure and checks everything about it that is always the same.
func problem(t testing.TB, r *http.Response) httpapi.Problem {
	t.Helper()
	body := text(t, r)
	var p httpapi.Problem
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("status %d: no error structure: %v in %q", r.StatusCode, err, body)
	}
	switch {
	case r.Header.Get("Content-Type") != "application/problem+json":
		t.Errorf("content type %q", r.Header.Get("Content-Type"))
	case p.Status != r.StatusCode || p.Type != "/problems/"+p.Code || p.Title == "" || p.Detail == "" || p.Instance == "":
		t.Errorf("status %d: incomplete: %s", r.StatusCode, body)
	case len(p.Errors) == 0 || p.Errors[0].Message == "":
		t.Errorf("errors are empty: %s", body)
	case len(p.TraceID) != 32 || p.TraceID != r.Header.Get("X-Trace-Id"):
		t.Errorf("traceId %q, header %q", p.TraceID, r.Header.Get("X-Trace-Id"))
	case strings.Contains(body, "secret"):
		t.Errorf("inner text in %s", body)
	}
	return p
}
