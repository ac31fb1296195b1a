package stripesim

import "strings"

// card is one of Stripe's test payment methods: what it looks like and what its bank does.
type card struct {
	id, brand, last4, country string
	refusal                   refusal // the bank's answer to a charge; the zero value is yes
	step                      step    // whether the bank wants to see the cardholder first
}

// refusal is why the bank says no.
type refusal struct{ code, decline, message, param string }

// step says when the bank wants to see the cardholder.
type step int

const (
	never     step = iota
	onSession      // when the cardholder is there; without them the payment goes through
	always         // without the cardholder the payment is declined
)

// Stripe's published refusals.
var (
	genericDecline    = refusal{"card_declined", "generic_decline", "Your card was declined.", ""}
	insufficientFunds = refusal{"card_declined", "insufficient_funds", "Your card has insufficient funds.", ""}
	lostCard          = refusal{"card_declined", "lost_card", "Your card was declined.", ""}
	stolenCard        = refusal{"card_declined", "stolen_card", "Your card was declined.", ""}
	fraudulent        = refusal{"card_declined", "fraudulent", "Your card was declined.", ""}
	tooFrequent       = refusal{"card_declined", "card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.", ""}
	expired           = refusal{"expired_card", "expired_card", "Your card has expired.", "exp_month"}
	incorrectCVC      = refusal{"incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc"}
	incorrectNumber   = refusal{"incorrect_number", "incorrect_number", "Your card number is incorrect.", "number"}
	processingError   = refusal{"processing_error", "processing_error", "An error occurred while processing your card. Try again in a little bit.", ""}
	needsCardholder   = refusal{"authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication.", ""}
)

