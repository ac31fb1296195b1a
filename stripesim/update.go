package stripesim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ticketing/kernel/store"
)

// The terms of a payment, and the statuses in which they may still change. What is only shown may change at any time.
var (
	terms      = []string{"amount", "currency", "payment_method", "payment_method_data", "capture_method", "payment_method_types", "payment_method_options"}
	changeable = []string{requiresMethod, requiresConfirmation, requiresAction}
)

// updateIntent changes what a payment is about. An intent whose terms change while its bank waits for the cardholder has to
// be confirmed again.
func updateIntent(c *call) (object, error) {
	in, err := c.lockedIntent()
	if err != nil {
		return nil, err
	}
	for _, term := range terms {
		if c.form.sent(term) && !slices.Contains(changeable, in.status) {
			return nil, unexpectedState(in, "This PaymentIntent's %s could not be updated because it has a status of %s. You may only "+
				"update the %s of a PaymentIntent with one of the following statuses: %s.", term, in.status, term, strings.Join(changeable, ", "))
		}
	}
	changed := *in
	changed.details.Texts = map[string]string{}
	maps.Copy(changed.details.Texts, in.details.Texts)
	changed.details.Metadata = c.form.changedMetadata(in.details.Metadata)
	changed.details.readTexts(c.form)
	asked := c.changeTerms(&changed)
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	if _, err := c.method(asked); err != nil {
		return nil, err
	}
	changed.details.LastError = nil
	return changed.render(), c.reviseIntent(in, &changed)
}

// changeTerms reads the terms that are given, and says which payment method that is.
func (c *call) changeTerms(in *intent) asked {
	f, d := c.form, &in.details
	if f.has("amount") {
		in.amount = c.amount("amount")
	}
	if f.has("currency") {
		in.currency = c.currency()
	}
	in.captureMethod = f.choice("capture_method", in.captureMethod, "automatic_async", "automatic", "manual")
	d.readCardOptions(f)
	if types := f.list("payment_method_types"); len(types) > 0 {
		d.Automatic, d.MethodTypes = false, types
	}
	if !d.Automatic {
		in.checkMethodTypes(f)
	}
	with := c.askedMethod()
	if with.made != nil {
		in.method = with.made.id
	} else if with.id != "" {
		in.method = with.id
	}
	again := in.status == requiresAction && slices.ContainsFunc(terms, f.sent)
	if again || in.status == requiresMethod && in.method != "" {
		in.status, d.Step, d.StepURL = requiresConfirmation, "", ""
	}
	return with
}

// sent tells whether a parameter is given, or something inside it.
func (f *form) sent(name string) bool {
	for key := range f.values {
		if key == name || strings.HasPrefix(key, name+"[") {
			return true
		}
	}
	return false
}

// changedMetadata is the old with what is given: a key without a value is taken away, no value at all takes away every key.
func (f *form) changedMetadata(old map[string]string) map[string]string {
	m := maps.Clone(old)
	if m == nil || f.has("metadata") && f.choice("metadata", "") == "" {
		m = map[string]string{}
	}
	given := f.hash("metadata")
	kept := f.metadata()
	for key := range given {
		delete(m, key)
	}
	maps.Copy(m, kept)
	return m
}

// reviseIntent stores an intent with its terms.
func (c *call) reviseIntent(was, in *intent) error {
	text, err := json.Marshal(in.details)
	if err != nil {
		return err
	}
	err = c.tx.Do(`UPDATE intents SET amount = $1, currency = $2, capture_method = $3, status = $4, method = $5, details = $6
		WHERE id = $7`, in.amount, in.currency, in.captureMethod, in.status, in.method, string(text), in.id)
	if err != nil {
		return err
	}
	for name, value := range was.details.Metadata {
		err := c.tx.Do(`DELETE FROM intent_metadata WHERE name = $1 AND value = $2 AND intent = $3`, name, value, in.id)
		if err != nil {
			return err
		}
	}
	return insertMetadata(c.tx, in)
}

func insertMetadata(tx *store.Tx, in *intent) error {
	if len(in.details.Metadata) == 0 {
		return nil
	}
	var rows []string
	args := []any{in.id}
	for name, value := range in.details.Metadata {
		args = append(args, name, value)
		rows = append(rows, fmt.Sprintf("($1, $%d, $%d)", len(args)-1, len(args)))
	}
	return tx.Do(`INSERT INTO intent_metadata (intent, name, value) VALUES `+strings.Join(rows, ", "), args...)
}
