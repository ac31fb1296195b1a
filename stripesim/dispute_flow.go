package stripesim

import (
	"slices"
	"time"

	"ticketing/kernel/store"
)

// How long an answer to a dispute may take.
const disputeLife = 20 * 24 * time.Hour

// openDisputes is the cardholder's complaint about a charge. What has been refunded is nothing to complain about.
func (c *call) openDisputes(chargeID string) error {
	ch, _, err := findCharge(c.tx, chargeID)
	if err != nil {
		return err
	}
	if _, _, err = lockIntent(c.tx, ch.intent); err != nil {
		return err
	}
	if ch, _, err = findCharge(c.tx, chargeID); err != nil {
		return err
	}
	says := ch.with.card.dispute
	if !says.inquiry {
		if err := c.failPendingRefunds(ch); err != nil {
			return err
		}
	}
	left := ch.captured - ch.refunded - ch.withdrawn
	times := int64(max(says.times, 1))
	for i := range times {
		part := left / times
		if i == times-1 {
			part = left - part*i
		}
		if part > 0 {
			if err := c.openDispute(ch, says, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *call) openDispute(ch *charge, says *complaint, amount int64) error {
	d := &dispute{id: newID(c.tx, "du_1"), intent: ch.intent, charge: ch.id, createdAt: c.tx.Now(), amount: amount,
		currency: ch.currency, status: needsResponse, details: disputeDetails{Kind: ch.with.card.kindName(),
			Brand: or(ch.with.card.brand, "visa"), Reason: says.reason, Code: says.code, Eligible: says.eligible,
			DueBy: seconds(c.tx.Now().Add(disputeLife))}}
	switch {
	case says.inquiry:
		d.status = inquiryOpen
	case says.final:
		d.status = lost
	}
	ch.disputed = true
	if err := insertDispute(c.tx, d); err != nil {
		return err
	}
	if says.inquiry {
		if err := saveCharge(c.tx, ch); err != nil {
			return err
		}
		return c.emit("charge.dispute.created", d.render())
	}
	if err := c.withdraw(d, ch); err != nil {
		return err
	}
	if err := c.tell(d, "charge.dispute.created", "charge.dispute.funds_withdrawn"); err != nil || !d.closed() {
		return err
	}
	return c.tell(d, "charge.dispute.closed")
}

// tell stores a dispute and emits what happened to it.
func (c *call) tell(d *dispute, events ...string) error {
	if err := saveDispute(c.tx, d); err != nil {
		return err
	}
	for _, kind := range events {
		if err := c.emit(kind, d.render()); err != nil {
			return err
		}
	}
	return nil
}

// failPendingRefunds is what a bank's taking the money does to refunds that are still on their way.
func (c *call) failPendingRefunds(ch *charge) error {
	refunds, err := store.All(c.tx, scanRefund, `SELECT `+refundColumns+` FROM refunds WHERE charge = $1 AND status = 'pending'
		ORDER BY created_at, id`, ch.id)
	if err != nil {
		return err
	}
	for _, re := range refunds {
		if err := c.takeBack(re, ch, failed, "charge_for_pending_refund_disputed"); err != nil {
			return err
		}
	}
	return nil
}

// withdraw is the bank taking the disputed money, reinstate giving it back.
func (c *call) withdraw(d *dispute, ch *charge) error {
	return c.moveDisputed(d, ch, Dispute, -d.amount)
}

func (c *call) reinstate(d *dispute, ch *charge) error {
	return c.moveDisputed(d, ch, DisputeReversal, d.amount)
}

func (c *call) moveDisputed(d *dispute, ch *charge, kind string, amount int64) error {
	ch.withdrawn -= amount
	if err := saveCharge(c.tx, ch); err != nil {
		return err
	}
	ready, err := c.availableWith(ch.intent)
	if err != nil {
		return err
	}
	b := booking{Entry: ch.entry(kind, amount), id: newID(c.tx, "txn_"), availableAt: store.Time(ready)}
	b.Dispute = d.id
	d.details.Moves = append(d.details.Moves, movement{Txn: b.id, Kind: kind, At: store.Millis(c.tx.Now()), ReadyAt: ready, Amount: amount})
	return c.book(b)
}

// lockedDispute is the dispute with the id and its charge; nobody else changes either until the commit.
func (c *call) lockedDispute(id string) (*dispute, *charge, error) {
	d, ok, err := findDispute(c.tx, id)
	if err == nil && !ok {
		err = missing("dispute", "dispute", id, true)
	}
	if err != nil {
		return nil, nil, err
	}
	if _, _, err = lockIntent(c.tx, d.intent); err != nil {
		return nil, nil, err
	}
	if d, _, err = findDispute(c.tx, id); err != nil {
		return nil, nil, err
	}
	ch, _, err := findCharge(c.tx, d.charge)
	return d, ch, err
}

// updateDispute stages evidence, and submits it unless told not to. Stripe's three test texts in uncategorized_text decide
// how it ends; with any other evidence the bank never decides.
func updateDispute(c *call) (object, error) {
	d, _, err := c.lockedDispute(c.id)
	if err != nil {
		return nil, err
	}
	f := c.form
	given := map[string]string{}
	for _, field := range evidenceFields {
		most := 0
		if slices.Contains(statements, field) {
			most = 20_000
		}
		name := "evidence[" + field + "]"
		if text := f.text(name, most); f.has(name) {
			given[field] = text
		}
	}
	submit := !f.has("submit") || f.flag("submit")
	d.details.Metadata = f.changedMetadata(d.details.Metadata)
	if err := f.checked(); err != nil {
		return nil, err
	}
	if len(given) > 0 || f.has("submit") && submit {
		if d.status != needsResponse && d.status != inquiryOpen {
			return nil, disputeOver(d)
		}
		d.answer(given)
		if submit {
			if err := c.submitEvidence(d); err != nil {
				return nil, err
			}
		}
	}
	if err := c.tell(d, "charge.dispute.updated"); err != nil {
		return nil, err
	}
	return d.render(), nil
}

// answer stages evidence: an empty text takes one away.
func (d *dispute) answer(given map[string]string) {
	if d.details.Evidence == nil {
		d.details.Evidence = map[string]string{}
	}
	for field, text := range given {
		if text == "" {
			delete(d.details.Evidence, field)
		} else {
			d.details.Evidence[field] = text
		}
	}
}

// The texts that decide a dispute.
const (
	winningEvidence  = "winning_evidence"
	losingEvidence   = "losing_evidence"
	escalateEvidence = "escalate_inquiry_evidence"
)

func (c *call) submitEvidence(d *dispute) error {
	d.details.Submissions++
	escalates := d.details.Evidence["uncategorized_text"] == escalateEvidence
	if d.status == inquiryOpen {
		d.status = inquiryReview
	} else {
		d.status, escalates = underReview, false
	}
	switch d.details.Evidence["uncategorized_text"] {
	case winningEvidence, losingEvidence:
	default:
		if !escalates {
			return nil
		}
	}
	return c.later("verdict", d.id, d.intent, c.sim.lateness)
}

// decideDispute is the bank's verdict on the evidence.
func (c *call) decideDispute(id string) error {
	d, ch, err := c.lockedDispute(id)
	if err != nil {
		return err
	}
	text := d.details.Evidence["uncategorized_text"]
	switch {
	case d.status == inquiryReview && text == escalateEvidence:
		return c.escalate(d, ch)
	case d.status == inquiryReview:
		d.status = inquiryClosed
		return c.tell(d, "charge.dispute.closed")
	case d.status == underReview && text == winningEvidence:
		d.status = won
		if err := c.reinstate(d, ch); err != nil {
			return err
		}
		return c.tell(d, "charge.dispute.closed", "charge.dispute.funds_reinstated")
	case d.status == underReview:
		d.status = lost
		return c.tell(d, "charge.dispute.closed")
	}
	return nil
}

// escalate turns an inquiry into a dispute: the bank takes what has not been refunded. If nothing is left, it is over.
func (c *call) escalate(d *dispute, ch *charge) error {
	if err := c.failPendingRefunds(ch); err != nil {
		return err
	}
	left := min(d.amount, ch.captured-ch.refunded-ch.withdrawn)
	if left == 0 {
		d.status = inquiryClosed
		return c.tell(d, "charge.dispute.closed")
	}
	d.amount, d.status = left, needsResponse
	d.details.Evidence, d.details.DueBy = nil, seconds(c.tx.Now().Add(disputeLife))
	if d.details.Code == "10" {
		d.details.Code = fraud.code
	}
	if err := c.withdraw(d, ch); err != nil {
		return err
	}
	return c.tell(d, "charge.dispute.updated", "charge.dispute.funds_withdrawn")
}

// closeDispute gives a dispute up: it is lost.
func closeDispute(c *call) (object, error) {
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	d, _, err := c.lockedDispute(c.id)
	if err != nil {
		return nil, err
	}
	switch d.status {
	case needsResponse:
		d.status = lost
	case inquiryOpen:
		d.status = inquiryClosed
	default:
		return nil, disputeOver(d)
	}
	if err := c.tell(d, "charge.dispute.closed"); err != nil {
		return nil, err
	}
	return d.render(), nil
}

func disputeOver(d *dispute) *apiError {
	e := invalid("", "", "This dispute has a status of %s. Only a dispute that needs a response can be answered or closed.", d.status)
	e.executed = true
	return e
}
