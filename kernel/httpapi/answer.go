package httpapi

import (
	"net/http"
	"reflect"
	"strconv"
)

// answer is a response before it is written, so that it can be stored.
type answer struct {
	status int
	header []headerField
	body   []byte // JSON; nil for none
	kind   string // Content-Type of the body
}

// headerField is one line of a header; the name is in canonical form.
type headerField struct {
	Name  string `json:"n"`
	Value string `json:"v"`
}

const (
	typeJSON    = "application/json"
	typeProblem = "application/problem+json"
)

func (a *answer) add(name, value string) { a.header = append(a.header, headerField{name, value}) }

func (a *answer) get(name string) string {
	for _, h := range a.header {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// write sends the answer; to HEAD without its body.
func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for _, f := range a.header {
		h[f.Name] = append(h[f.Name], f.Value)
	}
	if a.body != nil {
		h["Content-Type"] = []string{a.kind}
		h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	}
	w.WriteHeader(a.status)
	if a.body != nil && r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that is gone needs no answer
	}
}

// output turns structs of one type into answers.
type output struct {
	success int
	status  []int // index of Status
	body    []int
	empty   []byte // what a nil slice is written as; nil if the body is no slice
	encoded bool   // the body is JSON already
	headers []outputHeader
}

type outputHeader struct {
	name  string
	index []int
}

func outputOf(t reflect.Type, success int) *output {
	out := &output{success: success}
	for _, f := range reflect.VisibleFields(t) {
		switch {
		case f.Anonymous || !f.IsExported():
		case f.Name == "Status":
			out.status = f.Index
		case f.Name == "Body":
			out.body = f.Index
			bytes := f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Uint8
			out.encoded = bytes
			if f.Type.Kind() == reflect.Slice && !bytes {
				out.empty = []byte("[]")
			}
		default:
			out.headers = append(out.headers, outputHeader{http.CanonicalHeaderKey(either(f.Tag.Get("header"), f.Name)), f.Index})
		}
	}
	if out.success == 0 {
		out.success = http.StatusOK
		if out.body == nil {
			out.success = http.StatusNoContent
		}
	}
	return out
}

// answer is what the struct behind v says; a nil pointer is a success with nothing to say.
func (o *output) answer(v reflect.Value) (*answer, error) {
	a := &answer{status: o.success, kind: typeJSON}
	if v.IsNil() {
		return a, nil
	}
	v = v.Elem()
	if o.status != nil {
		if status := int(v.FieldByIndex(o.status).Int()); status != 0 {
			a.status = status
		}
	}
	for _, h := range o.headers {
		switch f := v.FieldByIndex(h.index); f.Kind() {
		case reflect.String:
			if f.Len() > 0 {
				a.add(h.name, f.String())
			}
		case reflect.Slice:
			for i := range f.Len() {
				a.add(h.name, f.Index(i).String())
			}
		default:
			a.add(h.name, strconv.FormatInt(f.Int(), 10))
		}
	}
	if o.body == nil || a.status == http.StatusNoContent {
		return a, nil
	}
	var err error
	switch body := v.FieldByIndex(o.body); {
	case o.encoded:
		a.body = body.Bytes()
	case o.empty != nil && body.IsNil():
		a.body = o.empty
	default:
		a.body, err = marshal(body.Addr().Interface())
	}
	return a, err
}
