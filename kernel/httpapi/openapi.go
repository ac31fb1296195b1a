package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
)

const apiText = `A ticket exchange: list a ticket, order one, pay for it while it is locked for you.

Every answer that is no success is a problem document (RFC 9457) of one structure; ` + "`/problems/{code}`" + ` explains each code.
Ids are UUIDs, times are RFC 3339 in UTC, money is a JSON number in the major unit of the currency and kept exactly.
Lists come in pages: the next one is in the Link header. ETag is an entity's version, to be sent as If-Match with a change.
A POST with an Idempotency-Key can be repeated safely: for 24 hours the same key gives the first answer again.`

// OpenAPI is the OpenAPI 3.1 document of these tables of routes, as indented JSON.
func OpenAPI(tables ...[]Route) ([]byte, error) {
	s := newSchemas()
	doc := &huma.OpenAPI{
		Info: &huma.Info{Title: "Ticketing", Version: "1", Description: apiText,
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
		Servers: []*huma.Server{{URL: "/", Description: "This server"}},
		Components: &huma.Components{
			Schemas: s.Registry, Examples: map[string]*huma.Example{},
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"session": {Type: "apiKey", In: "cookie", Name: identity.Cookie, Description: "Set by signing up and signing in."},
				"bearer":  {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The same token, for programs."},
			},
		},
	}
	config := huma.Config{OpenAPI: doc}
	config.AllowAdditionalPropertiesByDefault = true // readers must take what a newer server adds
	api := huma.NewAPI(config, nowhere{})
	problem := s.Schema(reflect.TypeFor[Problem](), true, "")
	ids := map[string]bool{}
	for _, route := range slices.Concat(tables...) {
		if route.About.ID == "" || ids[route.About.ID] {
			return nil, fmt.Errorf("%s %s needs an ID of its own, not %q", route.Method, route.Path, route.About.ID)
		}
		ids[route.About.ID] = true
		describe(s, doc, api, route, problem)
	}
	for _, huma := range []string{"ErrorModel", "ErrorDetail"} { // its own error structure, which is never answered
		delete(s.Map(), huma)
	}
	s.noNullLists()
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	err = json.Indent(&indented, b, "", "  ")
	return indented.Bytes(), err
}

// nowhere takes huma's handlers and never calls them.
type nowhere struct{}

func (nowhere) Handle(*huma.Operation, func(huma.Context))   {}
func (nowhere) ServeHTTP(http.ResponseWriter, *http.Request) {}

// describe adds one route to the document.
func describe(s *schemas, doc *huma.OpenAPI, api huma.API, route Route, problem *huma.Schema) {
	about := route.About
	var op *huma.Operation
	doc.OnAddOperation = []huma.AddOpFunc{func(_ *huma.OpenAPI, added *huma.Operation) { op = added }}
	route.document(api, huma.Operation{
		Method: route.Method, Path: route.Path, DefaultStatus: about.Status,
		OperationID: about.ID, Summary: about.Summary, Description: about.Description, Tags: []string{about.Tag},
	})
	if body, json := route.takesBody(); body && !json && op.RequestBody.Content[typeJSON] != nil {
		op.RequestBody.Content[typeJSON].Schema = &huma.Schema{Description: "Any JSON."} // taken as it comes
	}
	for _, p := range inputOf(s, route.input).params { // huma does not look into embedded structs that are not exported
		if !slices.ContainsFunc(op.Parameters, func(known *huma.Param) bool { return known.Name == p.name && known.In == p.in }) {
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: p.name, In: p.in, Required: p.required || p.in == "path", Description: p.schema.Description, Schema: p.schema,
			})
		}
	}
	if !slices.ContainsFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == about.Tag }) {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: about.Tag})
	}
	delete(op.Responses, "default")
	success := op.Responses[strconv.Itoa(op.DefaultStatus)]
	for _, media := range success.Content {
		media.Schema.Nullable = media.Schema.Nullable && media.Schema.Type != huma.TypeArray
	}
	if route.Method == http.MethodPost {
		op.Parameters = append(op.Parameters, keyParameter())
		addHeader(success, "Idempotent-Replayed", replayedText)
	}
	for _, status := range about.Statuses {
		also := *success
		also.Description = http.StatusText(status)
		op.Responses[strconv.Itoa(status)] = &also
	}
	if route.reading() && success.Headers["ETag"] != nil {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "If-None-Match", In: "header",
			Description: "An ETag that the client has: 304 without a body if it is still the one.", Schema: &huma.Schema{Type: huma.TypeString}})
		op.Responses["304"] = &huma.Response{Description: "Not Modified", Headers: map[string]*huma.Header{"ETag": success.Headers["ETag"]}}
	}
	op.Security = []map[string][]string{} // said, so that nobody has to guess: this one is for all
	if about.SignedIn {
		op.Security = []map[string][]string{{"session": {}}, {"bearer": {}}}
	}
	byStatus := map[int][]fault.Code{}
	for _, code := range faultsOf(route, op) {
		byStatus[int(code.Kind)] = append(byStatus[int(code.Kind)], code)
		doc.Components.Examples[code.Name] = exampleOf(code)
	}
	for status, codes := range byStatus {
		r := problemResponse(status, codes, problem)
		if route.Method == http.MethodPost && status < 500 {
			addHeader(r, "Idempotent-Replayed", replayedText)
		}
		op.Responses[strconv.Itoa(status)] = r
	}
}

