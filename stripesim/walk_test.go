package stripesim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"ticketing/stripesim"
	"ticketing/test/stripespec"
)

// walker goes through the whole API and writes down what it has seen. Whether it was like Stripe's the inspector says.
type walker struct {
	*bench
	mu         sync.Mutex
	answered   map[string]map[int]bool    // operation: statuses of answers
	states     map[string]map[string]bool // kind of object: its statuses
	members    map[string]map[string]int  // kind of object: what it is made of
	events     map[string]bool
	strange    map[string]bool                            // what the client would not read
	parameters map[string]map[string]stripespec.Parameter // route: how it reads each parameter
}

func newWalker(t *testing.T) *walker {
	w := &walker{bench: newBench(t, engines["sqlite"](t)), answered: map[string]map[int]bool{}, states: map[string]map[string]bool{},
		members: map[string]map[string]int{}, strange: map[string]bool{}, events: map[string]bool{}, parameters: map[string]map[string]stripespec.Parameter{}}
	w.seen = func(operation string, status int, body []byte) {
		w.mu.Lock()
		defer w.mu.Unlock()
		put(w.answered, operation, status, true)
		if v, err := decodeAny(body); err == nil {
			w.note(v)
		}
	}
	w.sim.OnParameter(func(route string, p stripespec.Parameter) {
		w.mu.Lock()
		defer w.mu.Unlock()
		// A number that must be there is read as a text first, and whatever is asked for is read afterwards.
		if was, ok := w.parameters[route][p.Name]; !ok || was.Kind == "" || was.Kind == "text" && p.Kind != "" {
			put(w.parameters, route, p.Name, p)
		}
	})
	return w
}

func put[K, L comparable, V any](m map[K]map[L]V, key K, inner L, v V) {
	if m[key] == nil {
		m[key] = map[L]V{}
	}
	m[key][inner] = v
}

func decodeAny(body []byte) (v any, err error) {
	err = json.Unmarshal(body, &v)
	return v, err
}

// note writes down the objects in an answer.
func (w *walker) note(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			w.note(one)
		}
	case map[string]any:
		kind, _ := v["object"].(string)
		if status, ok := v["status"].(string); ok && kind != "" {
			put(w.states, kind, status, true)
		}
		for name := range v {
			if v["deleted"] == true {
				break
			}
			put(w.members, kind, name, w.members[kind][name]+1)
		}
		w.checkRead(kind, v)
		if kind == "event" {
			w.noteEvent(v)
		}
		for _, one := range v {
			w.note(one)
		}
	}
}

// anyStatus will do.
const anyStatus = 0

// noteEvent looks also whether an update says what was before, as no other event does.
func (w *walker) noteEvent(e map[string]any) {
	kind := fmt.Sprint(e["type"])
	w.events[kind] = true
	before, said := e["data"].(map[string]any)["previous_attributes"].(map[string]any)
	if update := strings.HasSuffix(kind, ".updated"); said != update || update && len(before) == 0 {
		w.strange[fmt.Sprintf("what was before %s: %v", kind, before)] = true
	}
}

// do sends a request that must be answered with the status, and returns the answer. The parameters are names and values.
func (w *walker) do(status int, method, path string, parameters ...string) map[string]any {
	w.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		values.Add(parameters[i], parameters[i+1])
	}
	address, body := "https://api.stripe.com"+path, ""
	if method == http.MethodPost {
		body = values.Encode()
	} else if len(values) > 0 {
		address += "?" + values.Encode()
	}
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_123")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := w.inspected(w.sim.Transport()).RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if status != anyStatus && response.StatusCode != status {
		w.t.Fatalf("%s %s %v: %d, want %d: %s", method, path, parameters, response.StatusCode, status, text)
	}
	v, err := decodeAny(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return v.(map[string]any)
}

// intentWith creates an intent over 19.99 with the parameters, and returns its id.
func (w *walker) intentWith(status int, parameters ...string) string {
	w.t.Helper()
	o := w.do(status, "POST", "/v1/payment_intents", append([]string{"amount", "1999", "currency", "usd",
		"payment_method_types[]", "card"}, parameters...)...)
	if status != http.StatusOK {
		o = o["error"].(map[string]any)["payment_intent"].(map[string]any)
	}
	return o["id"].(string)
}

// The whole API is like Stripe's: every route is used and misused, every object is seen in all its states, every event is
// caused, and every parameter that an endpoint reads is one of Stripe's.
func TestEverythingIsLikeStripe(t *testing.T) {
	w := newWalker(t)
	delivered := w.listen()
	w.intents()
	w.refunds()
	w.objects()
	w.webhooks()
	w.lists()
	w.allEvents()
	w.mistakes()
	w.checkDeliveries(delivered)
	for _, route := range stripesim.Routes() {
		w.checkRoute(route)
	}
	w.checkStates()
	w.checkMembers()
	for _, what := range slices.Sorted(maps.Keys(w.strange)) {
		t.Error(what)
	}
	w.checkEvents()
}

