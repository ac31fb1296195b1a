package stripesim

import (
	"time"

	"ticketing/kernel/money"
)

// The statuses of an intent that are used here.
const (
	requiresMethod       = "requires_payment_method"
	requiresConfirmation = "requires_confirmation"
	requiresAction       = "requires_action"
	processing           = "processing"
	requiresCapture      = "requires_capture"
	succeeded            = "succeeded"
	canceled             = "canceled"
	failed               = "failed"
	pending              = "pending"
)

const intentPrefix = "pi_"

// The largest amount, in minor units: twelve digits.
const maxAmount = 999_999_999_999

// intent is a PaymentIntent: one sum that somebody means to pay, and how far that has got.
type intent struct {
	id            string
	createdAt     time.Time
	amount        int64
	capturable    int64 // authorised and not captured yet
	received      int64
	currency      string
	status        string
	captureMethod string
	method        string // the card; empty after it was declined
	latestCharge  string
	expiresAt     time.Time // of what is held; zero if nothing is
	details       details
}

// details are what no decision needs in SQL.
type details struct {
	ClientSecret string
	Metadata     map[string]string
	MethodTypes  []string
	Automatic    bool              `json:",omitempty"` // whichever payment methods the account has
	Redirects    string            `json:",omitempty"` // always or never
	CardCapture  string            `json:",omitempty"` // the capture method of cards, if it is another
	ReturnURL    string            `json:",omitempty"`
	Step         string            `json:",omitempty"` // secret of the bank's page that is open
	StepURL      string            `json:",omitempty"`
	LastError    *errorBody        `json:",omitempty"`
	CanceledAt   int64             `json:",omitempty"`
	CancelReason string            `json:",omitempty"`
	Texts        map[string]string `json:",omitempty"` // parameters that are only shown again
}

// shownAgain are the texts without an effect here, and how long they may be.
var shownAgain = map[string]int{"description": 1000, "receipt_email": 0, "statement_descriptor": 22,
	"statement_descriptor_suffix": 22, "transfer_group": 0}

func createIntent(c *call) (object, error) {
	f := c.form
	in := &intent{id: newID(c.tx, intentPrefix+"3"), createdAt: c.tx.Now(), status: requiresMethod}
	in.amount = c.amount("amount")
	in.currency = c.currency()
	in.captureMethod = f.choice("capture_method", "automatic_async", "automatic", "manual")
	asked := c.askedMethod()
	f.hash("mandate_data")
	f.choice("confirmation_method", "automatic")
	in.details = details{
		ClientSecret: in.id + "_secret_" + newID(c.tx, ""),
		Metadata:     f.metadata(),
		MethodTypes:  f.list("payment_method_types"),
		Automatic:    f.flag("automatic_payment_methods[enabled]"),
		Redirects:    f.choice("automatic_payment_methods[allow_redirects]", "always", "never"),
		Texts:        map[string]string{},
	}
	in.details.readTexts(f)
	in.details.readCardOptions(f)
	in.checkMethodTypes(f)
	f.flag("use_stripe_sdk")
	confirm, off, back := f.flag("confirm"), f.flag("off_session"), f.text("return_url", 0)
	if !confirm && (off || back != "") {
		f.fail(invalid("off_session", "", "off_session and return_url can only be passed when confirm is true."))
	}
	if err := f.checked(); err != nil {
		return nil, err
	}
	with, err := c.method(asked)
	if err != nil {
		return nil, err
	}
	if with != nil {
		in.status, in.method = requiresConfirmation, with.id
	}
	if err := insertIntent(c.tx, in); err != nil {
		return nil, err
	}
	o, err := c.emitMembers("payment_intent.created", in.members())
	if err != nil || !confirm {
		return o, err
	}
	return c.confirm(in, with, off, back)
}

// readTexts takes over what is only shown again. There are no customers here, so that none can be named.
func (d *details) readTexts(f *form) {
	for name, max := range shownAgain {
		if f.has(name) {
			d.Texts[name] = f.text(name, max)
		}
	}
	if f.has("setup_future_usage") {
		d.Texts["setup_future_usage"] = f.choice("setup_future_usage", "", "on_session", "off_session")
	}
	if v := f.text("customer", 0); v != "" {
		f.fail(missing("customer", "customer", v, false))
	}
}

// readCardOptions takes over what is said for cards alone.
func (d *details) readCardOptions(f *form) {
	const name = "payment_method_options[card][capture_method]"
	if f.has(name) {
		d.CardCapture = f.choice(name, "", "manual")
	}
}

// holds tells whether a confirmation only holds the money, to be captured later.
func (in *intent) holds() bool {
	return in.captureMethod == "manual" || in.details.CardCapture == "manual"
}

// checkMethodTypes settles which kinds of payment method the intent takes: cards, and accounts to debit if it says so.
func (in *intent) checkMethodTypes(f *form) {
	d := &in.details
	if len(d.MethodTypes) == 0 {
		d.Automatic = d.Automatic || !f.has("automatic_payment_methods[enabled]")
		d.MethodTypes = []string{cardKind}
		return
	}
	if d.Automatic {
		f.fail(invalid("", "parameters_exclusive", "You may only specify one of these parameters: automatic_payment_methods, payment_method_types."))
	}
	for _, kind := range d.MethodTypes {
		switch {
		case kind == cardKind:
		case kind != accountKind:
			f.fail(invalid("payment_method_types", "payment_intent_invalid_parameter", "The payment method type provided is not supported here: only card and us_bank_account are."))
		case in.captureMethod == "manual":
			f.fail(invalid("capture_method", "payment_intent_invalid_parameter", "`capture_method=manual` is not supported by payment method type `%s`. Use a different capture method.", kind))
		case in.currency != "usd":
			f.fail(invalid("currency", "payment_intent_invalid_parameter", "The payment method type %s cannot be used with the currency %s: it must be usd.", kind, in.currency))
		}
	}
}

