package payments_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
	"ticketing/services/payments"
)

// FuzzHeard sends any body with any signature. It is answered 200 or 400, and nothing changes of any charge but when it is
// looked at.
func FuzzHeard(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	o := paymentsTables
	o.Name, o.Dir, o.Now = "payments", f.TempDir(), func() time.Time { return now }
	db, err := store.Open(ctx, o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	err = db.Update(ctx, func(tx *store.Tx) error {
		for i, status := range []string{"Created", "Completed", "Failed"} {
			_, err := tx.Exec(`INSERT INTO orders (id, user_id, status, cancel_reason, expires_at, amount, currency) VALUES ($1, 'u', 'AwaitingPayment', '', 0, 1999, 'usd')`, fmt.Sprint("o", i))
			if err != nil {
				return err
			}
			_, err = tx.Exec(`INSERT INTO charges (id, order_id, status, amount, currency, token, stripe_id, due_at, version, created_at, updated_at)
				VALUES ($1, $2, $3, 1999, 'usd', 'pm_x', $4, 1, 1, 1, 1)`, fmt.Sprint("c", i), fmt.Sprint("o", i), status, fmt.Sprint("pi_", i))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	service := payments.New(db, nil, payments.Options{WebhookSecrets: []string{"whsec_old", secret}})
	handler := httpapi.Handler(httpapi.Options{Private: true}, db, service.Routes())
	before := chargesButDue(f, db)

	for i, kind := range append(payments.EventTypes(), "payment_intent.x", "refund.x", "charge.dispute.x", "customer.created", "") {
		for _, object := range []string{`"object":"payment_intent","id":"pi_%d"`, `"id":"x_1","payment_intent":"pi_%d"`, `"id":"x_1","metadata":{"charge_id":"c%d"}`} {
			f.Add([]byte(fmt.Sprintf(`{"id":"evt_%d","type":%q,"created":1800000000,"data":{"object":{`+object+`}}}`, i, kind, i%3)), "", true)
		}
	}
	for _, body := range []string{"", "null", "{", "\x00", "\xff", `{"id":"evt_\u0000","type":"refund.updated"}`, `{"id":"e","type":"refund.updated","data":{"object":{"payment_intent":{"id":7}}}}`} {
		f.Add([]byte(body), "t=1800000000,v1=00", true)
		f.Add([]byte(body), "t=1800000000,v1=00", false)
	}
	f.Fuzz(func(t *testing.T, body []byte, signature string, sign bool) {
		if sign {
			signature = webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: now}).Header
		}
		r := httptest.NewRequest("POST", "/api/payments/webhook", strings.NewReader(string(body)))
		r.Header["Stripe-Signature"] = []string{signature}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 {
			t.Errorf("answered %d: %s", w.Code, w.Body)
		}
		if after := chargesButDue(t, db); after != before {
			t.Errorf("the charges are\n%s\nand were\n%s", after, before)
		}
	})
}

// chargesButDue is all there is of the charges, but when the worker looks at them.
func chargesButDue(t testing.TB, db *store.DB) string {
	t.Helper()
	var text strings.Builder
	err := db.View(ctx, func(tx *store.Tx) error {
		text.Reset()
		rows, err := tx.Query(`SELECT id, order_id, status, amount, currency, token, stripe_id, stripe_refund_id, failure_code, step, refund_due,
			hold, return_url, waiting, refund_status, version, created_at, updated_at FROM charges ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row := make([]any, 18)
			into := make([]any, len(row))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				return err
			}
			fmt.Fprintln(&text, row...)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
