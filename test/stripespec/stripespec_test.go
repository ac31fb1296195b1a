package stripespec

import (
	"slices"
	"strings"
	"testing"
)

// small is a description with one of everything that Stripe's has.
const small = `{
"info": {"version": "2026-01-01.tree"},
"paths": {
  "/v1/cats": {"post": {
    "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"required": ["lives"], "properties": {
      "lives": {"type": "integer"}, "name": {"type": "string", "maxLength": 10}, "tame": {"type": "boolean"},
      "colour": {"type": "string", "enum": ["black", "red"]}, "created": {"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"gte": {"type": "integer"}}}]},
      "toys": {"type": "array", "items": {"type": "string"}}, "metadata": {"anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"type": "string", "enum": [""]}]}
    }}}}},
    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/cat"}}}},
      "default": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}}}}},
  "/v1/cats/search": {"get": {"parameters": [{"in": "query", "name": "query", "required": true, "schema": {"type": "string"}}], "responses": {"200": {}}}},
  "/v1/cats/{cat}": {"get": {"parameters": [{"in": "path", "name": "cat", "required": true, "schema": {"type": "string"}}], "responses": {"200": {}}}},
  "/v1/webhook_endpoints": {"post": {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"properties": {
    "enabled_events": {"type": "array", "items": {"type": "string", "enum": ["cat.fed"]}}}}}}}, "responses": {}}}
},
"components": {"schemas": {
  "cat": {"type": "object", "required": ["id", "object"], "properties": {
    "id": {"type": "string", "maxLength": 5}, "object": {"type": "string", "enum": ["cat"]}, "lives": {"type": "integer", "nullable": true},
    "weight": {"type": "number"}, "url": {"type": "string", "pattern": "^/v1/cats"}, "currency": {"type": "string", "format": "currency"},
    "metadata": {"type": "object", "additionalProperties": {"type": "string"}}, "anything": {"type": "object"}, "nothing": {"type": "object", "properties": {}},
    "owner": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/owner"}, {"$ref": "#/components/schemas/deleted_owner"}], "nullable": true, "x-expansionResources": {}},
    "friends": {"type": "array", "items": {"$ref": "#/components/schemas/cat"}}, "food": {"anyOf": [{"$ref": "#/components/schemas/food"}], "nullable": true},
    "lost": {"$ref": "#/components/schemas/lost"}}},
  "owner": {"type": "object", "required": ["object"], "properties": {"object": {"type": "string", "enum": ["owner"]}, "name": {"type": "string"}}},
  "deleted_owner": {"type": "object", "required": ["object", "deleted"], "properties": {"object": {"type": "string", "enum": ["owner"]}, "deleted": {"type": "boolean", "enum": [true]}}},
  "food": {"type": "object", "properties": {"type": {"type": "string"}}},
  "error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object", "properties": {"message": {"type": "string"}}}}},
  "event": {"type": "object", "required": ["type", "data"], "properties": {"type": {"type": "string"}, "data": {"type": "object", "properties": {"object": {"type": "object"}, "previous_attributes": {"type": "object"}}}}}
}}}`

