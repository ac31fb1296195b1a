package payments

import (
	"context"
	"fmt"

	"ticketing/kernel/store"
)

// ledgerRule is something that must be true of the ledger at every instant. Its query finds what breaks it, in one
// statement, so that it sees one moment; the columns go into the sentence.
type ledgerRule struct {
	says    string
	columns int
	query   string
}

// ledgerRules are all of them. What they compare is written in one transaction, so nothing has to be waited for.
var ledgerRules = []ledgerRule{
	// The books themselves.
	{"the entry %s of %s is out of balance by %s", 3, `SELECT e.kind, e.reference, coalesce(sum(l.amount), 0) FROM ledger_entries e
		LEFT JOIN ledger_lines l ON l.kind = e.kind AND l.reference = e.reference
		GROUP BY e.kind, e.reference HAVING coalesce(sum(l.amount), 0) <> 0 OR count(l.account) < 2`},
	{"the balance of %s in %s from entries %s is off by %s", 4, `SELECT account, currency, kind, sum(amount) FROM (
			SELECT l.account, e.currency, e.kind, l.amount FROM ledger_lines l
				JOIN ledger_entries e ON e.kind = l.kind AND e.reference = l.reference
			UNION ALL SELECT account, currency, kind, -amount FROM ledger_balances) AS both_sides
		GROUP BY account, currency, kind HAVING sum(amount) <> 0`},
	{"the ledger has given more of the money of order %s away than it took, by %s", 2, `SELECT e.order_id, -sum(l.amount)
		FROM ledger_lines l JOIN ledger_entries e ON e.kind = l.kind AND e.reference = l.reference
		WHERE l.account = 'orders' GROUP BY e.order_id HAVING sum(l.amount) < 0`},

	// Charges and refunds.
	{"charge %s took %s, and the ledger does not say so", 2, `SELECT c.id, c.amount FROM charges c WHERE c.status = 'Completed'
		AND NOT EXISTS (SELECT 1 FROM ledger_lines l WHERE l.kind = 'capture' AND l.reference = c.id AND l.account = 'orders'
			AND l.amount = c.amount)`},
	{"the ledger says that charge %s took money, and it is %s", 2, `SELECT c.id, c.status FROM ledger_entries e
		JOIN charges c ON c.id = e.charge_id WHERE e.kind = 'capture' AND (c.status <> 'Completed' OR e.currency <> c.currency)`},
	{"refund %s gives %s back, and the ledger does not say so", 2, `SELECT r.id, r.amount FROM refunds r
		WHERE r.status NOT IN ('failed', 'canceled') AND NOT EXISTS (SELECT 1 FROM ledger_lines l
			WHERE l.kind = 'refund' AND l.reference = r.id AND l.account = 'stripe' AND l.amount = r.amount)`},
	{"refund %s is %s, and the ledger still counts it", 2, `SELECT r.id, r.status FROM refunds r
		WHERE r.status IN ('failed', 'canceled')
			AND EXISTS (SELECT 1 FROM ledger_entries e WHERE e.kind = 'refund' AND e.reference = r.id)
			AND NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.kind = 'refund_failed' AND e.reference = r.id)`},
	{"the ledger has the entry %s of %s, and there is no such refund", 2, `SELECT e.kind, e.reference FROM ledger_entries e
		WHERE e.kind IN ('refund', 'refund_failed', 'sale_reversed', 'sale_restored')
			AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.id = e.reference
				AND (r.status IN ('failed', 'canceled') OR e.kind IN ('refund', 'sale_reversed')))`},

	// Sales.
	{"order %s is completed and paid for, and its seller has sold nothing", 1, `SELECT o.id FROM orders o
		JOIN charges c ON c.order_id = o.id AND c.status = 'Completed' WHERE o.status = 'Completed' AND o.seller_id <> ''
			AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.charge_id = c.id)`},
	{"sale %s is of order %s, which is %s and paid by a charge that is %s", 4, `SELECT s.id, o.id, o.status, c.status FROM sales s
		JOIN orders o ON o.id = s.order_id JOIN charges c ON c.id = s.charge_id
		WHERE o.status <> 'Completed' OR c.status <> 'Completed' OR c.order_id <> o.id OR s.seller_id <> o.seller_id
			OR s.price <> c.amount OR s.currency <> c.currency`},
	{"the ledger says otherwise than sale %s what was earned and kept", 1, `SELECT s.id FROM sales s WHERE
		s.price <> coalesce((SELECT -amount FROM ledger_lines WHERE kind = 'sale' AND reference = s.charge_id AND account = 'orders'), 0)
		OR s.fee <> coalesce((SELECT amount FROM ledger_lines WHERE kind = 'sale' AND reference = s.charge_id
			AND account = 'fees:' || s.seller_id), 0)
		OR s.earned <> coalesce((SELECT amount FROM ledger_lines WHERE kind = 'sale' AND reference = s.charge_id
			AND account = 'seller:' || s.seller_id), 0)`},
	{"the ledger says otherwise than sale %s what went back of it", 1, `SELECT s.id FROM sales s
		LEFT JOIN ledger_entries e ON e.order_id = s.order_id AND e.kind IN ('sale_reversed', 'sale_restored')
		LEFT JOIN ledger_lines l ON l.kind = e.kind AND l.reference = e.reference
		GROUP BY s.id, s.returned, s.fee_returned, s.seller_id
		HAVING s.returned + coalesce(sum(CASE WHEN l.account IN ('seller:' || s.seller_id, 'due:' || s.seller_id) THEN l.amount END), 0) <> 0
			OR s.fee_returned + coalesce(sum(CASE WHEN l.account = 'fees:' || s.seller_id THEN l.amount END), 0) <> 0`},
	{"the ledger has a sale by charge %s, and there is none", 1, `SELECT e.reference FROM ledger_entries e
		WHERE e.kind = 'sale' AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.charge_id = e.reference)`},
	{"order %s is sold, and the ledger still holds %s for its buyer", 2, `SELECT e.order_id, sum(l.amount) FROM ledger_lines l
		JOIN ledger_entries e ON e.kind = l.kind AND e.reference = l.reference JOIN sales s ON s.order_id = e.order_id
		WHERE l.account = 'orders' GROUP BY e.order_id HAVING sum(l.amount) <> 0`},

	// Payouts.
	{"sale %s is %s with %s paid out, and the ledger says otherwise", 3, `SELECT s.id, s.status, s.paid FROM sales s
		WHERE s.paid <> coalesce((SELECT amount FROM ledger_lines WHERE kind = 'payout' AND reference = s.transfer_id
			AND account = 'stripe'), 0) OR s.paid > 0 AND s.status NOT IN ('paid', 'reversed')`},
	{"the ledger has the payout %s, and no sale was paid by it", 1, `SELECT e.reference FROM ledger_entries e
		WHERE e.kind = 'payout' AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.transfer_id = e.reference AND s.charge_id = e.charge_id)`},
	{"sale %s is %s, and the ledger says otherwise", 2, `SELECT s.id, s.status FROM sales s
		WHERE s.status = 'pending' AND EXISTS (SELECT 1 FROM ledger_entries e WHERE e.kind = 'due' AND e.reference = s.id)
			OR s.paid > 0 AND NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.kind = 'due' AND e.reference = s.id)`},
}

// LedgerFaults is one sentence for each thing in the ledger that is not as it has to be: entries out of balance, sums that
// are not those of their lines, money that moved and was not booked, bookings of what never happened.
func (s *Service) LedgerFaults(ctx context.Context) ([]string, error) { return LedgerFaults(ctx, s.db) }

// LedgerFaults is the same for a database of payments that no service has open.
func LedgerFaults(ctx context.Context, db *store.DB) (faults []string, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		faults = []string{}
		for _, rule := range ledgerRules {
			found, err := store.All(tx, rule.sentence, rule.query)
			if err != nil {
				return fmt.Errorf("cannot check that never %q: %w", rule.says, err)
			}
			faults = append(faults, found...)
		}
		return nil
	})
	return faults, err
}

// sentence fills a row into what the rule says.
func (r ledgerRule) sentence(scan store.Scan) (string, error) {
	texts, into := make([]string, r.columns), make([]any, r.columns)
	for i := range texts {
		into[i] = &texts[i]
	}
	err := scan(into...)
	for i := range texts {
		into[i] = texts[i]
	}
	return fmt.Sprintf(r.says, into...), err
}
