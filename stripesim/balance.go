package stripesim

import (
	"ticketing/kernel/store"
)

// transactionKinds are the ledger's kinds in the words of Stripe's balance transactions: the type and the category.
var transactionKinds = map[string][2]string{
	Capture:          {"charge", "charge"},
	Refund:           {"refund", "refund"},
	RefundFailed:     {"refund_failure", "refund_failure"},
	Dispute:          {"adjustment", "dispute"},
	DisputeReversal:  {"adjustment", "dispute_reversal"},
	Transfer:         {"transfer", "transfer"},
	TransferReversal: {"transfer_refund", "transfer_reversal"},
}

// source is the object whose money a booking moved.
func (b *booking) source() string {
	return or(b.Reversal, or(b.Transfer, or(b.Dispute, or(b.Refund, b.Charge))))
}

// render is the booking as a balance transaction. Nothing costs fees here.
func (b *booking) render() object {
	kind := transactionKinds[b.Kind]
	return object{
		"id": b.id, "object": "balance_transaction", "amount": b.Amount, "available_on": seconds(b.availableAt),
		"balance_type": "payments", "created": seconds(b.At), "currency": b.Currency, "description": nil, "exchange_rate": nil,
		"fee": 0, "fee_details": []object{}, "net": b.Amount, "reporting_category": kind[1], "source": b.source(),
		"status": b.status(b.At.Before(b.availableAt)), "type": kind[0],
	}
}

func (b *booking) status(waits bool) string {
	if waits {
		return pending
	}
	return "available"
}

// rendered is the booking as it is now.
func (c *call) rendered(b *booking) object {
	o := b.render()
	o["status"] = b.status(c.tx.Now().Before(b.availableAt))
	return o
}

func listTransactions(c *call) (object, error) {
	q := newListing("ledger", "/v1/balance_transactions", "balance_transaction")
	if currency := c.form.text("currency", 0); currency != "" {
		q.where("currency = ", currency)
	}
	if source := c.form.text("source", 0); source != "" {
		q.where("COALESCE(NULLIF(reversal, ''), NULLIF(transfer, ''), NULLIF(dispute, ''), NULLIF(refund, ''), charge) = ", source)
	}
	return list(c, q, ledgerColumns, scanBooking, c.rendered)
}

func retrieveTransaction(c *call) (object, error) {
	o, err := c.transaction(c.id)
	if err == nil && o == nil {
		err = missing("balance transaction", "id", c.id, true)
	}
	return o, err
}

func (c *call) transaction(id string) (object, error) {
	b, ok, err := store.One(c.tx, scanBooking, `SELECT `+ledgerColumns+` FROM ledger WHERE id = $1`, id)
	if err != nil || !ok {
		return nil, err
	}
	return c.rendered(b), nil
}

// balance is what a currency has now, and what will be there when nothing waits any more.
type balance struct {
	currency           string
	available, pending int64
}

func (c *call) balances() ([]balance, error) {
	return store.All(c.tx, func(scan store.Scan) (b balance, err error) {
		err = scan(&b.currency, &b.available, &b.pending)
		return b, err
	}, `SELECT currency, SUM(CASE WHEN available_at <= $1 THEN amount ELSE 0 END),
		SUM(CASE WHEN available_at > $1 THEN amount ELSE 0 END) FROM ledger GROUP BY currency ORDER BY currency`,
		store.Millis(c.tx.Now()))
}

func retrieveBalance(c *call) (object, error) {
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	all, err := c.balances()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		all = []balance{{currency: "usd"}}
	}
	available, pending, reserved := []object{}, []object{}, []object{}
	for _, b := range all {
		available = append(available, object{"amount": b.available, "currency": b.currency, "source_types": object{"card": b.available}})
		reserved = append(reserved, object{"amount": 0, "currency": b.currency})
		pending = append(pending, object{"amount": b.pending, "currency": b.currency, "source_types": object{"card": b.pending}})
	}
	return object{"object": "balance", "livemode": false, "available": available, "pending": pending,
		"connect_reserved": reserved}, nil
}

// moreByID expands what came after intents, charges and payment methods.
func (c *call) moreByID(prefix, id string) (object, error) {
	switch prefix {
	case "txn":
		return c.transaction(id)
	case "re":
		return shown(c.tx, id, findRefund, (*refund).render)
	case "du":
		return shown(c.tx, id, findDispute, (*dispute).render)
	case "acct":
		return shown(c.tx, id, findAccount, (*account).render)
	case "trr":
		return shown(c.tx, id, findReversal, (*reversal).render)
	case "tr":
		t, ok, err := findTransfer(c.tx, id)
		if err != nil || !ok {
			return nil, err
		}
		return t.rendered(c)
	}
	return nil, nil
}

func shown[T any](tx *store.Tx, id string, find func(*store.Tx, string) (T, bool, error), render func(T) object) (object, error) {
	found, ok, err := find(tx, id)
	if err != nil || !ok {
		return nil, err
	}
	return render(found), nil
}
