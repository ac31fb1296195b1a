package payments

import (
	"time"

	"ticketing/kernel/store"
)

const sellerColumns = `user_id, account_id, enabled, created_at, tries`

func scanSeller(scan store.Scan) (a PayoutAccount, err error) {
	var created int64
	err = scan(&a.UserID, &a.AccountID, &a.Enabled, &created, &a.Tries)
	a.CreatedAt = store.Time(created)
	return a, err
}

func findSeller(tx *store.Tx, userID string) (PayoutAccount, bool, error) {
	return store.One(tx, scanSeller, `SELECT `+sellerColumns+` FROM sellers WHERE user_id = $1`, userID)
}

// holdSeller reads a seller, known before or not, and keeps other transactions about them out until the commit: a sale must
// not become due unseen while its seller's account becomes able to be paid.
func holdSeller(tx *store.Tx, userID string) (PayoutAccount, error) {
	a, _, err := store.One(tx, scanSeller, `INSERT INTO sellers (user_id, created_at) VALUES ($1, $2)
		ON CONFLICT (user_id) DO UPDATE SET held = sellers.held + 1 RETURNING `+sellerColumns, userID, store.Millis(tx.Now()))
	return a, err
}

// learnAccount notes Stripe's id of the seller's account; false if it is known.
func learnAccount(tx *store.Tx, userID, accountID string) (bool, error) {
	n, err := tx.Exec(`UPDATE sellers SET account_id = $1 WHERE user_id = $2 AND account_id = ''`, accountID, userID)
	return n == 1, err
}

// saveSeller notes what Stripe says of the account, and when to ask again.
func saveSeller(tx *store.Tx, userID string, enabled bool, due time.Time) error {
	return tx.Do(`UPDATE sellers SET enabled = $1, due_at = $2, tries = CASE WHEN $1 THEN 0 ELSE tries END WHERE user_id = $3`,
		enabled, store.Millis(due), userID)
}

// dueAccount lets Stripe be asked about an account then, and at a quick pace from there on; false if it is no seller's.
func dueAccount(tx *store.Tx, accountID string, due time.Time) (bool, error) {
	n, err := tx.Exec(`UPDATE sellers SET due_at = $1, tries = 0 WHERE account_id = $2 AND account_id <> ''`, store.Millis(due), accountID)
	return n == 1, err
}

func dueSellers(tx *store.Tx) ([]PayoutAccount, error) {
	return store.All(tx, scanSeller, `SELECT `+sellerColumns+` FROM sellers WHERE due_at > 0 AND due_at <= $1 AND account_id <> ''
		ORDER BY due_at LIMIT $2`, store.Millis(tx.Now()), dueBatch)
}

// postponeSeller sets the next look at an account.
func postponeSeller(tx *store.Tx, userID string, due time.Time) error {
	return tx.Do(`UPDATE sellers SET due_at = $1, tries = tries + 1 WHERE user_id = $2`, store.Millis(due), userID)
}
