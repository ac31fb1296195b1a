package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/api"
	"ticketing/kernel/money"
)

// A whole market: a ticket is listed, bought and paid for, its seller opens an account on the page of the simulator's, and
// gets the price without the fee.
func TestSellersArePaid(t *testing.T) {
	m := serve(t, "--data", t.TempDir(), "--currency", "eur", "--fee", "250", "--payout-after", "1ms")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	seller, buyer := api.New(m.url, nil), api.New(m.url, nil)
	for email, c := range map[string]*api.Client{"sam@example.com": seller, "ann@example.com": buyer} {
		_, err := c.SignUp(t.Context(), email, "four small words")
		must(err)
	}
	price, err := money.ParseDecimal("49.90")
	must(err)
	ticket, err := seller.ListTicket(t.Context(), api.Listing{Title: "Row 3, seat 12", Price: price})
	must(err)
	order, err := buyer.PlaceOrder(t.Context(), ticket.ID, nil)
	must(err)
	_, err = buyer.Pay(t.Context(), order.ID, "pm_card_visa")
	must(err)
	account, err := seller.OpenPayoutAccount(t.Context(), m.url+"/", "")
	must(err)
	if !strings.HasPrefix(account.OnboardingURL, m.url+"/connect/") {
		t.Fatalf("%+v", account)
	}
	done, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).
		PostForm(account.OnboardingURL, url.Values{"decision": {"finish"}})
	must(err)
	done.Body.Close()
	if done.StatusCode != http.StatusSeeOther || done.Header.Get("Location") != m.url+"/" {
		t.Fatalf("%d %v", done.StatusCode, done.Header)
	}
	var page api.Page[api.Sale]
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		page, err = seller.Sales(t.Context(), api.SaleQuery{})
		must(err)
		if len(page.Items) == 1 && page.Items[0].Status == api.SalePaid {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", page.Items)
		}
	}
	sale := page.Items[0]
	balance, err := seller.Balance(t.Context())
	must(err)
	if sale.Fee.String() != "1.24" || sale.Earned.String() != "48.66" || sale.OrderID != order.ID || !strings.HasPrefix(sale.TransferID, "tr_") ||
		balance.PaidOut != sale.Earned || balance.Available.Sign() != 0 || balance.Currency != "eur" {
		t.Errorf("%+v %+v", sale, balance)
	}
}
