package stripesim

import (
	"encoding/json"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// dispute is a cardholder's complaint to their bank. While its status begins with "warning" the bank only inquires, and
// the money stays here.
type dispute struct {
	id        string
	intent    string
	charge    string
	createdAt time.Time
	amount    int64
	currency  string
	status    string
	details   disputeDetails
}

// disputeDetails are what no decision needs in SQL.
type disputeDetails struct {
	Kind, Brand  string // of the payment method
	Reason, Code string
	Eligible     string
	Evidence     map[string]string
	Metadata     map[string]string
	Submissions  int64
	DueBy        int64
	Moves        []movement
}

// movement is an entry of the ledger as a dispute shows it.
type movement struct {
	Txn, Kind   string
	At, ReadyAt int64
	Amount      int64
}

// The statuses of a dispute.
const (
	inquiryOpen   = "warning_needs_response"
	inquiryReview = "warning_under_review"
	inquiryClosed = "warning_closed"
	needsResponse = "needs_response"
	underReview   = "under_review"
	won           = "won"
	lost          = "lost"
)

func (d *dispute) inquiry() bool { return strings.HasPrefix(d.status, "warning") }

func (d *dispute) closed() bool {
	return d.status == inquiryClosed || d.status == won || d.status == lost
}

const disputeColumns = `id, intent, charge, created_at, amount, currency, status, details`

func scanDispute(scan store.Scan) (*dispute, error) {
	var d dispute
	var at int64
	var text string
	if err := scan(&d.id, &d.intent, &d.charge, &at, &d.amount, &d.currency, &d.status, &text); err != nil {
		return nil, err
	}
	d.createdAt = store.Time(at)
	return &d, json.Unmarshal([]byte(text), &d.details)
}

func findDispute(tx *store.Tx, id string) (*dispute, bool, error) {
	return store.One(tx, scanDispute, `SELECT `+disputeColumns+` FROM disputes WHERE id = $1`, id)
}

func insertDispute(tx *store.Tx, d *dispute) error {
	text, err := json.Marshal(d.details)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO disputes (`+disputeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		d.id, d.intent, d.charge, store.Millis(d.createdAt), d.amount, d.currency, d.status, string(text))
	return err
}

func saveDispute(tx *store.Tx, d *dispute) error {
	text, err := json.Marshal(d.details)
	if err != nil {
		return err
	}
	err = tx.Do(`UPDATE disputes SET amount = $1, status = $2, details = $3 WHERE id = $4`, d.amount, d.status, string(text), d.id)
	return err
}

// chargedBack says whether a bank has taken a charge's money, whatever came of it: Stripe refunds nothing of it any more.
func (c *call) chargedBack(charge string) (bool, error) {
	_, found, err := store.One(c.tx, scanText, `SELECT id FROM disputes WHERE charge = $1
		AND status NOT IN ('warning_needs_response', 'warning_under_review', 'warning_closed') LIMIT 1`, charge)
	return found, err
}

// evidenceFields are what a dispute can be answered with.
var evidenceFields = []string{"access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
	"cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name", "customer_purchase_ip",
	"customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
	"product_description", "receipt", "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date",
	"service_documentation", "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation",
	"shipping_tracking_number", "uncategorized_file", "uncategorized_text"}

// statements are the fields for longer texts.
var statements = []string{"access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal", "duplicate_charge_explanation",
	"product_description", "refund_policy_disclosure", "refund_refusal_explanation", "uncategorized_text"}

// render is the dispute as the API shows it.
func (d *dispute) render() object {
	evidence := object{"enhanced_evidence": object{}}
	for _, field := range evidenceFields {
		evidence[field] = orNull(d.details.Evidence[field])
	}
	eligible, special := []string{}, object{}
	if d.details.Eligible != "" {
		eligible = append(eligible, d.details.Eligible)
		special[d.details.Eligible] = object{"required_actions": []string{}, "status": "requires_action"}
	}
	if strings.HasSuffix(d.details.Eligible, "compliance") {
		special[d.details.Eligible] = object{"status": "requires_fee_acknowledgement"}
	}
	metadata := d.details.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	o := object{
		"id": d.id, "object": "dispute", "amount": d.amount, "balance_transactions": d.transactions(), "charge": d.charge,
		"created": seconds(d.createdAt), "currency": d.currency, "enhanced_eligibility_types": eligible, "evidence": evidence,
		"evidence_details": object{"due_by": d.details.DueBy, "enhanced_eligibility": special,
			"has_evidence": len(d.details.Evidence) > 0, "past_due": false, "submission_count": d.details.Submissions},
		"is_charge_refundable": d.inquiry(), "livemode": false, "metadata": metadata, "payment_intent": d.intent,
		"reason": d.details.Reason, "status": d.status,
	}
	if d.details.Kind == cardKind {
		caseType := "chargeback"
		switch {
		case d.inquiry():
			caseType = "inquiry"
		case strings.HasSuffix(d.details.Eligible, "compliance"):
			caseType = "compliance"
		}
		o["payment_method_details"] = object{"type": cardKind, "card": object{"brand": d.details.Brand, "case_type": caseType,
			"network": d.details.Brand, "network_reason_code": orNull(d.details.Code)}}
	}
	return o
}

// transactions are the movements of money, as balance transactions.
func (d *dispute) transactions() []object {
	all := []object{}
	for _, m := range d.details.Moves {
		b := booking{id: m.Txn, availableAt: store.Time(m.ReadyAt), Entry: Entry{At: store.Time(m.At), Kind: m.Kind,
			Dispute: d.id, Amount: m.Amount, Currency: d.currency}}
		all = append(all, b.render())
	}
	return all
}

func listDisputes(c *call) (object, error) {
	q := newListing("disputes", "/v1/disputes", "dispute")
	if ch := c.form.text("charge", 0); ch != "" {
		q.where("charge = ", ch)
	}
	if in := c.form.text("payment_intent", 0); in != "" {
		q.where("intent = ", in)
	}
	return list(c, q, disputeColumns, scanDispute, (*dispute).render)
}

func retrieveDispute(c *call) (object, error) {
	d, ok, err := findDispute(c.tx, c.id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing("dispute", "dispute", c.id, true)
	}
	return d.render(), nil
}
