package payments_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ticketing/kernel/event"
)

// declineCodes are all decline codes for cards that Stripe documents, at docs.stripe.com/declines/codes and in its Go library.
// Those marked are not to be told to whoever holds the card.
var declineCodes = strings.Fields(`approve_with_id authentication_not_handled authentication_required call_issuer card_not_supported
	card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card !fraudulent
	generic_decline incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip insufficient_funds invalid_account
	invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available !lost_card
	!merchant_blacklist mobile_device_authentication_required new_account_information_available no_action_taken not_permitted
	offline_pin_required online_or_offline_pin_required !pickup_card pin_try_exceeded processing_error reenter_transaction
	!restricted_card revocation_of_all_authorizations revocation_of_authorization !security_violation service_not_allowed !stolen_card
	stop_payment_order testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded`)

// Every decline code that there is is told in plain words, but of a card that was reported lost or stolen no more is said
// than that it was refused: neither in the answer, nor in the list, nor in the event.
func TestEveryDeclineCode(t *testing.T) {
	each(t, func(m *market) {
		const refused = "The bank refused the payment. Nothing was charged."
		for _, code := range append(declineCodes, "a_new_one") {
			code, untold := strings.CutPrefix(code, "!")
			m.setMeddling(func(r *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
				if isCall(r, "confirm") {
					return stripeAnswer(402, fmt.Sprintf(`{"error":{"type":"card_error","code":"card_declined","decline_code":%q,"message":"secret"}}`, code)), nil
				}
				return next()
			})
			o := m.payable()
			r := m.pay(o, "pm_card_visa")
			m.setMeddling(nil)
			says := r.text("detail")
			switch {
			case r.status != 402 || r.text("code") != "card_declined" || !strings.HasSuffix(says, ". Nothing was charged."):
				m.t.Errorf("%s: %d %v", code, r.status, r.body)
			case (untold || code == "a_new_one") != (says == refused):
				m.t.Errorf("%s: %s", code, says)
			case strings.Contains(fmt.Sprint(r.body), "secret") || untold && strings.Contains(fmt.Sprint(r.body), code):
				m.t.Errorf("%s is told: %v", code, r.body)
			}
			want := code
			if untold || code == "generic_decline" {
				want = "card_declined"
			}
			list := m.ask("GET", "/api/payments?orderId="+o.ID, "buyer", "").list
			if len(list) != 1 || list[0]["failureCode"] != want {
				m.t.Errorf("%s in the list: %v", code, list)
			}
			if c := m.awaitCharge(o.ID, func(c event.Charge) bool { return c.Status == event.ChargeFailed }); c.FailureCode != want {
				m.t.Errorf("%s in the event: %+v", code, c)
			}
		}
	})
	if n := len(declineCodes); n != 50 {
		t.Errorf("%d codes", n)
	}
}
