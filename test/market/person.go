package market

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"
)

// User, Ticket, Order and Charge are what the API shows. They are written down here once more, as a client in another
// language would, so that a change of the product's own types cannot pass unseen.
type User struct {
	ID, Email string
	CreatedAt time.Time
}

// Ticket is a listing.
type Ticket struct {
	ID, Title, Currency, Venue, TimeZone, Details, UserID, OrderID, Status string
	SellerID                                                               string // of the ticket in an order
	Price                                                                  json.Number
	StartsAt, LockedUntil                                                  *time.Time
	Version                                                                int64
	CreatedAt, UpdatedAt                                                   time.Time
}

// Order is a buyer's claim on a ticket.
type Order struct {
	ID, UserID, Status, CancelReason, ChargeID string
	ExpiresAt                                  time.Time
	ExpiresIn                                  int64
	Ticket                                     Ticket
	Version                                    int64
	CreatedAt, UpdatedAt                       time.Time
}

// Charge is a payment for an order.
type Charge struct {
	ID, OrderID, Status, Currency, StripeID, StripeRefundID, FailureCode, ClientSecret string
	Amount                                                                             json.Number
	CreatedAt, UpdatedAt                                                               time.Time
}

// Visa is a payment method that is good, Declined one that the bank refuses.
const (
	Visa     = "pm_card_visa"
	Declined = "pm_card_chargeDeclined"
)

// Person is somebody with a browser: a cookie jar of their own.
type Person struct {
	User
	Password string

	market *Market
	client *http.Client
}

// Person is somebody who has not signed up yet.
func (m *Market) Person(name string) *Person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		m.t.Fatal(err)
	}
	return &Person{
		User: User{Email: fmt.Sprintf("%s.%d@example.com", name, m.people.Add(1))}, Password: "the secret of " + name, market: m,
		client: &http.Client{Transport: m.transport, Jar: jar, Timeout: Patience},
	}
}

// SignUp is somebody who has an account and is signed in.
func (m *Market) SignUp(name string) *Person {
	m.t.Helper()
	p := m.Person(name)
	p.User = As[User](p.Ask("POST", "/api/users/signup", p.credentials()).Want(201))
	return p
}

func (p *Person) credentials() map[string]string {
	return map[string]string{"email": p.Email, "password": p.Password}
}

// SignsIn begins a session.
func (p *Person) SignsIn() {
	p.market.t.Helper()
	p.Ask("POST", "/api/users/signin", p.credentials()).Want(200)
}

// Token is the session that the cookie holds.
func (p *Person) Token() string {
	origin, err := url.Parse(p.market.Front.URL)
	if err != nil {
		p.market.t.Fatal(err)
	}
	for _, c := range p.client.Jar.Cookies(origin) {
		if c.Name == "session" {
			return c.Value
		}
	}
	return ""
}

// Browser is the person's browser, in which they are signed in.
func (p *Person) Browser() *http.Client { return p.client }

// Ask sends a request to the market's one origin. It never ends the test: no answer is an Answer too.
func (p *Person) Ask(method, path string, body any, header ...string) Answer {
	h := map[string]string{}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	return p.market.ask(p.client, method, p.market.Front.URL+path, body, h)
}

// AskAt sends a request with this session to one process.
func (m *Market) AskAt(to *Process, token, method, path string, body any) Answer {
	return m.ask(nil, method, to.URL+path, body, map[string]string{"Authorization": "Bearer " + token})
}

// Lists puts a ticket on the market.
func (p *Person) Lists(title, price string) Ticket {
	p.market.t.Helper()
	return As[Ticket](p.List(title, price).Want(201))
}

// List is Lists without an expectation.
func (p *Person) List(title, price string) Answer {
	return p.Ask("POST", "/api/tickets", listing(title, price))
}

// Edit asks for another title or price.
func (p *Person) Edit(ticketID, title, price string) Answer {
	return p.Ask("PUT", "/api/tickets/"+ticketID, listing(title, price))
}

func listing(title, price string) map[string]any {
	return map[string]any{"title": title, "price": json.Number(price)}
}

// Order asks for the ticket; a price is what the buyer saw.
func (p *Person) Order(ticketID string, price ...string) Answer {
	body := map[string]any{"ticketId": ticketID}
	for _, seen := range price {
		body["price"] = json.Number(seen)
	}
	return p.Ask("POST", "/api/orders", body)
}

// Orders orders the ticket and has it locked.
func (p *Person) Orders(t Ticket) Order {
	p.market.t.Helper()
	return p.Locked(As[Order](p.Order(t.ID).Want(201)))
}

// Locked is the order once its ticket is locked. On a busy machine an order may be answered before that.
func (p *Person) Locked(o Order) Order {
	p.market.t.Helper()
	if o.Status == "Created" {
		return p.SeesOrder(o.ID, "AwaitingPayment")
	}
	if o.Status != "AwaitingPayment" {
		p.market.t.Fatalf("the order is %s, not locked", o.Status)
	}
	return o
}

// Cancel asks to give the ticket back.
func (p *Person) Cancel(orderID string) Answer { return p.Ask("DELETE", "/api/orders/"+orderID, nil) }

// Pay asks to charge this payment method.
func (p *Person) Pay(orderID, method string) Answer {
	return p.Ask("POST", "/api/payments", map[string]string{"orderId": orderID, "token": method})
}

// Pays pays the order.
func (p *Person) Pays(o Order) Charge {
	p.market.t.Helper()
	c := As[Charge](p.Pay(o.ID, Visa).Want(201))
	if c.Status != "Completed" || c.Amount != o.Ticket.Price || c.OrderID != o.ID {
		p.market.t.Fatalf("the charge is %+v for an order of %s", c, o.Ticket.Price)
	}
	return c
}

// Ticket reads a ticket, Order reads an order, Charges the charges of one.
func (p *Person) Ticket(id string) Ticket {
	p.market.t.Helper()
	return As[Ticket](p.Ask("GET", "/api/tickets/"+id, nil).Want(200))
}

// ReadOrder reads an order of this person.
func (p *Person) ReadOrder(id string) Order {
	p.market.t.Helper()
	return As[Order](p.Ask("GET", "/api/orders/"+id, nil).Want(200))
}

// Charges reads the charges of an order of this person.
func (p *Person) Charges(orderID string) []Charge {
	p.market.t.Helper()
	return As[[]Charge](p.Ask("GET", "/api/payments?orderId="+orderID, nil).Want(200))
}

// SeesTicket waits until the ticket has this status.
func (p *Person) SeesTicket(id, status string) Ticket {
	p.market.t.Helper()
	var t Ticket
	Eventually(p.market.t, "the ticket is "+status, func() (bool, string) {
		a := p.Ask("GET", "/api/tickets/"+id, nil)
		if a.Status != 200 {
			return false, a.String()
		}
		t = As[Ticket](a)
		return t.Status == status, a.String()
	})
	return t
}

// SeesOrder waits until the order has this status.
func (p *Person) SeesOrder(id, status string) Order {
	p.market.t.Helper()
	var o Order
	Eventually(p.market.t, "the order is "+status, func() (bool, string) {
		a := p.Ask("GET", "/api/orders/"+id, nil)
		if a.Status != 200 {
			return false, a.String()
		}
		o = As[Order](a)
		return o.Status == status, a.String()
	})
	return o
}
