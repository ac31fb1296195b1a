package payments

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// oursColumns read a charge with its order's state in one statement: separately they might not belong together.
const oursColumns = chargeColumns + `, due_at, (SELECT orders.status FROM orders WHERE orders.id = charges.order_id)`

func scanOurs(scan store.Scan) (c ours, err error) {
	var due int64
	c.Charge, err = scanCharge(func(dest ...any) error { return scan(append(dest, &due, &c.order)...) })
	c.dueAt = store.Time(due)
	return c, err
}

// places are n placeholders of SQL, the first one numbered.
func places(first, n int) string {
	marks := make([]string, n)
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(marks, ", ")
}

func asArgs(texts []string) []any {
	args := make([]any, len(texts))
	for i, text := range texts {
		args[i] = text
	}
	return args
}

// atOneTime is for how many ids the database is asked at a time.
const atOneTime = 200

// oursNamed are the charges with these ids, or with these PaymentIntents.
func oursNamed(tx *store.Tx, column string, ids []string) (all []ours, err error) {
	for some := range slices.Chunk(ids, atOneTime) {
		found, err := store.All(tx, scanOurs, `SELECT `+oursColumns+` FROM charges WHERE `+column+` IN (`+places(1, len(some))+`)`,
			asArgs(some)...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, withRows(tx, all)
}

// withRows adds their refunds to the charges. It reads them after the charges: a refund that is not there yet was not
// there either when the charge was read.
func withRows(tx *store.Tx, all []ours) error {
	place := make(map[string]*ours, len(all))
	ids := make([]string, len(all))
	for i := range all {
		ids[i], place[all[i].ID] = all[i].ID, &all[i]
	}
	for some := range slices.Chunk(ids, atOneTime) {
		rows, err := store.All(tx, scanRefund, `SELECT `+refundColumns+` FROM refunds
			WHERE charge_id IN (`+places(1, len(some))+`) ORDER BY created_at DESC, id DESC`, asArgs(some)...)
		if err != nil {
			return err
		}
		for _, r := range rows {
			place[r.ChargeID].rows = append(place[r.ChargeID].rows, r)
		}
	}
	return nil
}

// oursMade is a page of the charges that were made in the span, oldest first, behind the one with this time and id.
func oursMade(tx *store.Tx, made span, behind ours) ([]ours, error) {
	return store.All(tx, scanOurs, `SELECT `+oursColumns+` FROM charges
		WHERE created_at >= $1 AND created_at < $2 AND (created_at > $3 OR created_at = $3 AND id > $4)
		ORDER BY created_at, id LIMIT $5`,
		store.Millis(made.from), store.Millis(made.to), store.Millis(behind.CreatedAt), behind.ID, atOneTime)
}

// rowsMade is the same for refunds.
func rowsMade(tx *store.Tx, made span, behind refund) ([]refund, error) {
	return store.All(tx, scanRefund, `SELECT `+refundColumns+` FROM refunds
		WHERE created_at >= $1 AND created_at < $2 AND (created_at > $3 OR created_at = $3 AND id > $4)
		ORDER BY created_at, id LIMIT $5`,
		store.Millis(made.from), store.Millis(made.to), store.Millis(behind.CreatedAt), behind.ID, atOneTime)
}

// lookAtOnce makes a completed charge due for a look at its refunds.
func lookAtOnce(tx *store.Tx, id string) error {
	return tx.Do(`UPDATE charges SET due_at = $1, tries = 0 WHERE id = $2 AND status = 'Completed'`,
		store.Millis(tx.Now()), id)
}

const discrepancyColumns = `kind, intent_id, refund_id, charge_id, order_id, sentence, remedy, outcome, first_seen, last_seen,
	fixed_at, tries, next_try`

func scanDiscrepancy(scan store.Scan) (d Discrepancy, err error) {
	var first, last, fixed, next int64
	err = scan(&d.Kind, &d.IntentID, &d.RefundID, &d.ChargeID, &d.OrderID, &d.Sentence, &d.remedy, &d.Outcome, &first, &last,
		&fixed, &d.Tries, &next)
	d.FirstSeen, d.LastSeen, d.FixedAt, d.NextTry = store.Time(first), store.Time(last), store.Time(fixed), store.Time(next)
	d.ByItself = d.remedy != nothing
	return d, err
}

// noteDiscrepancy writes down that a discrepancy was seen; news if it was not open before.
func noteDiscrepancy(tx *store.Tx, d Discrepancy) (noted Discrepancy, news bool, err error) {
	now := store.Millis(tx.Now())
	noted, known, err := store.One(tx, scanDiscrepancy, `UPDATE discrepancies SET last_seen = $1, sentence = $2, remedy = $3
		WHERE kind = $4 AND subject = $5 AND fixed_at = 0 RETURNING `+discrepancyColumns,
		now, d.Sentence, string(d.remedy), string(d.Kind), d.subject())
	if err != nil || known {
		return noted, false, err
	}
	return store.One(tx, scanDiscrepancy, `INSERT INTO discrepancies (kind, subject, intent_id, refund_id, charge_id, order_id,
			sentence, remedy, first_seen, last_seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
		ON CONFLICT (kind, subject) DO UPDATE SET sentence = excluded.sentence, remedy = excluded.remedy, outcome = '',
			first_seen = excluded.first_seen, last_seen = excluded.last_seen, fixed_at = 0, tries = 0, next_try = 0
		RETURNING `+discrepancyColumns,
		string(d.Kind), d.subject(), d.IntentID, d.RefundID, d.ChargeID, d.OrderID, d.Sentence, string(d.remedy), now)
}

// noteTry writes down what came of an attempt to mend it that was not enough, and when to try again.
func noteTry(tx *store.Tx, d Discrepancy, outcome string) error {
	return tx.Do(`UPDATE discrepancies SET outcome = $1, tries = tries + 1, next_try = $2 WHERE kind = $3 AND subject = $4`,
		outcome, store.Millis(tx.Now().Add(growing(failedPause, failedPauseMax, d.Tries))), string(d.Kind), d.subject())
}

// noteFixed closes it; false if it is closed already.
func noteFixed(tx *store.Tx, d Discrepancy, outcome string) (bool, error) {
	n, err := tx.Exec(`UPDATE discrepancies SET outcome = $1, fixed_at = $2 WHERE kind = $3 AND subject = $4 AND fixed_at = 0`,
		outcome, store.Millis(tx.Now()), string(d.Kind), d.subject())
	return n == 1, err
}

// openDiscrepancies are those that nothing has mended, the one that was looked at longest ago first.
func openDiscrepancies(tx *store.Tx, limit int) ([]Discrepancy, error) {
	return store.All(tx, scanDiscrepancy, `SELECT `+discrepancyColumns+` FROM discrepancies WHERE fixed_at = 0
		ORDER BY last_seen, kind, subject LIMIT $1`, limit)
}

// dueDiscrepancies are those of them that are worth another look: the longer one has been open, the less often, from a
// minute to an hour.
func dueDiscrepancies(tx *store.Tx, limit int) ([]Discrepancy, error) {
	return store.All(tx, scanDiscrepancy, `SELECT `+discrepancyColumns+` FROM discrepancies WHERE fixed_at = 0
		AND ($1 - last_seen >= 60000 AND ($1 - last_seen) * 8 >= last_seen - first_seen OR $1 - last_seen >= 3600000
			OR next_try > 0 AND next_try <= $1)
		ORDER BY last_seen, kind, subject LIMIT $2`, store.Millis(tx.Now()), limit)
}

// mendedDiscrepancies are the last ones that are in order again.
func mendedDiscrepancies(tx *store.Tx, limit int) ([]Discrepancy, error) {
	return store.All(tx, scanDiscrepancy, `SELECT `+discrepancyColumns+` FROM discrepancies WHERE fixed_at > 0
		ORDER BY fixed_at DESC, kind, subject LIMIT $1`, limit)
}

// mendedIntents are those that took money which they should not have, and that gave it back.
func mendedIntents(tx *store.Tx) ([]string, error) {
	return store.All(tx, func(scan store.Scan) (id string, err error) {
		err = scan(&id)
		return id, err
	}, `SELECT intent_id FROM discrepancies WHERE fixed_at > 0 AND kind IN ($1, $2, $3)`,
		string(StrayMoney), string(FailedMoney), string(PaidTwice))
}

// progress is how far the reconciler has come.
type progress struct {
	RecentTo, RecentAt, FullBegan, FullAt, FullEnded time.Time
}

func readProgress(tx *store.Tx) (progress, error) {
	p, _, err := store.One(tx, func(scan store.Scan) (p progress, err error) {
		var at [5]int64
		err = scan(&at[0], &at[1], &at[2], &at[3], &at[4])
		p = progress{store.Time(at[0]), store.Time(at[1]), store.Time(at[2]), store.Time(at[3]), store.Time(at[4])}
		return p, err
	}, `SELECT recent_to, recent_at, full_began, full_at, full_ended FROM reconciler`)
	return p, err
}

// saveRecent notes that all that was made before has been looked at.
func saveRecent(tx *store.Tx, to time.Time) error {
	return tx.Do(`UPDATE reconciler SET recent_to = $1, recent_at = $2 WHERE recent_to <= $1`, store.Millis(to), store.Millis(tx.Now()))
}

// saveFull notes how far the slow pass has come.
func saveFull(tx *store.Tx, p progress) error {
	return tx.Do(`UPDATE reconciler SET full_began = $1, full_at = $2, full_ended = $3`,
		store.Millis(p.FullBegan), store.Millis(p.FullAt), store.Millis(p.FullEnded))
}
