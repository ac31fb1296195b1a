package web

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// schema is what these pages read of a JSON Schema.
type schema struct {
	Ref              string             `json:"$ref"`
	Type             typeNames          `json:"type"`
	Format           string             `json:"format"`
	Description      string             `json:"description"`
	Pattern          string             `json:"pattern"`
	Enum             []any              `json:"enum"`
	Const            any                `json:"const"`
	Default          any                `json:"default"`
	Properties       map[string]*schema `json:"properties"`
	Required         []string           `json:"required"`
	Items            *schema            `json:"items"`
	AnyOf            []*schema          `json:"anyOf"`
	OneOf            []*schema          `json:"oneOf"`
	AllOf            []*schema          `json:"allOf"`
	Minimum          json.Number        `json:"minimum"`
	Maximum          json.Number        `json:"maximum"`
	ExclusiveMinimum json.Number        `json:"exclusiveMinimum"`
	MinLength        json.Number        `json:"minLength"`
	MaxLength        json.Number        `json:"maxLength"`
}

// typeNames is one name or a list of them.
type typeNames []string

// UnmarshalJSON takes both forms.
func (t *typeNames) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(t))
	}
	*t = make(typeNames, 1)
	return json.Unmarshal(b, &(*t)[0])
}

// field is one line of a table of fields.
type field struct {
	Name        string
	Type        string
	Required    bool
	Limits      string
	Description string
	Link        string // the place on the page that says more; empty if there is none
}

// anchors begins the names of the places that describe schemas: those of the API and those of the events share names.
type anchors string

const (
	apiAnchors   anchors = "schema-"
	eventAnchors anchors = "event-schema-"
)

// of is the place of the schema that s refers to; empty if it refers to none.
func (a anchors) of(s *schema) string {
	if name := s.target(); name != "" {
		return string(a) + name
	}
	return ""
}

// shape is a named schema with its fields.
type shape struct {
	Name        string
	Place       string
	Description string
	Fields      []field
}

// refName is the last part of a reference: Ticket.
func refName(ref string) string {
	if ref == "" {
		return ""
	}
	return path.Base(ref)
}

// target is the name of the schema that s, or what s holds, refers to.
func (s *schema) target() string {
	if s == nil {
		return ""
	}
	if s.Ref != "" {
		return refName(s.Ref)
	}
	for _, inner := range slices.Concat([]*schema{s.Items}, s.AnyOf, s.OneOf, s.AllOf) {
		if name := inner.target(); name != "" {
			return name
		}
	}
	return ""
}

// typeName says in words what a value is.
func (s *schema) typeName() string {
	switch {
	case s == nil:
		return "anything"
	case s.Ref != "":
		return refName(s.Ref)
	case s.Items != nil:
		return "list of " + s.Items.typeName()
	case len(s.AllOf) > 0: // the first says what it is, the others narrow it
		return s.AllOf[0].typeName()
	case len(s.AnyOf)+len(s.OneOf) > 0:
		var names []string
		for _, inner := range slices.Concat(s.AnyOf, s.OneOf) {
			names = append(names, inner.typeName())
		}
		return strings.Join(names, " or ")
	case len(s.Type) == 0:
		return "anything"
	}
	name := strings.Join(s.Type, " or ")
	if s.Format != "" {
		name += " (" + s.Format + ")"
	}
	return name
}

// limits says in words which values are allowed.
func (s *schema) limits() string {
	var says []string
	add := func(format string, v any, there bool) {
		if there {
			says = append(says, fmt.Sprintf(format, v))
		}
	}
	add("always %v", s.Const, s.Const != nil)
	add("one of %s", strings.Join(s.choices(), ", "), len(s.Enum) > 0)
	add("at least %v characters", s.MinLength, s.MinLength != "")
	add("at most %v characters", s.MaxLength, s.MaxLength != "")
	add("at least %v", s.Minimum, s.Minimum != "")
	add("more than %v", s.ExclusiveMinimum, s.ExclusiveMinimum != "")
	add("at most %v", s.Maximum, s.Maximum != "")
	add("%v if it is left out", s.Default, s.Default != nil)
	return strings.Join(says, "; ")
}

func (s *schema) choices() []string {
	values := make([]string, len(s.Enum))
	for i, v := range s.Enum {
		values[i] = fmt.Sprint(v)
	}
	return values
}

// field describes s as a value of this name.
func (s *schema) field(a anchors, name string, required bool, description string) field {
	if s == nil {
		return field{Name: name, Required: required, Description: description}
	}
	if description == "" {
		description = s.Description
	}
	return field{name, s.typeName(), required, s.limits(), description, a.of(s)}
}

// fields lists the properties of an object: the id first, then by name.
func (s *schema) fields(a anchors) []field {
	if s == nil {
		return nil
	}
	names := sortedKeys(s.Properties)
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	list := make([]field, 0, len(names))
	for _, name := range names {
		if strings.HasPrefix(name, "$") {
			continue // a link from the data to its schema, which is no part of the data
		}
		list = append(list, s.Properties[name].field(a, name, slices.Contains(s.Required, name), ""))
	}
	return list
}

func rank(name string) int {
	if name == "id" {
		return 0
	}
	return 1
}

func shapes(a anchors, schemas map[string]*schema) []shape {
	list := make([]shape, 0, len(schemas))
	for _, name := range sortedKeys(schemas) {
		list = append(list, shape{name, string(a) + name, schemas[name].Description, schemas[name].fields(a)})
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
