package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"

	"ticketing/api"
	"ticketing/kernel/fault"
)

// Form is a form as a page shows it: what can be entered, what was entered, and what was wrong with that. Its inputs have
// the names of the API's fields, so that the one error structure finds them.
type Form struct {
	*View
	Name   string // unlike that of any other form of the page
	Action string // where it is sent to
	Submit string // key of the button's text
	Next   string // where to go afterwards; empty: not said
	Key    string // makes sure that what is sent twice is done once
	Inputs []*Input
	Faults []string // what is wrong, and belongs to no input
	Status int      // of the answer that shows the form
}

// Input is one thing to enter. Label, Hint and the labels of options are keys of texts.
type Input struct {
	Name         string
	Label        string
	Hint         string
	Unit         string // of what is entered, as people write it
	Type         string // as in HTML, and "textarea" and "select"
	Autocomplete string // a token of HTML's list, so that browsers and their users' tools know what is asked for
	Mode         string // which keys a phone shows: decimal, numeric
	Required     bool
	Focus        bool
	Min, Max     string
	Step         string
	MinLength    int
	MaxLength    int
	Options      []Option // of a select
	Value        string   // what was entered, never of a password
	Fault        string   // what is wrong with it

	form *Form
}

// Option is one choice of a select.
type Option struct{ Value, Label string }

// The fields of a form that are no inputs.
const (
	keyField  = "key"
	nextField = "next"
)

// form makes a form that is shown for the first time, or is filled with what the visitor has sent.
func (v *visit) form(name, action, submit string, inputs ...*Input) *Form {
	f := &Form{View: v.View, Name: name, Action: action, Submit: submit, Inputs: inputs, Key: rand.Text(), Status: http.StatusOK}
	for _, in := range inputs {
		in.form = f
	}
	return f
}

// read takes what the visitor has sent into the form.
func (v *visit) read(f *Form) error {
	values, err := v.sent()
	if err != nil {
		return err
	}
	for _, in := range f.Inputs {
		in.Value = values.Get(in.Name)
	}
	f.Next = values.Get(nextField)
	return nil
}

// sent is what the visitor has sent.
func (v *visit) sent() (url.Values, error) {
	if err := v.r.ParseForm(); err != nil {
		if f := faultOf(err); f.Code.Kind == fault.TooLarge {
			return nil, f
		}
		return nil, fault.BadInput.New("The body did not arrive completely.").Because(err)
	}
	return v.r.PostForm, nil
}

// once is a context whose request to the API is done once, however often this form is sent: it has a key that is made of
// the form's own and of all that was entered. So a double click gets the first answer again, and somebody who goes back to
// correct something sends a new request.
func (v *visit) once() context.Context {
	values, err := v.sent()
	if err != nil || values.Get(keyField) == "" {
		return v.Context()
	}
	sum := sha256.Sum256([]byte(v.r.URL.Path + "?" + values.Encode()))
	return api.WithKey(v.Context(), hex.EncodeToString(sum[:]))
}

// Input is the input of that name; nil if there is none.
func (f *Form) Input(name string) *Input {
	i := slices.IndexFunc(f.Inputs, func(in *Input) bool { return in.Name == name })
	if i < 0 {
		return nil
	}
	return f.Inputs[i]
}

// Value is what was entered there.
func (f *Form) Value(name string) string {
	if in := f.Input(name); in != nil {
		return in.Value
	}
	return ""
}

// blame takes in what is wrong with what was entered: beside the inputs that are to blame, or above all of them. What the
// visitor can do nothing about is returned.
func (f *Form) blame(err error) error {
	if err == nil {
		return nil
	}
	is := faultOf(err)
	switch is.Code.Kind {
	case fault.NotFound, fault.Internal, fault.Unavailable, fault.NotAllowed, fault.TooLarge:
		return err
	}
	if is.Code.Name == fault.SignInNeeded.Name || is.Code.Name == fault.CrossOrigin.Name {
		return err
	}
	f.Status = int(is.Code.Kind)
	for _, field := range is.Fields {
		text := f.words.Said(field.Message)
		if in := f.Input(field.Name); in != nil && in.Fault == "" {
			in.Fault = text
		} else if in == nil {
			f.Faults = append(f.Faults, text)
		}
	}
	if !f.Wrong() {
		f.Faults = append(f.Faults, f.words.Said(is.Detail))
	}
	return nil
}

// wrong says what is wrong with an input, by the key of a text.
func (f *Form) wrong(name, key string, args ...any) {
	f.Status = http.StatusBadRequest
	if in := f.Input(name); in != nil && in.Fault == "" {
		in.Fault = f.T(key, args...)
	}
}

// Wrong tells whether anything is wrong with the form.
func (f *Form) Wrong() bool { return len(f.Faults) > 0 || len(f.Faulty()) > 0 }

// Faulty are the inputs with something wrong.
func (f *Form) Faulty() (all []*Input) {
	for _, in := range f.Inputs {
		if in.Fault != "" {
			all = append(all, in)
		}
	}
	return all
}

// FaultCount is how many things are wrong.
func (f *Form) FaultCount() int { return len(f.Faults) + len(f.Faulty()) }

// View is for the texts.
func (in *Input) View() *View { return in.form.View }

// ID is unlike that of any other element of the page.
func (in *Input) ID() string { return in.form.Name + "-" + in.Name }

// DescribedBy names the elements that say more about the input; empty if there are none.
func (in *Input) DescribedBy() string {
	switch {
	case in.Hint != "" && in.Fault != "":
		return in.ID() + "-hint " + in.ID() + "-fault"
	case in.Hint != "":
		return in.ID() + "-hint"
	case in.Fault != "":
		return in.ID() + "-fault"
	}
	return ""
}

// Focused tells whether the visitor begins here: not when something is wrong, which is read first.
func (in *Input) Focused() bool { return in.Focus && !in.form.Wrong() }

// Shown is the value to fill in again: a password is never sent back.
func (in *Input) Shown() string {
	if in.Type == "password" {
		return ""
	}
	return in.Value
}
