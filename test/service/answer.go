package service

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/google/uuid"

	"ticketing/kernel/identity"
)

// names takes every token for the id of its user.
type names struct{}

func (names) Verify(_ context.Context, token string) (identity.Caller, error) {
	return identity.Caller{UserID: token}, nil
}

// NewID is a new id, of a user or of anything else.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Answer is what a process answered.
type Answer struct {
	Status int
	Header map[string][]string
	Text   string
}

// Ask sends a request as that user; "" is nobody. The body is JSON text, or anything that becomes it. Headers are pairs.
// The test fails if the answer is not one of those that the service documents.
func (p *Process) Ask(user, method, target string, body any, headers ...string) Answer {
	p.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			p.Fatal(err)
		}
		reader = strings.NewReader(string(text))
	}
	r := httptest.NewRequest(method, target, reader)
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+user)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.Handler.ServeHTTP(w, r)
	a := Answer{Status: w.Code, Header: w.Header(), Text: w.Body.String()}
	if err := p.about.judge(r, a); err != nil {
		p.Errorf("the document does not know this answer: %v", err)
	}
	return a
}

// Get is the value of a header.
func (a Answer) Get(header string) string {
	if v := a.Header[header]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Into decodes the body.
func (a Answer) Into(v any) error { return json.Unmarshal([]byte(a.Text), v) }

// problem is the part of the one error structure that tests look at.
type problem struct {
	Code   string
	Detail string
	Errors []struct{ Field, Message string }
}

func (a Answer) problem() (p problem) {
	_ = a.Into(&p)
	return p
}

// Code is the code of a refusal; "" of anything else.
func (a Answer) Code() string { return a.problem().Code }

// Detail is what a refusal says to people.
func (a Answer) Detail() string { return a.problem().Detail }

// Fields are those that a refusal blames, sorted.
func (a Answer) Fields() []string {
	all := []string{}
	for _, e := range a.problem().Errors {
		if e.Field != "" {
			all = append(all, e.Field)
		}
	}
	slices.Sort(all)
	return all
}

// Next is the address of the page after this one; "" if this is the last.
func (a Answer) Next() string {
	address, rest, ok := strings.Cut(strings.TrimPrefix(a.Get("Link"), "<"), ">")
	if !ok || rest != `; rel="next"` {
		return ""
	}
	return address
}

// Want fails the test unless the answer has this status and, if it is a refusal, this code.
func (p *Process) Want(a Answer, status int, code string) {
	p.Helper()
	if a.Status != status || a.Code() != code {
		p.Fatalf("answered %d %s, want %d %s: %s", a.Status, a.Code(), status, code, a.Text)
	}
}

// Must decodes the body of an answer with this status, or fails the test.
func Must[T any](p *Process, a Answer, status int) (v T) {
	p.Helper()
	if a.Status != status {
		p.Fatalf("answered %d, want %d: %s", a.Status, status, a.Text)
	}
	if err := a.Into(&v); err != nil {
		p.Fatalf("%v: %s", err, a.Text)
	}
	return v
}
