package stripesim

import (
	"strings"
	"testing"
)

// The table is published numbers: a slip of a digit is found by the check digit, and no name is there twice.
func TestTableOfCards(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cards {
		if seen[c.id] {
			t.Errorf("%s is there twice", c.id)
		}
		seen[c.id] = true
		if c.kind == "" && c.refusal != incorrectNumber && !luhn(c.number) || !allDigits(c.number) {
			t.Errorf("%s: %s is no number", c.id, c.number)
		}
		if !strings.HasPrefix(c.id, "pm_") && (c.dispute != nil || c.refusal.code != "") {
			t.Errorf("%s does something and has no name of Stripe's", c.id)
		}
	}
	for _, name := range []string{"tok_visa", "tok_us", "tok_chargeDeclined", "tok_visa_chargeDeclinedLostCard", "tok_visa_chargeCustomerFail",
		"tok_visa_debit_chargeDeclinedInsufficientFunds", "tok_createDispute", "tok_refundFail", "tok_gb_debit", "tok_hu"} {
		if _, ok := tokenCard(name); !ok {
			t.Errorf("%s is unknown", name)
		}
	}
	for _, name := range []string{"tok_nope", "visa", "pm_card_visa", "tok_mastercard_2series"} {
		if c, ok := tokenCard(name); ok {
			t.Errorf("token %s is %s", name, c.id)
		}
	}
	if _, ok := findCard("card_jcb_jp"); ok {
		t.Error("a name of ours is a payment method")
	}
}
