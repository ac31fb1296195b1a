package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
	"ticketing/test/apicheck"
)

func openapi(t testing.TB) *apicheck.Document {
	t.Helper()
	b, err := httpapi.OpenAPI((&toy{}).Routes())
	if err != nil {
		t.Fatal(err)
	}
	d, err := apicheck.Parse(b)
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return d
}

func TestEveryRouteIsDocumented(t *testing.T) {
	d := openapi(t)
	if d.At("openapi") != "3.1.0" || d.At("components", "securitySchemes", "session", "in") != "cookie" {
		t.Errorf("openapi %v", d.At("openapi"))
	}
	for _, r := range (&toy{}).Routes() {
		op := func(keys ...string) any {
			return d.At(append([]string{"paths", r.Path, strings.ToLower(r.Method)}, keys...)...)
		}
		if op("operationId") != r.About.ID {
			t.Errorf("%s %s is missing", r.Method, r.Path)
		}
		for _, status := range []string{"500", "503"} {
			if op("responses", status, "content", "application/problem+json") == nil {
				t.Errorf("%s: no %s", r.About.ID, status)
			}
		}
		if op("responses", "default") != nil || op("responses", "422") != nil != (r.Method == "POST") {
			t.Errorf("%s: responses %v", r.About.ID, op("responses"))
		}
		if schemes, said := op("security").([]any); !said || (len(schemes) > 0) != r.About.SignedIn || (op("responses", "401") != nil) != r.About.SignedIn {
			t.Errorf("%s: security %v", r.About.ID, op("security"))
		}
		parameters, _ := json.Marshal(op("parameters"))
		if strings.Contains(string(parameters), `"Idempotency-Key"`) != (r.Method == "POST") {
			t.Errorf("%s: parameters %s", r.About.ID, parameters)
		}
	}
	conflict, _ := json.Marshal(d.At("paths", "/api/notes", "post", "responses", "409"))
	for _, code := range []string{"email_taken", "idempotency_key_in_use"} {
		if !strings.Contains(string(conflict), code) {
			t.Errorf("409 does not tell of %s: %s", code, conflict)
		}
	}
	if d.At("components", "schemas", "NoteBody", "properties", "price", "type") != "number" {
		t.Errorf("price is %v", d.At("components", "schemas", "NoteBody", "properties", "price"))
	}
	if d.At("components", "schemas", "ErrorModel") != nil {
		t.Error("huma's error structure is documented")
	}
	for _, status := range []string{"200", "201"} {
		if d.At("paths", "/api/notes", "post", "responses", status, "headers", "Location") == nil {
			t.Errorf("no Location with %s", status)
		}
	}
	if d.At("paths", "/api/notes/{id}", "get", "responses", "304") == nil {
		t.Error("no 304")
	}
}

