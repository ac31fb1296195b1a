package stripesim

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form reads the parameters of one request and remembers the first thing that was wrong with them, so that endpoints can
// read them all before they ask. Parameters that nobody read are unknown ones.
type form struct {
	values url.Values
	read   map[string]bool
	err    error
	fixed  bool            // nothing in the answer can be expanded
	asked  func(parameter) // told of every parameter that the endpoint knows, sent or not; nil: nobody wants to know
}

// parameter is what an endpoint makes of one of its parameters.
type parameter struct {
	name, kind string
	max        int
	values     []string
}

func newForm(values url.Values) *form {
	return &form{values: values, read: map[string]bool{}, asked: func(parameter) {}}
}

func (f *form) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *form) has(name string) bool {
	f.asked(parameter{name: name})
	return f.values.Has(name)
}

// text is a parameter of at most max characters; 0 is Stripe's usual limit.
func (f *form) text(name string, max int) string {
	if max == 0 {
		max = 5000
	}
	return f.value(parameter{name: name, kind: "text", max: max})
}

// value is what was sent for the parameter.
func (f *form) value(p parameter) string {
	f.asked(p)
	f.read[p.name] = true
	v := f.values.Get(p.name)
	if p.max > 0 && utf8.RuneCountInString(v) > p.max {
		f.fail(invalid(p.name, "", "Invalid string: %.10s…; must be at most %d characters", v, p.max))
	}
	return v
}

// required is a text that must not be empty.
func (f *form) required(name string) string {
	v := f.text(name, 0)
	if v == "" {
		f.fail(invalid(name, "parameter_missing", "Missing required param: %s.", name))
	}
	return v
}

// choice is one of the values, the first of them if the parameter is absent.
func (f *form) choice(name string, values ...string) string {
	v := f.value(parameter{name: name, kind: "text", values: values})
	if v == "" {
		return values[0]
	}
	if !slices.Contains(values, v) {
		f.fail(invalid(name, "", "Invalid %s: must be one of %s", name, strings.Join(slices.DeleteFunc(slices.Clone(values),
			func(s string) bool { return s == "" }), ", ")))
	}
	return v
}

// whole is a non-negative integer; 0 if the parameter is absent.
func (f *form) whole(name string) int64 {
	v := f.value(parameter{name: name, kind: "integer"})
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		f.fail(invalid(name, "parameter_invalid_integer", "Invalid integer: %.40s", v))
		return 0
	}
	return n
}

func (f *form) flag(name string) bool {
	switch v := f.value(parameter{name: name, kind: "flag"}); v {
	case "true":
		return true
	case "", "false":
		return false
	default:
		f.fail(invalid(name, "", "Invalid boolean: %.40s", v))
		return false
	}
}

// list is name[], or name[0], name[1], ….
func (f *form) list(name string) []string {
	f.asked(parameter{name: name, kind: "list"})
	var out []string
	for _, key := range slices.Sorted(maps.Keys(f.values)) {
		if index, ok := inner(key, name); ok && !strings.Contains(index, "[") {
			f.read[key] = true
			out = append(out, f.values[key]...)
		}
	}
	return out
}

// hash is name[a], name[b], ….
func (f *form) hash(name string) map[string]string {
	f.asked(parameter{name: name, kind: "hash"})
	out := map[string]string{}
	for key := range f.values {
		if field, ok := inner(key, name); ok {
			f.read[key] = true
			out[field] = f.values.Get(key)
		}
	}
	return out
}

// metadata is checked against Stripe's limits.
func (f *form) metadata() map[string]string { return f.metadataOf("metadata") }

// metadataOf is metadata under another name.
func (f *form) metadataOf(name string) map[string]string {
	m := f.hash(name)
	if len(m) > 50 {
		f.fail(invalid(name, "", "You can have up to 50 metadata keys."))
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch {
		case len(key) > 40:
			f.fail(invalid(name, "", "Metadata keys must be at most 40 characters: %.60s", key))
		case len(m[key]) > 500:
			f.fail(invalid(name+"["+key+"]", "", "Metadata values must be at most 500 characters."))
		case m[key] == "":
			delete(m, key)
		}
	}
	return m
}

// expand are the paths of what the answer shall show whole.
func (f *form) expand() []string {
	if f.fixed {
		return nil
	}
	return f.list("expand")
}

// checked is the first error so far, unknown parameters included. An endpoint asks before it changes anything.
func (f *form) checked() error {
	f.expand()
	for _, key := range slices.Sorted(maps.Keys(f.values)) {
		if !f.read[key] {
			f.fail(invalid(key, "parameter_unknown", "Received unknown parameter: %s", key))
		}
	}
	return f.err
}

func inner(key, name string) (string, bool) {
	rest, ok := strings.CutPrefix(key, name+"[")
	if !ok || !strings.HasSuffix(rest, "]") {
		return "", false
	}
	return strings.TrimSuffix(rest, "]"), true
}