// amount is a positive sum in minor units.
func (c *call) amount(name string) int64 {
	c.form.required(name)
	n := c.form.whole(name)
	switch {
	case c.form.err != nil:
	case n < 1:
		c.form.fail(invalid(name, "parameter_invalid_integer", "This value must be greater than or equal to 1."))
	case n > maxAmount:
		c.form.fail(invalid(name, "amount_too_large", "Amount must be no more than 999999999999."))
	}
	return n
}

func (c *call) currency() string {
	text := c.form.required("currency")
	if c.form.err != nil {
		return ""
	}
	currency, err := money.ParseCurrency(text)
	if err != nil {
		c.form.fail(invalid("currency", "", "Invalid currency: %.20s.", text))
	}
	return currency.Code
}

// render is the intent as the API shows it.
func (in *intent) render() object { return in.members().object() }

func (in *intent) members() members {
	d := in.details
	var automatic, canceledAt, lastError any
	if d.Automatic {
		automatic = members{{"allow_redirects", d.Redirects}, {"enabled", true}}
	}
	if d.CanceledAt != 0 {
		canceledAt = d.CanceledAt
	}
	if d.LastError != nil {
		lastError = d.LastError
	}
	text := func(name string) any { return orNull(d.Texts[name]) }
	return members{
		{"amount", in.amount}, {"amount_capturable", in.capturable}, {"amount_details", members{{"tip", object{}}}},
		{"amount_received", in.received}, {"application", nil}, {"application_fee_amount", nil},
		{"automatic_payment_methods", automatic}, {"canceled_at", canceledAt}, {"cancellation_reason", orNull(d.CancelReason)},
		{"capture_method", in.captureMethod}, {"client_secret", d.ClientSecret}, {"confirmation_method", "automatic"},
		{"created", seconds(in.createdAt)}, {"currency", in.currency}, {"customer", nil}, {"customer_account", nil},
		{"description", text("description")}, {"excluded_payment_method_types", nil}, {"id", in.id},
		{"last_payment_error", lastError}, {"latest_charge", orNull(in.latestCharge)}, {"livemode", false},
		{"metadata", d.Metadata}, {"next_action", in.nextAction()}, {"object", "payment_intent"}, {"on_behalf_of", nil},
		{"payment_method", orNull(in.method)}, {"payment_method_configuration_details", nil},
		{"payment_method_options", in.methodOptions()}, {"payment_method_types", d.MethodTypes}, {"processing", nil},
		{"receipt_email", text("receipt_email")}, {"review", nil}, {"setup_future_usage", text("setup_future_usage")},
		{"shipping", nil}, {"statement_descriptor", text("statement_descriptor")},
		{"statement_descriptor_suffix", text("statement_descriptor_suffix")}, {"status", in.status}, {"transfer_data", nil},
		{"transfer_group", text("transfer_group")},
	}
}

// methodOptions are the options of each kind of payment method that the intent takes.
func (in *intent) methodOptions() object {
	all := object{}
	for _, kind := range in.details.MethodTypes {
		if kind == accountKind {
			all[kind] = object{"verification_method": "automatic"}
			continue
		}
		card := members{{"installments", nil}, {"mandate_options", nil}, {"network", nil}, {"request_three_d_secure", "automatic"}}
		if in.details.CardCapture != "" {
			card = append(members{{"capture_method", in.details.CardCapture}}, card...)
		}
		all[kind] = card
	}
	return all
}

// nextAction is the bank's step: a page to go to when the client said where to come back, else for Stripe's own script.
func (in *intent) nextAction() any {
	d := in.details
	switch {
	case in.status != requiresAction:
		return nil
	case d.ReturnURL != "":
		return object{"type": "redirect_to_url", "redirect_to_url": object{"url": d.StepURL, "return_url": d.ReturnURL}}
	}
	return object{"type": "use_stripe_sdk", "use_stripe_sdk": object{"type": "three_d_secure_redirect",
		"stripe_js": d.StepURL, "source": "src_" + d.Step}}
}

// pathIntent is the intent that the path names, for reading; lockedIntent the same for changing it.
func (c *call) pathIntent() (*intent, error) {
	in, ok, err := findIntent(c.tx, c.id)
	if err == nil && !ok {
		err = missing("payment_intent", "intent", c.id, true)
	}
	return in, err
}

func (c *call) lockedIntent() (*intent, error) {
	in, ok, err := lockIntent(c.tx, c.id)
	if err == nil && !ok {
		err = missing("payment_intent", "intent", c.id, true)
	}
	return in, err
}

func retrieveIntent(c *call) (object, error) {
	c.form.text("client_secret", 0)
	in, err := c.pathIntent()
	if err != nil {
		return nil, err
	}
	return in.render(), nil
}
