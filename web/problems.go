package web

import (
	"net/http"

	"ticketing/kernel/fault"
)

// problemsPage lists what can go wrong.
type problemsPage struct {
	*View
	Codes []fault.Code
}

// problemPage explains one code.
type problemPage struct {
	*View
	Code fault.Code
	Help string
}

// problems is GET /problems/.
func (s *Site) problems(v *visit) error {
	return v.show(http.StatusOK, "problems", problemsPage{v.titled("problems.title"), fault.Catalog})
}

// problem is GET /problems/{code}.
func (s *Site) problem(v *visit) error {
	for _, code := range fault.Catalog {
		if code.Name == v.r.PathValue("code") {
			view := v.titled("problem." + code.Name + ".title")
			return v.show(http.StatusOK, "problem", problemPage{view, code, v.T("problem." + code.Name + ".help")})
		}
	}
	return fault.Unknown.New("There is nothing at this address.")
}
