package web

import "net/http"

// helpPage says how the market works: the lock, payments, refunds, selling.
type helpPage struct {
	*View
	Topics []string // the ends of the keys of their texts, in their order
}

// help is GET /help.
func (s *Site) help(v *visit) error {
	page := helpPage{View: v.titled("help.title"), Topics: []string{"lock", "pay", "step", "declined", "refund", "sell", "earn", "safe"}}
	page.Description = v.T("help.lead")
	return v.show(http.StatusOK, "help", page)
}
