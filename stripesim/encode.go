package stripesim

import (
	"encoding/json"
	"slices"
	"strconv"
)

// encode is an object as JSON, letter for letter what json.Marshal makes of it. Every answer and every event is one, and most
// of a request's time would be reflection.
func encode(o object) ([]byte, error) { return appendObject(make([]byte, 0, 2048), o) }

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendText(b, v)
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case object:
		return appendObject(b, v)
	case members:
		return v.append(b)
	case map[string]string:
		return appendMembers(b, v, appendText)
	case []object:
		return appendList(b, v, appendObject)
	case []string:
		return appendList(b, v, appendText)
	case json.RawMessage:
		if len(v) > 0 { // all that there is was made here
			return append(b, v...), nil
		}
	}
	text, err := json.Marshal(v)
	return append(b, text...), err
}

// members are an object in the order of their names, for those that every purchase shows several times: a map would have to be
// made and sorted each time.
type members []member

type member struct {
	name  string // nothing that has to be escaped
	value any
}

func (m members) object() object {
	o := make(object, len(m))
	for _, each := range m {
		if inner, ok := each.value.(members); ok {
			each.value = inner.object()
		}
		o[each.name] = each.value
	}
	return o
}

func (m members) append(b []byte) (_ []byte, err error) {
	b = append(b, '{')
	for i, each := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), each.name...), '"', ':')
		if b, err = appendValue(b, each.value); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// MarshalJSON is for those that are in something else.
func (m members) MarshalJSON() ([]byte, error) { return m.append(nil) }

func appendObject(b []byte, o object) ([]byte, error) { return appendMembers(b, o, appendValue) }

func appendMembers[T any](b []byte, o map[string]T, one func([]byte, T) ([]byte, error)) (_ []byte, err error) {
	if o == nil {
		return append(b, "null"...), nil
	}
	var few [64]string // enough for every object of the API
	names := few[:0]
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendText(b, name); err != nil {
			return b, err
		}
		if b, err = one(append(b, ':'), o[name]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendList[T any](b []byte, list []T, one func([]byte, T) ([]byte, error)) (_ []byte, err error) {
	if list == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = one(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// appendText leaves to the library what has to be escaped.
func appendText(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			return append(b, text...), err
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}
