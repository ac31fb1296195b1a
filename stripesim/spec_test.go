package stripesim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-mock/embedded"

	"ticketing/stripesim"
	"ticketing/test/stripespec"
)

// description is Stripe's own OpenAPI description of its API, read once.
var description = sync.OnceValues(func() (*stripespec.Document, error) { return stripespec.Parse(embedded.OpenAPISpec) })

func spec(t *testing.T) *stripespec.Document {
	t.Helper()
	d, err := description()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// inspector holds every answer that passes against the description: all of the package's tests go through one.
type inspector struct {
	t    *testing.T
	doc  *stripespec.Document
	next http.RoundTripper
	seen func(operation string, status int, body []byte) // nil: nobody wants to know
}

func (b *bench) inspected(next http.RoundTripper) http.RoundTripper {
	return &inspector{t: b.t, doc: spec(b.t), next: next, seen: b.seen}
}

// RoundTrip reads the answer, and hands it on.
func (i *inspector) RoundTrip(r *http.Request) (*http.Response, error) {
	expand := expansions(i.t, r)
	response, err := i.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if problems := i.problems(r, response.StatusCode, body, expand); len(problems) > 0 {
		i.t.Errorf("%s %s answered %d unlike Stripe:\n\t%s\n%.2000s", r.Method, r.URL.Path, response.StatusCode,
			strings.Join(problems, "\n\t"), body)
	}
	return response, nil
}

func (i *inspector) problems(r *http.Request, status int, body []byte, expand []string) []string {
	op, err := i.doc.Request(r.Method, r.URL.Path)
	if err != nil {
		if status == http.StatusOK {
			return []string{err.Error()}
		}
		return i.doc.Failure(body)
	}
	if i.seen != nil {
		i.seen(op.Name(), status, body)
	}
	problems := op.Answer(status, body, expand)
	if status != http.StatusOK {
		return problems
	}
	for _, event := range events(body) {
		problems = append(problems, i.doc.Event(event)...)
	}
	return problems
}

// expansions are the paths that the request asks to expand. Its body, if it has one, can be read again.
func expansions(t *testing.T, r *http.Request) (paths []string) {
	values := r.URL.Query()
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			t.Error(err)
			return nil
		}
		again := r.Clone(r.Context())
		again.Body = body
		if err := again.ParseForm(); err == nil {
			values = again.Form
		}
	}
	for name, v := range values {
		if strings.HasPrefix(name, "expand[") {
			paths = append(paths, v...)
		}
	}
	return paths
}

// events are the events in an answer: it is one, or it is a list of them.
func events(body []byte) (all []json.RawMessage) {
	var o struct {
		Object string
		Data   json.RawMessage
	}
	var list []json.RawMessage
	switch {
	case json.Unmarshal(body, &o) != nil:
	case o.Object == "event":
		return []json.RawMessage{body}
	case o.Object == "list" && json.Unmarshal(o.Data, &list) == nil:
		for _, one := range list {
			all = append(all, events(one)...)
		}
	}
	return all
}

func TestTheVersionIsTheClientsAndDescribed(t *testing.T) {
	if stripesim.APIVersion != stripe.APIVersion {
		t.Errorf("the simulator speaks %s, its client %s", stripesim.APIVersion, stripe.APIVersion)
	}
	// A version is a date and a release's name. Within a release Stripe only adds, so that the description of a later month
	// describes the earlier ones too.
	described, release, _ := strings.Cut(spec(t).Version(), ".")
	spoken, ours, _ := strings.Cut(stripesim.APIVersion, ".")
	if release != ours || described < spoken {
		t.Errorf("version %s is not described by %s", stripesim.APIVersion, spec(t).Version())
	}
}

func TestRoutesExistAtStripe(t *testing.T) {
	for _, route := range stripesim.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if _, err := spec(t).Route(method, pattern); err != nil {
			t.Error(err)
		}
	}
	if len(stripesim.Routes()) < 10 || slices.Contains(stripesim.Routes(), "") {
		t.Errorf("routes %v", stripesim.Routes())
	}
}
