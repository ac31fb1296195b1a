package web

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
)

// payForm is how an order can be paid: with the simulator's form, or with Stripe's own in the browser.
type payForm struct {
	*Form
	Order       api.Order
	Cards       []testCard // of the simulator; nil when cards are real
	Chosen      string     // the listed card that was chosen
	Publishable string     // Stripe's key for browsers; empty with the simulator
	Minor       int64      // the price in the currency's minor unit, as Stripe counts
}

// payForm makes the form for the order, empty.
func (v *visit) payForm(o api.Order) (*payForm, error) {
	config, err := v.client.Config(v.Context())
	if err != nil {
		return nil, err
	}
	p := &payForm{Order: o, Publishable: config.PublishableKey}
	if config.Simulator {
		p.Cards, p.Publishable = listedCards(), ""
	}
	if currency, err := money.ParseCurrency(o.Ticket.Currency); err == nil {
		amount, err := currency.Amount(o.Ticket.Price)
		if err != nil {
			return nil, err
		}
		p.Minor = int64(amount)
	}
	p.Form = v.form("card", "/orders/"+o.ID+"/pay", "checkout.pay",
		&Input{Name: "number", Label: "checkout.number", Type: "text", Mode: "numeric", Autocomplete: "off", Required: true, MaxLength: 30},
		&Input{Name: "expiry", Label: "checkout.expiry", Hint: "checkout.expiry.hint", Type: "text", Mode: "numeric", Autocomplete: "off", Required: true, MaxLength: 9},
		&Input{Name: "cvc", Label: "checkout.cvc", Hint: "checkout.cvc.hint", Type: "text", Mode: "numeric", Autocomplete: "off", Required: true, MaxLength: 4},
		&Input{Name: "holder", Label: "checkout.holder", Type: "text", Autocomplete: "off", MaxLength: 100},
	)
	return p, nil
}

// Simulated tells whether no money moves.
func (p *payForm) Simulated() bool { return p.Cards != nil }

// token is the payment method that was entered; empty when something is wrong with what was entered. A number that was
// typed counts more than a card of the list that was chosen.
func (p *payForm) token(values url.Values, now time.Time) string {
	number := digitsOf(p.Value("number"))
	p.Chosen = values.Get("card")
	if number == "" {
		if c, ok := cardOffered(p.Chosen); ok {
			return c.Token
		}
		p.wrong("number", "checkout.number.none")
		return ""
	}
	c, known := cardNumbered(number)
	switch {
	case known:
	case addsUp(number):
		p.wrong("number", "checkout.number.unknown")
	default:
		p.wrong("number", "checkout.number.wrong")
	}
	if fault := expiryFault(p.Value("expiry"), now); fault != "" {
		p.wrong("expiry", fault)
	}
	if cvc := p.Value("cvc"); len(cvc) < 3 || len(cvc) > 4 || strings.Trim(cvc, "0123456789") != "" {
		p.wrong("cvc", "checkout.cvc.wrong")
	}
	if p.Wrong() {
		return ""
	}
	return c.Token
}

// expiryFault says what is wrong with a card's last month, by the key of a text; empty if nothing is.
func expiryFault(typed string, now time.Time) string {
	month, year, ok := strings.Cut(strings.ReplaceAll(typed, " ", ""), "/")
	m, errM := strconv.Atoi(month)
	y, errY := strconv.Atoi(year)
	if !ok || errM != nil || errY != nil || m < 1 || m > 12 || len(year) != 2 && len(year) != 4 {
		return "checkout.expiry.wrong"
	}
	if len(year) == 2 {
		y += 2000
	}
	if !time.Date(y, time.Month(m)+1, 1, 0, 0, 0, 0, time.UTC).After(now) {
		return "checkout.expiry.past"
	}
	return ""
}

// pay is POST /orders/{id}/pay: the simulator's form. Real cards are sent to Stripe by the browser and never come here.
func (s *Site) pay(v *visit) error {
	page, err := v.readOrder(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if page.Pay == nil && page.State == statePaying { // the form was sent twice: both are answered alike
		if page.Pay, err = v.payForm(page.Order); err != nil {
			return err
		}
	}
	if page.Pay == nil || !page.Pay.Simulated() { // the page says how the order stands
		return v.goTo("/orders/" + page.Order.ID)
	}
	if err := v.read(page.Pay.Form); err != nil {
		return err
	}
	token := page.Pay.token(v.r.PostForm, v.Now)
	if token == "" && page.State == statePaying {
		return v.goTo("/orders/" + page.Order.ID)
	}
	if token == "" {
		return v.showOrder(page.Pay.Status, page)
	}
	back := v.Base + "/payments/return?order=" + page.Order.ID
	charge, err := v.client.PayAndReturn(v.once(), page.Order.ID, token, back)
	return v.payed(page, charge, err)
}

// payed goes on after a payment was submitted: to the bank, or to the order, which says what became of it.
func (v *visit) payed(page orderPage, charge api.Charge, err error) error {
	switch {
	case err == nil && charge.BankURL != "":
		v.rememberBank(page.Order.ID, charge)
		return v.goTo("/orders/" + page.Order.ID + "/bank")
	case err == nil && charge.Status == api.Completed:
		v.settle(page.Order.ID, func(o api.Order) bool { return !o.Live() })
	case api.Is(err, fault.CardDeclined):
		// The order hears of it in a moment, and is cancelled or free again: one change more than the payment's claim.
		v.settle(page.Order.ID, func(o api.Order) bool { return !o.Live() || o.Version > page.Order.Version+1 })
	case err == nil, api.Is(err, fault.OrderExpired), api.Is(err, fault.OrderNotPayable), api.Is(err, fault.PaymentInProgress),
		api.Is(err, fault.KeyInUse): // the order's page says what is going on
	default:
		return v.notPaid(page, err)
	}
	return v.goTo("/orders/" + page.Order.ID)
}

// notPaid shows the form again for a payment that was not submitted.
func (v *visit) notPaid(page orderPage, err error) error {
	f := faultOf(err)
	if f.Code.Kind != fault.Unavailable {
		if err := page.Pay.blame(err); err != nil {
			return err
		}
		return v.showOrder(page.Pay.Status, page)
	}
	v.report(f)
	page.Pay.Faults = append(page.Pay.Faults, v.words.Said(f.Detail))
	v.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(f.RetryAfter.Seconds()))))
	return v.showOrder(http.StatusServiceUnavailable, page)
}

