// Package apicheck holds real answers against the OpenAPI document, for tests: what is documented is what is answered.
package apicheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"strconv"
	"strings"
)

// Document is an OpenAPI document, or any other whose references are JSON pointers.
type Document struct{ root map[string]any }

// Parse reads a document and checks that every reference in it leads somewhere.
func Parse(doc []byte) (*Document, error) {
	d := &Document{}
	if err := decode(doc, &d.root); err != nil {
		return nil, err
	}
	return d, d.references("", d.root)
}

// references checks every $ref below v.
func (d *Document) references(at string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && d.pointer(ref) == nil {
			return fmt.Errorf("%s: nothing at %s", at, ref)
		}
		for name, inner := range v {
			if err := d.references(at+"/"+name, inner); err != nil {
				return err
			}
		}
	case []any:
		for i, inner := range v {
			if err := d.references(at+"/"+strconv.Itoa(i), inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// At is the value at a path of keys; nil if there is none.
func (d *Document) At(keys ...string) any {
	var v any = d.root
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func (d *Document) pointer(ref string) any {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	keys := strings.Split(path, "/")
	for i, key := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
	}
	return d.At(keys...)
}

// Answer checks a response to the operation: its status, type and body are documented. The path is the pattern of the
// route, as in the document.
func (d *Document) Answer(method, path string, status int, contentType string, body []byte) error {
	responses, ok := d.At("paths", path, strings.ToLower(method), "responses").(map[string]any)
	if !ok {
		return fmt.Errorf("%s %s is not documented", method, path)
	}
	response, ok := responses[strconv.Itoa(status)].(map[string]any)
	if !ok {
		return fmt.Errorf("%s %s: status %d is not documented", method, path, status)
	}
	content, _ := response["content"].(map[string]any)
	if len(body) == 0 {
		if content != nil {
			return fmt.Errorf("%s %s: status %d has no body, but a documented one", method, path, status)
		}
		return nil
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	media, ok := content[kind].(map[string]any)
	if !ok {
		return fmt.Errorf("%s %s: status %d: %q is not documented", method, path, status, contentType)
	}
	var v any
	if err := decode(body, &v); err != nil {
		return err
	}
	if err := d.Value(media["schema"], v); err != nil {
		return fmt.Errorf("%s %s: status %d: %w", method, path, status, err)
	}
	return nil
}

// Value checks a decoded JSON value against a schema. Members that the schema does not know are errors: what is answered
// is documented. Bounds and formats are not looked at.
func (d *Document) Value(schema, v any) error { return d.value("body", schema, v, true) }

func (d *Document) value(at string, schema, v any, closed bool) error {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return d.value(at, d.pointer(ref), v, closed)
	}
	if all, ok := s["allOf"].([]any); ok {
		for _, one := range all {
			if err := d.value(at, one, v, false); err != nil {
				return err
			}
		}
		return nil
	}
	if any, ok := s["anyOf"].([]any); ok {
		for _, one := range any {
			if d.value(at, one, v, closed) == nil {
				return nil
			}
		}
		return fmt.Errorf("%s fits none of the alternatives", at)
	}
	if !ofType(s["type"], v) {
		return fmt.Errorf("%s is %v, not %v", at, v, s["type"])
	}
	if enum, ok := s["enum"].([]any); ok && !contains(enum, v) {
		return fmt.Errorf("%s is %v, which is none of %v", at, v, enum)
	}
	return d.inner(at, s, v, closed)
}

// inner checks the members of an object and the items of a list.
func (d *Document) inner(at string, s map[string]any, v any, closed bool) error {
	if list, ok := v.([]any); ok {
		for i, item := range list {
			if err := d.value(fmt.Sprintf("%s[%d]", at, i), s["items"], item, closed); err != nil {
				return err
			}
		}
	}
	members, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := members[name.(string)]; !ok {
			return fmt.Errorf("%s has no %v", at, name)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for name, member := range members {
		property, known := properties[name]
		if !known && closed && properties != nil {
			return fmt.Errorf("%s has %s, which is not documented", at, name)
		}
		if known {
			if err := d.value(at+"."+name, property, member, closed); err != nil {
				return err
			}
		}
	}
	return nil
}

func ofType(t, v any) bool {
	switch t := t.(type) {
	case []any:
		for _, one := range t {
			if ofType(one, v) {
				return true
			}
		}
		return false
	case nil:
		return true
	default:
		return t == typeOf(v) || t == "number" && typeOf(v) == "integer"
	}
}

func typeOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return "integer"
		}
		return "number"
	}
	return "null"
}

func contains(list []any, v any) bool {
	for _, one := range list {
		if one == v {
			return true
		}
	}
	return false
}

func decode(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return dec.Decode(v)
}
