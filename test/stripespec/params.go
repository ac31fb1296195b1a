package stripespec

import (
	"fmt"
	"slices"
	"strings"
)

// Parameter is what an endpoint makes of one of its parameters.
type Parameter struct {
	Name   string   // as it is sent: amount, created[gte], automatic_payment_methods[enabled]
	Kind   string   // text, integer, flag, list or hash; empty: it only looks whether it is there
	Max    int      // the longest text that is taken
	Values []string // the only texts that are taken; nil: any
}

// kinds are the types of the description that a kind of parameter must have one of.
var kinds = map[string]string{"text": "string", "integer": "integer", "flag": "boolean", "list": "array", "hash": "object"}

// Parameter says what is wrong with reading a parameter like that, nothing if Stripe reads it so too.
func (op *Operation) Parameter(p Parameter) error {
	found, err := op.find(p.Name)
	if err != nil || p.Kind == "" {
		return err
	}
	var fit []*Schema
	for _, s := range found {
		if s.Type == kinds[p.Kind] {
			fit = append(fit, s)
		}
	}
	if len(fit) == 0 {
		return fmt.Errorf("%s: %s is no %s", op.name, p.Name, p.Kind)
	}
	if p.Kind != "text" {
		return nil
	}
	return op.text(p, fit)
}

// text checks that no value is taken that Stripe refuses.
func (op *Operation) text(p Parameter, fit []*Schema) error {
	var values []any
	most := 0
	for _, s := range fit {
		if len(s.Enum) == 0 {
			values, most = nil, max(most, s.MaxLength)
			break
		}
		values = append(values, s.Enum...)
	}
	switch {
	case values == nil && p.Values == nil && most > 0 && p.Max > most:
		return fmt.Errorf("%s: %s may have %d characters, not %d", op.name, p.Name, most, p.Max)
	case values == nil:
		return nil
	case p.Values == nil:
		return fmt.Errorf("%s: %s takes any text, but Stripe's has to be one of %v", op.name, p.Name, values)
	}
	for _, v := range p.Values {
		if v != "" && !slices.Contains(values, any(v)) {
			return fmt.Errorf("%s: %s takes %q, which is none of %v", op.name, p.Name, v, values)
		}
	}
	return nil
}

// find is what the description says of a parameter: all the shapes that it may have.
func (op *Operation) find(name string) ([]*Schema, error) {
	words := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
	found, err := op.doc.shapes(op.params[words[0]])
	for _, word := range words[1:] {
		var inside []*Schema
		for _, s := range found {
			var more []*Schema
			if inner := s.inside(word); inner != nil && err == nil {
				more, err = op.doc.shapes(inner)
			}
			inside = append(inside, more...)
		}
		found = inside
	}
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s has no parameter %s", op.name, name)
	}
	return found, err
}

// inside is the member of an object, or the item of a list.
func (s *Schema) inside(word string) *Schema {
	switch {
	case s.Properties[word] != nil:
		return s.Properties[word]
	case s.Additional != nil && s.Additional.schema != nil:
		return s.Additional.schema
	case s.Type == "array" && strings.Trim(word, "0123456789") == "":
		return s.Items
	}
	return nil
}

// shapes are the alternatives of a schema, or the schema itself.
func (d *Document) shapes(s *Schema) ([]*Schema, error) {
	if s == nil {
		return nil, nil
	}
	s, err := d.resolve(s)
	if err != nil || len(s.AnyOf) == 0 {
		return []*Schema{s}, err
	}
	var all []*Schema
	for _, one := range s.AnyOf {
		more, err := d.shapes(one)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}
