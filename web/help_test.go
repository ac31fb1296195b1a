package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"ticketing/kernel/httpapi"
	"ticketing/web"
)

// documents are small, but have each thing that the page reads.
const (
	openAPI = `{"info":{"title":"Shop","version":"1","description":"Sells <b>things</b>."},
	"tags":[{"name":"Tickets","description":"What is for sale."}],
	"paths":{"/api/tickets/{id}":{"get":{"operationId":"getTicket","summary":"Read one.","tags":["Tickets"],
		"parameters":[{"name":"id","in":"path","required":true,"description":"Which.","schema":{"type":"string","format":"uuid"}}],
		"responses":{"200":{"description":"It.","headers":{"ETag":{"description":"Its version.","schema":{"type":"string"}}},
			"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Ticket"}}}}}},
		"put":{"operationId":"editTicket","summary":"Edit it.","tags":["Tickets"],"security":[{"session":[]}],
		"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Ticket"}}}},"responses":{"200":{"description":"It is ` + "`here`" + `."},
			"409":{"description":"Conflict","content":{"application/problem+json":{"schema":{"allOf":[{"$ref":"#/components/schemas/Ticket"},{"properties":{}}]},
			"examples":{"ticket_locked":{}}}}}}}}},
	"components":{"schemas":{"Ticket":{"type":"object","required":["id"],"properties":{
		"title":{"type":"string","minLength":1,"maxLength":200,"description":"What it admits to."},
		"id":{"type":"string"},"tags":{"type":["array","null"],"items":{"type":"string"}},
		"status":{"type":"string","enum":["available","sold"]}}}}}}`
	asyncAPI = `{"info":{"description":"The log."},
	"channels":{"ticket":{"address":"ticketing.TicketSold.{id}","messages":{"TicketSold":{"$ref":"#/components/messages/TicketSold"}}}},
	"components":{"messages":{"TicketSold":{"name":"TicketSold","summary":"It is sold.","payload":{"type":"object","properties":{
		"id":{"type":"string"},"data":{"$ref":"#/components/schemas/Ticket"}}}}},
	"schemas":{"Ticket":{"type":"object","properties":{"price":{"type":"number","description":"What it cost."}}}}}}`
)

// empty is an API with nothing on the market and nobody signed in.
var empty = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path != "/api/tickets" {
		httpapi.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, "[]") // a test that has gone needs no answer
})

// textOf makes a document of this text.
func textOf(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(text), nil }
}

func site(t *testing.T, o web.Options) http.Handler {
	t.Helper()
	if o.API == nil && o.Remotes == nil {
		o.API = empty
	}
	o.OpenAPI, o.AsyncAPI = textOf(openAPI), textOf(asyncAPI)
	s, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, h http.Handler, method, path, accept string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(b)
}

func parseURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