// cards is every payment method that the simulator knows. The disputes and the refunds that fail later are plain
// successes here: what follows them is not simulated.
var cards = []card{
	{id: "pm_card_visa", brand: "visa", last4: "4242"},
	{id: "pm_card_visa_debit", brand: "visa", last4: "5556"},
	{id: "pm_card_mastercard", brand: "mastercard", last4: "4444"},
	{id: "pm_card_mastercard_debit", brand: "mastercard", last4: "8210"},
	{id: "pm_card_mastercard_prepaid", brand: "mastercard", last4: "5100"},
	{id: "pm_card_amex", brand: "amex", last4: "8431"},
	{id: "pm_card_discover", brand: "discover", last4: "1117"},
	{id: "pm_card_diners", brand: "diners", last4: "0004"},
	{id: "pm_card_jcb", brand: "jcb", last4: "0505"},
	{id: "pm_card_unionpay", brand: "unionpay", last4: "0005"},

	{id: "pm_card_us", brand: "visa", last4: "4242"},
	{id: "pm_card_ca", brand: "visa", last4: "0000", country: "CA"},
	{id: "pm_card_mx", brand: "visa", last4: "8001", country: "MX"},
	{id: "pm_card_br", brand: "visa", last4: "0002", country: "BR"},
	{id: "pm_card_gb", brand: "visa", last4: "0000", country: "GB"},
	{id: "pm_card_de", brand: "visa", last4: "0000", country: "DE"},
	{id: "pm_card_fr", brand: "visa", last4: "0003", country: "FR"},
	{id: "pm_card_es", brand: "visa", last4: "0007", country: "ES"},
	{id: "pm_card_it", brand: "visa", last4: "0008", country: "IT"},
	{id: "pm_card_nl", brand: "visa", last4: "0002", country: "NL"},
	{id: "pm_card_jp", brand: "visa", last4: "0003", country: "JP"},
	{id: "pm_card_au", brand: "visa", last4: "0006", country: "AU"},
	{id: "pm_card_in", brand: "visa", last4: "0008", country: "IN"},

	{id: "pm_card_chargeDeclined", brand: "visa", last4: "0002", refusal: genericDecline},
	{id: "pm_card_chargeDeclinedInsufficientFunds", brand: "visa", last4: "9995", refusal: insufficientFunds},
	{id: "pm_card_chargeDeclinedLostCard", brand: "visa", last4: "9987", refusal: lostCard},
	{id: "pm_card_chargeDeclinedStolenCard", brand: "visa", last4: "9979", refusal: stolenCard},
	{id: "pm_card_chargeDeclinedFraudulent", brand: "visa", last4: "0019", refusal: fraudulent},
	{id: "pm_card_chargeDeclinedVelocityLimitExceeded", brand: "visa", last4: "6975", refusal: tooFrequent},
	{id: "pm_card_chargeDeclinedExpiredCard", brand: "visa", last4: "0069", refusal: expired},
	{id: "pm_card_chargeDeclinedIncorrectCvc", brand: "visa", last4: "0127", refusal: incorrectCVC},
	{id: "pm_card_chargeDeclinedIncorrectNumber", brand: "visa", last4: "4241", refusal: incorrectNumber},
	{id: "pm_card_chargeDeclinedProcessingError", brand: "visa", last4: "0119", refusal: processingError},
	{id: "pm_card_chargeCustomerFail", brand: "visa", last4: "0341", refusal: genericDecline},
	{id: "pm_card_radarBlock", brand: "visa", last4: "0019", refusal: fraudulent},

	{id: "pm_card_authenticationRequired", brand: "visa", last4: "3184", step: always},
	{id: "pm_card_authenticationRequiredOnSetup", brand: "visa", last4: "3155", step: onSession},
	{id: "pm_card_threeDSecure2Required", brand: "visa", last4: "3220", step: always},
	{id: "pm_card_threeDSecureRequired", brand: "visa", last4: "3063", step: always},
	{id: "pm_card_threeDSecureRequiredChargeDeclined", brand: "visa", last4: "1629", step: always, refusal: genericDecline},
	{id: "pm_card_threeDSecureRequiredProcessingError", brand: "visa", last4: "1633", step: always, refusal: processingError},
	{id: "pm_card_threeDSecureOptional", brand: "visa", last4: "3055"},
	{id: "pm_card_amex_threeDSecureNotSupported", brand: "amex", last4: "0005"},

	{id: "pm_card_createDispute", brand: "visa", last4: "0259"},
	{id: "pm_card_createDisputeProductNotReceived", brand: "visa", last4: "2685"},
	{id: "pm_card_createDisputeInquiry", brand: "visa", last4: "1976"},
	{id: "pm_card_pendingRefund", brand: "visa", last4: "7726"},
	{id: "pm_card_refundFail", brand: "visa", last4: "5126"},
	{id: "pm_card_bypassPending", brand: "visa", last4: "0077"},
	{id: "pm_card_riskLevelElevated", brand: "visa", last4: "9235"},
}

// findCard also takes the names that say the brand: pm_card_visa_chargeDeclined is pm_card_chargeDeclined.
func findCard(id string) (card, bool) {
	plain := strings.Replace(id, "pm_card_visa_chargeDeclined", "pm_card_chargeDeclined", 1)
	for _, c := range cards {
		if c.id == plain {
			c.id = id
			if c.country == "" {
				c.country = "US"
			}
			return c, true
		}
	}
	return card{}, false
}

// render is the PaymentMethod as the API shows it.
func (c card) render() object {
	return object{
		"id": c.id, "object": "payment_method", "type": "card", "livemode": false, "created": 0, "customer": nil,
		"metadata": object{}, "billing_details": billing(), "card": c.face(),
	}
}

func (c card) face() object {
	return object{
		"brand": c.brand, "last4": c.last4, "country": c.country, "funding": "credit", "exp_month": 8, "exp_year": 2099,
		"fingerprint": "sim" + c.last4 + c.brand, "checks": object{"cvc_check": "pass", "address_line1_check": nil,
			"address_postal_code_check": nil}, "three_d_secure_usage": object{"supported": true}, "wallet": nil,
	}
}

func billing() object {
	return object{"address": object{"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil,
		"state": nil}, "email": nil, "name": nil, "phone": nil, "tax_id": nil}
}

func retrieveMethod(c *call) (object, error) {
	found, ok := findCard(c.id)
	if !ok {
		return nil, missing("PaymentMethod", "payment_method", c.id, true)
	}
	return found.render(), nil
}
