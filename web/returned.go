package web

import (
	"net/http"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
)

// returnedPage is what a buyer sees who comes back from their bank: a payment is decided a moment after the bank's step, so
// the page looks again until it is.
type returnedPage struct {
	*View
	Order  *api.Order
	Charge *api.Charge
}

// Waiting tells whether the page should look again.
func (r returnedPage) Waiting() bool {
	return r.Charge != nil && (r.Charge.Status == api.Created || r.Charge.Status == api.Completed && r.Order.Live())
}

// returned is GET /payments/return. The bank sends people here in any state, so nothing that is missing is an error.
func (s *Site) returned(v *visit) error {
	page := returnedPage{View: v.titled("returned.title")}
	if err := v.afterBank(&page); err != nil {
		s.log.WarnContext(v.Context(), "a buyer who came back could not be told what became of the payment", "error", err)
	}
	v.w.Header().Set("Cache-Control", "no-store")
	if page.Waiting() {
		v.w.Header().Set("Refresh", "2")
	}
	page.NoIndex = true
	return v.show(http.StatusOK, "returned", page)
}

// afterBank finds the order and its newest payment.
func (v *visit) afterBank(page *returnedPage) error {
	client := v.client.Patient(time.Second)
	order, err := client.Order(v.Context(), v.r.URL.Query().Get("order"))
	if api.Is(err, fault.SignInNeeded) || api.Is(err, fault.Unknown) {
		return nil
	}
	if err != nil {
		return err
	}
	page.Order = &order
	charges, err := client.Charges(v.Context(), order.ID)
	if err == nil && len(charges) > 0 {
		page.Charge = &charges[0]
	}
	return err
}