func (w *walker) intents() {
	pi := "/v1/payment_intents/"
	w.do(200, "POST", "/v1/payment_intents", "amount", "100", "currency", "jpy", "automatic_payment_methods[enabled]", "true",
		"automatic_payment_methods[allow_redirects]", "never", "description", "Two tickets", "receipt_email", "fan@example.com",
		"setup_future_usage", "off_session", "statement_descriptor", "TICKETS", "statement_descriptor_suffix", "ROW 7",
		"transfer_group", "order-1", "metadata[order]", "1")
	for _, method := range []string{"automatic", "automatic_async", "manual"} {
		w.intentWith(200, "payment_method", "pm_card_visa", "capture_method", method, "confirm", "true")
	}
	for _, card := range []string{"pm_card_chargeDeclined", "pm_card_chargeDeclinedExpiredCard", "pm_card_chargeDeclinedProcessingError"} {
		refused := w.intentWith(402, "payment_method", card, "confirm", "true", "use_stripe_sdk", "true")
		w.do(200, "GET", pi+refused, "expand[]", "latest_charge")
	}
	w.intentWith(402, "payment_method", "pm_card_authenticationRequired", "confirm", "true", "off_session", "true")

	stepped := w.intentWith(200, "payment_method", "pm_card_authenticationRequired", "confirm", "true")
	w.check(w.sim.Answer(ctx, stepped, false))
	w.do(200, "POST", pi+stepped+"/confirm", "payment_method", "pm_card_threeDSecure2Required", "return_url", "https://shop.test/back")
	w.check(w.sim.Answer(ctx, stepped, true))
	w.do(200, "GET", pi+stepped, "expand[]", "latest_charge", "expand[]", "payment_method")
	w.do(400, "POST", pi+stepped+"/confirm")
	w.do(400, "POST", pi+stepped+"/cancel")

	changed := w.intentWith(200, "payment_method_options[card][capture_method]", "manual")
	w.do(200, "POST", pi+changed, "amount", "2500", "currency", "eur", "capture_method", "manual", "payment_method", "pm_card_visa",
		"payment_method_types[]", "card", "payment_method_options[card][capture_method]", "", "metadata[order]", "2", "description", "Three")
	w.do(400, "POST", pi+stepped, "amount", "1")

	held := w.intentWith(200, "payment_method", "pm_card_visa", "capture_method", "manual")
	w.do(200, "POST", pi+held+"/confirm")
	w.do(400, "POST", pi+held+"/capture", "amount_to_capture", "2000")
	w.do(200, "POST", pi+held+"/capture", "amount_to_capture", "1500", "expand[]", "latest_charge")
	w.do(400, "POST", pi+held+"/capture")
	for _, reason := range []string{"duplicate", "fraudulent", "requested_by_customer", "abandoned"} {
		released := w.intentWith(200, "payment_method", "pm_card_visa", "capture_method", "manual", "confirm", "true")
		w.do(200, "POST", pi+released+"/cancel", "cancellation_reason", reason, "expand[]", "latest_charge")
	}
	w.do(200, "POST", pi+w.intentWith(200)+"/cancel")
	w.do(200, "GET", "/v1/payment_methods/pm_card_visa")
}

func (w *walker) refunds() {
	paid := w.intentWith(200, "payment_method", "pm_card_visa", "confirm", "true")
	for _, reason := range []string{"duplicate", "fraudulent", "requested_by_customer"} {
		re := w.do(200, "POST", "/v1/refunds", "payment_intent", paid, "amount", "100", "reason", reason, "metadata[why]", reason)
		w.do(200, "GET", "/v1/refunds/"+re["id"].(string), "expand[]", "charge", "expand[]", "payment_intent")
	}
	w.do(400, "POST", "/v1/refunds", "payment_intent", paid, "amount", "5000")
	charge := w.do(200, "GET", "/v1/payment_intents/"+paid)["latest_charge"].(string)
	w.do(200, "POST", "/v1/refunds", "charge", charge)
	w.do(400, "POST", "/v1/refunds", "charge", charge)
	w.do(200, "GET", "/v1/charges/"+charge, "expand[]", "refunds", "expand[]", "payment_intent.payment_method")
}

func (w *walker) webhooks() {
	made := w.do(200, "POST", "/v1/webhook_endpoints", "url", "https://shop.test/hook", "enabled_events[]", "charge.succeeded",
		"enabled_events[]", "charge.failed", "api_version", stripesim.APIVersion, "connect", "false", "metadata[a]", "b")
	path := "/v1/webhook_endpoints/" + made["id"].(string)
	w.do(200, "POST", path, "disabled", "true", "description", "The shop")
	w.do(200, "GET", path)
	w.do(200, "POST", path, "disabled", "false", "enabled_events[]", "*", "url", "https://shop.test/new")
	w.do(400, "POST", "/v1/webhook_endpoints", "url", "nowhere", "enabled_events[]", "*")
	gone := w.do(200, "POST", "/v1/webhook_endpoints", "url", "https://shop.test/gone", "enabled_events[]", "charge.failed")
	w.do(200, "DELETE", "/v1/webhook_endpoints/"+gone["id"].(string))
}

