package stripespec

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Schema is the part of OpenAPI's schemas that Stripe's description uses.
type Schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Nullable   bool
	Enum       []any
	MaxLength  int
	Pattern    string
	Properties map[string]*Schema // nil: any; empty: none
	Required   []string
	Additional *additional `json:"additionalProperties"`
	Items      *Schema
	AnyOf      []*Schema
	Expansion  *struct{} `json:"x-expansionResources"` // an id, or on request the object that it names
}

// additional says what members without a name of their own look like; a boolean is all or none.
type additional struct {
	any    bool
	schema *Schema
}

// UnmarshalJSON reads either form.
func (a *additional) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &a.any) == nil {
		return nil
	}
	return json.Unmarshal(text, &a.schema)
}

const refs = "#/components/schemas/"

// resolve follows a reference. A schema is read once.
func (d *Document) resolve(s *Schema) (*Schema, error) {
	if s == nil {
		return nil, fmt.Errorf("no schema is given")
	}
	if s.Ref == "" {
		return s, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name := strings.TrimPrefix(s.Ref, refs)
	if known, ok := d.schemas[name]; ok {
		return known, nil
	}
	text, ok := d.raw[name]
	if !ok {
		return nil, fmt.Errorf("there is no schema %s", name)
	}
	read := &Schema{}
	if err := json.Unmarshal(text, read); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	d.schemas[name] = read
	return read, nil
}

// checker collects what is wrong with a value.
type checker struct {
	doc      *Document
	expand   []string
	problems []string
}

func (c *checker) wrong(at, format string, args ...any) {
	if at == "" {
		at = "the body"
	}
	c.problems = append(c.problems, at+" "+fmt.Sprintf(format, args...))
}

func (c *checker) value(at string, s *Schema, v any) {
	s, err := c.doc.resolve(s)
	switch {
	case err != nil:
		c.wrong(at, "cannot be checked: %v", err)
	case v == nil:
		if !s.Nullable {
			c.wrong(at, "is null, which it never is")
		}
	case len(s.AnyOf) > 0:
		c.alternatives(at, s, v)
	case s.Type != "" && s.Type != typeOf(v) && (s.Type != "number" || typeOf(v) != "integer"):
		c.wrong(at, "is %.60s, not %s", show(v), s.Type)
	default:
		c.plain(at, s, v)
	}
}

// alternatives takes the one that the value means to be, by its type and, of objects, by what they call themselves, so that
// what is wrong with it can be said; only where that is not clear is each one tried.
func (c *checker) alternatives(at string, s *Schema, v any) {
	var likely []*Schema
	for _, one := range s.AnyOf {
		r, err := c.doc.resolve(one)
		if err != nil {
			c.wrong(at, "cannot be checked: %v", err)
			return
		}
		if c.means(r, v) {
			likely = append(likely, r)
		}
	}
	if s.Expansion != nil && typeOf(v) == "object" && !c.asked(at) {
		c.wrong(at, "is expanded, and nobody asked for it")
	}
	if len(likely) == 0 {
		c.wrong(at, "is %.60s, which fits none of the alternatives", show(v))
		return
	}
	var first []string
	for _, one := range likely {
		try := checker{doc: c.doc, expand: c.expand}
		try.value(at, one, v)
		if len(try.problems) == 0 {
			return
		}
		if first == nil || len(try.problems) < len(first) {
			first = try.problems
		}
	}
	c.problems = append(c.problems, first...)
}

// means tells by type and name whether v means to be an s.
func (c *checker) means(s *Schema, v any) bool {
	if s.Type != "" && s.Type != typeOf(v) && (s.Type != "number" || typeOf(v) != "integer") {
		return false
	}
	members, _ := v.(map[string]any)
	for _, name := range []string{"object", "deleted"} {
		p := s.Properties[name]
		if given, ok := members[name]; p != nil && len(p.Enum) > 0 && (ok || name == "deleted") && !slices.Contains(p.Enum, given) {
			return false
		}
	}
	return true
}

// asked tells whether the request asked to expand the member at the path, or something inside it.
func (c *checker) asked(at string) bool {
	path := indices.ReplaceAllString(at, "")
	return slices.ContainsFunc(c.expand, func(asked string) bool { return asked == path || strings.HasPrefix(asked, path+".") })
}

var (
	indices  = regexp.MustCompile(`\[\d+\]`)
	currency = regexp.MustCompile(`^[a-z]{3}$`)
)

func (c *checker) plain(at string, s *Schema, v any) {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		c.wrong(at, "is %.60s, which is none of %v", show(v), s.Enum)
	}
	switch v := v.(type) {
	case string:
		if s.MaxLength > 0 && utf8.RuneCountInString(v) > s.MaxLength {
			c.wrong(at, "has more than %d characters", s.MaxLength)
		}
		if s.Format == "currency" && !currency.MatchString(v) {
			c.wrong(at, "is %q, not a currency", v)
		}
		if s.Pattern != "" {
			if ok, err := regexp.MatchString(s.Pattern, v); err != nil || !ok {
				c.wrong(at, "is %q, which does not look like %s", v, s.Pattern)
			}
		}
	case []any:
		for i, one := range v {
			c.value(item(at, i), s.Items, one)
		}
	case map[string]any:
		c.members(at, s, v)
	}
}

func (c *checker) members(at string, s *Schema, v map[string]any) {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			c.wrong(join(at, name), "is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		property, known := s.Properties[name]
		switch {
		case known:
			c.value(join(at, name), property, v[name])
		case s.Additional != nil && s.Additional.schema != nil:
			c.value(join(at, name), s.Additional.schema, v[name])
		case s.Additional != nil && s.Additional.any, s.Additional == nil && s.Properties == nil:
		default:
			c.wrong(join(at, name), "is not in Stripe's description")
		}
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

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
