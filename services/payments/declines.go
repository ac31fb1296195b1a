package payments

import (
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
)

// declined says why the charge failed.
func (c Charge) declined() error {
	text, ok := declines[c.FailureCode]
	if !ok {
		text = "The bank refused the payment."
	}
	return fault.CardDeclined.New("%s Nothing was charged.", text).On("token")
}

// declines are the reasons for a refused payment in plain words. Of a card that was reported lost or stolen nothing is
// said, as Stripe asks.
var declines = map[string]string{
	"card_declined":                         "The bank refused the payment without giving a reason.",
	"insufficient_funds":                    "There is not enough money on the card.",
	"expired_card":                          "The card has expired.",
	"incorrect_cvc":                         "The card's security code is wrong.",
	"incorrect_number":                      "The card's number is wrong.",
	"incorrect_zip":                         "The postal code does not fit the card.",
	"processing_error":                      "The bank had a fault while it processed the payment. Try again in a moment.",
	"card_velocity_exceeded":                "The card was used too often in a short time, or its limit is reached.",
	"withdrawal_count_limit_exceeded":       "The card's limit is reached.",
	"card_not_supported":                    "The card does not support this kind of purchase.",
	"currency_not_supported":                "The card does not support this currency.",
	"do_not_honor":                          "The bank refused the payment without giving a reason.",
	"call_issuer":                           "The bank wants to be called before it agrees.",
	"try_again_later":                       "The bank could not answer. Try again in a moment.",
	"authentication_required":               "The bank wants to see you first. Pay again and follow the bank's step.",
	"payment_intent_authentication_failure": "The bank's step was not completed.",
	"resource_missing":                      "Stripe does not know this payment method.",
	"amount_too_small":                      "The amount is smaller than Stripe takes in this currency.",
	"amount_too_large":                      "The amount is larger than Stripe takes.",
	codeAmount:                              "Stripe cannot take this amount in this currency.",
	codeTimeout:                             "The bank did not answer in time, so the payment was cancelled.",
	codeLost:                                "Stripe does not know the payment any more.",
	event.NotSubmitted:                      "The payment provider could not be reached.",
}
