// Package event is the vocabulary of the event log: what can happen, and what is told about it.
//
// Services meet here and nowhere else. An event is a past fact that carries the whole state of its entity under a
// version, so that a reader needs no other event to use it and can tell a late, repeated or reordered one by its
// version. The structs only ever grow. They hold plain values: no behaviour, no secrets.
package event

import (
	"encoding/json"
	"reflect"
	"time"

	"ticketing/kernel/money"
)

// Type names what happened.
type Type string

// The events, each with the service that says it.
const (
	UserCreated        Type = "UserCreated"        // auth
	UserUpdated        Type = "UserUpdated"        // auth
	TicketCreated      Type = "TicketCreated"      // tickets
	TicketUpdated      Type = "TicketUpdated"      // tickets
	TicketLockRejected Type = "TicketLockRejected" // tickets
	OrderCreated       Type = "OrderCreated"       // orders
	OrderUpdated       Type = "OrderUpdated"       // orders
	OrderCancelled     Type = "OrderCancelled"     // orders
	OrderExpired       Type = "OrderExpired"       // expiration
	ChargeCreated      Type = "ChargeCreated"      // payments
	ChargeUpdated      Type = "ChargeUpdated"      // payments
)

// Kind is a family of events that tell the state of one sort of entity, under one sequence of versions.
type Kind struct {
	Name   string // of the entity: "order"
	Source string // CloudEvents source, the service that alone says these: "/orders"
	Types  []Type
}

// The kinds of entity that the log knows.
var (
	Users      = Kind{"user", "/auth", []Type{UserCreated, UserUpdated}}
	Tickets    = Kind{"ticket", "/tickets", []Type{TicketCreated, TicketUpdated}}
	Rejections = Kind{"rejection", "/tickets", []Type{TicketLockRejected}}
	Orders     = Kind{"order", "/orders", []Type{OrderCreated, OrderUpdated, OrderCancelled}}
	Expiries   = Kind{"expiry", "/expiration", []Type{OrderExpired}}
	Charges    = Kind{"charge", "/payments", []Type{ChargeCreated, ChargeUpdated}}

	// Kinds is all of them: what the documents, the followers and the audit go by.
	Kinds = []Kind{Users, Tickets, Rejections, Orders, Expiries, Charges}
)

// State is an entity's whole state, as the data of an event.
type State interface {
	Kind() Kind
	Entity() (id string, version int64)
}

// DataSchema is the URI that names the JSON Schema of a state; the AsyncAPI document has the schema under it.
func DataSchema(s State) string { return "urn:ticketing:schema:" + reflect.TypeOf(s).Name() }

