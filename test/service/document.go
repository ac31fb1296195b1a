package service

import (
	"net/http"

	"ticketing/kernel/httpapi"
	"ticketing/test/apicheck"
)

// document is what a service says about its answers, by which every answer of a test is judged.
type document struct {
	*apicheck.Document
	paths *http.ServeMux // finds the route of a request
}

func (m *Market) document(routes []httpapi.Route) document {
	m.Helper()
	d := document{paths: http.NewServeMux()}
	text, err := httpapi.OpenAPI(routes)
	if err == nil {
		d.Document, err = apicheck.Parse(text)
	}
	if err != nil {
		m.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range routes {
		if !known[r.Path] {
			known[r.Path] = true
			d.paths.Handle(r.Path, http.NotFoundHandler())
		}
	}
	return d
}

// judge says what the answer has that is not documented. What no route answers is not looked at.
func (d document) judge(r *http.Request, a Answer) error {
	_, path := d.paths.Handler(r)
	if path == "" || a.Status == http.StatusMethodNotAllowed {
		return nil
	}
	return d.Answer(r.Method, path, a.Status, a.Get("Content-Type"), []byte(a.Text))
}