func (w *walker) lists() {
	dated := []string{"created[gte]", "1", "created[gt]", "1", "created[lt]", "9999999999", "created[lte]", "9999999999"}
	for path, of := range map[string][]string{
		"/v1/payment_intents": {"data.latest_charge", "data.payment_method"}, "/v1/charges": {"data.payment_intent"},
		"/v1/refunds": {"data.charge.payment_intent"}, "/v1/events": {}, "/v1/webhook_endpoints": nil,
		"/v1/accounts": {}, "/v1/transfers": {"data.destination", "data.source_transaction"},
		"/v1/disputes": {"data.charge"}, "/v1/balance_transactions": {"data.source"},
	} {
		for _, field := range of {
			w.do(200, "GET", path, "limit", "100", "expand[]", field)
		}
		if of != nil {
			w.do(200, "GET", path, dated...)
			w.do(200, "GET", path, "created", "1780000000")
		}
		rows := w.do(200, "GET", path, "limit", "100")["data"].([]any)
		some := rows[len(rows)/2].(map[string]any)["id"].(string)
		w.do(200, "GET", path, "limit", "1", "starting_after", some)
		w.do(200, "GET", path, "ending_before", some)
		w.do(400, "GET", path, "limit", "0")
		w.do(400, "GET", path, "starting_after", "nothing")
		w.do(400, "GET", path, "starting_after", some, "ending_before", some)
		for _, row := range rows {
			w.retrieve(path, row.(map[string]any))
		}
	}
	charge := w.do(200, "GET", "/v1/charges", "limit", "1")["data"].([]any)[0].(map[string]any)
	w.do(200, "GET", "/v1/charges", "payment_intent", charge["payment_intent"].(string))
	w.do(200, "GET", "/v1/refunds", "payment_intent", charge["payment_intent"].(string), "charge", charge["id"].(string))
	w.do(200, "GET", "/v1/events", "type", "charge.*", "delivery_success", "false")
	w.do(200, "GET", "/v1/events", "types[]", "charge.succeeded", "types[]", "refund.created")
	found := w.do(200, "GET", "/v1/payment_intents/search", "query", "status:'succeeded'", "limit", "1", "expand[]", "data.latest_charge",
		"expand[]", "total_count")
	w.do(200, "GET", "/v1/payment_intents/search", "query", "status:'succeeded'", "page", found["next_page"].(string))
	w.do(400, "GET", "/v1/payment_intents/search", "query", "colour:'red'")
}

// retrieve asks for an object of a list, and to expand each of its members that may be an id: what may not be expanded is
// refused, and whether what is answered may be is the inspector's question.
func (w *walker) retrieve(path string, row map[string]any) {
	path += "/" + row["id"].(string)
	for name, v := range w.do(200, "GET", path) {
		if text, ok := v.(string); ok && strings.Contains(text, "_") {
			w.do(anyStatus, "GET", path, "expand[]", name)
		}
	}
}

// mistakes makes with every route what can be done wrong with any: an unknown parameter, an id that does not exist, no key.
func (w *walker) mistakes() {
	for _, route := range stripesim.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		path := strings.NewReplacer("{id}", "unknown", "{reversal}", "unknown").Replace(pattern)
		e := w.do(anyStatus, method, path, "sprinkles", "yes")["error"].(map[string]any)
		if !slices.Contains([]string{"parameter_unknown", "parameter_missing", "resource_missing", "account_invalid"}, fmt.Sprint(e["code"])) {
			w.t.Errorf("%s with an unknown parameter: %v", route, e)
		}
		if path == pattern || len(w.parameters[route]) == 0 {
			continue
		}
		status, code := 404, "resource_missing"
		if strings.HasPrefix(path, "/v1/accounts/") {
			status, code = 403, "account_invalid"
		}
		if e := w.do(status, method, path)["error"].(map[string]any); e["code"] != code {
			w.t.Errorf("%s of nothing: %v", route, e)
		}
	}
	w.do(404, "GET", "/v1/unicorns")
}

// neverDone are the routes that refuse everything, and why.
var neverDone = map[string]string{
	"POST /v1/refunds/{id}/cancel": "only refunds that wait for their payer can be cancelled so, and none does here",
}

// checkRoute: it was used, with success and without, and reads no parameter that Stripe does not.
func (w *walker) checkRoute(route string) {
	method, pattern, _ := strings.Cut(route, " ")
	op, err := spec(w.t).Route(method, pattern)
	if err != nil {
		w.t.Error(err)
		return
	}
	statuses := slices.Sorted(maps.Keys(w.answered[op.Name()]))
	if why := neverDone[route]; why == "" && !slices.Contains(statuses, 200) || len(statuses) < 2 {
		w.t.Errorf("%s was answered with %v: the walk has to use it, and to be refused", route, statuses)
	}
	for _, name := range slices.Sorted(maps.Keys(w.parameters[route])) {
		if err := op.Parameter(w.parameters[route][name]); err != nil {
			w.t.Error(err)
		}
	}
	for _, name := range op.Required() {
		if _, ok := w.parameters[route][name]; !ok {
			w.t.Errorf("%s never asks for %s, without which Stripe does nothing", route, name)
		}
	}
}

func (w *walker) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
