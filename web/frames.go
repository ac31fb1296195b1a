package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

// What pages hear of. Two of them are about whoever is signed in: orders and selling.
const (
	topicMarket  = "market"
	topicOrders  = "orders"
	topicSelling = "selling"
	aboutTicket  = "ticket:"
	aboutOrder   = "order:"
	ordersOf     = topicOrders + ":"
	sellingOf    = topicSelling + ":"
)

// liveTicket is what everybody may know of a ticket.
type liveTicket struct {
	ID          string        `json:"id"`
	Version     int64         `json:"version"`
	Status      string        `json:"status"`
	Price       money.Decimal `json:"price"`
	Currency    string        `json:"currency"`
	Title       string        `json:"title"`
	Venue       string        `json:"venue,omitempty"`
	StartsAt    *time.Time    `json:"startsAt,omitempty"`
	LockedUntil *time.Time    `json:"lockedUntil,omitempty"`
}

// liveOrder is what its buyer may know of an order.
type liveOrder struct {
	ID           string    `json:"id"`
	Version      int64     `json:"version"`
	Status       string    `json:"status"`
	CancelReason string    `json:"cancelReason,omitempty"`
	ExpiresAt    time.Time `json:"expiresAt"`
	TicketID     string    `json:"ticketId"`
	Paying       bool      `json:"paying"` // a payment has the order
}

// liveCharge is what the buyer of its order may know of a payment.
type liveCharge struct {
	ID           string        `json:"id"`
	OrderID      string        `json:"orderId"`
	Version      int64         `json:"version"`
	Status       string        `json:"status"`
	Amount       money.Decimal `json:"amount"`
	Currency     string        `json:"currency"`
	FailureCode  string        `json:"failureCode,omitempty"`
	RefundStatus string        `json:"refundStatus,omitempty"`
}

// frameOf is the event as pages hear of it; nil if none does. A user is named whose account has changed.
func frameOf(e Entry) (_ *frame, user string, err error) {
	if e.Document == nil {
		return nil, "", nil
	}
	var envelope event.Envelope
	if err := json.Unmarshal(e.Document, &envelope); err != nil {
		return nil, "", err
	}
	is := func(k event.Kind) bool { return slices.Contains(k.Types, envelope.Type) }
	switch {
	case is(event.Users):
		var u event.User
		err := json.Unmarshal(envelope.Data, &u)
		return nil, u.ID, err
	case is(event.Tickets):
		var t event.Ticket
		if err := json.Unmarshal(envelope.Data, &t); err != nil {
			return nil, "", err
		}
		data := liveTicket{t.ID, t.Version, t.Status, t.Price, t.Currency, t.Title, t.Venue, t.StartsAt, t.LockedUntil}
		return newFrame(e.Seq, "ticket", data, topicMarket, aboutTicket+t.ID, sellingOf+t.UserID)
	case is(event.Orders):
		var o event.Order
		if err := json.Unmarshal(envelope.Data, &o); err != nil {
			return nil, "", err
		}
		data := liveOrder{o.ID, o.Version, o.Status, o.CancelReason, o.ExpiresAt, o.Ticket.ID, o.ChargeID != ""}
		return newFrame(e.Seq, "order", data, aboutOrder+o.ID, ordersOf+o.UserID)
	case is(event.Charges):
		var c event.Charge
		if err := json.Unmarshal(envelope.Data, &c); err != nil {
			return nil, "", err
		}
		data := liveCharge{c.ID, c.OrderID, c.Version, c.Status, c.Amount, c.Currency, c.FailureCode, c.RefundStatus}
		return newFrame(e.Seq, "charge", data, aboutOrder+c.OrderID)
	}
	return nil, "", nil
}

func newFrame(seq uint64, name string, data any, topics ...string) (*frame, string, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return nil, "", err
	}
	return &frame{seq: seq, topics: topics, text: sse(seq, name, text)}, "", nil
}

// sse is one server-sent event. JSON has no line breaks of its own.
func sse(id uint64, name string, data []byte) []byte {
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", id, name, data)
}

// resetText tells a page that it has missed something and has to look for itself.
func resetText(at uint64) []byte { return sse(at, "reset", []byte("{}")) }
