package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"ticketing/kernel/fault"
)

// Problem is an answer that is no success.
type Problem struct {
	Type     string       `json:"type"` // the page that explains the code
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Code     string       `json:"code"` // empty if the answer was not the market's: a proxy's
	Detail   string       `json:"detail"`
	Instance string       `json:"instance"`
	Fields   []FieldError `json:"errors"`
	TraceID  string       `json:"traceId"` // names the request in the logs

	RetryAfter time.Duration `json:"-"` // when trying again makes sense; 0 if that was not said
}

// FieldError is one thing that is wrong with a request.
type FieldError struct {
	Field   string `json:"field"` // empty if no field is to blame
	Message string `json:"message"`
}

// Error is what went wrong, for people.
func (p *Problem) Error() string {
	if p.Code == "" {
		return p.Detail
	}
	return fmt.Sprintf("%s (%s)", p.Detail, p.Code)
}

// Field is what is wrong with that field of the request; empty if nothing is.
func (p *Problem) Field(name string) string {
	for _, f := range p.Fields {
		if f.Field == name {
			return f.Message
		}
	}
	return ""
}

// Is tells whether err is a Problem of this code.
func Is(err error, code fault.Code) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == code.Name
}

// problemOf is the problem in an answer. Whatever stands between may answer in other ways, which have a status alone.
func problemOf(resp *http.Response, body []byte) *Problem {
	p := &Problem{}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(body, p) != nil || p.Code == "" {
		text := http.StatusText(resp.StatusCode)
		*p = Problem{Title: text, Detail: fmt.Sprintf("The market answered %d %s.", resp.StatusCode, text)}
	}
	p.Status, p.RetryAfter = resp.StatusCode, retryAfter(resp.Header)
	return p
}
