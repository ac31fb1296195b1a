package stripesim

import (
	"encoding/json"
	"time"

	"ticketing/kernel/store"
)

// reversal is transferred money that came back.
type reversal struct {
	id        string
	createdAt time.Time
	transfer  string
	amount    int64
	currency  string
	txn       string
	metadata  map[string]string
}

const reversalColumns = `id, created_at, transfer, amount, currency, txn, metadata`

func scanReversal(scan store.Scan) (*reversal, error) {
	var r reversal
	var at int64
	var text string
	if err := scan(&r.id, &at, &r.transfer, &r.amount, &r.currency, &r.txn, &text); err != nil {
		return nil, err
	}
	r.createdAt = store.Time(at)
	return &r, json.Unmarshal([]byte(text), &r.metadata)
}

func findReversal(tx *store.Tx, id string) (*reversal, bool, error) {
	return store.One(tx, scanReversal, `SELECT `+reversalColumns+` FROM transfer_reversals WHERE id = $1`, id)
}

func insertReversal(tx *store.Tx, r *reversal) error {
	text, err := json.Marshal(r.metadata)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO transfer_reversals (`+reversalColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		r.id, store.Millis(r.createdAt), r.transfer, r.amount, r.currency, r.txn, string(text))
	return err
}

func (r *reversal) render() object {
	return object{"id": r.id, "object": "transfer_reversal", "amount": r.amount, "balance_transaction": r.txn,
		"created": seconds(r.createdAt), "currency": r.currency, "destination_payment_refund": nil, "metadata": r.metadata,
		"source_refund": nil, "transfer": r.transfer}
}

// reverseTransfer takes a transfer back, or a part of it. The other account always has it: nothing is paid out from there.
func reverseTransfer(c *call) (object, error) {
	f := c.form
	amount := int64(0)
	if f.has("amount") {
		amount = c.amount("amount")
	}
	f.text("description", 0)
	f.flag("refund_application_fee")
	r := &reversal{id: newID(c.tx, "trr_1"), createdAt: c.tx.Now(), amount: amount, txn: newID(c.tx, "txn_"), metadata: f.metadata()}
	if err := f.checked(); err != nil {
		return nil, err
	}
	t, err := c.lockedTransfer()
	if err != nil {
		return nil, err
	}
	left := t.amount - t.reversed
	if amount == 0 {
		r.amount = left
	}
	if left == 0 || r.amount > left {
		e := invalid("amount", "", "Transfer reversal amount (%s) is greater than unreversed amount on transfer (%s)",
			sum(r.amount, t.currency), sum(left, t.currency))
		e.executed = true
		return nil, e
	}
	r.transfer, r.currency = t.id, t.currency
	if err := c.bringBack(t, r); err != nil {
		return nil, err
	}
	o, err := t.rendered(c)
	if err != nil {
		return nil, err
	}
	return r.render(), c.emit("transfer.reversed", o)
}

func (c *call) bringBack(t *transfer, r *reversal) error {
	t.reversed += r.amount
	if err := saveTransfer(c.tx, t); err != nil {
		return err
	}
	if err := insertReversal(c.tx, r); err != nil {
		return err
	}
	b := booking{Entry: t.entry(TransferReversal, r.amount), id: r.txn}
	b.Reversal = r.id
	if t.charge == "" {
		b.availableAt = c.tx.Now()
		return c.book(b)
	}
	ch, _, err := findCharge(c.tx, t.charge)
	if err != nil {
		return err
	}
	ch.transferred -= r.amount
	if err := saveCharge(c.tx, ch); err != nil {
		return err
	}
	return c.book(b)
}

func listReversals(c *call) (object, error) {
	t, err := c.pathTransfer()
	if err != nil {
		return nil, err
	}
	q := newListing("transfer_reversals", "/v1/transfers/"+t.id+"/reversals", "transfer_reversal")
	q.undated = true
	q.where("transfer = ", t.id)
	return list(c, q, reversalColumns, scanReversal, (*reversal).render)
}
