package web_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"ticketing/test/market"
)

// fan is somebody whose browser runs no scripts.
type fan struct {
	*market.Person
	t    *testing.T
	base string
	at   string // address of the page that is open
	page string
	code int
}

func newFan(t *testing.T, m *market.Market, p *market.Person) *fan {
	return &fan{Person: p, t: t, base: m.Front.URL}
}

// send asks for a page as a browser does, and follows where it is sent.
func (f *fan) send(method, path string, values url.Values) {
	f.t.Helper()
	r, err := http.NewRequest(method, f.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Accept", browser)
	r.Header.Set("Accept-Language", "en-US")
	r.Header.Set("Origin", f.base)
	r.Header.Set("Referer", f.at)
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := f.Browser().Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	f.at, f.page, f.code = resp.Request.URL.String(), string(body), resp.StatusCode
}

func (f *fan) visits(path string) { f.t.Helper(); f.send("GET", path, nil) }

// orders sends the form of the ticket's page.
func (f *fan) orders(ticketID, price, key string) {
	f.t.Helper()
	f.send("POST", "/tickets/"+ticketID+"/order", url.Values{"price": {price}, "key": {key}})
}

var (
	hiddenField = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)"`)
	formOf      = regexp.MustCompile(`(?s)<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>`)
)

// form is a form of the open page, as it would be sent.
func (f *fan) form(action string) url.Values {
	f.t.Helper()
	for _, m := range formOf.FindAllStringSubmatch(f.page, -1) {
		if html.UnescapeString(m[1]) != action {
			continue
		}
		values := url.Values{}
		for _, field := range hiddenField.FindAllStringSubmatch(m[2], -1) {
			values.Set(field[1], html.UnescapeString(field[2]))
		}
		return values
	}
	f.t.Fatalf("%s has no form for %s:\n%s", f.at, action, f.page)
	return nil
}

// fills sends a form of the open page with these fields filled in: name, value, name, value.
func (f *fan) fills(action string, pairs ...string) {
	f.t.Helper()
	values := f.form(action)
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	f.send("POST", action, values)
}

func (f *fan) sees(texts ...string) {
	f.t.Helper()
	for _, text := range texts {
		if !strings.Contains(f.page, text) {
			f.t.Fatalf("%s (%d) lacks %q:\n%s", f.at, f.code, text, f.page)
		}
	}
}

// comesToSee loads the page again until it has the text.
func (f *fan) comesToSee(text string) {
	f.t.Helper()
	path := strings.TrimPrefix(f.at, f.base)
	market.Eventually(f.t, "the page says "+text, func() (bool, string) {
		f.visits(path)
		return strings.Contains(f.page, text), f.page
	})
}

// orderAt is the id of the order whose page is open.
func (f *fan) orderAt() string {
	f.t.Helper()
	id, ok := strings.CutPrefix(f.at, f.base+"/orders/")
	if !ok {
		f.t.Fatalf("at %s (%d), not at an order:\n%s", f.at, f.code, f.page)
	}
	return id
}

// has orders the ticket and is at the checkout.
func (f *fan) has(ticket market.Ticket) string {
	f.t.Helper()
	f.orders(ticket.ID, string(ticket.Price), ticket.ID)
	id := f.orderAt()
	f.comesToSee("The ticket is locked for you")
	return id
}

func TestWithoutScriptsFromSignUpToPaidOrder(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	ticket := m.SignUp("sally").Lists("Row 3", "49.90")
	f := newFan(t, m, m.Person("fred"))

	f.orders(ticket.ID, "49.90", "k")
	if f.at != f.base+"/signin?next="+url.QueryEscape("/tickets/"+ticket.ID) {
		t.Fatalf("somebody who is not signed in was sent to %s", f.at)
	}
	f.visits("/signup?next=/help")
	f.fills("/signup", "email", f.Email, "password", f.Password)
	f.sees("How it works")
	id := f.has(ticket)
	f.sees("Pay $49.90", `http-equiv="refresh"`, "Test cards")
	f.fills("/orders/"+id+"/pay", "card", market.Visa)
	f.sees("The ticket is yours", "Row 3", f.Email)
	f.visits("/orders")
	f.sees("Row 3", "Paid")
	f.orders(ticket.ID, "49.90", "k2")
	if f.code != 409 {
		t.Errorf("a ticket that was bought could be ordered: %d", f.code)
	}
	f.sees("You have bought this ticket already", `href="/orders/`+id+`"`)
	m.Settles()
	m.Audits()
}

