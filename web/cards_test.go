package web

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/store"
	"ticketing/stripesim"
)

// TestTestCardsAreStripes holds each number against what the simulator knows under the name that we give it.
func TestTestCardsAreStripes(t *testing.T) {
	db, err := store.Open(t.Context(), store.Options{Name: "stripesim", Dir: t.TempDir(), Migrations: stripesim.Migrations})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stripe := stripesim.New(db, stripesim.Options{}).Handler()
	fingerprint := func(method, path string, form url.Values) string {
		r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Authorization", "Bearer sk_test_web")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		stripe.ServeHTTP(w, r)
		var found struct{ Card struct{ Fingerprint string } }
		if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || found.Card.Fingerprint == "" {
			t.Errorf("%s %s: %d %s", path, form, w.Code, w.Body)
		}
		return found.Card.Fingerprint
	}
	seen := map[string]bool{}
	for _, c := range testCards {
		if c.Token == "pm_card_chargeDeclinedIncorrectNumber" { // Stripe takes the name, not the number
			continue
		}
		cvc := "123"
		if c.Digits[0] == '3' && len(c.Digits) == 15 { // American Express
			cvc = "1234"
		}
		byNumber := fingerprint("POST", "/v1/payment_methods", url.Values{"type": {"card"},
			"card[number]": {c.Digits}, "card[exp_month]": {"12"}, "card[exp_year]": {"2034"}, "card[cvc]": {cvc}})
		if byName := fingerprint("GET", "/v1/payment_methods/"+c.Token, nil); byName != byNumber {
			t.Errorf("%s is not %s", c.Digits, c.Token)
		}
		if seen[c.Digits] {
			t.Errorf("%s is there twice", c.Digits)
		}
		seen[c.Digits] = true
		if found, ok := cardNumbered(c.Number()); !ok || found != c {
			t.Errorf("%q is not found", c.Number())
		}
		if !addsUp(c.Digits) {
			t.Errorf("%s would be taken for a typing error", c.Digits)
		}
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2027, 3, 31, 23, 59, 0, 0, time.UTC)
	for typed, want := range map[string]string{
		"03/27": "", "3 / 27": "", "12/2034": "", "02/27": "checkout.expiry.past", "12/26": "checkout.expiry.past",
		"": "checkout.expiry.wrong", "0327": "checkout.expiry.wrong", "00/27": "checkout.expiry.wrong", "13/27": "checkout.expiry.wrong",
		"x/27": "checkout.expiry.wrong", "3/x": "checkout.expiry.wrong", "3/027": "checkout.expiry.wrong", "3/27/1": "checkout.expiry.wrong",
	} {
		if got := expiryFault(typed, now); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
