package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"ticketing/kernel/money"
)

// What can be done with a ticket.
const (
	Available = "available"
	Locked    = "locked"
	Sold      = "sold"
	Withdrawn = "withdrawn"
	All       = "all" // in a TicketQuery: whatever its status
)

// Ticket is a ticket on the market.
type Ticket struct {
	ID          string        `json:"id"`
	Title       string        `json:"title"`
	Price       money.Decimal `json:"price"` // in the major unit of the currency
	Currency    string        `json:"currency"`
	Venue       string        `json:"venue"`
	StartsAt    time.Time     `json:"startsAt"` // zero: not said
	TimeZone    string        `json:"timeZone"` // of the event, by its IANA name; empty: not said
	Details     string        `json:"details"`
	UserID      string        `json:"userId"`      // the seller
	OrderID     string        `json:"orderId"`     // that holds it, locked or sold
	Status      string        `json:"status"`      // Available, Locked, Sold or Withdrawn
	LockedUntil time.Time     `json:"lockedUntil"` // zero unless it is locked
	Version     int64         `json:"version"`
	CreatedAt   time.Time     `json:"createdAt"`
	UpdatedAt   time.Time     `json:"updatedAt"`
}

// Listing is what a seller says about a ticket.
type Listing struct {
	Title    string        `json:"title"`
	Price    money.Decimal `json:"price"`
	Venue    string        `json:"venue,omitempty"`
	StartsAt time.Time     `json:"startsAt,omitzero"`
	TimeZone string        `json:"timeZone,omitempty"`
	Details  string        `json:"details,omitempty"`
}

// Listing is what its seller says about the ticket, to be changed and given to EditTicket.
func (t Ticket) Listing() Listing {
	return Listing{Title: t.Title, Price: t.Price, Venue: t.Venue, StartsAt: t.StartsAt, TimeZone: t.TimeZone, Details: t.Details}
}

// TicketQuery chooses tickets. The zero value is the newest that are available.
type TicketQuery struct {
	Words  string // of title, venue and details
	Status string // Available, Locked, Sold or All
	Seller string // id of a user
	Sort   string // new, price, -price or date
	Limit  int    // a page has at most so many; 0: 20
	Cursor string // Next of the page before
}

func (q TicketQuery) values() url.Values {
	return values("q", q.Words, "status", q.Status, "seller", q.Seller, "sort", q.Sort, "limit", number(q.Limit), "cursor", q.Cursor)
}

// Tickets is one page of tickets.
func (c *Client) Tickets(ctx context.Context, q TicketQuery) (Page[Ticket], error) {
	return pageOf[Ticket](ctx, c, "/api/tickets", q.values())
}

// TicketsUnless is Tickets for who has a page already, with the tag that it came with. If that is what it would be again, the tag
// is the same and the page is left empty. An empty tag is no tag.
func (c *Client) TicketsUnless(ctx context.Context, q TicketQuery, known string) (p Page[Ticket], tag string, err error) {
	what := call{method: http.MethodGet, path: "/api/tickets", query: q.values()}
	if known != "" {
		what.header = http.Header{"If-None-Match": {known}}
	}
	a, err := c.do(ctx, what)
	if err != nil {
		return p, "", err
	}
	if a.status == http.StatusNotModified {
		return p, known, nil
	}
	p.Next = nextCursor(a.header)
	return p, a.header.Get("ETag"), a.into(&p.Items)
}

// AllTickets goes through the tickets of all pages from q's on.
func (c *Client) AllTickets(ctx context.Context, q TicketQuery) iter.Seq2[Ticket, error] {
	return each(func(cursor string) (Page[Ticket], error) {
		if cursor != "" {
			q.Cursor = cursor
		}
		return c.Tickets(ctx, q)
	})
}

// Ticket is one ticket.
func (c *Client) Ticket(ctx context.Context, id string) (Ticket, error) {
	return get[Ticket](ctx, c, call{method: http.MethodGet, path: "/api/tickets/" + url.PathEscape(id)})
}

// ListTicket puts a ticket on the market.
func (c *Client) ListTicket(ctx context.Context, l Listing) (Ticket, error) {
	return get[Ticket](ctx, c, call{method: http.MethodPost, path: "/api/tickets", body: l})
}

// EditTicket changes a ticket if it still is at that version; 0 is any.
func (c *Client) EditTicket(ctx context.Context, id string, version int64, l Listing) (Ticket, error) {
	return get[Ticket](ctx, c, call{
		method: http.MethodPut, path: "/api/tickets/" + url.PathEscape(id), body: l, header: ifMatch(version), once: version != 0,
	})
}

// Withdraw takes a ticket off the market if it still is at that version; 0 is any.
func (c *Client) Withdraw(ctx context.Context, id string, version int64) error {
	_, err := c.do(ctx, call{
		method: http.MethodDelete, path: "/api/tickets/" + url.PathEscape(id), header: ifMatch(version), once: version != 0,
	})
	return err
}

func ifMatch(version int64) http.Header {
	if version == 0 {
		return nil
	}
	return http.Header{"If-Match": {fmt.Sprintf(`"%d"`, version)}}
}

// values are the parameters that are not empty, given as name, value, name, value.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
