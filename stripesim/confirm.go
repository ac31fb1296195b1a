package stripesim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

func confirmIntent(c *call) (object, error) {
	asked, off, back := c.askedMethod(), c.form.flag("off_session"), c.form.text("return_url", 0)
	c.form.flag("use_stripe_sdk")
	c.form.hash("mandate_data")
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
	case canceled, requiresCapture, processing:
		return nil, unexpectedState(in, "This PaymentIntent's status is %s. You cannot confirm this PaymentIntent: only a PaymentIntent with "+
			"one of the following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.", in.status)
	}
	if asked.id == "" && asked.made == nil {
		asked.id = in.method
	}
	with, err := c.method(asked)
	if err != nil {
		return nil, err
	}
	if with == nil {
		return nil, unexpectedState(in, "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "+
			"update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment "+
			"method or ConfirmationToken.")
	}
	in.method = with.id
	return c.confirm(in, with, off, back)
}

// confirm asks the bank. Its no is an error whose effects stay: the declined charge, and an intent without a card.
func (c *call) confirm(in *intent, with *method, offSession bool, returnURL string) (object, error) {
	d := &in.details
	switch {
	case with == nil:
		return nil, invalid("payment_method", "parameter_missing", "You cannot confirm this PaymentIntent because it's missing a payment method.")
	case !slices.Contains(d.MethodTypes, with.card.kindName()):
		return nil, invalid("payment_method", "", "The PaymentMethod provided (%[1]s) is not allowed for this PaymentIntent. Please attach a "+
			"PaymentMethod of one of the following types to the PaymentIntent: %[2]s. Alternatively, update the allowed payment_method_types "+
			"for this PaymentIntent to include \"%[1]s\".", with.card.kindName(), strings.Join(d.MethodTypes, ", "))
	case with.used:
		return nil, usedBefore()
	}
	if d.Automatic && d.Redirects == "always" && returnURL == "" && !offSession {
		return nil, invalid("return_url", "", "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "+
			"some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you "+
			"don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "+
			"`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.")
	}
	d.LastError, d.ReturnURL, d.Step, d.StepURL = nil, returnURL, "", ""
	switch {
	case with.card.step == always && offSession:
		return nil, c.decline(in, with, needsCardholder)
	case with.card.step != never && !offSession:
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
	return c.emitMembers("payment_intent.requires_action", in.members())
}

// charge takes the money, or holds it until it is captured, if the bank agrees. A debit is decided later.
func (c *call) charge(in *intent, with *method) (object, error) {
	if with.card.kind == accountKind {
		return c.debit(in, with)
	}
	if with.card.refusal.code != "" {
		return nil, c.decline(in, with, with.card.refusal)
	}
	ch, err := c.attempt(in, with, succeeded)
	if err != nil {
		return nil, err
	}
	if !in.holds() {
		return c.take(in, ch, true, in.amount, "charge.succeeded")
	}
	in.status, in.capturable, in.expiresAt = requiresCapture, in.amount, c.tx.Now().Add(holdLife)
	return c.record(in, ch, true, "charge.succeeded", "payment_intent.amount_capturable_updated")
}

// attempt is a new charge of the intent, which uses the payment method.
func (c *call) attempt(in *intent, with *method, status string) (*charge, error) {
	if err := c.spend(with); err != nil {
		return nil, err
	}
	in.details.Step, in.details.StepURL = "", ""
	ch := &charge{id: newID(c.tx, "ch_3"), intent: in.id, createdAt: c.tx.Now(), amount: in.amount, currency: in.currency,
		status: status, with: *with}
	in.latestCharge = ch.id
	return ch, nil
}

// take moves the money of a charge that the bank has agreed to. What its cardholder will say of it is settled then too.
func (c *call) take(in *intent, ch *charge, isNew bool, amount int64, chargeEvent string) (object, error) {
	in.status, in.received, in.capturable, in.expiresAt = succeeded, amount, 0, time.Time{}
	ch.status, ch.captured, ch.txn = succeeded, amount, newID(c.tx, "txn_")
	o, err := c.record(in, ch, isNew, chargeEvent, "payment_intent.succeeded")
	if err != nil {
		return nil, err
	}
	available := c.tx.Now()
	if !ch.with.card.atOnce {
		available = available.Add(c.sim.pending)
	}
	if err := c.book(booking{Entry: ch.entry(Capture, amount), id: ch.txn, availableAt: available}); err != nil {
		return nil, err
	}
	if ch.with.card.dispute != nil {
		return o, c.later("dispute", ch.id, in.id, c.sim.lateness)
	}
	return o, nil
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
	if _, err := c.emitMembers(chargeEvent, ch.members()); err != nil {
		return nil, err
	}
	return c.emitMembers(intentEvent, in.members())
}

// decline keeps the refused attempt and returns the error that tells it.
func (c *call) decline(in *intent, with *method, why refusal) error {
	ch, err := c.attempt(in, with, failed)
	if err != nil {
		return err
	}
	body, err := c.refuse(in, ch, true, why)
	if err != nil {
		return err
	}
	return &apiError{status: http.StatusPaymentRequired, body: body, executed: true}
}

// refuse ends an attempt with the bank's no: the intent needs another payment method.
func (c *call) refuse(in *intent, ch *charge, isNew bool, why refusal) (errorBody, error) {
	ch.status, ch.refusal = failed, why
	body := errorBody{Type: "card_error", Code: why.code, DeclineCode: why.decline, Message: why.message, Param: why.param,
		Charge: ch.id, DocURL: docURL(why.code), PaymentMethod: ch.with.render()}
	if ch.with.card.kind == accountKind {
		body.Type = "invalid_request_error"
	}
	kept := body
	in.status, in.method, in.details.LastError = requiresMethod, "", &kept
	_, err := c.record(in, ch, isNew, "charge.failed", "payment_intent.payment_failed")
	body.PaymentIntent = in.render()
	return body, err
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
	return c.take(in, ch, false, amount, "charge.captured")
}

// cancelable are the statuses from which an intent may be given up, those included that are never reached here.
var cancelable = []string{requiresMethod, requiresCapture, "requires_reauthorization", requiresConfirmation, requiresAction, processing}

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
	return c.cancel(in, reason, "charge.refunded")
}

// cancel gives the intent up. A hold on the money is released, a debit under way is called off.
func (c *call) cancel(in *intent, reason, releaseEvent string) (object, error) {
	was := in.status
	in.status, in.capturable, in.expiresAt, in.details.Step, in.details.StepURL = canceled, 0, time.Time{}, "", ""
	in.details.CanceledAt, in.details.CancelReason = seconds(c.tx.Now()), reason
	if was != requiresCapture && was != processing {
		if err := saveIntent(c.tx, in); err != nil {
			return nil, err
		}
		return c.emitMembers("payment_intent.canceled", in.members())
	}
	ch, _, err := findCharge(c.tx, in.latestCharge)
	if err != nil {
		return nil, err
	}
	if was == processing {
		ch.status, releaseEvent = failed, "charge.failed"
	} else {
		ch.released = true
	}
	return c.record(in, ch, false, releaseEvent, "payment_intent.canceled")
}
