package payments

import (
	"strings"

	"ticketing/kernel/store"
)

const requestColumns = `charge_id, operation, generation, key, hash, failures, made_at`

func scanRequest(scan store.Scan) (r request, err error) {
	var made int64
	err = scan(&r.ChargeID, &r.Operation, &r.Generation, &r.Key, &r.Hash, &r.Failures, &made)
	r.MadeAt = store.Time(made)
	return r, err
}

// requestsOf are the newest requests of each operation of a charge.
func requestsOf(tx *store.Tx, chargeID string) (map[operation]request, error) {
	all, err := store.All(tx, scanRequest, `SELECT `+requestColumns+` FROM stripe_requests WHERE charge_id = $1
		ORDER BY generation`, chargeID)
	newest := make(map[operation]request, len(all))
	for _, r := range all {
		newest[r.Operation] = r
	}
	return newest, err
}

// insertRequests are the stored requests of a charge: these, or where there were such before, the newest of them.
func insertRequests(tx *store.Tx, all []request) (map[operation]request, error) {
	query, args, stored := insertion(all)
	n, err := tx.Exec(query+` ON CONFLICT DO NOTHING`, args...)
	if err != nil || int(n) == len(all) {
		return stored, err
	}
	return requestsOf(tx, all[0].ChargeID)
}

// firstRequests is insertRequests where there cannot have been such before, so that nobody has to wait for what is there.
func firstRequests(tx *store.Tx, all []request) (map[operation]request, error) {
	query, args, stored := insertion(all)
	return stored, tx.Do(query, args...)
}

func insertion(all []request) (query string, args []any, stored map[operation]request) {
	var rows []string
	stored = map[operation]request{}
	for _, r := range all {
		rows = append(rows, "("+places(len(args)+1, 7)+")")
		args = append(args, r.ChargeID, string(r.Operation), r.Generation, r.Key, r.Hash, r.Failures, store.Millis(r.MadeAt))
		stored[r.Operation] = r
	}
	return `INSERT INTO stripe_requests (` + requestColumns + `) VALUES ` + strings.Join(rows, ", "), args, stored
}

func countFailure(tx *store.Tx, r request, failures int) error {
	return tx.Do(`UPDATE stripe_requests SET failures = failures + $1 WHERE charge_id = $2 AND operation = $3 AND generation = $4`,
		failures, r.ChargeID, string(r.Operation), r.Generation)
}
