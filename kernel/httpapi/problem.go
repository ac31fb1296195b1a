package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
	"ticketing/kernel/store"
	"ticketing/kernel/trace"
)

// Problem is the body of every answer that is no success: RFC 9457, with more members.
type Problem struct {
	Type     string         `json:"type" format:"uri-reference" doc:"The page that explains the code: /problems/{code}." example:"/problems/ticket_locked"`
	Title    string         `json:"title" doc:"The code in words, the same at every occurrence." example:"The ticket is locked"`
	Status   int            `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status." example:"409"`
	Code     string         `json:"code" doc:"What went wrong, for programs." example:"ticket_locked"`
	Detail   string         `json:"detail" doc:"What went wrong this time, for people." example:"Someone else is paying for this ticket until 12:15:00 UTC."`
	Instance string         `json:"instance" format:"uri-reference" doc:"The path of the request." example:"/api/orders"`
	Errors   []ProblemError `json:"errors" minItems:"1" nullable:"false" doc:"Everything that is wrong, one entry each; never empty."`
	TraceID  string         `json:"traceId" doc:"Names this request in the logs." example:"4bf92f3577b34da6a3ce929d0e0e4736"`
}

// ProblemError is one thing that is wrong.
type ProblemError struct {
	Message string `json:"message" doc:"One sentence for people." example:"Someone else is paying for this ticket until 12:15:00 UTC."`
	Field   string `json:"field,omitempty" doc:"The field of the request that is to blame, if one is." example:"ticketId"`
}

// WriteFault answers a request with the one error structure. An error that is no fault is answered as an internal one,
// and its text only goes to the log.
func WriteFault(w http.ResponseWriter, r *http.Request, err error) {
	faultAnswer(r, err, loggerOf(r.Context())).write(w, r)
}

// faultOf is err as a fault: a failing engine, an expired deadline or a client that has gone is Busy, not Broken.
func faultOf(err error) *fault.Error {
	var named *fault.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &named):
		return named
	case errors.As(err, &tooLarge):
		return fault.BodyTooLarge.New("The body may have at most %d bytes.", tooLarge.Limit)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, identity.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Busy.New("The service cannot answer right now. Please try again in a moment.").Because(err)
	}
	return fault.From(err)
}

func faultAnswer(r *http.Request, err error, log *slog.Logger) *answer {
	f := faultOf(err)
	t := trace.From(r.Context())
	if !t.Valid() {
		t = trace.New()
	}
	status := int(f.Code.Kind)
	report(r, f, t, log)
	a := &answer{status: status, kind: typeProblem}
	a.add("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		a.add("Www-Authenticate", `Bearer realm="ticketing"`)
	}
	if f.RetryAfter > 0 || status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		a.add("Retry-After", strconv.Itoa(max(1, int(math.Ceil(f.RetryAfter.Seconds())))))
	}
	p := Problem{
		Type: "/problems/" + f.Code.Name, Title: f.Code.Title, Status: status, Code: f.Code.Name,
		Detail: either(f.Detail, f.Code.Title), Instance: r.URL.EscapedPath(), TraceID: t.ID(),
	}
	for _, field := range f.Fields {
		p.Errors = append(p.Errors, ProblemError{Message: either(field.Message, p.Detail), Field: field.Name})
	}
	if len(p.Errors) == 0 {
		p.Errors = []ProblemError{{Message: p.Detail}}
	}
	a.body, _ = marshal(p) // strings and numbers always are JSON
	return a
}

// report logs what an operator has to know of. Faults of the caller are none of it.
func report(r *http.Request, f *fault.Error, t trace.Trace, log *slog.Logger) {
	level := slog.LevelWarn
	switch {
	case f.Code.Kind < fault.Internal, errors.Is(f.Cause, context.Canceled):
		return
	case f.Code.Kind == fault.Internal:
		level = slog.LevelError
	}
	log.LogAttrs(r.Context(), level, "request failed", slog.String("code", f.Code.Name), slog.String("method", r.Method),
		slog.String("path", r.URL.Path), slog.String("trace", t.ID()), slog.Any("cause", f.Cause))
}

// inUse is the refusal of a repeat that came too early.
func inUse() error {
	return fault.KeyInUse.New("A request with this Idempotency-Key has not been answered yet.").After(time.Second)
}
