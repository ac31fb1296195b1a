package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"ticketing/kernel/fault"
)

// input reads requests into one type of struct.
type input struct {
	schemas *schemas
	params  []param
	body    []int // index of Body; nil if there is none
	raw     []int // index of RawBody
	schema  *huma.Schema
	fields  []bodyField
}

// param is one parameter of a request.
type param struct {
	index    []int
	in       string // path, query or header
	name     string
	kind     reflect.Kind
	id       bool // a path parameter that must be an id
	required bool
	fallback string
	schema   *huma.Schema
}

// bodyField is one property of the body.
type bodyField struct {
	name  string
	index []int
}

// inputOf plans how a struct is read. It panics when the struct cannot be: that is a mistake in a table of routes.
func inputOf(s *schemas, t reflect.Type) *input {
	in := &input{schemas: s}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		switch {
		case f.Name == "Body":
			in.body, in.schema = f.Index, huma.SchemaFromField(s, f, t.Name()+"Body")
			in.fields = bodyFields(f.Type)
			s.prepare(in.schema)
			for _, f := range in.fields {
				if s.resolve(in.schema).Properties[f.name] == nil {
					panic(fmt.Sprintf("httpapi: %s in the body of %v has no schema: structs embedded there must be exported", f.name, t))
				}
			}
		case f.Name == "RawBody":
			in.raw = f.Index
		default:
			in.params = append(in.params, paramOf(s, t, f))
		}
	}
	return in
}

func paramOf(s *schemas, t reflect.Type, f reflect.StructField) param {
	p := param{index: f.Index, kind: f.Type.Kind(), fallback: f.Tag.Get("default"), required: f.Tag.Get("required") == "true"}
	for _, p.in = range []string{"path", "query", "header"} {
		if p.name = f.Tag.Get(p.in); p.name != "" {
			break
		}
	}
	switch p.kind {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64:
	default:
		p.name = ""
	}
	if p.name == "" {
		panic(fmt.Sprintf("httpapi: field %s of %v is no parameter: it needs a tag path, query or header, and a plain type", f.Name, t))
	}
	p.id = p.in == "path" && f.Tag.Get("format") == "uuid"
	p.schema = huma.SchemaFromField(s, f, "")
	s.prepare(p.schema)
	return p
}

func bodyFields(t reflect.Type) []bodyField {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var all []bodyField
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.Anonymous && f.IsExported() && name != "-" {
			all = append(all, bodyField{either(name, f.Name), f.Index})
		}
	}
	return all
}

// read fills the struct that into points to. Its error names every bad field, those that check finds included.
func (in *input) read(ctx context.Context, r *http.Request, body []byte, into reflect.Value, check Checker) error {
	var problems fault.Problems
	if err := in.readParams(r, into.Elem(), &problems); err != nil {
		return err
	}
	if in.raw != nil {
		into.Elem().FieldByIndex(in.raw).SetBytes(body)
	}
	if in.body != nil {
		if err := in.readBody(body, into.Elem().FieldByIndex(in.body), &problems); err != nil {
			return err
		}
	}
	shapeless := slices.ContainsFunc(problems, func(f fault.Field) bool { return f.Name == "" })
	if check.run != nil && !shapeless {
		known := len(problems)
		for _, found := range check.run(ctx, into.Interface()) {
			if !slices.ContainsFunc(problems[:known], func(f fault.Field) bool { return f.Name == found.Name }) {
				problems = append(problems, found)
			}
		}
	}
	return problems.Err()
}

func (in *input) readParams(r *http.Request, v reflect.Value, problems *fault.Problems) error {
	var query url.Values
	if r.URL.RawQuery != "" {
		var err error
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			problems.Add("", "The query of the address cannot be read.")
		}
	}
	for i := range in.params {
		p := &in.params[i]
		text, several := p.text(r, query)
		switch {
		case p.in == "path" && (!plainText(text) || p.id && !isID(text)):
			return fault.Unknown.New("There is no such thing here.")
		case several:
			problems.Add(p.name, "%s must be given only once.", label(p.name))
			continue
		case text == "" && p.required:
			problems.Add(p.name, "%s is required.", label(p.name))
			continue
		case text == "":
			text = p.fallback
		}
		if text != "" {
			in.set(p, v.FieldByIndex(p.index), text, problems)
		}
	}
	return nil
}

// text is the parameter as the client sent it; several means that it was sent more than once.
func (p *param) text(r *http.Request, query url.Values) (text string, several bool) {
	switch p.in {
	case "path":
		return r.PathValue(p.name), false
	case "query":
		if all := query[p.name]; len(all) > 0 {
			return all[0], len(all) > 1
		}
		return "", false
	default:
		return strings.Join(r.Header.Values(p.name), ", "), false
	}
}

func (in *input) set(p *param, field reflect.Value, text string, problems *fault.Problems) {
	before := len(*problems)
	switch p.kind {
	case reflect.String:
		if in.schemas.check(p.schema, p.name, text, problems); len(*problems) == before {
			field.SetString(text)
		}
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			problems.Add(p.name, "%s must be true or false.", label(p.name))
		}
		field.SetBool(b)
	default:
		in.schemas.check(p.schema, p.name, json.Number(text), problems)
		n, err := strconv.ParseInt(text, 10, field.Type().Bits())
		if err != nil && len(*problems) == before {
			problems.Add(p.name, "%s is too large a number.", label(p.name))
		}
		if len(*problems) == before {
			field.SetInt(n)
		}
	}
}

// readBody decodes the body into v; fields that are wrong stay zero.
func (in *input) readBody(body []byte, v reflect.Value, problems *fault.Problems) error {
	if len(strings.TrimSpace(string(body))) == 0 {
		if v.Kind() == reflect.Pointer {
			return nil
		}
		return fault.BadJSON.New("The request needs a body.")
	}
	var parsed any
	if err := unmarshal(body, &parsed); err != nil {
		return fault.BadJSON.New("The body is not valid JSON: %s.", strings.TrimPrefix(err.Error(), "json: "))
	}
	if parsed == nil && v.Kind() == reflect.Pointer {
		return nil
	}
	before := len(*problems)
	in.schemas.check(in.schema, "", parsed, problems)
	if len(*problems) == before && unmarshal(body, v.Addr().Interface()) == nil {
		return nil
	}
	in.readFields(body, v, problems, before)
	return nil
}

// readFields decodes property by property what could not be decoded as a whole.
func (in *input) readFields(body []byte, v reflect.Value, problems *fault.Problems, before int) {
	v.SetZero()
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	var raw map[string]json.RawMessage
	_ = unmarshal(body, &raw) // it is JSON; one that is no object has been complained about
	bad := map[string]bool{}
	for _, p := range (*problems)[before:] {
		name, _, _ := strings.Cut(p.Name, ".")
		name, _, _ = strings.Cut(name, "[")
		bad[name] = true
	}
	for _, f := range in.fields {
		b, ok := raw[f.name]
		if !ok || bad[f.name] {
			continue
		}
		if target := v.FieldByIndex(f.index); unmarshal(b, target.Addr().Interface()) != nil {
			target.SetZero()
			problems.Add(f.name, "%s has a value that cannot be used here.", label(f.name))
		}
	}
	if len(*problems) == before {
		problems.Add("", "The body has one field more than once, with values of different types.")
	}
}

// plainText tells whether s is UTF-8 without NUL, which no database takes in a text.
func plainText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
