package stripesim_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stripe/stripe-mock/embedded"

	"ticketing/stripesim"
)

// states are the statuses that each kind of object has here.
var states = map[string][]string{
	"payment_intent": {"requires_payment_method", "requires_confirmation", "requires_action", "processing", "requires_capture", "succeeded", "canceled"},
	"charge":         {"pending", "succeeded", "failed"},
	"refund":         {"pending", "succeeded", "failed", "canceled"},
	"dispute": {"warning_needs_response", "warning_under_review", "warning_closed", "needs_response", "under_review",
		"won", "lost"},
	"balance_transaction": {"pending", "available"},

	"webhook_endpoint": {"enabled", "disabled"},
}

func (w *walker) checkStates() {
	for kind, all := range states {
		for _, status := range all {
			if !w.states[kind][status] {
				w.t.Errorf("no %s was seen that is %s", kind, status)
			}
		}
	}
	for kind, seen := range w.states {
		for status := range seen {
			if !slices.Contains(states[kind], status) {
				w.t.Errorf("a %s was seen that is %s: the list of its states has to say so", kind, status)
			}
		}
	}
}

// notHere are the members of Stripe's examples that ours lack: those that came after our version, and one that Stripe does
// not describe any more. A charge's refunds are there when they are asked for, a method's card when it is one.
var notHere = map[string][]string{
	"payment_intent": {"allowed_payment_method_types", "managed_payments", "source"},
	"payment_method": {"card"},
	"charge":         {"source", "refunds"},
	"refund":         {"customer", "customer_account", "payment_method"},
}

// checkMembers: what Stripe's own examples are made of, all of ours are made of too.
func (w *walker) checkMembers() {
	var examples struct{ Resources map[string]map[string]any }
	w.check(json.Unmarshal(embedded.OpenAPIFixtures, &examples))
	for kind, seen := range w.members {
		if kind == "" || kind == "list" || kind == "search_result" {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(examples.Resources[kind])) {
			if missing := seen[name] < seen["object"]; missing != slices.Contains(notHere[kind], name) {
				w.t.Errorf("%d of %d %ss have %s", seen[name], seen["object"], kind, name)
			}
		}
	}
}

// listen keeps what is delivered to a webhook from now on.
func (w *walker) listen() *[][]byte {
	var delivered [][]byte
	_, err := w.sim.SetWebhook(ctx, stripesim.Webhook{Name: "walk", URL: "https://walk.test/hook",
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			delivered = append(delivered, body)
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, err
		})})
	w.check(err)
	return &delivered
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// checkDeliveries: every event reaches the webhook, and looks as Stripe's events do.
func (w *walker) checkDeliveries(delivered *[][]byte) {
	for n := 1; n > 0; {
		var err error
		n, err = w.sim.Deliver(ctx)
		w.check(err)
	}
	types := map[string]bool{}
	for _, body := range *delivered {
		for _, problem := range spec(w.t).Event(body) {
			w.t.Errorf("the webhook got %s: %s", body, problem)
		}
		var e struct{ Type string }
		w.check(json.Unmarshal(body, &e))
		types[e.Type] = true
	}
	if !maps.Equal(types, w.events) {
		w.t.Errorf("the webhook got %v, the events are %v", types, w.events)
	}
}

// checkEvents: every type of event that the source names exists at Stripe, and was seen.
func (w *walker) checkEvents() {
	types, err := spec(w.t).EventTypes()
	w.check(err)
	named := w.named(regexp.MustCompile(`^(account|balance|capability|charge|dispute|payment_intent|payment_method|payout|refund|transfer)(\.[a-z_]+)+$`))
	for _, name := range named {
		switch {
		case !slices.Contains(types, name):
			w.t.Errorf("the source names %s: Stripe has no such event", name)
		case !w.events[name]:
			w.t.Errorf("no %s was seen", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.events)) {
		if !slices.Contains(named, name) {
			w.t.Errorf("%s was seen, and the source does not name it", name)
		}
	}
}

// named are the texts in the package's source that look like that.
func (w *walker) named(like *regexp.Regexp) (found []string) {
	files, err := fs.Glob(os.DirFS("."), "*.go")
	w.check(err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		w.check(err)
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && like.MatchString(text) && !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
			return true
		})
	}
	slices.Sort(found)
	return found
}
