package market

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Answer is what came back for a request.
type Answer struct {
	Request string // method and path
	Status  int    // 0: no answer came
	Header  http.Header
	Body    []byte
	Err     error // why none came

	t testing.TB
}

// Problem is the one structure of every refusal.
type Problem struct {
	Type     string
	Title    string
	Status   int
	Code     string
	Detail   string
	Instance string
	Errors   []struct{ Message, Field string }
	TraceID  string `json:"traceId"`
}

// ask sends a request. The body is a string as it is, or anything else as JSON; nil is none.
func (m *Market) ask(client *http.Client, method, url string, body any, header map[string]string) Answer {
	a := Answer{t: m.t, Request: method + " " + url}
	if client == nil {
		client = &http.Client{Transport: m.transport, Timeout: Patience}
	}
	content, err := encode(body)
	if err != nil {
		a.Err = err
		return a
	}
	r, err := http.NewRequest(method, url, content)
	if err != nil {
		a.Err = err
		return a
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := client.Do(r)
	if err != nil {
		a.Err = err
		return a
	}
	defer resp.Body.Close()
	a.Body, a.Err = io.ReadAll(resp.Body)
	a.Status, a.Header = resp.StatusCode, resp.Header
	if a.Err != nil {
		a.Status = 0
	}
	return a
}

func encode(body any) (io.Reader, error) {
	switch b := body.(type) {
	case nil:
		return http.NoBody, nil
	case string:
		return strings.NewReader(b), nil
	}
	content, err := json.Marshal(body)
	return bytes.NewReader(content), err
}

func (a Answer) String() string {
	if a.Err != nil {
		return fmt.Sprintf("%s: %v", a.Request, a.Err)
	}
	return fmt.Sprintf("%s: %d %s", a.Request, a.Status, bytes.TrimSpace(a.Body))
}

// OK tells whether it is a 2xx.
func (a Answer) OK() bool { return a.Status/100 == 2 }

// Code is the code of the refusal, or empty.
func (a Answer) Code() string {
	var p Problem
	if a.OK() || json.Unmarshal(a.Body, &p) != nil {
		return ""
	}
	return p.Code
}

// Want ends the test unless the answer has this status.
func (a Answer) Want(status int) Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("want %d: %s", status, a)
	}
	return a
}

// Refused ends the test unless the answer is this refusal, in the one structure of errors.
func (a Answer) Refused(status int, code string) Problem {
	a.t.Helper()
	a.Want(status)
	p, err := a.Problem()
	if err != nil {
		a.t.Fatal(err)
	}
	if p.Code != code {
		a.t.Fatalf("want %s: %s", code, a)
	}
	return p
}

// Problem is the refusal; an error says what is wrong with its structure.
func (a Answer) Problem() (p Problem, err error) {
	bad := func(what string) (Problem, error) { return p, fmt.Errorf("%s: %s (%v)", what, a, a.Header) }
	if a.Err != nil {
		return p, a.Err
	}
	if kind := a.Header.Get("Content-Type"); kind != "application/problem+json" {
		return bad("an error of type " + kind)
	}
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return bad(err.Error())
	}
	switch {
	case p.Status != a.Status:
		return bad("another status in the body")
	case p.Code == "" || p.Type != "/problems/"+p.Code || p.Title == "" || p.Detail == "" || p.Instance == "":
		return bad("a field of the problem is missing")
	case len(p.Errors) == 0 || p.Errors[0].Message == "":
		return bad("no message in errors")
	case len(p.TraceID) != 32:
		return bad("no trace id")
	case (a.Status == 429 || a.Status == 503) && a.Header.Get("Retry-After") == "":
		return bad("no Retry-After")
	}
	return p, nil
}

// As is the body of an answer, as a T. It ends the test if it is none.
func As[T any](a Answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal(a.Body, &v); err != nil {
		a.t.Fatalf("%v: %s", err, a)
	}
	return v
}
