package web

import (
	"net/http"

	"ticketing/kernel/fault"
)

func (s *Site) problems(w http.ResponseWriter, r *http.Request) {
	s.pages.render(w, r, http.StatusOK, "problems", page{Title: "Problems", Data: fault.Catalog})
}

func (s *Site) problem(w http.ResponseWriter, r *http.Request) {
	for _, code := range fault.Catalog {
		if code.Name == r.PathValue("code") {
			s.pages.render(w, r, http.StatusOK, "problem", page{Title: code.Title, Data: code})
			return
		}
	}
	s.refuse(w, r, http.NotFoundHandler())
}
