package stripesim

import (
	"net/http"
	"slices"
	"strings"
)

func confirmIntent(c *call) (object, error) {
	method, off, back := c.form.text("payment_method", 0), c.form.flag("off_session"), c.form.text("return_url", 0)
	c.form.flag("use_stripe_sdk")
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	in, err := c.lockedIntent()
	if err != nil {
		return nil, err
	}
	switch in.status {
	case succeeded:
		return nil, unexpectedState(in, "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case canceled, requiresCapture:
		return nil, unexpectedState(in, "This PaymentIntent's status is %s. You cannot confirm this PaymentIntent: only a PaymentIntent with "+
			"one of the following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.", in.status)
	}
	if method != "" {
		in.method = method
	}
	if in.method == "" {
		return nil, unexpectedState(in, "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "+
			"update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment "+
			"method or ConfirmationToken.")
	}
	found, ok := findCard(in.method)
	if !ok {
		return nil, missing("PaymentMethod", "payment_method", in.method, false)
	}
	return c.confirm(in, found, off, back)
}

// confirm asks the bank. Its no is an error whose effects stay: the declined charge, and an intent without a card.
func (c *call) confirm(in *intent, with card, offSession bool, returnURL string) (object, error) {
	d := &in.details
	if in.method == "" {
		return nil, invalid("payment_method", "parameter_missing", "You cannot confirm this PaymentIntent because it's missing a payment method.")
	}
	if d.Automatic && d.Redirects == "always" && returnURL == "" && !offSession {
		return nil, invalid("return_url", "", "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "+
			"some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you "+
			"don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "+
			"`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.")
	}
	d.LastError, d.ReturnURL, d.Step, d.StepURL = nil, returnURL, "", ""
	switch {
	case with.step == always && offSession:
		return nil, c.decline(in, needsCardholder)
	case with.step != never && !offSession:
		return c.askCardholder(in)
	}
	return c.charge(in, with)
}

// askCardholder opens a page of the bank.
func (c *call) askCardholder(in *intent) (object, error) {
	in.status = requiresAction
	in.details.Step = newID(c.tx, "")
	in.details.StepURL = c.sim.baseURL + "/bank/" + in.id + "?step=" + in.details.Step
	if err := saveIntent(c.tx, in); err != nil {
		return nil, err
	}
	return in.render(), c.emit("payment_intent.requires_action", in.render())
}

// charge takes the money, or holds it until it is captured, if the bank agrees.
func (c *call) charge(in *intent, with card) (object, error) {
	if with.refusal.code != "" {
		return nil, c.decline(in, with.refusal)
	}
	ch := &charge{id: newID(c.tx, "ch_3"), intent: in.id, createdAt: c.tx.Now(), amount: in.amount, currency: in.currency,
		status: succeeded, method: in.method}
	in.latestCharge, in.details.Step, in.details.StepURL = ch.id, "", ""
	if in.holds() {
		in.status, in.capturable = requiresCapture, in.amount
		return c.record(in, ch, true, "charge.succeeded", "payment_intent.amount_capturable_updated")
	}
	in.status, in.received, ch.captured = succeeded, in.amount, in.amount
	o, err := c.record(in, ch, true, "charge.succeeded", "payment_intent.succeeded")
	if err != nil {
		return nil, err
	}
	return o, c.move(Capture, ch, "", in.amount)
}

// record stores an intent with its charge and says what happened to each.
func (c *call) record(in *intent, ch *charge, isNew bool, chargeEvent, intentEvent string) (object, error) {
	save := saveCharge
	if isNew {
		save = insertCharge
	}
	if err := save(c.tx, ch); err != nil {
		return nil, err
	}
	if err := saveIntent(c.tx, in); err != nil {
		return nil, err
	}
	if err := c.emit(chargeEvent, ch.render()); err != nil {
		return nil, err
	}
	return in.render(), c.emit(intentEvent, in.render())
}

// decline keeps the refused attempt and returns the error that tells it.
func (c *call) decline(in *intent, why refusal) error {
	ch := &charge{id: newID(c.tx, "ch_3"), intent: in.id, createdAt: c.tx.Now(), amount: in.amount, currency: in.currency,
		status: failed, method: in.method, refusal: why}
	body := errorBody{Type: "card_error", Code: why.code, DeclineCode: why.decline, Message: why.message, Param: why.param,
		Charge: ch.id, DocURL: docURL(why.code)}
	if found, ok := findCard(in.method); ok {
		body.PaymentMethod = found.render()
	}
	kept := body
	in.status, in.method, in.latestCharge, in.details.LastError = requiresMethod, "", ch.id, &kept
	in.details.Step, in.details.StepURL = "", ""
	shown, err := c.record(in, ch, true, "charge.failed", "payment_intent.payment_failed")
	if err != nil {
		return err
	}
	body.PaymentIntent = shown
	return &apiError{status: http.StatusPaymentRequired, body: body, executed: true}
}

func captureIntent(c *call) (object, error) {
	amount := c.form.whole("amount_to_capture")
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	in, err := c.lockedIntent()
	if err != nil {
		return nil, err
	}
	if in.status != requiresCapture {
		return nil, unexpectedState(in, "This PaymentIntent could not be captured because it has a status of %s. Only a PaymentIntent with "+
			"one of the following statuses may be captured: requires_capture.", in.status)
	}
	if amount == 0 {
		amount = in.capturable
	}
	if amount > in.capturable {
		return nil, invalid("amount_to_capture", "amount_too_large", "The amount_to_capture (%d) is greater than the capturable amount of "+
			"this PaymentIntent (%d).", amount, in.capturable)
	}
	ch, _, err := findCharge(c.tx, in.latestCharge)
	if err != nil {
		return nil, err
	}
	in.status, in.received, in.capturable, ch.captured = succeeded, amount, 0, amount
	o, err := c.record(in, ch, false, "charge.captured", "payment_intent.succeeded")
	if err != nil {
		return nil, err
	}
	return o, c.move(Capture, ch, "", amount)
}

// cancelable are the statuses from which an intent may be given up, those included that are never reached here.
var cancelable = []string{requiresMethod, requiresCapture, "requires_reauthorization", requiresConfirmation, requiresAction, "processing"}

func cancelIntent(c *call) (object, error) {
	reason := c.form.choice("cancellation_reason", "", "duplicate", "fraudulent", "requested_by_customer", "abandoned")
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	in, err := c.lockedIntent()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(cancelable, in.status) {
		return nil, unexpectedState(in, "You cannot cancel this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of "+
			"the following statuses may be canceled: %s.", in.status, strings.Join(cancelable, ", "))
	}
	held := in.status == requiresCapture
	in.status, in.capturable, in.details.Step, in.details.StepURL = canceled, 0, "", ""
	in.details.CanceledAt, in.details.CancelReason = seconds(c.tx.Now()), reason
	if held {
		ch, _, err := findCharge(c.tx, in.latestCharge)
		if err != nil {
			return nil, err
		}
		ch.released = true
		return c.record(in, ch, false, "charge.refunded", "payment_intent.canceled")
	}
	if err := saveIntent(c.tx, in); err != nil {
		return nil, err
	}
	return in.render(), c.emit("payment_intent.canceled", in.render())
}
