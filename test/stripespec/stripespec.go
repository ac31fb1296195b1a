// Package stripespec holds a Stripe that is simulated against Stripe's own OpenAPI description, for tests: what it reads and
// what it answers exists at Stripe, under that name and with that type.
//
// It knows the part of OpenAPI 3.0 that the description uses. It is stricter than the description in one thing: a member
// that a schema does not name is a mistake, for the description allows what Stripe may add, not what we make up.
package stripespec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Document is the description. Its schemas and operations are read when they are asked for: it has thousands, and few are.
type Document struct {
	version string
	paths   map[string]map[string]json.RawMessage
	raw     map[string]json.RawMessage // schemas by name

	mu         sync.Mutex
	schemas    map[string]*Schema
	operations map[string]*Operation
}

// Operation is what one method of one path takes and answers.
type Operation struct {
	doc    *Document
	name   string
	params map[string]*Schema
	must   []string // parameters without which Stripe refuses the request
	ok     *Schema
	not    *Schema // every other answer
}

// Parse reads a description.
func Parse(text []byte) (*Document, error) {
	var all struct {
		Info       struct{ Version string }
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	if len(all.Paths) == 0 || len(all.Components.Schemas) == 0 {
		return nil, fmt.Errorf("not an OpenAPI description: it has no paths or no schemas")
	}
	return &Document{version: all.Info.Version, paths: all.Paths, raw: all.Components.Schemas,
		schemas: map[string]*Schema{}, operations: map[string]*Operation{}}, nil
}

// Version is the version of the API that is described.
func (d *Document) Version() string { return d.version }

// Route is the operation of a route: the pattern has the same shape as its path, whatever the wildcards are called.
func (d *Document) Route(method, pattern string) (*Operation, error) {
	return d.operation(method, pattern, func(template, given string) bool {
		return template == given || wildcard(template) && wildcard(given)
	})
}

// Request is the operation that serves a request to this path; a path that is spelled out goes before one with wildcards.
func (d *Document) Request(method, path string) (*Operation, error) {
	if op, err := d.operation(method, path, func(template, given string) bool { return template == given }); err == nil {
		return op, nil
	}
	return d.operation(method, path, func(template, given string) bool { return template == given || wildcard(template) })
}

func wildcard(segment string) bool { return strings.HasPrefix(segment, "{") }

func (d *Document) operation(method, path string, fits func(template, given string) bool) (*Operation, error) {
	given := strings.Split(path, "/")
	for template, methods := range d.paths {
		text, ok := methods[strings.ToLower(method)]
		if ok && slices.EqualFunc(strings.Split(template, "/"), given, fits) {
			return d.parse(method+" "+template, text)
		}
	}
	return nil, fmt.Errorf("there is no %s %s at Stripe", method, path)
}

// parse reads an operation once.
func (d *Document) parse(name string, text json.RawMessage) (*Operation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if op, ok := d.operations[name]; ok {
		return op, nil
	}
	type content map[string]struct{ Schema *Schema }
	var in struct {
		Parameters []struct {
			Name, In string
			Required bool
			Schema   *Schema
		}
		RequestBody struct{ Content content }
		Responses   map[string]struct{ Content content }
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	op := &Operation{doc: d, name: name, params: map[string]*Schema{}}
	for _, p := range in.Parameters {
		if p.In != "query" {
			continue
		}
		op.params[p.Name] = p.Schema
		if p.Required {
			op.must = append(op.must, p.Name)
		}
	}
	if body := in.RequestBody.Content["application/x-www-form-urlencoded"].Schema; body != nil {
		for name, s := range body.Properties {
			op.params[name] = s
		}
		op.must = append(op.must, body.Required...)
	}
	op.ok, op.not = in.Responses["200"].Content["application/json"].Schema, in.Responses["default"].Content["application/json"].Schema
	d.operations[name] = op
	return op, nil
}

// Name is the method and the path of the operation, as Stripe writes them.
func (op *Operation) Name() string { return op.name }

// Required are the names of the parameters without which Stripe refuses the request.
func (op *Operation) Required() []string { return op.must }

// Answer says what is wrong with an answer, nothing if all is well. The objects that the request asked to expand are named
// by their paths, as in the request.
func (op *Operation) Answer(status int, body []byte, expand []string) []string {
	schema := op.not
	if status == 200 {
		schema = op.ok
	}
	v, err := decode(body)
	if err != nil {
		return []string{fmt.Sprintf("status %d: the body is not JSON: %v", status, err)}
	}
	c := checker{doc: op.doc, expand: expand}
	c.value("", schema, v)
	return c.problems
}

// Failure says what is wrong with an error that is no operation's, such as that of an unknown address.
func (d *Document) Failure(body []byte) []string { return d.Check("error", body) }

// Check says what is wrong with an object that has to fit the named schema; nothing in it is expanded.
func (d *Document) Check(schema string, body []byte) []string {
	v, err := decode(body)
	if err != nil {
		return []string{err.Error()}
	}
	c := checker{doc: d}
	c.value("", &Schema{Ref: refs + schema}, v)
	return c.problems
}

// Event says what is wrong with an event, as the API and webhooks show it: its own fields, its type, and the object that
// it is about, which must be of the kind that the type names.
func (d *Document) Event(body []byte) []string {
	problems := d.Check("event", body)
	var e struct {
		Type string
		Data struct {
			Object   json.RawMessage
			Previous map[string]json.RawMessage `json:"previous_attributes"`
		}
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return append(problems, err.Error())
	}
	types, err := d.EventTypes()
	if err != nil {
		return append(problems, err.Error())
	}
	if !slices.Contains(types, e.Type) {
		problems = append(problems, fmt.Sprintf("type %q: Stripe has no such event", e.Type))
	}
	var about struct {
		Object  string
		Deleted bool
	}
	if err := json.Unmarshal(e.Data.Object, &about); err != nil {
		return append(problems, fmt.Sprintf("data.object: %v", err))
	}
	words := strings.Split(e.Type, ".")
	if len(words) < 2 || words[len(words)-2] != about.Object {
		problems = append(problems, fmt.Sprintf("data.object of %s is a %s", e.Type, about.Object))
	}
	if about.Deleted {
		about.Object = "deleted_" + about.Object
	}
	for _, p := range d.Check(about.Object, e.Data.Object) {
		problems = append(problems, "data.object."+p)
	}
	object, err := d.resolve(&Schema{Ref: refs + about.Object})
	if err != nil {
		return problems
	}
	for _, name := range slices.Sorted(maps.Keys(e.Data.Previous)) {
		if object.Properties[name] == nil {
			problems = append(problems, fmt.Sprintf("data.previous_attributes.%s is not in Stripe's description", name))
		}
	}
	return problems
}

// EventTypes are the types of events that a webhook endpoint can ask for.
func (d *Document) EventTypes() ([]string, error) {
	op, err := d.Route("POST", "/v1/webhook_endpoints")
	if err != nil {
		return nil, err
	}
	types := op.params["enabled_events"]
	if types == nil || types.Items == nil {
		return nil, fmt.Errorf("%s does not say which events there are", op.name)
	}
	out := make([]string, len(types.Items.Enum))
	for i, v := range types.Items.Enum {
		out[i], _ = v.(string)
	}
	return out, nil
}

func decode(body []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// join is the path of a member; the items of a list have their list's own path.
func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func item(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }
