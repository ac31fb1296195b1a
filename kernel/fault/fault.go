// Package fault is what can go wrong in a way that somebody acts on.
//
// An error that a caller can do something about gets a Code where it is born; the edge (httpapi) translates the code to
// the one error structure of the product. Every other error is wrapped with %w and answered as "internal", its text
// kept for the log.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind groups codes by what the caller has to do about them. Its value is the HTTP status that says so.
type Kind int

// The kinds, each with the HTTP status of RFC 9110 that it is answered with.
const (
	Invalid         Kind = 400
	Unauthenticated Kind = 401
	PaymentFailed   Kind = 402
	Forbidden       Kind = 403
	NotFound        Kind = 404
	NotAllowed      Kind = 405
	Conflict        Kind = 409
	Precondition    Kind = 412
	TooLarge        Kind = 413
	UnsupportedType Kind = 415
	Unprocessable   Kind = 422
	TooMany         Kind = 429
	Internal        Kind = 500
	Unavailable     Kind = 503
)

// Code is one thing that can go wrong: a stable name for programs, a title and an explanation for people.
type Code struct {
	Kind  Kind
	Name  string // stable, snake case: ticket_locked
	Title string // a short sentence, the same for every occurrence
	Help  string // what it means and what to do, for the page of the problem
}

// Field is one thing that was wrong with the input.
type Field struct {
	Name    string // as in the request: "price"; empty if no field is to blame
	Message string // one sentence for people
}

// Error is one occurrence of a Code.
type Error struct {
	Code       Code
	Detail     string        // what happened this time, for people; holds nothing internal
	Fields     []Field       // the fields to blame, if any
	RetryAfter time.Duration // when trying again makes sense; 0 if the code has no such time
	Cause      error         // for the log alone
}

// New is an occurrence of c; the detail is formatted as by fmt.Sprintf.
func (c Code) New(format string, args ...any) *Error {
	detail := format
	if len(args) > 0 {
		detail = fmt.Sprintf(format, args...)
	}
	return &Error{Code: c, Detail: detail}
}

// On names the request's field that is to blame, with the detail as its message.
func (e *Error) On(field string) *Error {
	e.Fields = append(e.Fields, Field{Name: field, Message: e.Detail})
	return e
}

// After says when trying again makes sense.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

// Because keeps the cause for the log.
func (e *Error) Because(cause error) *Error {
	e.Cause = cause
	return e
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Code.Name + ": " + e.Detail + ": " + e.Cause.Error()
	}
	return e.Code.Name + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.Cause }

// Is tells whether err is an occurrence of c.
func Is(err error, c Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code.Name == c.Name
}

// From is err as a fault; one that nobody named is Broken, with err as its cause.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Broken.New("Something went wrong on our side. It has been logged; please try again.").Because(err)
}

// Problems collects what is wrong with one input, so that all of it is said at once.
type Problems []Field

// Add says that the field is wrong.
func (p *Problems) Add(field, format string, args ...any) {
	*p = append(*p, Field{Name: field, Message: fmt.Sprintf(format, args...)})
}

// Err is nil when nothing was added, else one BadInput that names every field.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	detail := p[0].Message
	if len(p) > 1 {
		detail = fmt.Sprintf("%d fields are not as they should be.", len(p))
	}
	e := BadInput.New("%s", detail)
	e.Fields = p
	return e
}
