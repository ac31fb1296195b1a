package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"ticketing/kernel/money"
)

// Failed is the status of a charge that took no money; the others are Created and Completed.
const Failed = "Failed"

// Charge is a payment for an order.
type Charge struct {
	ID             string        `json:"id"`
	OrderID        string        `json:"orderId"`
	Status         string        `json:"status"` // Created while it is not decided
	Amount         money.Decimal `json:"amount"`
	Currency       string        `json:"currency"`
	StripeID       string        `json:"stripeId"`
	StripeRefundID string        `json:"stripeRefundId"` // when the money went back
	RefundStatus   string        `json:"refundStatus"`   // due, pending, succeeded or failed; empty if none is owed
	FailureCode    string        `json:"failureCode"`
	ClientSecret   string        `json:"clientSecret"` // of Pay alone: the bank wants a further step of the buyer
	BankURL        string        `json:"bankUrl"`      // of PayAndReturn alone: where that step is taken
	CreatedAt      time.Time     `json:"createdAt"`
	UpdatedAt      time.Time     `json:"updatedAt"`
}

// Pay charges a Stripe PaymentMethod for an order. A charge that comes back as Created is not decided yet.
func (c *Client) Pay(ctx context.Context, orderID, token string) (Charge, error) {
	return c.PayAndReturn(ctx, orderID, token, "")
}

// PayAndReturn is Pay for a buyer with a browser: the bank sends them back to that address when it wants a further step.
func (c *Client) PayAndReturn(ctx context.Context, orderID, token, returnURL string) (Charge, error) {
	body := struct {
		OrderID   string `json:"orderId"`
		Token     string `json:"token"`
		ReturnURL string `json:"returnUrl,omitempty"`
	}{orderID, token, returnURL}
	return get[Charge](ctx, c, call{method: http.MethodPost, path: "/api/payments", body: body})
}

// Charges are the charges of an order, newest first.
func (c *Client) Charges(ctx context.Context, orderID string) ([]Charge, error) {
	return get[[]Charge](ctx, c, call{method: http.MethodGet, path: "/api/payments", query: url.Values{"orderId": {orderID}}})
}

// Config is what a browser needs to take a card.
type Config struct {
	PublishableKey string `json:"publishableKey"`
	Simulator      bool   `json:"simulator"` // no money moves
}

// Config asks how payments are taken.
func (c *Client) Config(ctx context.Context) (Config, error) {
	return get[Config](ctx, c, call{method: http.MethodGet, path: "/api/payments/config"})
}
