package api

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"ticketing/kernel/money"
)

// Where an order stands. Created and Completed are statuses of charges too.
const (
	Created         = "Created"
	AwaitingPayment = "AwaitingPayment"
	Completed       = "Completed"
	Cancelled       = "Cancelled"
)

// Why an order was cancelled.
const (
	Expired           = "expired"
	ByBuyer           = "by_buyer"
	PaymentFailed     = "payment_failed"
	TicketChanged     = "ticket_changed"
	TicketUnavailable = "ticket_unavailable"
)

// Order is a buyer's claim on a ticket.
type Order struct {
	ID           string      `json:"id"`
	UserID       string      `json:"userId"` // the buyer
	Status       string      `json:"status"`
	CancelReason string      `json:"cancelReason"`
	ExpiresAt    time.Time   `json:"expiresAt"`
	ExpiresIn    int64       `json:"expiresIn"` // whole seconds left when this was answered, by the market's clock
	Ticket       OrderTicket `json:"ticket"`
	Version      int64       `json:"version"`
	CreatedAt    time.Time   `json:"createdAt"`
	UpdatedAt    time.Time   `json:"updatedAt"`
}

// OrderTicket is the ticket as it was ordered.
type OrderTicket struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Price    money.Decimal `json:"price"`
	Currency string        `json:"currency"`
	Version  int64         `json:"version"`
}

// Live tells whether the order still can come to something.
func (o Order) Live() bool { return o.Status == Created || o.Status == AwaitingPayment }

// OrderQuery chooses orders of whoever is signed in. The zero value is the newest.
type OrderQuery struct {
	Status string // empty: whatever it is
	Limit  int    // a page has at most so many; 0: 20
	Cursor string // Next of the page before
}

// Orders is one page of one's own orders.
func (c *Client) Orders(ctx context.Context, q OrderQuery) (Page[Order], error) {
	return pageOf[Order](ctx, c, "/api/orders", values("status", q.Status, "limit", number(q.Limit), "cursor", q.Cursor))
}

// AllOrders goes through one's own orders of all pages from q's on.
func (c *Client) AllOrders(ctx context.Context, q OrderQuery) iter.Seq2[Order, error] {
	return each(func(cursor string) (Page[Order], error) {
		if cursor != "" {
			q.Cursor = cursor
		}
		return c.Orders(ctx, q)
	})
}

// Order is one of one's own orders.
func (c *Client) Order(ctx context.Context, id string) (Order, error) {
	return get[Order](ctx, c, call{method: http.MethodGet, path: "/api/orders/" + url.PathEscape(id)})
}

// PlaceOrder orders a ticket at the price that the buyer saw; nil is any. Somebody who has a live order for the ticket
// gets that one.
func (c *Client) PlaceOrder(ctx context.Context, ticketID string, seen *money.Decimal) (Order, error) {
	body := struct {
		TicketID string         `json:"ticketId"`
		Price    *money.Decimal `json:"price,omitempty"`
	}{ticketID, seen}
	return get[Order](ctx, c, call{method: http.MethodPost, path: "/api/orders", body: body})
}

// CancelOrder cancels an order; again changes nothing.
func (c *Client) CancelOrder(ctx context.Context, id string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "/api/orders/" + url.PathEscape(id)})
	return err
}
