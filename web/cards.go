package web

import (
	"strings"
)

// testCard is one of the card numbers that Stripe publishes for tests, with the name of the payment method that it stands
// for. A market whose payments are simulated takes these and no other: a real card must never be typed there.
type testCard struct {
	Digits string
	Token  string
	Does   string // what comes of it, as the end of a text's key; empty: it is not listed beside the form
}

// testCards are those that checkout knows, the ones that are listed first.
var testCards = []testCard{
	{"4242424242424242", "pm_card_visa", "good"},
	{"5555555555554444", "pm_card_mastercard", "good"},
	{"4000000000003220", "pm_card_threeDSecure2Required", "step"},
	{"4000008260003178", "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "step_poor"},
	{"4000000000000002", "pm_card_chargeDeclined", "declined"},
	{"4000000000009995", "pm_card_chargeDeclinedInsufficientFunds", "poor"},
	{"4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired"},
	{"4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "cvc"},
	{"4000000000007726", "pm_card_pendingRefund", "refund_pending"},
	{"4000000000005126", "pm_card_refundFail", "refund_fails"},

	{"4000056655665556", "pm_card_visa_debit", ""},
	{"5200828282828210", "pm_card_mastercard_debit", ""},
	{"5105105105105100", "pm_card_mastercard_prepaid", ""},
	{"371449635398431", "pm_card_amex", ""},
	{"378282246310005", "pm_card_amex_threeDSecureNotSupported", ""},
	{"6011111111111117", "pm_card_discover", ""},
	{"3056930009020004", "pm_card_diners", ""},
	{"3566002020360505", "pm_card_jcb", ""},
	{"6200000000000005", "pm_card_unionpay", ""},
	{"4000002760000016", "pm_card_de", ""},
	{"4000000400000008", "pm_card_at", ""},
	{"4000007560000009", "pm_card_ch", ""},
	{"4000008260000000", "pm_card_gb", ""},
	{"4000002500000003", "pm_card_fr", ""},
	{"4000000000009987", "pm_card_chargeDeclinedLostCard", ""},
	{"4000000000009979", "pm_card_chargeDeclinedStolenCard", ""},
	{"4000000000000119", "pm_card_chargeDeclinedProcessingError", ""},
	{"4242424242424241", "pm_card_chargeDeclinedIncorrectNumber", ""},
	{"4000000000006975", "pm_card_chargeDeclinedVelocityLimitExceeded", ""},
	{"4100000000000019", "pm_card_radarBlock", ""},
	{"4000000000000101", "pm_card_cvcCheckFail", ""},
	{"4000002760003184", "pm_card_authenticationRequired", ""},
	{"4000002500003155", "pm_card_authenticationRequiredOnSetup", ""},
	{"4000000000003063", "pm_card_threeDSecureRequired", ""},
	{"4000008400001629", "pm_card_threeDSecureRequiredChargeDeclined", ""},
	{"4000008400001280", "pm_card_threeDSecureRequiredProcessingError", ""},
	{"4000000000003055", "pm_card_threeDSecureOptional", ""},
	{"4000000000000259", "pm_card_createDispute", ""},
	{"4000000000000077", "pm_card_bypassPending", ""},
}

// Number is the card's number as it is printed on cards: in groups of four.
func (c testCard) Number() string {
	var b strings.Builder
	for i, digit := range c.Digits {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// listedCards are those to choose from.
func listedCards() (all []testCard) {
	for _, c := range testCards {
		if c.Does != "" {
			all = append(all, c)
		}
	}
	return all
}

// cardNumbered is the card with the number as somebody has typed it; false if it is none that we know.
func cardNumbered(typed string) (testCard, bool) {
	for _, c := range testCards {
		if c.Digits == digitsOf(typed) {
			return c, true
		}
	}
	return testCard{}, false
}

// cardOffered is the listed card whose payment method has that name.
func cardOffered(token string) (testCard, bool) {
	for _, c := range listedCards() {
		if c.Token == token {
			return c, true
		}
	}
	return testCard{}, false
}

// digitsOf is what was typed without the spaces and dashes that people put between groups.
func digitsOf(typed string) string {
	return strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(typed)
}

// addsUp tells whether the last digit fits the others (Luhn). If it does not, the number has a typing error.
func addsUp(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return len(digits) >= 12 && sum%10 == 0
}