func TestAnswersAreAsDocumented(t *testing.T) {
	d := openapi(t)
	s := &toy{db: sqlite(t)}
	h := served(s)
	for _, c := range []struct {
		method, path, target, body string
		headers                    []string
	}{
		{"GET", "/api/notes", "/api/notes?limit=2", "", nil},
		{"GET", "/api/notes", "/api/notes?limit=200", "", nil},
		{"POST", "/api/notes", "/api/notes", milk, []string{signed}},
		{"POST", "/api/notes", "/api/notes", milk, nil},
		{"POST", "/api/notes", "/api/notes", "{", []string{signed}},
		{"POST", "/api/notes", "/api/notes", "{}", []string{signed, "Content-Type: text/css"}},
		{"POST", "/api/notes", "/api/notes", strings.Repeat(" ", 70_000), []string{signed}},
		{"POST", "/api/notes", "/api/notes", "{}", []string{signed, "Sec-Fetch-Site: cross-site", "Cookie: session=x"}},
		{"POST", "/api/notes", "/api/notes", `{"title":"taken","price":1}`, []string{signed}},
		{"GET", "/api/notes/{id}", "/api/notes/" + knownID, "", nil},
		{"GET", "/api/notes/{id}", "/api/notes/" + knownID, "", []string{`If-None-Match: "7"`}},
		{"GET", "/api/notes/{id}", "/api/notes/x", "", nil},
		{"PUT", "/api/notes/{id}", "/api/notes/" + knownID, milk, []string{signed, `If-Match: "1"`}},
		{"DELETE", "/api/notes/{id}", "/api/notes/" + knownID, "", nil},
		{"POST", "/api/signin", "/api/signin", `{"password":"x"}`, nil},
		{"POST", "/api/gate", "/api/gate", milk, []string{key("a")}},
		{"POST", "/api/gate", "/api/gate", milk, []string{key("a")}},
		{"POST", "/api/gate", "/api/gate", `{}`, []string{key("a")}},
		{"POST", "/api/raw", "/api/raw", `x`, nil},
		{"GET", "/api/panic", "/api/panic", "", nil},
		{"GET", "/api/away", "/api/away", "", nil},
		{"GET", "/api/limited", "/api/limited", "", nil},
	} {
		r := ask(h, c.method, c.target, c.body, c.headers...)
		if err := d.Answer(c.method, c.path, r.StatusCode, r.Header.Get("Content-Type"), []byte(text(t, r))); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryEventIsDocumented(t *testing.T) {
	b, err := httpapi.AsyncAPI()
	if err != nil {
		t.Fatal(err)
	}
	d, err := apicheck.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range event.Kinds {
		for _, typ := range kind.Types {
			name := string(typ)
			if d.At("channels", name, "address") != "ticketing."+name+".{id}" || d.At("operations", "say"+name, "action") != "send" {
				t.Errorf("%s has no channel or no operation", name)
			}
			if d.At("channels", name, "summary") == "" || d.At("components", "messages", name, "payload", "properties", "source", "const") != kind.Source {
				t.Errorf("%s does not say who tells it", name)
			}
		}
	}
	// A real event fits its schema.
	price, _ := money.ParseDecimal("19.99")
	at := time.Unix(1e9, 0).UTC()
	data, _ := json.Marshal(event.Ticket{ID: knownID, Title: "a", Price: price, Currency: "usd", UserID: knownID, Status: "locked", LockedUntil: &at, Version: 2, CreatedAt: at, UpdatedAt: at})
	message, _ := json.Marshal(event.Envelope{SpecVersion: "1.0", ID: knownID, Source: "/tickets", Type: event.TicketUpdated, Subject: knownID, Time: at, DataContentType: "application/json", Data: data})
	var v any
	dec := json.NewDecoder(strings.NewReader(string(message)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if err := d.Value(d.At("components", "messages", "TicketUpdated", "payload"), v); err != nil {
		t.Error(err)
	}
}

func TestTwoRoutesMayNotShareAnID(t *testing.T) {
	if _, err := httpapi.OpenAPI((&toy{}).Routes(), (&toy{}).Routes()); err == nil {
		t.Error("no error")
	}
}

func TestTypesOfOneNameAreTold(t *testing.T) {
	type shape struct {
		A string `json:"a"`
	}
	first := func() httpapi.Route {
		type note struct {
			B string `json:"b"`
		}
		type input struct {
			Body struct {
				C note `json:"c"`
			}
		}
		return httpapi.Put("/a", func(context.Context, *input) (*none, error) { return nil, nil }, httpapi.About{ID: "a", Tag: "x"})
	}()
	second := func() httpapi.Route {
		type note shape
		type input struct {
			Body struct {
				D note `json:"d"`
			}
		}
		return httpapi.Put("/b", func(context.Context, *input) (*none, error) { return nil, nil }, httpapi.About{ID: "b", Tag: "x"})
	}()
	b, err := httpapi.OpenAPI([]httpapi.Route{first, second}, (&toy{}).Routes())
	if err != nil {
		t.Fatal(err)
	}
	d, err := apicheck.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for path, field := range map[string]string{"/a": "c", "/b": "d"} {
		ref, _ := d.At("paths", path, "put", "requestBody", "content", "application/json", "schema", "$ref").(string)
		if d.At("components", "schemas", strings.TrimPrefix(ref, "#/components/schemas/"), "properties", field) == nil {
			t.Errorf("%s: %s has no %s", path, ref, field)
		}
	}
}
