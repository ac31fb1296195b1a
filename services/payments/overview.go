package payments

import (
	"cmp"
	"context"
	"time"

	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Overview is what operators have to know about the money.
type Overview struct {
	At        time.Time      `json:"at"`
	Undecided Waiting        `json:"undecided"` // charges that the bank has not answered, or whose order is not won
	Refunds   []RefundState  `json:"refunds"`   // that are not Stripe's last word, the one that waits longest first
	Counts    Counts         `json:"counts"`
	Disputes  []DisputeState `json:"disputes"` // that hold back what was earned, the newest first
	Looked    Looked         `json:"looked"`   // how far Stripe's books have been held against ours
	Open      []Discrepancy  `json:"open"`
	Mended    []Discrepancy  `json:"mended"` // the last ones
}

// Waiting is how many wait, and the one that has waited longest.
type Waiting struct {
	Count  int       `json:"count"`
	Oldest time.Time `json:"oldest,omitzero"` // when it was made
}

// RefundState is money that is owed back, and has not arrived.
type RefundState struct {
	ChargeID string    `json:"chargeId"`
	OrderID  string    `json:"orderId"`
	Amount   string    `json:"amount"`
	Status   string    `json:"status"` // due, pending or failed
	RefundID string    `json:"refundId,omitempty"`
	Since    time.Time `json:"since"` // its last change
	NextLook time.Time `json:"nextLook,omitzero"`
	Tries    int       `json:"tries"`
}

// DisputeState is a payment that its cardholder disputes.
type DisputeState struct {
	ID       string    `json:"id"`
	ChargeID string    `json:"chargeId"`
	Amount   string    `json:"amount"`
	Reason   string    `json:"reason"`
	Status   string    `json:"status"` // Stripe's; empty until it was asked
	OpenedAt time.Time `json:"openedAt,omitzero"`
	DueBy    time.Time `json:"dueBy,omitzero"` // when evidence must be there
}

// Counts are figures for a monitoring system.
type Counts struct {
	Discrepancies map[Kind]int   `json:"discrepancies"` // open, by kind
	Refunds       map[string]int `json:"refunds"`       // charges by the state of their refund
	OldestRefund  time.Time      `json:"oldestRefund,omitzero"`
	Disputes      map[string]int `json:"disputes"`           // by Stripe's status
	OpenEvents    int            `json:"openEvents"`         // of Stripe's, of which nothing has come yet
	LastEvent     time.Time      `json:"lastEvent,omitzero"` // when Stripe last told something
}

// Looked is how far Stripe's books have been held against ours.
type Looked struct {
	RecentTo   time.Time `json:"recentTo,omitzero"`   // all that was made before this was looked at
	RecentAt   time.Time `json:"recentAt,omitzero"`   // when
	EverySince time.Time `json:"everySince,omitzero"` // when the slow pass over everything began
	EveryBack  time.Time `json:"everyBack,omitzero"`  // what was made before this is still to be looked at
	EveryEnded time.Time `json:"everyEnded,omitzero"` // when it ended, if none is under way
}

// shownAtMost is how long a list of an overview may be.
const shownAtMost = 200

// Overview reads what operators have to know.
func (s *Service) Overview(ctx context.Context) (o Overview, err error) {
	if o, err = s.Figures(ctx); err != nil {
		return o, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		if o.Refunds, err = unsettledRefunds(tx, shownAtMost); err != nil {
			return err
		}
		disputes, err := newestDisputes(tx, true, shownAtMost)
		if err != nil {
			return err
		}
		for _, d := range disputes {
			o.Disputes = append(o.Disputes, d.shown())
		}
		if o.Open, err = openDiscrepancies(tx, shownAtMost); err != nil {
			return err
		}
		o.Mended, err = mendedDiscrepancies(tx, 20)
		return err
	})
	return o, err
}

// Figures is an overview without its lists.
func (s *Service) Figures(ctx context.Context) (o Overview, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		o = Overview{At: tx.Now(), Refunds: []RefundState{}, Disputes: []DisputeState{}, Open: []Discrepancy{}, Mended: []Discrepancy{}}
		if o.Undecided, err = countUndecided(tx); err != nil {
			return err
		}
		if o.Counts, err = countRefunds(tx); err != nil {
			return err
		}
		if o.Counts.Discrepancies, err = countDiscrepancies(tx); err != nil {
			return err
		}
		if err = countTold(tx, &o.Counts); err != nil {
			return err
		}
		p, err := readProgress(tx)
		o.Looked = Looked{p.RecentTo, p.RecentAt, p.FullBegan, p.FullAt, p.FullEnded}
		return err
	})
	return o, err
}