// Envelope is one message of the log: a CloudEvents 1.0 document in structured mode.
type Envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            Type            `json:"type"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	DataSchema      string          `json:"dataschema,omitempty"`
	TraceParent     string          `json:"traceparent,omitempty"`
	Data            json.RawMessage `json:"data"`
}

// User is an account. Sessions that ended early are part of it, so that every service knows of a sign-out.
type User struct {
	ID            string         `json:"id" doc:"The account's id."`
	Email         string         `json:"email" doc:"The account's e-mail, lower case."`
	SessionEpoch  int64          `json:"sessionEpoch" doc:"Sessions of an earlier epoch are over; a new password begins a new one."`
	KeptSession   string         `json:"keptSession,omitempty" doc:"The session that set the password which began the epoch; it goes on, under its earlier token too."`
	EndedSessions []EndedSession `json:"endedSessions" doc:"Sessions that were signed out, until their tokens have expired; the newest 100."`
	Version       int64          `json:"version" doc:"1 for a new account, one more with every change."`
	CreatedAt     time.Time      `json:"createdAt" doc:"When the account was made."`
	UpdatedAt     time.Time      `json:"updatedAt" doc:"When it last changed."`
}

// EndedSession is a session that its owner ended before its token expired.
type EndedSession struct {
	ID        string    `json:"id" doc:"The session's id; not a token."`
	ExpiresAt time.Time `json:"expiresAt" doc:"When its token expires anyway."`
}

// Ticket statuses.
const (
	Available = "available"
	Locked    = "locked"
	Sold      = "sold"
	Withdrawn = "withdrawn"
)

// Ticket is a listing.
type Ticket struct {
	ID          string        `json:"id" doc:"The ticket's id."`
	Title       string        `json:"title" doc:"What it admits to."`
	Price       money.Decimal `json:"price" doc:"In the major unit of the currency."`
	Currency    string        `json:"currency" doc:"ISO 4217 code, lower case."`
	Venue       string        `json:"venue,omitempty" doc:"Where the event takes place."`
	StartsAt    *time.Time    `json:"startsAt,omitempty" doc:"When the event begins."`
	TimeZone    string        `json:"timeZone,omitempty" doc:"The time zone of the event by its IANA name, as Europe/Berlin."`
	Details     string        `json:"details,omitempty" doc:"Seat, block and whatever else the seller says."`
	UserID      string        `json:"userId" doc:"The seller."`
	OrderID     string        `json:"orderId,omitempty" doc:"The order that holds the ticket, locked or sold."`
	Status      string        `json:"status" enum:"available,locked,sold,withdrawn" doc:"What can be done with it."`
	LockedUntil *time.Time    `json:"lockedUntil,omitempty" doc:"When the lock ends unless the order is paid."`
	Version     int64         `json:"version" doc:"1 for a new ticket, one more with every change."`
	CreatedAt   time.Time     `json:"createdAt" doc:"When it was listed."`
	UpdatedAt   time.Time     `json:"updatedAt" doc:"When it last changed."`
}

// Why a ticket could not be locked for an order.
const (
	RejectedChanged     = "changed"     // it is another version than the order asked for
	RejectedUnavailable = "unavailable" // it is held by another order, sold, withdrawn, or its event has begun
)

// LockRejection says that an order did not get its ticket. Its entity is the order, which gets at most one.
type LockRejection struct {
	ID            string `json:"id" doc:"The order that asked; a refusal has its id."`
	OrderID       string `json:"orderId" doc:"The order that asked."`
	TicketID      string `json:"ticketId" doc:"The ticket it asked for."`
	Reason        string `json:"reason" enum:"changed,unavailable" doc:"Why it could not be locked."`
	TicketVersion int64  `json:"ticketVersion" doc:"The ticket's version when it was refused."`
	Version       int64  `json:"version" doc:"Always 1."`
}

// Order statuses.
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

// Order is one buyer's timed claim on one ticket, at the price and version that the buyer saw.
type Order struct {
	ID           string      `json:"id" doc:"The order's id."`
	UserID       string      `json:"userId" doc:"The buyer."`
	Status       string      `json:"status" enum:"Created,AwaitingPayment,Completed,Cancelled" doc:"Where it stands."`
	CancelReason string      `json:"cancelReason,omitempty" enum:"expired,by_buyer,payment_failed,ticket_changed,ticket_unavailable" doc:"Why it was cancelled."`
	ExpiresAt    time.Time   `json:"expiresAt" doc:"When the time to pay is over."`
	ChargeID     string      `json:"chargeId,omitempty" doc:"The payment that has the order: until it is decided, neither the buyer nor the end of the time to pay cancels the order. Of a completed order, the payment that paid for it."`
	Ticket       OrderTicket `json:"ticket" doc:"The ticket as the buyer saw it."`
	Version      int64       `json:"version" doc:"1 for a new order, one more with every change."`
	CreatedAt    time.Time   `json:"createdAt" doc:"When it was made."`
	UpdatedAt    time.Time   `json:"updatedAt" doc:"When it last changed."`
}

// OrderTicket is the ticket as it stood when it was ordered; what is charged is this price.
type OrderTicket struct {
	ID       string        `json:"id" doc:"The ticket's id."`
	Title    string        `json:"title" doc:"What it admits to."`
	Price    money.Decimal `json:"price" doc:"In the major unit of the currency."`
	Currency string        `json:"currency" doc:"ISO 4217 code, lower case."`
	Version  int64         `json:"version" doc:"The ticket's version that was ordered."`
	SellerID string        `json:"sellerId,omitempty" doc:"Who sells it."`
}

// Expiry says that an order's time to pay is over. It is said again, under the next version, until the order is decided.
type Expiry struct {
	ID        string    `json:"id" doc:"The order whose time is over; the alarm has its id."`
	OrderID   string    `json:"orderId" doc:"The order whose time is over."`
	ExpiresAt time.Time `json:"expiresAt" doc:"When that was."`
	Version   int64     `json:"version" doc:"1 the first time it is said, one more with every repeat."`
}

// ChargeFailed is the status of a charge that took no money; Created and Completed are those of orders too.
const ChargeFailed = "Failed"

// NotSubmitted is the failure code of a charge that never got to the bank, since the payment provider could not be reached.
// It counts as no attempt to pay.
const NotSubmitted = "not_submitted"

// Charge is one payment for an order, and the refund of it if there is one.
type Charge struct {
	ID             string        `json:"id" doc:"The charge's id."`
	OrderID        string        `json:"orderId" doc:"The order that it pays for."`
	Status         string        `json:"status" enum:"Created,Failed,Completed" doc:"Created while the bank has not answered."`
	Amount         money.Decimal `json:"amount" doc:"In the major unit of the currency."`
	Currency       string        `json:"currency" doc:"ISO 4217 code, lower case."`
	StripeID       string        `json:"stripeId,omitempty" doc:"Stripe's PaymentIntent."`
	StripeRefundID string        `json:"stripeRefundId,omitempty" doc:"Stripe's refund, when the money went back."`
	RefundStatus   string        `json:"refundStatus,omitempty" enum:"due,pending,succeeded,failed" doc:"What became of money that is owed back; one that failed is tried again."`
	FailureCode    string        `json:"failureCode,omitempty" doc:"Why it failed."`
	Version        int64         `json:"version" doc:"1 for a new charge, one more with every change."`
	CreatedAt      time.Time     `json:"createdAt" doc:"When the payment was submitted."`
	UpdatedAt      time.Time     `json:"updatedAt" doc:"When it last changed."`
}

// Each state knows its kind, its id and its version.

func (User) Kind() Kind          { return Users }
func (Ticket) Kind() Kind        { return Tickets }
func (LockRejection) Kind() Kind { return Rejections }
func (Order) Kind() Kind         { return Orders }
func (Expiry) Kind() Kind        { return Expiries }
func (Charge) Kind() Kind        { return Charges }

func (u User) Entity() (string, int64)          { return u.ID, u.Version }
func (t Ticket) Entity() (string, int64)        { return t.ID, t.Version }
func (r LockRejection) Entity() (string, int64) { return r.OrderID, r.Version }
func (o Order) Entity() (string, int64)         { return o.ID, o.Version }
func (e Expiry) Entity() (string, int64)        { return e.OrderID, e.Version }
func (c Charge) Entity() (string, int64)        { return c.ID, c.Version }
