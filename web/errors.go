package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/trace"
)

// errorPage is what a visitor reads when something could not be done.
type errorPage struct {
	*View
	Code   string
	Detail string // what happened this time
	Help   string // what it means and what to do
	Back   string // where the visitor came from
	Again  string // the same page; empty unless trying again may help
	Trace  string // names the request in the logs; empty if the fault is not ours
}

// fail answers with the page of an error, or sends the visitor to sign in if that is what is missing. A program gets the
// one error structure.
func (v *visit) fail(err error) {
	f := faultOf(err)
	if errors.Is(v.Context().Err(), context.Canceled) {
		v.gone(err)
		return
	}
	v.report(f)
	if !wantsPage(v.r) {
		httpapi.WriteFault(v.w, v.r, f)
		return
	}
	if f.Code.Name == fault.SignInNeeded.Name {
		_ = v.signInFirst() // has no error
		return
	}
	if err := v.showFault(f); err != nil {
		httpapi.WriteFault(v.w, v.r, err)
	}
}

// showFault is the page of an error.
func (v *visit) showFault(f *fault.Error) error {
	page := errorPage{View: v.titled("problem." + f.Code.Name + ".title"), Code: f.Code.Name, Detail: v.words.Said(f.Detail)}
	switch f.Code.Kind {
	case fault.NotFound:
		page.Title, page.Detail = v.T("error.unknown"), v.T("error.unknown.lead")
	case fault.Internal:
		page.Detail, page.Trace = v.T("error.broken"), trace.From(v.Context()).ID()
	case fault.Unavailable, fault.TooMany:
		v.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(f.RetryAfter.Seconds())))))
	case fault.Conflict, fault.Forbidden, fault.PaymentFailed: // what helps for the others is meant for programs
		page.Help = v.T("problem." + f.Code.Name + ".help")
	}
	if v.r.Method == http.MethodGet && f.Code.Kind >= fault.TooMany {
		page.Again = v.Here
	}
	if back := cameFrom(v.r); back != "/" && back != v.Here {
		page.Back = back
	}
	page.NoIndex = true
	return v.show(int(f.Code.Kind), "error", page)
}

// report logs what an operator has to know of.
func (v *visit) report(f *fault.Error) {
	switch {
	case f.Code.Kind == fault.Internal:
		v.site.log.ErrorContext(v.Context(), "a page failed", "path", v.r.URL.Path, "trace", trace.From(v.Context()).ID(), "cause", f.Cause)
	case f.Code.Kind == fault.Unavailable:
		v.site.log.WarnContext(v.Context(), "a page has no data", "path", v.r.URL.Path, "trace", trace.From(v.Context()).ID(), "cause", f.Cause)
	}
}

// recover answers after a panic in an action.
func (v *visit) recover() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	v.fail(fault.Broken.New("Something went wrong on our side. It has been logged; please try again.").
		Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
}

// faultOf is what an error of the API, or of a page, means to a visitor.
func faultOf(err error) *fault.Error {
	var named *fault.Error
	var problem *api.Problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &named):
		return named
	case errors.As(err, &problem):
		return problemFault(problem)
	case errors.As(err, &tooLarge):
		return fault.BodyTooLarge.New("The body may have at most %d bytes.", tooLarge.Limit)
	case errors.Is(err, api.ErrUnreachable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Busy.New("A part of the market does not answer right now. Please try again.").After(time.Second).Because(err)
	}
	return fault.From(err)
}

// problemFault is the problem as it was where it was born.
func problemFault(p *api.Problem) *fault.Error {
	code := fault.Broken
	if p.Status == http.StatusBadGateway || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusGatewayTimeout {
		code = fault.Busy
	}
	for _, c := range fault.Catalog {
		if c.Name == p.Code {
			code = c
		}
	}
	f := code.New("%s", p.Detail).After(p.RetryAfter).Because(p)
	for _, field := range p.Fields {
		f.Fields = append(f.Fields, fault.Field{Name: field.Field, Message: field.Message})
	}
	return f
}

// refuse answers what no route does: with a page for people, with a problem for programs.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, refusal http.Handler) {
	said := reason{header: http.Header{}}
	refusal.ServeHTTP(&said, r)
	err := fault.Unknown.New("There is nothing at this address.")
	if said.status == http.StatusMethodNotAllowed {
		if page := s.above(r); page != "" && r.Method == http.MethodGet && wantsPage(r) {
			http.Redirect(w, r, page, http.StatusSeeOther)
			return
		}
		w.Header()["Allow"] = said.header["Allow"]
		err = fault.BadMethod.New("This address does not answer to %s.", r.Method)
	}
	s.newVisit(w, r).fail(err)
}

// above is the page that a form's address belongs to, for those who open it as if it were a page: /orders/1 of
// /orders/1/pay. Empty if there is none.
func (s *Site) above(r *http.Request) string {
	for p := path.Dir(r.URL.Path); ; p = path.Dir(p) {
		up := r.Clone(r.Context())
		up.URL.Path, up.URL.RawPath = p, ""
		if _, pattern := s.mux.Handler(up); strings.HasPrefix(pattern, "GET ") {
			return up.URL.EscapedPath()
		}
		if p == "/" {
			return ""
		}
	}
}

// reason takes why the mux refuses, and none of what it says.
type reason struct {
	header http.Header
	status int
}

func (r *reason) Header() http.Header         { return r.header }
func (r *reason) WriteHeader(status int)      { r.status = status }
func (r *reason) Write(b []byte) (int, error) { return len(b), nil }

// wantsPage tells a person's browser from a program.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api")
}
