package stripesim

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strings"
	"time"

	"github.com/google/uuid"

	"ticketing/kernel/store"
)

// newID is an id in Stripe's manner: a prefix and letters and digits, newer ones sorting after older ones.
func newID(tx *store.Tx, prefix string) string {
	made := tx.NewID()
	id, err := uuid.Parse(made)
	if err != nil {
		return prefix + strings.ReplaceAll(made, "-", "")
	}
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const base, length = uint64(len(digits)), 22
	high, low, digit := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:]), uint64(0)
	var out [length]byte
	for i := length - 1; i >= 0; i-- {
		high, digit = high/base, high%base
		low, digit = bits.Div64(digit, low, base)
		out[i] = digits[digit]
	}
	return prefix + string(out[:])
}

const intentColumns = `id, created_at, amount, capturable, received, currency, status, capture_method, method, latest_charge,
	expires_at, details`

func scanIntent(scan store.Scan) (*intent, error) {
	var in intent
	var at, expires int64
	var text string
	err := scan(&in.id, &at, &in.amount, &in.capturable, &in.received, &in.currency, &in.status, &in.captureMethod,
		&in.method, &in.latestCharge, &expires, &text)
	if err != nil {
		return nil, err
	}
	in.createdAt, in.expiresAt = store.Time(at), store.Time(expires)
	return &in, json.Unmarshal([]byte(text), &in.details)
}

func findIntent(tx *store.Tx, id string) (*intent, bool, error) {
	return store.One(tx, scanIntent, `SELECT `+intentColumns+` FROM intents WHERE id = $1`, id)
}

// lockIntent reads an intent and keeps every other request from it until the commit: all that concerns an intent, its
// charges and its refunds happens one after the other.
func lockIntent(tx *store.Tx, id string) (*intent, bool, error) {
	lock := tx.Either("", " FOR NO KEY UPDATE") // SQLite has one writer, who is never among others
	return store.One(tx, scanIntent, `SELECT `+intentColumns+` FROM intents WHERE id = $1`+lock, id)
}

func insertIntent(tx *store.Tx, in *intent) error {
	text, err := json.Marshal(in.details)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO intents (`+intentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		in.id, store.Millis(in.createdAt), in.amount, in.capturable, in.received, in.currency, in.status, in.captureMethod,
		in.method, in.latestCharge, store.Millis(in.expiresAt), string(text))
	if err != nil {
		return err
	}
	return insertMetadata(tx, in)
}

func saveIntent(tx *store.Tx, in *intent) error {
	text, err := json.Marshal(in.details)
	if err != nil {
		return err
	}
	err = tx.Do(`UPDATE intents SET capturable = $1, received = $2, status = $3, method = $4, latest_charge = $5,
		expires_at = $6, details = $7 WHERE id = $8`, in.capturable, in.received, in.status, in.method, in.latestCharge,
		store.Millis(in.expiresAt), string(text), in.id)
	return err
}

const chargeColumns = `id, intent, created_at, amount, captured, refunded, withdrawn, transferred, currency, status, released,
	disputed, txn, method, card, holder, failure_code, decline_code, message`

func scanCharge(scan store.Scan) (*charge, error) {
	var ch charge
	var at int64
	var name, text string
	err := scan(&ch.id, &ch.intent, &at, &ch.amount, &ch.captured, &ch.refunded, &ch.withdrawn, &ch.transferred, &ch.currency,
		&ch.status, &ch.released, &ch.disputed, &ch.txn, &ch.with.id, &name, &text,
		&ch.refusal.code, &ch.refusal.decline, &ch.refusal.message)
	if err != nil {
		return nil, err
	}
	ch.createdAt = store.Time(at)
	ch.with.card, _ = cardNamed(name)
	return &ch, json.Unmarshal([]byte(text), &ch.with.holder)
}

func findCharge(tx *store.Tx, id string) (*charge, bool, error) {
	return store.One(tx, scanCharge, `SELECT `+chargeColumns+` FROM charges WHERE id = $1`, id)
}

func insertCharge(tx *store.Tx, ch *charge) error {
	text, err := json.Marshal(ch.with.holder)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO charges (`+chargeColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		ch.id, ch.intent, store.Millis(ch.createdAt), ch.amount, ch.captured, ch.refunded, ch.withdrawn, ch.transferred,
		ch.currency, ch.status, ch.released, ch.disputed, ch.txn, ch.with.id, ch.with.card.id, string(text),
		ch.refusal.code, ch.refusal.decline, ch.refusal.message)
	return err
}

func saveCharge(tx *store.Tx, ch *charge) error {
	return tx.Do(`UPDATE charges SET captured = $1, refunded = $2, withdrawn = $3, transferred = $4, status = $5,
		released = $6, disputed = $7, txn = $8, failure_code = $9, decline_code = $10, message = $11 WHERE id = $12`,
		ch.captured, ch.refunded, ch.withdrawn, ch.transferred, ch.status, ch.released, ch.disputed, ch.txn,
		ch.refusal.code, ch.refusal.decline, ch.refusal.message, ch.id)
}

const refundColumns = `id, intent, charge, created_at, amount, currency, status, reason, metadata, txn, failure, failure_txn`

func scanRefund(scan store.Scan) (*refund, error) {
	var re refund
	var at int64
	var text string
	err := scan(&re.id, &re.intent, &re.charge, &at, &re.amount, &re.currency, &re.status, &re.reason, &text, &re.txn,
		&re.failure, &re.failureTxn)
	if err != nil {
		return nil, err
	}
	re.createdAt = store.Time(at)
	return &re, json.Unmarshal([]byte(text), &re.metadata)
}

func findRefund(tx *store.Tx, id string) (*refund, bool, error) {
	return store.One(tx, scanRefund, `SELECT `+refundColumns+` FROM refunds WHERE id = $1`, id)
}

func insertRefund(tx *store.Tx, re *refund) error {
	text, err := json.Marshal(re.metadata)
	if err != nil {
		return err
	}
	err = tx.Do(`INSERT INTO refunds (`+refundColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		re.id, re.intent, re.charge, store.Millis(re.createdAt), re.amount, re.currency, re.status, re.reason, string(text),
		re.txn, re.failure, re.failureTxn)
	return err
}

func saveRefund(tx *store.Tx, re *refund) error {
	text, err := json.Marshal(re.metadata)
	if err != nil {
		return err
	}
	err = tx.Do(`UPDATE refunds SET status = $1, failure = $2, failure_txn = $3, metadata = $4 WHERE id = $5`,
		re.status, re.failure, re.failureTxn, string(text), re.id)
	return err
}

// seconds is t as Stripe writes times.
func seconds(t time.Time) int64 { return t.Unix() }

// orNull is null for the empty string, as most of Stripe's optional fields are.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
