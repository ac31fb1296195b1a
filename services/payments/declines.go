package payments

import (
	"slices"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
)

// declined says why the charge failed.
func (c Charge) declined() error {
	return fault.CardDeclined.New("%s Nothing was charged.", saying(c.FailureCode)).On("token")
}

// saying is a failure code in plain words.
func saying(code string) string {
	if text, ok := declines[code]; ok {
		return text
	}
	return refusedText
}

// toldCode is the failure code that others learn: whoever holds a card that was reported lost or stolen is not to know, as
// Stripe asks.
func (c Charge) toldCode() string {
	if slices.Contains(untold, c.FailureCode) {
		return "card_declined"
	}
	return c.FailureCode
}

// untold are the decline codes that are told as if the bank had given no reason.
var untold = []string{"fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "restricted_card", "security_violation", "stolen_card"}

const (
	refusedText  = "The bank refused the payment."
	noReasonText = "The bank refused the payment without giving a reason."
	askBankText  = "The bank refused the payment. Ask it for the reason, or use another card."
	notForText   = "The card cannot be used for this purchase. Use another card."
	limitText    = "The card was used too often in a short time, or its limit is reached. Use another card."
	againText    = "The bank could not answer. Try again in a moment."
	visitText    = "The bank wants to see you first. Pay again and follow the bank's step."
	pinText      = "The bank wants the card's PIN, which cannot be given online. Use another card."
	numberText   = "The card's number is wrong."
	cvcText      = "The card's security code is wrong."
	expiryText   = "The card's expiry date is wrong."
	addressText  = "The address does not fit the card."
)

// declines are the reasons for a refused payment in plain words: Stripe's decline codes for cards, the codes of its errors
// that a payment with a card can meet, and ours. What cannot be expressed in the currency is Stripe's invalid_amount too.
var declines = map[string]string{
	"approve_with_id":                       againText,
	"authentication_not_handled":            visitText,
	"authentication_required":               visitText,
	"call_issuer":                           "The bank wants to be called before it agrees.",
	"card_not_supported":                    notForText,
	"card_velocity_exceeded":                limitText,
	"currency_not_supported":                "The card does not support this currency.",
	"do_not_honor":                          noReasonText,
	"do_not_try_again":                      askBankText,
	"duplicate_transaction":                 "The same amount was paid with this card a moment ago. Look whether that was for this order.",
	"expired_card":                          "The card has expired.",
	"fraudulent":                            refusedText,
	"generic_decline":                       noReasonText,
	"incorrect_address":                     addressText,
	"incorrect_cvc":                         cvcText,
	"incorrect_number":                      numberText,
	"incorrect_pin":                         pinText,
	"incorrect_zip":                         "The postal code does not fit the card.",
	"insufficient_funds":                    "There is not enough money on the card.",
	"invalid_account":                       "The card, or the account behind it, is not valid. Use another card.",
	"invalid_amount":                        "This amount cannot be taken in this currency.",
	"invalid_cvc":                           cvcText,
	"invalid_expiry_month":                  expiryText,
	"invalid_expiry_year":                   expiryText,
	"invalid_number":                        numberText,
	"invalid_pin":                           pinText,
	"issuer_not_available":                  againText,
	"lost_card":                             refusedText,
	"merchant_blacklist":                    refusedText,
	"mobile_device_authentication_required": visitText,
	"new_account_information_available":     "The card, or the account behind it, is not valid any more. Ask the bank, or use another card.",
	"no_action_taken":                       askBankText,
	"not_permitted":                         notForText,
	"offline_pin_required":                  pinText,
	"online_or_offline_pin_required":        pinText,
	"pickup_card":                           refusedText,
	"pin_try_exceeded":                      "The PIN was wrong too often. Use another card.",
	"processing_error":                      "The bank had a fault while it processed the payment. Try again in a moment.",
	"reenter_transaction":                   againText,
	"restricted_card":                       refusedText,
	"revocation_of_all_authorizations":      askBankText,
	"revocation_of_authorization":           askBankText,
	"security_violation":                    refusedText,
	"service_not_allowed":                   notForText,
	"stolen_card":                           refusedText,
	"stop_payment_order":                    askBankText,
	"testmode_decline":                      "This is a card for tests; it takes no real money. Use another card.",
	"transaction_not_allowed":               notForText,
	"try_again_later":                       againText,
	"withdrawal_count_limit_exceeded":       limitText,

	"amount_too_large":                       "The amount is larger than Stripe takes.",
	"amount_too_small":                       "The amount is smaller than Stripe takes in this currency.",
	"capture_charge_authorization_expired":   "The bank held the money for too short a time. Try again.",
	"card_decline_rate_limit_exceeded":       "The card was refused too often. Use another card, or try again tomorrow.",
	"card_declined":                          noReasonText,
	"charge_expired_for_capture":             "The bank held the money for too short a time. Try again.",
	"payment_intent_authentication_failure":  "The bank's step was not completed.",
	"payment_method_unactivated":             "Payments in this way are not switched on here. Use another card.",
	"payment_method_unexpected_state":        "This card cannot be used as it is. Enter it again.",
	"payment_intent_payment_attempt_failed":  refusedText,
	"payment_intent_payment_attempt_expired": "The bank's step was not completed in time.",
	"payment_method_invalid_parameter":       "This card cannot be used as it is. Enter it again.",
	"resource_missing":                       "Stripe does not know this payment method.",
	"url_invalid":                            "The address to come back to after the bank's step is not valid.",

	codeCancelled:      "The order was cancelled before the money was taken.",
	codeTimeout:        "The bank did not answer in time, so the payment was cancelled.",
	codeLost:           "Stripe does not know the payment any more.",
	event.NotSubmitted: "The payment provider could not be reached.",
}
