package test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"ticketing/test/market"
)

// TestBankStep: a buyer whose bank wants to see them goes to its page, comes back, and is told what became of the payment.
// In each topology the bank's page, the return page and the API are one origin.
func TestBankStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, decision, card, status, says string }{
		{"approved", "approve", "pm_card_threeDSecure2Required", "Completed", "is yours"},
		{"refused", "fail", "pm_card_threeDSecure2Required", "Cancelled", "did not go through"},
		{"approved and declined", "approve", "pm_card_threeDSecureRequiredChargeDeclined", "Cancelled", "did not go through"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := market.Open(t, market.Topologies[0])
			seller, buyer := m.SignUp("sally"), m.SignUp("bert")
			o := buyer.Locked(buyer.Orders(seller.Lists("Row 3", "49.90")))
			back := m.Front.URL + "/payments/return?order=" + o.ID
			answer := buyer.Ask("POST", "/api/payments", map[string]any{"orderId": o.ID, "token": c.card, "returnUrl": back}).Want(202)
			charge := market.As[struct {
				ClientSecret string `json:"clientSecret"`
				BankURL      string `json:"bankUrl"`
			}](answer)
			if charge.ClientSecret == "" || !strings.HasPrefix(charge.BankURL, m.Front.URL+"/bank/") {
				t.Fatalf("%v", answer)
			}
			browser := buyer.Browser()
			if page := visit(t, browser.Get, charge.BankURL); !strings.Contains(page, "Approve") {
				t.Fatalf("the bank's page:\n%s", page)
			}
			landed := visit(t, func(address string) (*http.Response, error) {
				return browser.PostForm(address, url.Values{"decision": {c.decision}})
			}, charge.BankURL)
			if !strings.Contains(landed, "Back from your bank") {
				t.Fatalf("after the bank's page:\n%s", landed)
			}
			buyer.SeesOrder(o.ID, c.status)
			market.Eventually(t, "the return page says what became of it", func() (bool, string) {
				page := visit(t, browser.Get, back)
				return strings.Contains(page, c.says), page
			})
			if over := visit(t, browser.Get, charge.BankURL); !strings.Contains(over, "is over") {
				t.Errorf("the bank's page afterwards:\n%s", over)
			}
			m.Settles()
			m.Audits()
		})
	}
}

func visit(t *testing.T, how func(address string) (*http.Response, error), address string) string {
	t.Helper()
	resp, err := how(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
