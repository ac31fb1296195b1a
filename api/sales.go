package api

import (
	"context"
	"iter"
	"net/http"
	"time"

	"ticketing/kernel/money"
)

// Balance is what somebody has earned by selling. Any part may be negative.
type Balance struct {
	Currency  string        `json:"currency"`
	Earned    money.Decimal `json:"earned"` // without fees and what went back: the sum of the next three
	Pending   money.Decimal `json:"pending"`
	Available money.Decimal `json:"available"` // to be paid out
	PaidOut   money.Decimal `json:"paidOut"`
	Fees      money.Decimal `json:"fees"` // what the market kept
}

// Balance is what whoever is signed in has earned.
func (c *Client) Balance(ctx context.Context) (Balance, error) {
	return get[Balance](ctx, c, call{method: http.MethodGet, path: "/api/payments/balance"})
}

// How far the payout of a sale is.
const (
	SalePending   = "pending"
	SaleAvailable = "available"
	SaleDisputed  = "disputed" // the buyer's bank wants the money back, or has got it
	SalePaid      = "paid"
	SaleReversed  = "reversed" // paid out, and taken back
	SaleRefunded  = "refunded" // the buyer has the whole price back
)

// Sale is a ticket of one's own that was sold and paid for.
type Sale struct {
	ID          string        `json:"id"`
	OrderID     string        `json:"orderId"`
	TicketID    string        `json:"ticketId"`
	Title       string        `json:"title"`
	Price       money.Decimal `json:"price"`
	Fee         money.Decimal `json:"fee"`
	Earned      money.Decimal `json:"earned"`
	Returned    money.Decimal `json:"returned"` // of the earned, to the buyer
	Currency    string        `json:"currency"`
	Status      string        `json:"status"`
	AvailableAt time.Time     `json:"availableAt"` // zero if it is not known, or past
	PaidAt      time.Time     `json:"paidAt"`      // zero if it was not paid out
	TransferID  string        `json:"stripeTransferId"`
	SoldAt      time.Time     `json:"soldAt"`
}

// PayoutAccount is one's account at Stripe, where one is paid.
type PayoutAccount struct {
	AccountID      string `json:"accountId"`
	PayoutsEnabled bool   `json:"payoutsEnabled"`
	OnboardingURL  string `json:"onboardingUrl"` // of OpenPayoutAccount alone: Stripe's page, good for one visit
}

// PayoutAccount is the account of whoever is signed in.
func (c *Client) PayoutAccount(ctx context.Context) (PayoutAccount, error) {
	return get[PayoutAccount](ctx, c, call{method: http.MethodGet, path: "/api/payments/account"})
}

// OpenPayoutAccount opens an account to be paid on, or another link to the page of the one there is. Stripe sends its
// owner back to returnURL, or to refreshURL if the link was of no use any more; empty is the same one.
func (c *Client) OpenPayoutAccount(ctx context.Context, returnURL, refreshURL string) (PayoutAccount, error) {
	body := struct {
		Return  string `json:"returnUrl"`
		Refresh string `json:"refreshUrl,omitempty"`
	}{returnURL, refreshURL}
	return get[PayoutAccount](ctx, c, call{method: http.MethodPost, path: "/api/payments/account", body: body})
}

// SaleQuery chooses sales of whoever is signed in. The zero value is the newest.
type SaleQuery struct {
	Limit  int    // a page has at most so many; 0: 20
	Cursor string // Next of the page before
}

// Sales is one page of one's own sales.
func (c *Client) Sales(ctx context.Context, q SaleQuery) (Page[Sale], error) {
	return pageOf[Sale](ctx, c, "/api/payments/sales", values("limit", number(q.Limit), "cursor", q.Cursor))
}

// AllSales goes through one's own sales of all pages from q's on.
func (c *Client) AllSales(ctx context.Context, q SaleQuery) iter.Seq2[Sale, error] {
	return each(func(cursor string) (Page[Sale], error) {
		if cursor != "" {
			q.Cursor = cursor
		}
		return c.Sales(ctx, q)
	})
}