func TestNothingIsOrderedOrPaidTwice(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller := m.SignUp("sally")
	f := newFan(t, m, m.SignUp("fred"))
	ticket := seller.Lists("Row 3", "49.90")
	again := func() *fan { return newFan(t, m, f.Person) }

	tabs := atOnce(6, again, func(i int, tab *fan) { tab.orders(ticket.ID, "49.90", fmt.Sprint("key ", i%2)) })
	id := tabs[0].orderAt()
	for _, tab := range tabs {
		if tab.orderAt() != id {
			t.Errorf("two orders: %s and %s", id, tab.orderAt())
		}
	}
	f.visits("/orders/" + id)
	f.comesToSee("The ticket is locked for you")
	first := f.form("/orders/" + id + "/pay")
	f.visits("/orders/" + id)
	second := f.form("/orders/" + id + "/pay")
	if first.Get("key") == second.Get("key") {
		t.Error("two pages have one key")
	}
	atOnce(6, again, func(i int, tab *fan) { // a double click, and a second tab with another card
		values, card := first, market.Visa
		if i%2 == 1 {
			values, card = second, "pm_card_mastercard"
		}
		tab.send("POST", "/orders/"+id+"/pay", url.Values{"key": values["key"], "card": {card}})
	})
	f.comesToSee("The ticket is yours")
	first.Set("card", market.Visa)
	f.send("POST", "/orders/"+id+"/pay", first) // back, and once more
	f.sees("The ticket is yours")
	if charges := f.Charges(id); len(charges) != 1 {
		t.Errorf("%d payments: %+v", len(charges), charges)
	}
	m.Settles()
	m.Audits()
}

// atOnce lets several tabs do something at the same moment.
func atOnce(n int, open func() *fan, do func(i int, tab *fan)) []*fan {
	tabs := make([]*fan, n)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range tabs {
		tabs[i] = open()
		all.Go(func() { <-gate; do(i, tabs[i]) })
	}
	close(gate)
	all.Wait()
	return tabs
}

func TestDeclinedAndOrderedAgain(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	f := newFan(t, m, m.SignUp("fred"))
	ticket := m.SignUp("sally").Lists("Row 3", "49.90")
	id := f.has(ticket)
	pay := "/orders/" + id + "/pay"
	for _, c := range []struct {
		fields []string
		says   string
	}{
		{nil, "Type a card number, or choose"},
		{[]string{"card", "pm_card_unheard_of"}, "Type a card number, or choose"},
		{[]string{"number", "4111 1111 1111 1111", "expiry", "12/34", "cvc", "123"}, "Only test cards"},
		{[]string{"number", "4242 4242 4242 4243", "expiry", "12/34", "cvc", "123"}, "typing errors"},
		{[]string{"number", "4242 4242 4242 4242", "expiry", "12/20", "cvc", "123"}, "has expired"},
		{[]string{"number", "4242 4242 4242 4242", "expiry", "13/34", "cvc", "123"}, "Write month and year"},
		{[]string{"number", "4242 4242 4242 4242", "expiry", "12/34", "cvc", "12"}, "has 3 or 4 digits."},
	} {
		f.fills(pay, c.fields...)
		f.sees(c.says, "aria-invalid", "faults")
		if f.code != 400 {
			t.Errorf("%v: %d", c.fields, f.code)
		}
		if len(c.fields) > 2 {
			f.sees(`value="` + c.fields[1] + `"`)
		}
	}
	f.fills(pay, "number", "4000-0000-0000-9995", "expiry", "12 / 2034", "cvc", "123")
	f.sees("The order is cancelled", "not enough money", "Nothing was charged")
	f.comesToSee("Order for $49.90")
	f.fills("/tickets/" + ticket.ID + "/order")
	second := f.orderAt()
	if second == id {
		t.Fatal("the old order came back")
	}
	f.comesToSee("The ticket is locked for you")
	f.visits("/orders/" + id)
	f.sees("You have ordered this ticket again", `href="/orders/`+second+`"`)
	f.visits("/orders/" + second)
	f.fills("/orders/"+second+"/pay", "number", "5555 5555 5555 4444", "expiry", "12/34", "cvc", "123")
	f.sees("The ticket is yours")
}

