package stripesim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/store"
	"ticketing/stripesim"
	"ticketing/test/postgres"
)

// What an account of an earlier version held, knew of keys and could find, it does after an upgrade.
func TestAnAccountOfAnEarlierVersion(t *testing.T) {
	for name, o := range map[string]store.Options{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: postgres.URL(t)}} {
		t.Run(name, func(t *testing.T) {
			makeEarlier(t, o)
			b := newBench(t, o)
			if in := b.intent("pi_held"); in.Status != "requires_capture" || in.Metadata["order_id"] != "o1" {
				t.Errorf("%+v", in)
			}
			p := &stripe.PaymentIntentConfirmParams{}
			p.SetIdempotencyKey("k1")
			if in, err := b.V1PaymentIntents.Confirm(ctx, "pi_held", p); err != nil || in.Description != "as it was answered then" {
				t.Errorf("the answer to a known key: %+v %v", in, err)
			}
			found := 0
			for _, err := range b.V1PaymentIntents.Search(ctx, &stripe.PaymentIntentSearchParams{
				SearchParams: stripe.SearchParams{Query: `metadata["order_id"]:"o1"`}}).All(ctx) {
				if found++; err != nil {
					t.Fatal(err)
				}
			}
			if found != 2 {
				t.Errorf("%d are found by their metadata, want 2", found)
			}
			if at, ok, err := b.sim.NextDue(ctx); err != nil || !ok || !at.Equal(b.time().Add(time.Hour)) {
				t.Errorf("next due at %s %v %v", at, ok, err)
			}
			b.settle(time.Hour, 1)
			if in := b.intent("pi_held"); in.Status != "canceled" || in.CancellationReason != "automatic" {
				t.Errorf("a hold that has expired: %+v", in)
			}
		})
	}
}

// makeEarlier makes the tables as they were before migration 5, with an intent that is held and one that was captured.
func makeEarlier(t *testing.T, o store.Options) {
	before := fstest.MapFS{}
	for _, file := range []string{"0001_stripesim.sql", "0002_objects.sql", "0003_webhooks.sql", "0004_changes.sql"} {
		text, err := fs.ReadFile(stripesim.Migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		before[file] = &fstest.MapFile{Data: text}
	}
	o.Name, o.Migrations = "stripesim", before
	db, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.UnixMilli(1_780_000_000_000)
	details := `{"ClientSecret":"s","Metadata":{"order_id":"o1"},"MethodTypes":["card"],"Texts":{}}`
	request := sha256.Sum256([]byte("POST /v1/payment_intents/pi_held/confirm?"))
	err = db.Update(ctx, func(tx *store.Tx) error {
		for id, status := range map[string]string{"pi_held": "requires_capture", "pi_taken": "succeeded"} {
			tx.Do(`INSERT INTO intents (id, created_at, amount, capturable, currency, status, capture_method, method, latest_charge, details)
				VALUES ($1, $2, 500, $3, 'usd', $4, 'manual', 'pm_card_visa', $5, $6)`,
				id, store.Millis(now), map[string]int{"pi_held": 500}[id], status, "ch_of_"+id, details)
			tx.Do(`INSERT INTO intent_metadata (intent, name, value) VALUES ($1, 'order_id', 'o1')`, id)
			tx.Do(`INSERT INTO charges (id, intent, created_at, amount, currency, status, method, card, holder)
				VALUES ($1, $2, $3, 500, 'usd', 'succeeded', 'pm_card_visa', 'pm_card_visa', '{}')`, "ch_of_"+id, id, store.Millis(now))
			tx.Do(`INSERT INTO later (id, kind, object, intent, due_at) VALUES ($1, 'expire', $2, $2, $3)`,
				"later_"+id, id, store.Millis(now.Add(time.Hour)))
		}
		return tx.Do(`INSERT INTO idempotency_keys (key, request, endpoint, request_id, created_at, status, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			"k1", hex.EncodeToString(request[:]), "POST /v1/payment_intents/pi_held/confirm", "req_1", store.Millis(now), 200,
			`{"id":"pi_held","object":"payment_intent","amount":500,"currency":"usd","created":1,"livemode":false,"status":"requires_capture",`+
				`"description":"as it was answered then"}`)
	})
	if err != nil {
		t.Fatal(err)
	}
}
