package payments

import "ticketing/kernel/store"

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

// insertRequest is the stored request: this one, or the one of the same generation that was there before.
func insertRequest(tx *store.Tx, r request) (request, error) {
	n, err := tx.Exec(`INSERT INTO stripe_requests (`+requestColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		r.ChargeID, string(r.Operation), r.Generation, r.Key, r.Hash, r.Failures, store.Millis(r.MadeAt))
	if err != nil || n == 1 {
		return r, err
	}
	r, _, err = store.One(tx, scanRequest, `SELECT `+requestColumns+` FROM stripe_requests WHERE key = $1`, r.Key)
	return r, err
}

func countFailure(tx *store.Tx, key string, failures int) error {
	return tx.Do(`UPDATE stripe_requests SET failures = failures + $1 WHERE key = $2`, failures, key)
}
