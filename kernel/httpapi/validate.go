package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"ticketing/kernel/fault"
)

// check compares a decoded JSON value with its schema and says everything that is wrong. Numbers are json.Number.
// Unknown properties are ignored: an older server must be able to read a newer client.
func (s *schemas) check(schema *huma.Schema, field string, v any, p *fault.Problems) {
	schema = s.resolve(schema)
	if v == nil {
		if !schema.Nullable {
			p.Add(field, "%s is required and must not be null.", label(field))
		}
		return
	}
	switch schema.Type {
	case huma.TypeObject:
		s.checkObject(schema, field, v, p)
	case huma.TypeArray:
		s.checkArray(schema, field, v, p)
	case huma.TypeString:
		s.checkString(schema, field, v, p)
	case huma.TypeInteger, huma.TypeNumber:
		checkNumber(schema, field, v, p)
	case huma.TypeBoolean:
		if _, ok := v.(bool); !ok {
			p.Add(field, "%s must be true or false.", label(field))
		}
	}
}

func (s *schemas) checkObject(schema *huma.Schema, field string, v any, p *fault.Problems) {
	object, ok := v.(map[string]any)
	if !ok {
		p.Add(field, "%s must be a JSON object.", label(field))
		return
	}
	required := map[string]bool{}
	for _, name := range schema.Required {
		required[name] = true
	}
	for _, name := range sortedKeys(schema.Properties) {
		v, there := object[name]
		if v != nil || there && required[name] {
			s.check(schema.Properties[name], inside(field, name), v, p)
		} else if required[name] {
			p.Add(inside(field, name), "%s is required.", label(name))
		}
	}
}

func (s *schemas) checkArray(schema *huma.Schema, field string, v any, p *fault.Problems) {
	list, ok := v.([]any)
	switch {
	case !ok:
		p.Add(field, "%s must be a list.", label(field))
		return
	case schema.MinItems != nil && len(list) < *schema.MinItems:
		p.Add(field, "%s must have at least %d entries.", label(field), *schema.MinItems)
	case schema.MaxItems != nil && len(list) > *schema.MaxItems:
		p.Add(field, "%s must have at most %d entries.", label(field), *schema.MaxItems)
	}
	for i, item := range list {
		s.check(schema.Items, field+"["+strconv.Itoa(i)+"]", item, p)
	}
}

func (s *schemas) checkString(schema *huma.Schema, field string, v any, p *fault.Problems) {
	text, ok := v.(string)
	n := utf8.RuneCountInString(text)
	switch {
	case !ok && schema.Format == "date-time":
		p.Add(field, "%s must be a time like 2027-07-01T19:30:00Z.", label(field))
	case !ok:
		p.Add(field, "%s must be a text.", label(field))
	case strings.ContainsRune(text, 0) || !utf8.ValidString(text):
		p.Add(field, "%s has characters that no text can have.", label(field))
	case schema.MinLength != nil && n < *schema.MinLength && n == 0:
		p.Add(field, "%s must not be empty.", label(field))
	case schema.MinLength != nil && n < *schema.MinLength:
		p.Add(field, "%s must have at least %d characters.", label(field), *schema.MinLength)
	case schema.MaxLength != nil && n > *schema.MaxLength:
		p.Add(field, "%s must have at most %d characters.", label(field), *schema.MaxLength)
	case len(schema.Enum) > 0 && !oneOf(schema.Enum, text):
		p.Add(field, "%s must be one of %s.", label(field), listed(schema.Enum))
	case schema.Format == "date-time" && !isTime(text):
		p.Add(field, "%s must be a time like 2027-07-01T19:30:00Z.", label(field))
	case schema.Pattern != "" && !s.patterns[schema.Pattern].MatchString(text):
		p.Add(field, "%s %s.", label(field), either(schema.PatternDescription, "does not have the right form"))
	}
}

func checkNumber(schema *huma.Schema, field string, v any, p *fault.Problems) {
	text, ok := v.(json.Number)
	if !ok {
		p.Add(field, "%s must be a number.", label(field))
		return
	}
	if schema.Type == huma.TypeInteger {
		if _, err := strconv.ParseInt(string(text), 10, 64); err != nil {
			p.Add(field, "%s must be a whole number.", label(field))
			return
		}
	}
	n, err := strconv.ParseFloat(string(text), 64)
	switch {
	case err != nil || math.IsInf(n, 0):
		p.Add(field, "%s is too large a number.", label(field))
	case schema.Minimum != nil && n < *schema.Minimum:
		p.Add(field, "%s must be at least %s.", label(field), plain(*schema.Minimum))
	case schema.ExclusiveMinimum != nil && n <= *schema.ExclusiveMinimum:
		p.Add(field, "%s must be more than %s.", label(field), plain(*schema.ExclusiveMinimum))
	case schema.Maximum != nil && n > *schema.Maximum:
		p.Add(field, "%s must be at most %s.", label(field), plain(*schema.Maximum))
	case schema.ExclusiveMaximum != nil && n >= *schema.ExclusiveMaximum:
		p.Add(field, "%s must be less than %s.", label(field), plain(*schema.ExclusiveMaximum))
	}
}

// label is a field's name as people say it, at the beginning of a sentence: "Starts at".
func label(field string) string {
	if field == "" {
		return "The body"
	}
	var b strings.Builder
	for i, c := range field {
		switch {
		case i == 0:
			b.WriteRune(unicode.ToUpper(c))
		case unicode.IsUpper(c):
			b.WriteByte(' ')
			b.WriteRune(unicode.ToLower(c))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func inside(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

func isTime(s string) bool {
	var t time.Time
	return t.UnmarshalText([]byte(s)) == nil
}

func oneOf(enum []any, v string) bool {
	for _, e := range enum {
		if e == v {
			return true
		}
	}
	return false
}

func listed(enum []any) string {
	names := make([]string, len(enum))
	for i, e := range enum {
		names[i] = fmt.Sprint(e)
	}
	return strings.Join(names, ", ")
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func either(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
