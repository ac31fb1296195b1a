package stripesim

import "time"

// charge is one attempt to take the money of an intent.
type charge struct {
	id        string
	intent    string
	createdAt time.Time
	amount    int64
	captured  int64
	refunded  int64
	currency  string
	status    string
	released  bool // it was only held, and the hold was given up
	with      method
	refusal   refusal

	disputed    bool   // its cardholder complained, whatever came of it
	withdrawn   int64  // what disputes hold of it now
	transferred int64  // what went on to other accounts
	txn         string // the ledger's entry of its money
}

// render is the charge as the API shows it.
func (ch *charge) render() object {
	refunded := ch.refunded
	if ch.released {
		refunded = ch.amount
	}
	paid := ch.status == succeeded
	return object{
		"id": ch.id, "object": "charge", "amount": ch.amount, "amount_captured": ch.captured, "amount_refunded": refunded,
		"application": nil, "application_fee": nil, "application_fee_amount": nil, "balance_transaction": orNull(ch.txn),
		"billing_details": ch.with.billing(), "calculated_statement_descriptor": nil, "captured": ch.captured > 0,
		"created": seconds(ch.createdAt), "currency": ch.currency, "customer": nil, "description": nil, "disputed": ch.disputed,
		"failure_balance_transaction": nil, "failure_code": orNull(ch.refusal.code),
		"failure_message": orNull(ch.refusal.message), "fraud_details": object{}, "livemode": false, "metadata": object{},
		"on_behalf_of": nil, "outcome": ch.outcome(), "paid": paid, "payment_intent": ch.intent, "payment_method": ch.with.id,
		"payment_method_details": object{"type": ch.with.card.kindName(), ch.with.card.kindName(): ch.face()}, "receipt_email": nil, "receipt_number": nil,
		"receipt_url": nil, "refunded": ch.released || paid && ch.captured > 0 && ch.refunded == ch.captured, "review": nil,
		"shipping": nil, "source_transfer": nil, "statement_descriptor": nil,
		"statement_descriptor_suffix": nil, "status": ch.status, "transfer_data": nil, "transfer_group": nil,
	}
}

func (ch *charge) outcome() object {
	o := object{"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": 10,
		"seller_message": "Payment complete.", "type": "authorized"}
	risk := ch.with.card.risk
	if risk != "" {
		o["risk_level"], o["risk_score"] = risk, map[string]int{elevated: 68, highest: 99}[risk]
	}
	switch {
	case ch.status == failed && risk == highest:
		o["network_status"], o["reason"], o["type"] = "not_sent_to_network", "highest_risk_level", "blocked"
		o["seller_message"] = "Stripe blocked this payment as too risky."
	case ch.status == failed:
		o["network_status"], o["reason"], o["type"] = "declined_by_network", orNull(ch.refusal.decline), "issuer_declined"
		o["seller_message"] = ch.refusal.message
	}
	return o
}

// face is the payment method as it was when it was charged, with what was done with it this time.
func (ch *charge) face() object {
	o := ch.with.face()
	if ch.with.card.kind == accountKind {
		delete(o, "networks")
		delete(o, "status_details")
		delete(o, "financial_connections_account")
		o["payment_reference"] = nil
		return o
	}
	delete(o, "three_d_secure_usage")
	o["amount_authorized"], o["authorization_code"], o["network"], o["network_token"] = nil, nil, o["brand"], object{"used": false}
	o["installments"], o["mandate"], o["three_d_secure"] = nil, nil, nil
	if ch.status == succeeded {
		o["amount_authorized"] = ch.amount
		if ch.captured == 0 {
			o["capture_before"] = seconds(ch.createdAt.Add(holdLife))
		}
	}
	for _, name := range []string{"extended_authorization", "incremental_authorization", "multicapture"} {
		o[name] = object{"status": "unavailable"}
	}
	o["extended_authorization"] = object{"status": "disabled"}
	o["overcapture"] = object{"status": "unavailable", "maximum_amount_capturable": ch.amount}
	return o
}

func retrieveCharge(c *call) (object, error) {
	ch, ok, err := findCharge(c.tx, c.id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing("charge", "id", c.id, true)
	}
	return ch.render(), nil
}

func listCharges(c *call) (object, error) {
	q := newListing("charges", "/v1/charges", "charge")
	if in := c.form.text("payment_intent", 0); in != "" {
		q.where("intent = ", in)
	}
	return list(c, q, chargeColumns, scanCharge, (*charge).render)
}
