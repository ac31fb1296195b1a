package payments

import (
	"fmt"
	"strings"

	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// drawers is how many processes can add up without ever waiting for one another.
const drawers = 16

// insertEntry writes an entry, its lines and what they add up to, unless it is in the ledger already.
func insertEntry(tx *store.Tx, e Entry, drawer int) error {
	if !tx.Embedded() {
		return insertWhole(tx, e, drawer)
	}
	n, err := tx.Exec(`INSERT INTO ledger_entries (kind, reference, charge_id, order_id, currency, memo, booked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		string(e.Kind), e.Reference, e.ChargeID, e.OrderID, e.Currency, e.Memo, store.Millis(e.At))
	if err != nil || n == 0 {
		return err
	}
	lines, args := rowsOf(e, string(e.Kind), e.Reference)
	if err := tx.Do(`INSERT INTO ledger_lines (kind, reference, account, amount) VALUES `+lines("$1, $2"), args...); err != nil {
		return err
	}
	sums, args := rowsOf(e, e.Currency, string(e.Kind), drawer)
	return tx.Do(`INSERT INTO ledger_balances (currency, kind, drawer, account, amount) VALUES `+sums("$1, $2, $3")+addUp, args...)
}

const addUp = ` ON CONFLICT (account, currency, kind, drawer) DO UPDATE SET amount = ledger_balances.amount + excluded.amount`

// insertWhole is insertEntry in the one statement that PostgreSQL can say it in, for which nobody has to wait.
func insertWhole(tx *store.Tx, e Entry, drawer int) error {
	accounts, amounts := make([]string, len(e.Lines)), make([]int64, len(e.Lines))
	for i, l := range e.Lines {
		accounts[i], amounts[i] = string(l.Account), int64(l.Amount)
	}
	return tx.Do(`WITH entry AS (
			INSERT INTO ledger_entries (kind, reference, charge_id, order_id, currency, memo, booked_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING kind, reference, currency
		), line AS (
			SELECT kind, reference, currency, account, amount FROM entry, unnest($8::text[], $9::bigint[]) AS l (account, amount)
		), written AS (
			INSERT INTO ledger_lines (kind, reference, account, amount) SELECT kind, reference, account, amount FROM line
		)
		INSERT INTO ledger_balances (currency, kind, drawer, account, amount) SELECT currency, kind, $10::bigint, account, amount FROM line`+addUp,
		string(e.Kind), e.Reference, e.ChargeID, e.OrderID, e.Currency, e.Memo, store.Millis(e.At), accounts, amounts, drawer)
}

// rowsOf is one row of values for each line of the entry: those that all rows begin with, then account and amount.
func rowsOf(e Entry, common ...any) (rows func(common string) string, args []any) {
	args = common
	first := len(common) + 1
	for _, l := range e.Lines {
		args = append(args, string(l.Account), int64(l.Amount))
	}
	return func(common string) string {
		var all []string
		for i := range e.Lines {
			all = append(all, fmt.Sprintf("(%s, $%d, $%d)", common, first+2*i, first+2*i+1))
		}
		return strings.Join(all, ", ")
	}, args
}

// bookedFor is what the ledger says of an order.
func bookedFor(tx *store.Tx, orderID string) (map[entryKind]map[string]Entry, error) {
	all := map[entryKind]map[string]Entry{}
	_, err := store.All(tx, func(scan store.Scan) (struct{}, error) {
		var e Entry
		var l Line
		err := scan(&e.Kind, &e.Reference, &e.Currency, &l.Account, &l.Amount)
		if all[e.Kind] == nil {
			all[e.Kind] = map[string]Entry{}
		}
		if known, ok := all[e.Kind][e.Reference]; ok {
			e = known
		}
		e.Lines = append(e.Lines, l)
		all[e.Kind][e.Reference] = e
		return struct{}{}, err
	}, `SELECT e.kind, e.reference, e.currency, l.account, l.amount FROM ledger_entries e
		JOIN ledger_lines l ON l.kind = e.kind AND l.reference = e.reference WHERE e.order_id = $1`, orderID)
	return all, err
}

// turnover is what the entries of one kind have done to an account.
type turnover struct {
	account account
	kind    entryKind
	amount  money.Amount
}

// turnovers are those of a seller's accounts in one currency.
func turnovers(tx *store.Tx, currency string, accounts [3]account) ([]turnover, error) {
	return store.All(tx, func(scan store.Scan) (t turnover, err error) {
		err = scan(&t.account, &t.kind, &t.amount)
		return t, err
	}, `SELECT account, kind, amount FROM ledger_balances WHERE currency = $1 AND account IN ($2, $3, $4)`,
		currency, string(accounts[0]), string(accounts[1]), string(accounts[2]))
}
