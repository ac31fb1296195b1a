package stripesim

import (
	"encoding/json"
	"time"

	"ticketing/kernel/store"
)

// transfer is money that went to another account: out of the balance, or out of one charge, whose money may then be on
// its way still.
type transfer struct {
	id        string
	createdAt time.Time
	account   string
	intent    string // of the charge that it came from, if it came from one
	charge    string
	amount    int64
	reversed  int64
	currency  string
	txn       string
	group     string
	details   transferDetails
}

// transferDetails are what no decision needs in SQL.
type transferDetails struct {
	Description string
	Metadata    map[string]string
}

const transferColumns = `id, created_at, account, COALESCE(intent, ''), COALESCE(charge, ''), amount, reversed, currency, txn, grouped, details`

func scanTransfer(scan store.Scan) (*transfer, error) {
	var t transfer
	var at int64
	var text string
	err := scan(&t.id, &at, &t.account, &t.intent, &t.charge, &t.amount, &t.reversed, &t.currency, &t.txn, &t.group, &text)
	if err != nil {
		return nil, err
	}
	t.createdAt = store.Time(at)
	return &t, json.Unmarshal([]byte(text), &t.details)
}

func findTransfer(tx *store.Tx, id string) (*transfer, bool, error) {
	return store.One(tx, scanTransfer, `SELECT `+transferColumns+` FROM transfers WHERE id = $1`, id)
}

func insertTransfer(tx *store.Tx, t *transfer) error {
	text, err := json.Marshal(t.details)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO transfers (id, created_at, account, intent, charge, amount, reversed, currency, txn, grouped, details)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, t.id, store.Millis(t.createdAt), t.account, orNull(t.intent),
		orNull(t.charge), t.amount, t.reversed, t.currency, t.txn, t.group, string(text))
	return err
}

func saveTransfer(tx *store.Tx, t *transfer) error {
	text, err := json.Marshal(t.details)
	if err != nil {
		return err
	}
	err = tx.Do(`UPDATE transfers SET reversed = $1, details = $2 WHERE id = $3`, t.reversed, string(text), t.id)
	return err
}

func (t *transfer) entry(kind string, amount int64) Entry {
	return Entry{Kind: kind, Intent: t.intent, Charge: t.charge, Transfer: t.id, Amount: amount, Currency: t.currency}
}

func createTransfer(c *call) (object, error) {
	f := c.form
	t := &transfer{id: newID(c.tx, "tr_1"), createdAt: c.tx.Now(), txn: newID(c.tx, "txn_")}
	t.currency, t.account, t.charge = c.currency(), f.required("destination"), f.text("source_transaction", 0)
	if f.has("amount") || t.charge == "" {
		t.amount = c.amount("amount")
	}
	t.group = f.text("transfer_group", 0)
	t.details = transferDetails{Description: f.text("description", 0), Metadata: f.metadata()}
	f.choice("source_type", "card")
	if err := f.checked(); err != nil {
		return nil, err
	}
	to, ok, err := findAccount(c.tx, t.account)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, missing("destination", "destination", t.account, false)
	case !to.can("transfers"):
		e := invalid("", "insufficient_capabilities_for_transfer", "Your destination account needs to have at least one of the "+
			"following capabilities enabled: transfers, crypto_transfers, legacy_payments")
		e.executed = true
		return nil, e
	}
	spend := c.spendBalance
	if t.charge != "" {
		spend = c.spendCharge
	}
	if err := spend(t); err != nil {
		return nil, err
	}
	o := t.render(nil)
	return o, c.emit("transfer.created", o)
}

// spendBalance transfers what can be spent. Transfers of a currency come one after the other, so that none spends what
// another has spent.
func (c *call) spendBalance(t *transfer) error {
	err := c.tx.Do(`INSERT INTO balances (currency, version) VALUES ($1, 1)
		ON CONFLICT (currency) DO UPDATE SET version = balances.version + 1`, t.currency)
	if err != nil {
		return err
	}
	all, err := c.balances()
	if err != nil {
		return err
	}
	available := int64(0)
	for _, b := range all {
		if b.currency == t.currency {
			available = b.available
		}
	}
	if t.amount > available {
		e := invalid("", "balance_insufficient", "You have insufficient available funds in your Stripe account. Try adding funds directly "+
			"to your available balance by creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance")
		e.executed = true
		return e
	}
	if err := insertTransfer(c.tx, t); err != nil {
		return err
	}
	return c.book(booking{Entry: t.entry(Transfer, -t.amount), id: t.txn, availableAt: c.tx.Now()})
}