const replayedText = "Present, and true, when this is the stored answer to an earlier request with the same key."

// faultsOf is every code that the route may answer, each once: its own and those that its shape brings along.
func faultsOf(route Route, op *huma.Operation) []fault.Code {
	codes := slices.Clone(route.About.Faults)
	add := func(when bool, more ...fault.Code) {
		for _, c := range more {
			if when && !slices.Contains(codes, c) {
				codes = append(codes, c)
			}
		}
	}
	has := func(in, name string) bool {
		return slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == in && (name == "" || p.Name == name) })
	}
	judged := func(p *huma.Param) bool { // a path names something or nothing, and a condition holds or does not
		return p.In == "query" || p.In == "header" && p.Name != "If-Match" && p.Name != "If-None-Match"
	}
	body, json := route.takesBody()
	add(route.About.SignedIn, fault.SignInNeeded)
	add(has("path", ""), fault.Unknown)
	add(body || slices.ContainsFunc(op.Parameters, judged), fault.BadInput)
	add(json, fault.BadJSON, fault.NotJSON)
	add(!route.reading(), fault.BodyTooLarge, fault.CrossOrigin)
	add(has("header", "If-Match"), fault.VersionMoved)
	add(route.Method == http.MethodPost, fault.KeyReused, fault.KeyInUse)
	add(true, fault.Broken, fault.Busy)
	return codes
}

func problemResponse(status int, codes []fault.Code, problem *huma.Schema) *huma.Response {
	var names []string
	var enum []any
	examples := map[string]*huma.Example{}
	for _, c := range codes {
		names, enum = append(names, "`"+c.Name+"`"), append(enum, c.Name)
		examples[c.Name] = &huma.Example{Ref: "#/components/examples/" + c.Name}
	}
	narrow := &huma.Schema{Properties: map[string]*huma.Schema{"code": {Enum: enum}}}
	r := &huma.Response{
		Description: http.StatusText(status) + ": " + strings.Join(names, ", "),
		Content: map[string]*huma.MediaType{typeProblem: {
			Schema: &huma.Schema{AllOf: []*huma.Schema{problem, narrow}}, Examples: examples,
		}},
	}
	if slices.ContainsFunc(codes, passes) {
		addHeader(r, "Retry-After", "After how many seconds trying again makes sense.")
	}
	return r
}

// passes tells whether what the code says passes with time, so that Retry-After may say when.
func passes(c fault.Code) bool {
	return c.Kind == fault.TooMany || c.Kind == fault.Unavailable || c == fault.KeyInUse || c == fault.TicketLocked || c == fault.PaymentInProgress
}

func exampleOf(c fault.Code) *huma.Example {
	return &huma.Example{Summary: c.Title, Description: c.Help, Value: Problem{
		Type: "/problems/" + c.Name, Title: c.Title, Status: int(c.Kind), Code: c.Name, Detail: c.Title + ".",
		Instance: "/api/orders", Errors: []ProblemError{{Message: c.Title + "."}}, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
	}}
}

func keyParameter() *huma.Param {
	least, most := 1, 255
	return &huma.Param{
		Name: "Idempotency-Key", In: "header",
		Description: "A name for this request, chosen by the client. The same key with the same body gives the first answer again, for 24 hours.",
		Schema:      &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most, Pattern: "^[!-~]+$"},
		Example:     "8e03978e-40d5-43e8-bc93-6894a57f9324",
	}
}

func addHeader(r *huma.Response, name, text string) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	r.Headers[name] = &huma.Header{Description: text, Schema: &huma.Schema{Type: huma.TypeString}}
}
