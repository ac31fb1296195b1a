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
func (ch *charge) render() object { return ch.members().object() }

func (ch *charge) members() members {
	refunded := ch.refunded
	if ch.released {
		refunded = ch.amount
	}
	paid := ch.status == succeeded
	return members{
		{"amount", ch.amount}, {"amount_captured", ch.captured}, {"amount_refunded", refunded}, {"application", nil},
		{"application_fee", nil}, {"application_fee_amount", nil}, {"balance_transaction", orNull(ch.txn)},
		{"billing_details", ch.with.billing()}, {"calculated_statement_descriptor", nil}, {"captured", ch.captured > 0},
		{"created", seconds(ch.createdAt)}, {"currency", ch.currency}, {"customer", nil}, {"description", nil},
		{"disputed", ch.disputed}, {"failure_balance_transaction", nil}, {"failure_code", orNull(ch.refusal.code)},
		{"failure_message", orNull(ch.refusal.message)}, {"fraud_details", object{}}, {"id", ch.id}, {"livemode", false},
		{"metadata", object{}}, {"object", "charge"}, {"on_behalf_of", nil}, {"outcome", ch.outcome()}, {"paid", paid},
		{"payment_intent", ch.intent}, {"payment_method", ch.with.id},
		{"payment_method_details", object{"type": ch.with.card.kindName(), ch.with.card.kindName(): ch.face()}},
		{"receipt_email", nil}, {"receipt_number", nil}, {"receipt_url", nil},
		{"refunded", ch.released || paid && ch.captured > 0 && ch.refunded == ch.captured}, {"review", nil}, {"shipping", nil},
		{"source_transfer", nil}, {"statement_descriptor", nil}, {"statement_descriptor_suffix", nil}, {"status", ch.status},
		{"transfer_data", nil}, {"transfer_group", nil},
	}
}

func (ch *charge) outcome() members {
	network, reason, kind, message := "approved_by_network", any(nil), "authorized", "Payment complete."
	level, score, risk := "normal", 10, ch.with.card.risk
	if risk != "" {
		level, score = risk, map[string]int{elevated: 68, highest: 99}[risk]
	}
	switch {
	case ch.status == failed && risk == highest:
		network, reason, kind = "not_sent_to_network", "highest_risk_level", "blocked"
		message = "Stripe blocked this payment as too risky."
	case ch.status == failed:
		network, reason, kind = "declined_by_network", orNull(ch.refusal.decline), "issuer_declined"
		message = ch.refusal.message
	}
	return members{{"network_status", network}, {"reason", reason}, {"risk_level", level}, {"risk_score", score},
		{"seller_message", message}, {"type", kind}}
}

// face is the payment method as it was when it was charged, with what was done with it this time.
func (ch *charge) face() any {
	o := ch.with.face()
	if ch.with.card.kind == accountKind {
		delete(o, "networks")
		delete(o, "status_details")
		delete(o, "financial_connections_account")
		o["payment_reference"] = nil
		return o
	}
	var authorized any
	unavailable := members{{"status", "unavailable"}}
	m := members{{"amount_authorized", nil}, {"authorization_code", nil}, {"brand", o["brand"]}}
	if ch.status == succeeded {
		authorized = ch.amount
		if ch.captured == 0 {
			m = append(m, member{"capture_before", seconds(ch.createdAt.Add(holdLife))})
		}
	}
	m[0].value = authorized
	return append(m, members{
		{"checks", o["checks"]}, {"country", o["country"]}, {"exp_month", o["exp_month"]}, {"exp_year", o["exp_year"]},
		{"extended_authorization", members{{"status", "disabled"}}}, {"fingerprint", o["fingerprint"]}, {"funding", o["funding"]},
		{"incremental_authorization", unavailable}, {"installments", nil}, {"last4", o["last4"]}, {"mandate", nil},
		{"multicapture", unavailable}, {"network", o["brand"]}, {"network_token", members{{"used", false}}},
		{"overcapture", members{{"maximum_amount_capturable", ch.amount}, {"status", "unavailable"}}}, {"three_d_secure", nil},
		{"wallet", o["wallet"]},
	}...)
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