func countUndecided(tx *store.Tx) (w Waiting, err error) {
	var oldest int64
	err = tx.QueryRow(`SELECT count(*), COALESCE(min(created_at), 0) FROM charges WHERE due_at > 0 AND status = 'Created'`).
		Scan(&w.Count, &oldest)
	w.Oldest = store.Time(oldest)
	return w, err
}

// refundState is how far a refund is: due while Stripe has not agreed to give all of it back, unless it has failed.
const refundState = `CASE WHEN refund_due AND refund_status <> 'failed' THEN 'due' ELSE refund_status END`

// countRefunds counts charges with a refund, by its state.
func countRefunds(tx *store.Tx) (Counts, error) {
	c := Counts{Refunds: map[string]int{"due": 0, refundPending: 0, refundSucceeded: 0, refundFailed: 0}}
	_, err := store.All(tx, func(scan store.Scan) (struct{}, error) {
		var status string
		var n int
		var oldest int64
		err := scan(&status, &n, &oldest)
		c.Refunds[status] += n
		if at := store.Time(oldest); status != refundSucceeded && (c.OldestRefund.IsZero() || at.Before(c.OldestRefund)) {
			c.OldestRefund = at
		}
		return struct{}{}, err
	}, `SELECT `+refundState+`, count(*), min(updated_at) FROM charges WHERE refund_due OR refund_status <> '' GROUP BY 1`)
	return c, err
}

// countTold counts what Stripe has told of.
func countTold(tx *store.Tx, c *Counts) error {
	c.Disputes = map[string]int{}
	_, err := store.All(tx, func(scan store.Scan) (struct{}, error) {
		var status string
		var n int
		err := scan(&status, &n)
		c.Disputes[cmp.Or(status, "unknown")] = n
		return struct{}{}, err
	}, `SELECT status, count(*) FROM disputes GROUP BY status`)
	if err != nil {
		return err
	}
	var last int64
	err = tx.QueryRow(`SELECT (SELECT count(*) FROM stripe_events WHERE due_at > 0), COALESCE((SELECT max(received_at) FROM stripe_events), 0)`).
		Scan(&c.OpenEvents, &last)
	c.LastEvent = store.Time(last)
	return err
}

func (d Dispute) shown() DisputeState {
	shown := DisputeState{ID: d.ID, ChargeID: d.ChargeID, Reason: d.Reason, Status: d.Status, OpenedAt: d.OpenedAt, DueBy: d.DueBy}
	if currency, err := money.ParseCurrency(d.Currency); err == nil {
		shown.Amount = currency.Format(d.Amount)
	}
	return shown
}

func countDiscrepancies(tx *store.Tx) (map[Kind]int, error) {
	all := map[Kind]int{}
	for _, k := range kinds {
		all[k.kind] = 0
	}
	_, err := store.All(tx, func(scan store.Scan) (struct{}, error) {
		var kind Kind
		var n int
		err := scan(&kind, &n)
		all[kind] = n
		return struct{}{}, err
	}, `SELECT kind, count(*) FROM discrepancies WHERE fixed_at = 0 GROUP BY kind`)
	return all, err
}

func unsettledRefunds(tx *store.Tx, limit int) ([]RefundState, error) {
	return store.All(tx, func(scan store.Scan) (r RefundState, err error) {
		var amount money.Amount
		var code string
		var since, next int64
		if err := scan(&r.ChargeID, &r.OrderID, &amount, &code, &r.Status, &r.RefundID, &since, &next, &r.Tries); err != nil {
			return r, err
		}
		currency, err := money.ParseCurrency(code)
		r.Amount, r.Since, r.NextLook = currency.Format(amount), store.Time(since), store.Time(next)
		return r, err
	}, `SELECT id, order_id, amount, currency, `+refundState+`, stripe_refund_id, updated_at, due_at, tries FROM charges
		WHERE (refund_due OR refund_status <> '') AND `+refundState+` <> $1 ORDER BY updated_at, id LIMIT $2`, refundSucceeded, limit)
}