func TestTheBankAsksFirst(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	f := newFan(t, m, m.SignUp("fred"))
	id := f.has(m.SignUp("sally").Lists("Row 3", "49.90"))
	pay := f.form("/orders/" + id + "/pay")
	pay.Set("card", "pm_card_threeDSecure2Required")
	f.send("POST", "/orders/"+id+"/pay", pay)
	f.sees("Your bank", "Approve")
	bank := f.at
	f.send("POST", "/orders/"+id+"/pay", pay) // back, and once more
	if f.at != bank {
		t.Fatalf("the second time it led to %s", f.at)
	}
	f.visits("/orders/" + id)
	f.sees("payment is being made", `href="/orders/`+id+`/bank"`)
	f.visits("/orders/" + id + "/bank")
	if f.at != bank {
		t.Fatalf("the order led to %s, not to the bank", f.at)
	}
	f.send("POST", "/orders/"+id+"/cancel", nil)
	if f.code != 409 {
		t.Errorf("an order that is being paid was cancelled: %d", f.code)
	}
	f.sees("A payment for this order is being made", "payment is being made")
	f.send("POST", strings.TrimPrefix(bank, f.base), url.Values{"decision": {"approve"}})
	f.sees("Back from your bank", `href="/orders/`+id+`"`)
	f.visits("/orders/" + id)
	f.comesToSee("The ticket is yours")
	f.visits("/orders/" + id + "/bank")
	f.sees("The ticket is yours")
	if charges := f.Charges(id); len(charges) != 1 {
		t.Errorf("%d payments: %+v", len(charges), charges)
	}
}

func TestRefusedOrdersSayWhy(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller, rival := m.SignUp("sally"), m.SignUp("rick")
	f := newFan(t, m, m.SignUp("fred"))

	locked := seller.Lists("Row 1", "10")
	taken := rival.Orders(locked)
	f.orders(locked.ID, "10", "k")
	f.sees("The ticket is locked", "Somebody is paying for this ticket, until", "Row 1")
	if f.code != 409 {
		t.Errorf("a locked ticket: %d", f.code)
	}
	rival.Pays(taken)
	seller.SeesTicket(locked.ID, "sold")
	f.orders(locked.ID, "10", "k2")
	f.sees("Somebody else has bought this ticket")

	dearer := seller.Lists("Row 2", "10")
	seller.Edit(dearer.ID, "Row 2", "12.50").Want(200)
	for _, seen := range []string{"10", "", "a lot"} {
		f.orders(dearer.ID, seen, "k"+seen)
		f.sees("The price has changed", "Order for $12.50")
	}
	f.fills("/tickets/" + dearer.ID + "/order")
	id := f.orderAt()
	f.comesToSee("Pay $12.50")

	f.fills("/orders/" + id + "/cancel")
	f.sees("You have cancelled it")
	f.send("POST", "/orders/"+id+"/cancel", nil)
	f.sees("You have cancelled it")

	own := newFan(t, m, seller)
	own.orders(dearer.ID, "12.50", "k")
	own.sees("This is your own ticket", "You are the seller")
	if own.code != 403 || strings.Contains(own.page, "Order for") {
		t.Errorf("the own ticket: %d", own.code)
	}
	f.orders("nothing", "1", "k")
	if f.code != 404 {
		t.Errorf("a ticket that is not there: %d", f.code)
	}
}

func TestTheTimeRunsOut(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0], "--lock-duration", "3s")
	f := newFan(t, m, m.SignUp("fred"))
	ticket := m.SignUp("sally").Lists("Row 3", "49.90")
	f.orders(ticket.ID, "49.90", "k")
	id := f.orderAt()
	f.comesToSee("The order is cancelled")
	f.sees("The time to pay was over", "Nothing was charged")
	f.comesToSee("Order for $49.90")
	f.send("POST", "/orders/"+id+"/pay", url.Values{"card": {market.Visa}})
	f.sees("The order is cancelled")
	f.visits("/orders")
	f.sees("the time was over")
}

func TestOrdersInPages(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller := m.SignUp("sally")
	f := newFan(t, m, m.SignUp("fred"))
	f.visits("/orders")
	f.sees("You have not ordered anything yet")
	for i := range 21 {
		f.Orders(seller.Lists(fmt.Sprintf("Row %d.", i+1), "10"))
	}
	f.visits("/orders")
	f.sees(`name="next" value="/orders"`, "Row 21.", "Row 2.", "Pay now", "Older orders")
	if strings.Contains(f.page, "Row 1.") {
		t.Error("the first page has all orders")
	}
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(f.page)
	f.visits(html.UnescapeString(older[1]))
	f.sees("Row 1.", "Newest orders", `data-fragment="/fragments/orders?cursor=`)
	if strings.Contains(f.page, "Row 2.") || strings.Contains(f.page, "Older orders") {
		t.Error("the last page is not the rest")
	}
	f.visits("/fragments/orders")
	f.sees(`id="orders-list"`, "Row 21.")
	if strings.Contains(f.page, "<html") {
		t.Error("a part is a whole page")
	}
}
