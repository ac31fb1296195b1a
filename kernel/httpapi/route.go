// Package httpapi is the border between HTTP and the services.
//
// A service lists its routes in one table: a path, a handler that is a function of plain structs, and what there is to
// know about the route. From that table come the http.Handler (Handler), the OpenAPI document (OpenAPI) and the checks of
// the input, so that the three cannot disagree. The structs carry the tags of huma (path, query, header, json, doc,
// example, minLength …); huma makes the JSON Schemas and the OpenAPI document of them. Requests are read and checked
// here rather than by huma, against those same schemas, because the product promises more than huma does: one error
// structure, every bad field at once under the name the client knows, exact decimals, stored answers for repeats.
//
// The order in which a request is judged: path and method; who calls; the size and type of the body; the Idempotency-Key;
// then all parameters and the body together; then the handler. Edge stands in front of everything, once a process.
package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"ticketing/kernel/fault"
)

// Service is anything that answers HTTP requests. Routes must work on a zero service: documents are made of them without
// any database.
type Service interface {
	Routes() []Route
}

// Route is one line of a service's table. It is made by Get, Post, Put, Patch or Delete.
type Route struct {
	Method string
	Path   string // pattern of net/http: /api/tickets/{id}
	About  About

	bind     func(s *schemas) endpoint
	document func(api huma.API, op huma.Operation)
	input    reflect.Type
}

// About is what there is to know about a route, for its readers and for its treatment.
type About struct {
	ID          string       // operationId, unique in the product: "createTicket"
	Summary     string       // one line
	Description string       // more, in Markdown; may be empty
	Tag         string       // group in the document: "Tickets"
	SignedIn    bool         // callers who are not signed in get 401 before anything else of the request is judged
	Status      int          // of success; 0: 200 with a body, 204 without
	Statuses    []int        // of further successes, told by the output's field Status
	Faults      []fault.Code // what it may answer besides what any route like it may
	Check       Checker      // rules of the service, reported together with what the schema finds; may be nil
	Larger      Larger       // bodies that it takes beyond MaxBody; needs LargerBodies at the edge too

	// Kept keeps the answers of a Get that are the same for everybody. They have an ETag, of their content if of nothing else.
	Kept *Kept
	// Secret marks a body that holds a password: its fingerprint, kept with an Idempotency-Key, is the slow one of Options.
	Secret bool
	// OnReplay adds headers when the stored answer of a 2xx is given again: Set-Cookie is never stored, so a route that
	// begins a session makes a new cookie here. The body is the stored one.
	OnReplay func(ctx context.Context, body []byte) (http.Header, error)
}

// Checker judges an input beyond its schema. Checks makes one.
type Checker struct {
	input reflect.Type
	run   func(ctx context.Context, in any) fault.Problems
}

// Checks makes a Checker of a function that names everything wrong with an input of type I. It runs before the handler,
// also when the schema has found problems (unless the body is no JSON object at all); fields named by those hold their zero value, and what is said about them
// again is dropped. So a client reads at once that the title is missing and that the event is over.
func Checks[I any](f func(ctx context.Context, in *I) fault.Problems) Checker {
	return Checker{reflect.TypeFor[I](), func(ctx context.Context, in any) fault.Problems { return f(ctx, in.(*I)) }}
}

// Get is a route that reads. HEAD is answered too.
//
// I holds the input: fields with a tag path, query or header (string, integer or bool kinds; embedded structs are fine),
// and Body, a struct that is read from JSON, or RawBody, the bytes whatever their type. A path parameter with
// format:"uuid" that is no id of ours is answered 404. O holds the output: fields with a header tag (string, integer,
// []string; empty ones are left out), Status if there are several successes, and Body, which is written as JSON.
func Get[I, O any](path string, h func(ctx context.Context, in *I) (*O, error), about About) Route {
	return route(http.MethodGet, path, h, about)
}

// Post is a route that creates or acts. It takes the Idempotency-Key.
func Post[I, O any](path string, h func(ctx context.Context, in *I) (*O, error), about About) Route {
	return route(http.MethodPost, path, h, about)
}

// Put is a route that replaces.
func Put[I, O any](path string, h func(ctx context.Context, in *I) (*O, error), about About) Route {
	return route(http.MethodPut, path, h, about)
}

// Patch is a route that changes a part.
func Patch[I, O any](path string, h func(ctx context.Context, in *I) (*O, error), about About) Route {
	return route(http.MethodPatch, path, h, about)
}

// Delete is a route that removes.
func Delete[I, O any](path string, h func(ctx context.Context, in *I) (*O, error), about About) Route {
	return route(http.MethodDelete, path, h, about)
}

// endpoint answers one request whose caller is known and whose body has been read.
type endpoint func(ctx context.Context, r *http.Request, body []byte) (*answer, error)

func route[I, O any](method, path string, h func(context.Context, *I) (*O, error), about About) Route {
	if about.Check.run != nil && about.Check.input != reflect.TypeFor[I]() {
		panic(fmt.Sprintf("httpapi: %s %s: Check is for %v, the handler takes %v", method, path, about.Check.input, reflect.TypeFor[I]()))
	}
	if about.Kept != nil && method != http.MethodGet {
		panic(fmt.Sprintf("httpapi: %s %s changes something and cannot be Kept", method, path))
	}
	return Route{
		Method: method, Path: path, About: about, input: reflect.TypeFor[I](),
		document: func(api huma.API, op huma.Operation) { huma.Register(api, op, h) },
		bind: func(s *schemas) endpoint {
			reads, writes := inputOf(s, reflect.TypeFor[I]()), outputOf(reflect.TypeFor[O](), about.Status)
			return func(ctx context.Context, r *http.Request, body []byte) (*answer, error) {
				in := new(I)
				if err := reads.read(ctx, r, body, reflect.ValueOf(in), about.Check); err != nil {
					return nil, err
				}
				out, err := h(ctx, in)
				if err != nil {
					return nil, err
				}
				return writes.answer(reflect.ValueOf(out))
			}
		},
	}
}

// Larger lets requests with a header have larger bodies than MaxBody: a machine's, whose signature is checked. Its zero value
// lets none.
type Larger struct {
	Bytes  int64
	Header string
}

// limit is how many bytes the body of a request with these headers may have.
func (l Larger) limit(h http.Header) int64 {
	if l.Bytes > MaxBody && h.Get(l.Header) != "" {
		return l.Bytes
	}
	return MaxBody
}

// LargerBodies are the paths that take larger bodies than MaxBody, for EdgeOptions.
func LargerBodies(tables ...[]Route) map[string]Larger {
	larger := map[string]Larger{}
	for _, r := range slices.Concat(tables...) {
		if r.About.Larger.Bytes > 0 {
			larger[r.Path] = r.About.Larger
		}
	}
	return larger
}

// reading tells whether the route changes nothing.
func (r Route) reading() bool { return r.Method == http.MethodGet }

// takesBody tells whether the route reads a body, and whether that is JSON.
func (r Route) takesBody() (any, json bool) {
	_, json = r.input.FieldByName("Body")
	_, raw := r.input.FieldByName("RawBody")
	return json || raw, json
}
