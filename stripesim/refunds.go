package stripesim

import (
	"time"

	"ticketing/kernel/money"
)

// refund is money that went back.
type refund struct {
	id        string
	intent    string
	charge    string
	createdAt time.Time
	amount    int64
	currency  string
	status    string
	reason    string
	metadata  map[string]string

	txn        string // the ledger's entry of the money that went
	failure    string // why it came back, and the entry of that
	failureTxn string
}

func (re *refund) render() object {
	o := object{
		"id": re.id, "object": "refund", "amount": re.amount, "balance_transaction": orNull(re.txn), "charge": re.charge,
		"created": seconds(re.createdAt), "currency": re.currency, "metadata": re.metadata, "payment_intent": re.intent,
		"destination_details": object{"type": "card", "card": object{"type": "refund", "reference_status": "pending"}},
		"reason":              orNull(re.reason), "receipt_number": nil, "source_transfer_reversal": nil, "status": re.status,
		"transfer_reversal": nil,
	}
	if re.status == pending {
		o["pending_reason"] = "processing"
	}
	if re.failureTxn != "" {
		o["failure_reason"], o["failure_balance_transaction"] = re.failure, re.failureTxn
	}
	return o
}

func createRefund(c *call) (object, error) {
	f := c.form
	intentID, chargeID := f.text("payment_intent", 0), f.text("charge", 0)
	reason := f.choice("reason", "", "duplicate", "fraudulent", "requested_by_customer")
	metadata := f.metadata()
	amount := int64(0)
	if f.has("amount") {
		amount = c.amount("amount")
	}
	if intentID == "" && chargeID == "" {
		f.fail(invalid("", "parameter_missing", "One of the following params should be provided for this request: payment_intent or charge."))
	}
	if err := f.checked(); err != nil {
		return nil, err
	}
	in, ch, err := c.refundable(intentID, chargeID)
	if err != nil {
		return nil, err
	}
	chargedBack, err := c.chargedBack(ch.id)
	if err != nil {
		return nil, err
	}
	left := ch.captured - ch.refunded
	switch {
	case chargedBack:
		e := invalid("", "charge_disputed", "Charge %s has been charged back; cannot issue a refund.", ch.id)
		e.executed = true
		return nil, e
	case left == 0:
		e := invalid("", "charge_already_refunded", "Charge %s has already been refunded.", ch.id)
		e.executed = true
		return nil, e
	case amount == 0:
		amount = left
	case amount > left:
		e := invalid("amount", "", "Refund amount (%s) is greater than unrefunded amount on charge (%s)",
			sum(amount, ch.currency), sum(left, ch.currency))
		e.executed = true
		return nil, e
	}
	re := &refund{id: newID(c.tx, "re_3"), intent: in.id, charge: ch.id, createdAt: c.tx.Now(), amount: amount,
		currency: ch.currency, status: succeeded, reason: reason, metadata: metadata, txn: newID(c.tx, "txn_")}
	if ch.with.card.refunds == pends {
		re.status = pending
	}
	return c.giveBack(re, ch)
}

// refundable is the paid charge to refund, its intent locked.
func (c *call) refundable(intentID, chargeID string) (*intent, *charge, error) {
	if chargeID != "" {
		ch, ok, err := findCharge(c.tx, chargeID)
		switch {
		case err != nil:
			return nil, nil, err
		case !ok:
			return nil, nil, missing("charge", "charge", chargeID, false)
		case intentID != "" && intentID != ch.intent:
			return nil, nil, invalid("charge", "", "Charge %s does not belong to PaymentIntent %s.", chargeID, intentID)
		}
		intentID = ch.intent
	}
	in, ok, err := lockIntent(c.tx, intentID)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, missing("payment_intent", "payment_intent", intentID, false)
	}
	if in.status != succeeded || chargeID != "" && chargeID != in.latestCharge {
		e := invalid("", "", "This PaymentIntent (%s) does not have a successful charge to refund.", in.id)
		e.executed = true
		return nil, nil, e
	}
	ch, _, err := findCharge(c.tx, in.latestCharge)
	return in, ch, err
}

// giveBack moves the money and stores the refund. Money that is still on its way has left the account.
func (c *call) giveBack(re *refund, ch *charge) (object, error) {
	ch.refunded += re.amount
	if err := saveCharge(c.tx, ch); err != nil {
		return nil, err
	}
	if err := insertRefund(c.tx, re); err != nil {
		return nil, err
	}
	b := booking{Entry: ch.entry(Refund, -re.amount), id: re.txn}
	b.Refund = re.id
	if err := c.book(b); err != nil {
		return nil, err
	}
	if err := c.emit("refund.created", re.render()); err != nil {
		return nil, err
	}
	if err := c.emit("charge.refunded", ch.render()); err != nil {
		return nil, err
	}
	if ch.with.card.refunds == arrives {
		return re.render(), nil
	}
	return re.render(), c.later("refund", re.id, re.intent, c.sim.lateness)
}

func retrieveRefund(c *call) (object, error) {
	re, ok, err := findRefund(c.tx, c.id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing("refund", "id", c.id, true)
	}
	return re.render(), nil
}

func listRefunds(c *call) (object, error) {
	q := newListing("refunds", "/v1/refunds", "refund")
	if in := c.form.text("payment_intent", 0); in != "" {
		q.where("intent = ", in)
	}
	if ch := c.form.text("charge", 0); ch != "" {
		q.where("charge = ", ch)
	}
	return list(c, q, refundColumns, scanRefund, (*refund).render)
}

// Stripe counts every currency in hundredths but these, whatever their ISO decimals.
var decimals = map[string]int{
	"bif": 0, "clp": 0, "djf": 0, "gnf": 0, "jpy": 0, "kmf": 0, "krw": 0, "mga": 0, "pyg": 0, "rwf": 0, "vnd": 0, "vuv": 0,
	"xaf": 0, "xof": 0, "xpf": 0, "bhd": 3, "jod": 3, "kwd": 3, "omr": 3, "tnd": 3,
}

// sum is an amount for people.
func sum(amount int64, code string) string {
	n, special := decimals[code]
	if !special {
		n = 2
	}
	return money.Currency{Code: code, Decimals: n}.Format(money.Amount(amount))
}
