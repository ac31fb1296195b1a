package web

import "net/http"

func (s *Site) home(w http.ResponseWriter, r *http.Request) {
	s.pages.render(w, r, http.StatusOK, "home", page{Title: "A ticket exchange between fans"})
}