// How long a page waits for an order to hear of its payment, and how often it looks.
const (
	settleWithin = 1500 * time.Millisecond
	settleEvery  = 25 * time.Millisecond
)

// settle waits a moment until it is so. If it is not, the page that is shown next follows by itself.
func (v *visit) settle(orderID string, so func(o api.Order) bool) {
	ctx, cancel := context.WithTimeout(v.Context(), settleWithin)
	defer cancel()
	for {
		if o, err := v.client.Order(ctx, orderID); err != nil || so(o) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settleEvery):
		}
	}
}

// The bank's page for a payment is told once, when the payment is submitted. The browser keeps it for as long as the payment
// can be undecided, so that its owner finds back there from the order.
const (
	bankCookie = "bank"
	bankKept   = 2 * time.Minute
)

func (v *visit) rememberBank(orderID string, charge api.Charge) {
	http.SetCookie(v.w, &http.Cookie{
		Name: bankCookie, Value: charge.ID + "." + base64.RawURLEncoding.EncodeToString([]byte(charge.BankURL)), Path: "/orders/" + orderID,
		MaxAge: int(bankKept.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: httpapi.Secure(v.Context()),
	})
}

// bankStep is where the bank's step of the order's newest payment is taken, if it is still to be taken and known here.
func (v *visit) bankStep(orderID string, charges []api.Charge) (string, bool) {
	id, encoded, _ := strings.Cut(cookieValue(v.r, bankCookie), ".")
	if len(charges) == 0 || charges[0].ID != id || charges[0].Status != api.Created {
		return "", false
	}
	address, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", false
	}
	u, err := url.Parse(string(address))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", false
	}
	return u.String(), true
}

// bankPage leads to a bank that is elsewhere. A form may not be answered with the address of another site, so there is a
// page between.
type bankPage struct {
	*View
	Order api.Order
	Bank  string
}

// bank is GET /orders/{id}/bank.
func (s *Site) bank(v *visit) error {
	page, err := v.readOrder(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	address, ok := v.bankStep(page.Order.ID, page.Charges)
	switch {
	case !ok:
		return v.goTo("/orders/" + page.Order.ID)
	case strings.HasPrefix(address, v.Base+"/"):
		return v.goTo(address)
	}
	v.w.Header().Set("Refresh", "1; url="+address)
	v.View.Refresh = 0
	return v.show(http.StatusOK, "bank", bankPage{v.titled("bank.title"), page.Order, address})
}

// stripeScript is Stripe's own script, which alone sees the numbers of real cards. Stripe wants it loaded from there.
const stripeScript = "https://js.stripe.com/v3/"

// Script is the address of Stripe's script.
func (p *payForm) Script() string { return stripeScript }

// stripeStep is a payment of a real card for which the bank may want to see the buyer. What Stripe's script needs for that is
// in the memory of the browser's tab, since we are not told it again.
type stripeStep struct {
	*View
	Order       api.Order
	Charge      string // the id of the payment
	Publishable string
}

// Script is the address of Stripe's script.
func (stripeStep) Script() string { return stripeScript }

// stripeStep is nil while there is nothing that Stripe's script could have to do.
func (v *visit) stripeStep(page orderPage) *stripeStep {
	if page.State != statePaying || page.Charges[0].Status != api.Created {
		return nil
	}
	config, err := v.client.Config(v.Context())
	if err != nil || config.Simulator || config.PublishableKey == "" {
		return nil // the bank's own app works without this page
	}
	return &stripeStep{v.View, page.Order, page.Charges[0].ID, config.PublishableKey}
}

// allowStripe lets the page load what Stripe's script needs.
func (v *visit) allowStripe() {
	v.policy.allow("script-src", "https://js.stripe.com https://*.js.stripe.com")
	v.policy.allow("frame-src", "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com")
	v.policy.allow("connect-src", "https://api.stripe.com")
}