func parsed(t *testing.T) *Document {
	t.Helper()
	d, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func operation(t *testing.T, d *Document, method, path string) *Operation {
	t.Helper()
	op, err := d.Request(method, path)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func TestAnswers(t *testing.T) {
	create := operation(t, parsed(t), "POST", "/v1/cats")
	for _, c := range []struct {
		name, body string
		status     int
		expand     string
		want       string // part of the one problem; empty: there is none
	}{
		{"all is well", `{"id": "c", "object": "cat", "lives": 9, "weight": 4.5, "url": "/v1/cats?a=1", "currency": "usd", "metadata": {"a": "b"},
			"anything": {"goes": 1}, "nothing": {}, "owner": "o", "friends": [{"id": "d", "object": "cat", "lives": null}], "food": {"type": "fish"}}`, 200, "", ""},
		{"a whole number is a number", `{"id": "c", "object": "cat", "weight": 4}`, 200, "", ""},
		{"missing", `{"object": "cat"}`, 200, "", "id is missing"},
		{"missing deep inside", `{"id": "c", "object": "cat", "friends": [{"id": "d", "object": "cat"}, {"object": "cat"}]}`, 200, "", "friends[1].id is missing"},
		{"wrong type", `{"id": "c", "object": "cat", "lives": "nine"}`, 200, "", `lives is "nine", not integer`},
		{"a fraction", `{"id": "c", "object": "cat", "lives": 1.5}`, 200, "", "lives is 1.5, not integer"},
		{"null", `{"id": null, "object": "cat"}`, 200, "", "id is null"},
		{"unknown field", `{"id": "c", "object": "cat", "wings": 2}`, 200, "", "wings is not in Stripe's description"},
		{"member of an object without any", `{"id": "c", "object": "cat", "nothing": {"a": 1}}`, 200, "", "nothing.a is not in"},
		{"wrong word", `{"id": "c", "object": "dog"}`, 200, "", `object is "dog", which is none of [cat]`},
		{"too long", `{"id": "cccccc", "object": "cat"}`, 200, "", "id has more than 5 characters"},
		{"wrong pattern", `{"id": "c", "object": "cat", "url": "/v1/dogs"}`, 200, "", "url is"},
		{"no currency", `{"id": "c", "object": "cat", "currency": "USD"}`, 200, "", "currency is"},
		{"wrong metadata", `{"id": "c", "object": "cat", "metadata": {"a": 1}}`, 200, "", "metadata.a is 1, not string"},
		{"expanded", `{"id": "c", "object": "cat", "owner": {"object": "owner", "name": "Ann"}}`, 200, "owner", ""},
		{"expanded on the way", `{"id": "c", "object": "cat", "owner": {"object": "owner"}}`, 200, "owner.house", ""},
		{"expanded in a list", `{"id": "c", "object": "cat", "friends": [{"id": "d", "object": "cat", "owner": {"object": "owner"}}]}`, 200, "friends.owner", ""},
		{"expanded unasked", `{"id": "c", "object": "cat", "owner": {"object": "owner"}}`, 200, "", "owner is expanded"},
		{"expanded and deleted", `{"id": "c", "object": "cat", "owner": {"object": "owner", "deleted": true}}`, 200, "owner", ""},
		{"expanded and wrong", `{"id": "c", "object": "cat", "owner": {"object": "owner", "name": 5}}`, 200, "owner", "owner.name is 5, not string"},
		{"expanded into something else", `{"id": "c", "object": "cat", "owner": {"object": "cat"}}`, 200, "owner", "fits none"},
		{"none of the types", `{"id": "c", "object": "cat", "owner": 7}`, 200, "", "owner is 7, which fits none"},
		{"no schema", `{"id": "c", "object": "cat", "lost": {}}`, 200, "", "there is no schema lost"},
		{"no JSON", `Sorry`, 200, "", "not JSON"},
		{"an error", `{"error": {"message": "no"}}`, 400, "", ""},
		{"a wrong error", `{"message": "no"}`, 400, "", "error is missing message is not in"},
	} {
		var expand []string
		if c.expand != "" {
			expand = []string{c.expand}
		}
		got := strings.Join(create.Answer(c.status, []byte(c.body), expand), " ")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestParameters(t *testing.T) {
	create := operation(t, parsed(t), "POST", "/v1/cats")
	for _, c := range []struct {
		p    Parameter
		want string // part of the error; empty: there is none
	}{
		{Parameter{Name: "lives", Kind: "integer"}, ""},
		{Parameter{Name: "name", Kind: "text", Max: 10}, ""},
		{Parameter{Name: "tame", Kind: "flag"}, ""},
		{Parameter{Name: "toys", Kind: "list"}, ""},
		{Parameter{Name: "toys[0]", Kind: "text"}, ""},
		{Parameter{Name: "metadata", Kind: "hash"}, ""},
		{Parameter{Name: "metadata[a]", Kind: "text"}, ""},
		{Parameter{Name: "created", Kind: "integer"}, ""},
		{Parameter{Name: "created[gte]", Kind: "integer"}, ""},
		{Parameter{Name: "created[gte]"}, ""},
		{Parameter{Name: "colour", Kind: "text", Values: []string{"", "red"}}, ""},
		{Parameter{Name: "colour", Kind: "text", Values: []string{"green"}}, `takes "green"`},
		{Parameter{Name: "colour", Kind: "text", Max: 5000}, "takes any text"},
		{Parameter{Name: "name", Kind: "text", Max: 11}, "may have 10 characters"},
		{Parameter{Name: "name", Kind: "integer"}, "is no integer"},
		{Parameter{Name: "lives", Kind: "text", Max: 1}, "is no text"},
		{Parameter{Name: "sprinkles", Kind: "text"}, "has no parameter sprinkles"},
		{Parameter{Name: "created[never]", Kind: "integer"}, "has no parameter created[never]"},
		{Parameter{Name: "toys[a]", Kind: "text"}, "has no parameter toys[a]"},
		{Parameter{Name: "sprinkles"}, "has no parameter sprinkles"},
	} {
		err := create.Parameter(c.p)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.p, err, c.want)
		}
	}
	if got := create.Required(); !slices.Equal(got, []string{"lives"}) {
		t.Errorf("required %v", got)
	}
	if got := operation(t, parsed(t), "GET", "/v1/cats/search").Required(); !slices.Equal(got, []string{"query"}) {
		t.Errorf("required %v", got)
	}
}

func TestOperations(t *testing.T) {
	d := parsed(t)
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/v1/cats/search", "GET /v1/cats/search"},
		{"GET", "/v1/cats/tom", "GET /v1/cats/{cat}"},
		{"POST", "/v1/cats", "POST /v1/cats"},
		{"GET", "/v1/cats", ""},
		{"GET", "/v1/cats/tom/toys", ""},
	} {
		op, err := d.Request(c.method, c.path)
		if (err == nil) != (c.want != "") || err == nil && op.Name() != c.want {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
	}
	if op, err := d.Route("GET", "/v1/cats/{id}"); err != nil || op.Name() != "GET /v1/cats/{cat}" {
		t.Errorf("a route with another wildcard: %v", err)
	}
	if _, err := d.Route("GET", "/v1/cats/{id}/toys"); err == nil {
		t.Error("a route that does not exist was found")
	}
	if _, err := d.Route("GET", "/v1/cats/tom"); err == nil {
		t.Error("a route without a wildcard is not the one with it")
	}
}

func TestEvents(t *testing.T) {
	d := parsed(t)
	for body, want := range map[string]string{
		`{"type": "cat.fed", "data": {"object": {"id": "c", "object": "cat"}}}`:                                      "",
		`{"type": "cat.fed", "data": {"object": {"id": "c", "object": "cat"}, "previous_attributes": {"lives": 8}}}`: "",
		`{"type": "cat.fed", "data": {"object": {"id": "c", "object": "cat"}, "previous_attributes": {"wings": 8}}}`: "data.previous_attributes.wings is not in",
		`{"type": "cat.flew", "data": {"object": {"id": "c", "object": "cat"}}}`:                                     "Stripe has no such event",
		`{"type": "cat.fed", "data": {"object": {"object": "owner", "name": "Ann"}}}`:                                "data.object of cat.fed is a owner",
		`{"type": "cat.fed", "data": {"object": {"object": "cat"}}}`:                                                 "data.object.id is missing",
		`{"type": "cat.fed", "data": {"object": {"id": "c", "object": "cat"}}, "extra": 1}`:                          "extra is not in",
		`{"type": "cat.fed", "data": {"object": {"id": "c", "object": "ghost"}}}`:                                    "there is no schema ghost",
	} {
		got := strings.Join(d.Event([]byte(body)), " ")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestNotADescription(t *testing.T) {
	for _, text := range []string{"", "{}", `{"paths": {"/v1/cats": {}}}`} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was taken for a description", text)
		}
	}
	if d := parsed(t); d.Version() != "2026-01-01.tree" {
		t.Errorf("version %s", d.Version())
	}
}