// spendCharge transfers what is left of a charge: what was captured, and neither refunded nor disputed nor transferred.
func (c *call) spendCharge(t *transfer) error {
	ch, ok, err := findCharge(c.tx, t.charge)
	if err == nil && !ok {
		err = missing("charge", "source_transaction", t.charge, false)
	}
	if err != nil {
		return err
	}
	in, _, err := lockIntent(c.tx, ch.intent)
	if err != nil {
		return err
	}
	if ch, _, err = findCharge(c.tx, t.charge); err != nil {
		return err
	}
	whole := ch.captured - ch.refunded - ch.withdrawn
	left := whole - ch.transferred
	if t.amount == 0 {
		t.amount = left
	}
	switch {
	case ch.currency != t.currency:
		return invalid("currency", "", "The currency of source_transaction's balance transaction (%s) must be the same as the transfer "+
			"currency (%s)", ch.currency, t.currency)
	case t.amount > left || left <= 0:
		e := invalid("amount", "", "Transfers using this transaction as a source must not exceed the source amount of %s.", sum(whole, ch.currency))
		if ch.transferred > 0 {
			e.body.Message += " (There is already a transfer using this source, amounting to " + sum(ch.transferred, ch.currency) + ".)"
		}
		e.executed = true
		return e
	}
	t.intent, t.group = ch.intent, or(t.group, or(in.details.Texts["transfer_group"], "group_"+in.id))
	ch.transferred += t.amount
	if err := saveCharge(c.tx, ch); err != nil {
		return err
	}
	if err := insertTransfer(c.tx, t); err != nil {
		return err
	}
	return c.book(booking{Entry: t.entry(Transfer, -t.amount), id: t.txn})
}

// render is the transfer as the API shows it, with its newest reversals.
func (t *transfer) render(reversals []*reversal) object {
	data := []object{}
	for _, r := range reversals[:min(len(reversals), 10)] {
		data = append(data, r.render())
	}
	metadata := t.details.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return object{
		"id": t.id, "object": "transfer", "amount": t.amount, "amount_reversed": t.reversed, "balance_transaction": t.txn,
		"created": seconds(t.createdAt), "currency": t.currency, "description": orNull(t.details.Description), "destination": t.account,
		"destination_payment": "py_" + t.id[len("tr_"):], "livemode": false, "metadata": metadata,
		"reversals": object{"object": "list", "data": data, "has_more": len(reversals) > 10, "url": "/v1/transfers/" + t.id + "/reversals"},
		"reversed":  t.reversed == t.amount, "source_transaction": orNull(t.charge), "source_type": "card", "transfer_group": orNull(t.group),
	}
}

// rendered is the transfer with the reversals that it has.
func (t *transfer) rendered(c *call) (object, error) {
	reversals := []*reversal{}
	if t.reversed > 0 {
		var err error
		reversals, err = store.All(c.tx, scanReversal, `SELECT `+reversalColumns+` FROM transfer_reversals WHERE transfer = $1
			ORDER BY created_at DESC, id DESC LIMIT 11`, t.id)
		if err != nil {
			return nil, err
		}
	}
	return t.render(reversals), nil
}

// pathTransfer is the transfer that the path names, for reading; lockedTransfer the same for changing it.
func (c *call) pathTransfer() (*transfer, error) {
	t, ok, err := findTransfer(c.tx, c.id)
	if err == nil && !ok {
		err = missing("transfer", "transfer", c.id, true)
	}
	return t, err
}

func (c *call) lockedTransfer() (*transfer, error) {
	t, err := c.pathTransfer()
	if err == nil && t.intent != "" {
		_, _, err = lockIntent(c.tx, t.intent) // the charge changes too
	}
	if err != nil {
		return nil, err
	}
	t, _, err = store.One(c.tx, scanTransfer, `UPDATE transfers SET reversed = reversed WHERE id = $1 RETURNING `+transferColumns, c.id)
	return t, err
}

func retrieveTransfer(c *call) (object, error) {
	t, err := c.pathTransfer()
	if err != nil {
		return nil, err
	}
	return t.rendered(c)
}

func updateTransfer(c *call) (object, error) {
	t, err := c.lockedTransfer()
	if err != nil {
		return nil, err
	}
	if c.form.has("description") {
		t.details.Description = c.form.text("description", 0)
	}
	t.details.Metadata = c.form.changedMetadata(t.details.Metadata)
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	if err := saveTransfer(c.tx, t); err != nil {
		return nil, err
	}
	o, err := t.rendered(c)
	if err != nil {
		return nil, err
	}
	return o, c.emit("transfer.updated", o)
}

func listTransfers(c *call) (object, error) {
	q := newListing("transfers", "/v1/transfers", "transfer")
	if to := c.form.text("destination", 0); to != "" {
		q.where("account = ", to)
	}
	if group := c.form.text("transfer_group", 0); group != "" {
		q.where("grouped = ", group)
	}
	var found []*transfer
	o, err := list(c, q, transferColumns, scanTransfer, func(t *transfer) object {
		found = append(found, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	data := o["data"].([]object)
	for i, t := range found {
		if data[i], err = t.rendered(c); err != nil {
			return nil, err
		}
	}
	return o, nil
}
