package stripesim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// method is a PaymentMethod: one of the test cards with what its holder said of themselves. Stripe's own test names stay
// what they are; what a client creates is a row, without the number.
type method struct {
	id        string
	createdAt time.Time
	card      card
	holder    holder
	used      bool // for a charge: without a customer it can't be used again
}

// holder is what was entered with a card's number.
type holder struct {
	ExpMonth int64             `json:",omitempty"`
	ExpYear  int64             `json:",omitempty"`
	Given    []string          `json:",omitempty"` // what the bank can check: cvc, zip, line1
	Account  string            `json:",omitempty"` // checking or savings
	Owner    string            `json:",omitempty"` // individual or company
	Billing  map[string]string `json:",omitempty"`
	Metadata map[string]string `json:",omitempty"`
}

// named is the method that Stripe publishes under the card's name.
func named(c card) *method {
	m := &method{id: c.id, card: c, holder: holder{ExpMonth: 8, ExpYear: 2099, Given: []string{"cvc"}}}
	if c.kind == accountKind {
		m.holder = holder{Account: "checking", Owner: "individual"}
	}
	return m
}

// findMethod is the method with the id, whether Stripe or a client named it.
func (c *call) findMethod(id string) (*method, bool, error) {
	if found, ok := findCard(id); ok {
		return named(found), true, nil
	}
	return store.One(c.tx, scanMethod, `SELECT id, created_at, card, holder, used FROM payment_methods WHERE id = $1`, id)
}

func scanMethod(scan store.Scan) (*method, error) {
	var m method
	var at int64
	var name, text string
	if err := scan(&m.id, &at, &name, &text, &m.used); err != nil {
		return nil, err
	}
	m.createdAt = store.Time(at)
	m.card, _ = cardNamed(name)
	return &m, json.Unmarshal([]byte(text), &m.holder)
}

