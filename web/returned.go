package web

import (
	"net/http"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
)

// returned is what a buyer sees who comes back from their bank: a payment is decided a moment after the bank's step, so the
// page looks again until it is.
type returned struct {
	Order    *api.Order
	Charge   *api.Charge
	SignedIn bool
}

// Waiting tells whether the page should look again.
func (r returned) Waiting() bool {
	return r.Charge != nil && (r.Charge.Status == api.Created || r.Charge.Status == api.Completed && r.Order.Live())
}

func (s *Site) returned(w http.ResponseWriter, r *http.Request) {
	var shown returned
	title := "Back from your bank"
	if cookie, err := r.Cookie(identity.Cookie); err == nil {
		var failed error
		if shown, failed = s.afterBank(r, cookie.Value); failed != nil {
			s.pages.log.WarnContext(r.Context(), "a buyer who came back could not be told what became of the payment", "error", failed)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if shown.Waiting() {
		w.Header().Set("Refresh", "2")
	}
	s.pages.render(w, r, http.StatusOK, "returned", page{Title: title, Data: shown})
}

func (s *Site) afterBank(r *http.Request, token string) (shown returned, err error) {
	client := s.client.As(token).Patient(time.Second)
	order, err := client.Order(r.Context(), r.URL.Query().Get("order"))
	switch {
	case api.Is(err, fault.SignInNeeded):
		return shown, nil
	case err != nil:
		shown.SignedIn = true
		if api.Is(err, fault.Unknown) {
			err = nil
		}
		return shown, err
	}
	shown = returned{Order: &order, SignedIn: true}
	charges, err := client.Charges(r.Context(), order.ID)
	if err == nil && len(charges) > 0 {
		shown.Charge = &charges[0]
	}
	return shown, err
}