func insertMethod(tx *store.Tx, m *method) error {
	text, err := json.Marshal(m.holder)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO payment_methods (id, created_at, card, holder) VALUES ($1, $2, $3, $4)`,
		m.id, store.Millis(m.createdAt), m.card.id, string(text))
	return err
}

// spend uses the method for a charge. One that a client made serves once, since there are no customers to keep it.
func (c *call) spend(m *method) error {
	if _, named := findCard(m.id); named {
		return nil
	}
	n, err := c.tx.Exec(`UPDATE payment_methods SET used = TRUE WHERE id = $1 AND NOT used`, m.id)
	if err == nil && n == 0 {
		return usedBefore()
	}
	return err
}

func usedBefore() *apiError {
	return invalid("", "", "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with "+
		"a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a "+
		"PaymentMethod multiple times, you must attach it to a Customer first.")
}

// asked is the payment method of a request: its id, or the data to make one from.
type asked struct {
	id   string
	made *method
}

// askedMethod reads payment_method and payment_method_data.
func (c *call) askedMethod() asked {
	a := asked{id: c.form.text("payment_method", 0)}
	if c.form.sent("payment_method_data") {
		if a.id != "" {
			c.form.fail(invalid("", "parameters_exclusive", "You may only specify one of these parameters: payment_method, payment_method_data."))
		}
		a.made = c.readMethod("payment_method_data")
	}
	return a
}

// method is what was asked for, nil if nothing was. One that is described is made.
func (c *call) method(a asked) (*method, error) {
	if a.made != nil {
		return a.made, insertMethod(c.tx, a.made)
	}
	if a.id == "" {
		return nil, nil
	}
	m, ok, err := c.findMethod(a.id)
	if err == nil && !ok {
		err = missing("PaymentMethod", "payment_method", a.id, false)
	}
	return m, err
}

func createMethod(c *call) (object, error) {
	m := c.readMethod("")
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	return m.render(), insertMethod(c.tx, m)
}

func retrieveMethod(c *call) (object, error) {
	m, ok, err := c.findMethod(c.id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing("PaymentMethod", "payment_method", c.id, true)
	}
	return m.render(), nil
}

// readMethod reads a payment method; within says which parameter holds it.
func (c *call) readMethod(within string) *method {
	f := c.form
	name := func(path string) string {
		if within == "" {
			return path
		}
		first, rest, nested := strings.Cut(path, "[")
		if nested {
			return within + "[" + first + "][" + rest
		}
		return within + "[" + first + "]"
	}
	m := &method{id: newID(c.tx, "pm_1"), createdAt: c.tx.Now()}
	kind := f.choice(name("type"), "", cardKind, accountKind)
	m.holder.Billing = map[string]string{}
	for _, field := range billingFields {
		if v := f.text(name("billing_details["+field+"]"), 0); v != "" {
			m.holder.Billing[field] = v
		}
	}
	f.choice(name("allow_redisplay"), "unspecified", "always", "limited")
	m.holder.Metadata = f.metadataOf(name("metadata"))
	if m.holder.Billing["address][postal_code"] != "" {
		m.holder.Given = append(m.holder.Given, "zip")
	}
	if m.holder.Billing["address][line1"] != "" {
		m.holder.Given = append(m.holder.Given, "line1")
	}
	switch kind {
	case cardKind:
		c.readCard(m, name)
	case accountKind:
		c.readAccount(m, name)
	default:
		f.fail(invalid(name("type"), "parameter_missing", "Missing required param: %s.", name("type")))
	}
	return m
}

// readCard takes a token or a number. Mistakes in it are what Stripe calls card errors.
func (c *call) readCard(m *method, name func(string) string) {
	f := c.form
	if f.has(name("card[token]")) {
		found, ok := tokenCard(f.text(name("card[token]"), 0))
		if !ok {
			f.fail(missing("token", name("card[token]"), f.text(name("card[token]"), 0), false))
		}
		m.card, m.holder.ExpMonth, m.holder.ExpYear = found, 8, 2099
		return
	}
	number := strings.NewReplacer(" ", "", "-", "").Replace(f.required(name("card[number]")))
	month, year := f.requiredWhole(name("card[exp_month]")), f.requiredWhole(name("card[exp_year]"))
	cvc := f.text(name("card[cvc]"), 0)
	if f.err != nil {
		return
	}
	year = c.century(year)
	m.holder.ExpMonth, m.holder.ExpYear = month, year
	if why := c.wrong(number, month, year, cvc); why.code != "" {
		f.fail(cardError(why))
		return
	}
	if cvc != "" {
		m.holder.Given = append(m.holder.Given, "cvc")
	}
	found, ok := numberedCard(cardKind, number)
	if !ok {
		f.fail(cardError(refusal{"card_declined", "test_mode_live_card", "Your card was declined. Your request was in test mode, but " +
			"used a non test (live) card. For a list of valid test cards, visit: https://stripe.com/docs/testing.", ""}))
	}
	m.card = found
}

// century is a year of two digits in full, at most fifty years away.
func (c *call) century(year int64) int64 {
	if year > 99 {
		return year
	}
	now := int64(c.tx.Now().Year())
	year += now - now%100
	if year > now+50 {
		year -= 100
	}
	return year
}

// wrong is what is wrong with a card's details, the zero value if nothing is.
func (c *call) wrong(number string, month, year int64, cvc string) refusal {
	now, digits := c.tx.Now(), 3
	if strings.HasPrefix(number, "34") || strings.HasPrefix(number, "37") {
		digits = 4
	}
	thisYear, thisMonth := int64(now.Year()), int64(now.Month())
	switch {
	case !allDigits(number) || len(number) < 12 || len(number) > 19:
		return refusal{code: "invalid_number", message: "The card number is not a valid credit card number.", param: "number"}
	case !luhn(number):
		return incorrectNumber
	case month < 1 || month > 12 || year == thisYear && month < thisMonth:
		return refusal{code: "invalid_expiry_month", message: "Your card's expiration month is invalid.", param: "exp_month"}
	case year < thisYear || year > thisYear+100:
		return refusal{code: "invalid_expiry_year", message: "Your card's expiration year is invalid.", param: "exp_year"}
	case cvc != "" && (!allDigits(cvc) || len(cvc) != digits):
		return refusal{code: "invalid_cvc", message: "Your card's security code is invalid.", param: "cvc"}
	}
	return refusal{}
}

func cardError(why refusal) *apiError {
	return &apiError{status: http.StatusPaymentRequired, body: errorBody{Type: "card_error", Code: why.code,
		DeclineCode: why.decline, Message: why.message, Param: why.param}}
}

// readAccount takes the number of a bank account. It is taken as verified: there are no microdeposits.
func (c *call) readAccount(m *method, name func(string) string) {
	f := c.form
	number, routing := f.required(name("us_bank_account[account_number]")), f.required(name("us_bank_account[routing_number]"))
	m.holder.Owner = f.choice(name("us_bank_account[account_holder_type]"), "individual", "company")
	m.holder.Account = f.choice(name("us_bank_account[account_type]"), "checking", "savings")
	if f.err == nil && m.holder.Billing["name"] == "" {
		f.fail(invalid(name("billing_details[name]"), "parameter_missing", "Missing required param: %s.", name("billing_details[name]")))
	}
	if f.err != nil {
		return
	}
	found, ok := numberedCard(accountKind, number)
	switch {
	case routing != routingNumber:
		f.fail(invalid(name("us_bank_account[routing_number]"), "routing_number_invalid", "Must use a test bank routing number in test mode. Try %s.", routingNumber))
	case !ok:
		f.fail(invalid(name("us_bank_account[account_number]"), "account_number_invalid", "Must use a test bank account number in test mode. "+
			"Try 000123456789 or visit https://stripe.com/docs/testing to find more options."))
	}
	m.card = found
}

// requiredWhole is a whole number that must be there.
func (f *form) requiredWhole(name string) int64 {
	f.required(name)
	return f.whole(name)
}

const routingNumber = "110000000"

// luhn says whether the last digit is the check digit of the others.
func luhn(number string) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// render is the PaymentMethod as the API shows it.
func (m *method) render() object {
	created := int64(0)
	if !m.createdAt.IsZero() {
		created = seconds(m.createdAt)
	}
	metadata := m.holder.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return object{
		"id": m.id, "object": "payment_method", "type": m.card.kindName(), "livemode": false, "created": created, "customer": nil,
		"allow_redisplay": "unspecified", "customer_account": nil, "metadata": metadata, "billing_details": m.billing(), m.card.kindName(): m.face(),
	}
}

// face is the part of a method that is peculiar to its kind; a charge shows it too.
func (m *method) face() object {
	if m.card.kind == accountKind {
		return object{"account_holder_type": m.holder.Owner, "account_type": m.holder.Account, "bank_name": "STRIPE TEST BANK",
			"fingerprint": m.card.fingerprint(), "last4": m.card.last4(), "routing_number": routingNumber}
	}
	return object{
		"brand": or(m.card.brand, "visa"), "last4": m.card.last4(), "country": or(m.card.country, "US"),
		"funding": or(m.card.funding, "credit"), "exp_month": m.holder.ExpMonth, "exp_year": m.holder.ExpYear,
		"fingerprint": m.card.fingerprint(), "checks": object{"cvc_check": m.check("cvc"),
			"address_line1_check": m.check("line1"), "address_postal_code_check": m.check("zip")},
		"three_d_secure_usage": object{"supported": m.card.id != "pm_card_amex_threeDSecureNotSupported"}, "wallet": nil,
	}
}

// check is what the bank says of something that was entered with the card, null if it was not.
func (m *method) check(what string) any {
	switch {
	case !slices.Contains(m.holder.Given, what):
		return nil
	case m.card.fails == "unavailable" && what != "cvc":
		return "unavailable"
	case strings.Contains(m.card.fails, what):
		return "fail"
	}
	return "pass"
}

// billingFields are what may be known of a holder, as parameters name it.
var billingFields = []string{"name", "email", "phone", "tax_id", "address][city", "address][country", "address][line1",
	"address][line2", "address][postal_code", "address][state"}

func (m *method) billing() members {
	known := func(field string) any { return orNull(m.holder.Billing[field]) }
	return members{
		{"address", members{{"city", known("address][city")}, {"country", known("address][country")}, {"line1", known("address][line1")},
			{"line2", known("address][line2")}, {"postal_code", known("address][postal_code")}, {"state", known("address][state")}}},
		{"email", known("email")}, {"name", known("name")}, {"phone", known("phone")}, {"tax_id", known("tax_id")},
	}
}
