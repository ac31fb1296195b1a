package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/services/payments"
	"ticketing/test/market"
)

// engine is what a market under test stands on.
type engine struct {
	name string
	top  market.Topology
}

// engines are those that are measured. The first is what is shipped.
var (
	embedded = engine{"embedded", market.Topology{Name: "one process"}}
	postgres = engine{"postgres", market.Topology{Name: "one process on PostgreSQL and a NATS server", Postgres: true, NATS: true}}
	services = engine{"services", market.Topology{Name: "six processes", Postgres: true, Apart: true, Replicas: 1}}
	replicas = engine{"replicas", market.Topology{Name: "two replicas of each service", Postgres: true, Apart: true, Replicas: 2}}
	engines  = []engine{embedded, postgres, services, replicas}
)

// house is a market with people in it. They were signed up beforehand: that costs what a password hash must cost.
type house struct {
	tb      testing.TB
	market  *market.Market
	buyers  []*client
	sellers []*client
	listed  int // so far, for the titles
}

// accounts are the sessions of those who have signed up.
type accounts struct{ buyers, sellers []string }

// newAccounts signs a crowd of each up.
func newAccounts(tb testing.TB, m *market.Market) (a accounts) {
	tb.Helper()
	tokens, people := make([]string, 2*crowd), make([]*market.Person, 2*crowd)
	for n := range people {
		people[n] = m.Person("somebody")
		people[n].Email = personEmail(n)
	}
	together(tb, 4, len(tokens), func(_, n int) error {
		p := people[n]
		answer := p.Ask("POST", "/api/users/signup", map[string]string{"email": p.Email, "password": p.Password})
		if answer.Status != 201 {
			return fmt.Errorf("%s", answer)
		}
		tokens[n] = p.Token()
		return nil
	})
	return accounts{tokens[:crowd], tokens[crowd:]}
}

// personEmail is the address of the nth who has signed up; their passwords are those of somebody.
func personEmail(n int) string { return fmt.Sprintf("person%d@example.com", n) }

// template is the data folder of an embedded market in which the crowds have signed up, made once for each size of them.
var template = &signUps{}

type signUps struct {
	once     sync.Once
	dir      string
	accounts accounts
}

// newHouse is a market on this engine, with its people, for as long as tb lasts.
func newHouse(tb testing.TB, e engine, flags ...string) *house {
	tb.Helper()
	switch {
	case e.top.Apart:
		bank := market.NewBank(tb) // as Stripe is: none of the market's processes, and not in its database
		m := market.Open(tb, e.top, append(bank.Flags(), flags...)...)
		bank.Tell(m, "--webhook-types", strings.Join(payments.EventTypes(), ",")) // as an operator sets Stripe's up
		return furnish(tb, m, newAccounts(tb, m))
	case e.top.Postgres:
		m := market.Open(tb, e.top, flags...)
		return furnish(tb, m, newAccounts(tb, m))
	}
	dir := filepath.Join(tb.TempDir(), "data")
	copyDir(tb, signedUp(tb), dir)
	return openHouse(tb, dir, template.accounts, flags...)
}

// openHouse is the embedded market of this data folder.
func openHouse(tb testing.TB, dir string, a accounts, flags ...string) *house {
	tb.Helper()
	return furnish(tb, market.OpenIn(tb, dir, embedded.top, flags...), a)
}

func furnish(tb testing.TB, m *market.Market, a accounts) *house {
	h := &house{tb: tb, market: m}
	for i := range crowd {
		h.buyers = append(h.buyers, newClient(m.Front.URL, a.buyers[i]))
		h.sellers = append(h.sellers, newClient(m.Front.URL, a.sellers[i]))
	}
	tb.Cleanup(h.hangUp)
	return h
}

// hangUp closes all connections; who asks next makes another.
func (h *house) hangUp() {
	for i := range crowd {
		h.buyers[i].close()
		h.sellers[i].close()
	}
}

// signedUp is the template's folder.
func signedUp(tb testing.TB) string {
	tb.Helper()
	template.once.Do(func() {
		template.dir = filepath.Join(scratch, fmt.Sprintf("template-%d", crowd))
		m := market.OpenIn(tb, template.dir, embedded.top)
		template.accounts = newAccounts(tb, m)
		m.StopAll(m.All...)
		m.Front.Start() // a process that has been stopped is no mistake, but at the end it has to be stopped in good order
		m.StopAll(m.All...)
	})
	if template.accounts.buyers == nil {
		tb.Fatal("the people could not be signed up")
	}
	return template.dir
}

// scratch is a folder for as long as this test binary runs.
var scratch string

func copyDir(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		tb.Fatal(err)
	}
}

// list puts so many tickets on the market and returns their ids, once whoever orders one can be answered at once.
func (h *house) list(tb testing.TB, count int) []string {
	tb.Helper()
	if count == 0 {
		return nil
	}
	ids := make([]string, count+1)
	put := func(person, n int) (err error) {
		ids[n], err = h.sellers[person].list(h.listed + n)
		return err
	}
	together(tb, crowd, count, put)
	if err := put(0, count); err != nil {
		tb.Fatal(err)
	}
	h.listed += len(ids)
	// Events arrive in their order: who knows the last one knows all before it.
	if _, err := h.buyers[0].want(201, "POST", "/api/orders", orderOf(ids[count])); err != nil {
		tb.Fatal(err)
	}
	return ids[:count]
}

// list puts the nth ticket on the market.
func (c *client) list(n int) (id string, err error) {
	answer, err := c.want(201, "POST", "/api/tickets", listing(n))
	return field(answer, "id"), err
}

func orderOf(ticket string) string { return `{"ticketId":"` + ticket + `"}` }

// order locks a ticket and returns the order. On a slow machine the answer may come before the lock: it is waited for.
func (c *client) order(ticket string) (id string, err error) {
	answer, err := c.want(201, "POST", "/api/orders", orderOf(ticket))
	id = field(answer, "id")
	for began := time.Now(); err == nil && field(answer, "status") != "AwaitingPayment"; time.Sleep(10 * time.Millisecond) {
		if field(answer, "status") != "Created" || time.Since(began) > patience {
			return id, fmt.Errorf("the order is not locked: %s", answer)
		}
		answer, err = c.want(200, "GET", "/api/orders/"+id, "")
	}
	return id, err
}

// pay pays an order; that it was paid for shows when the ticket is sold. On a slow machine the answer may come before the
// payment is decided.
func (c *client) pay(order string) error {
	status, answer, err := c.do("POST", "/api/payments", `{"orderId":"`+order+`","token":"`+market.Visa+`"}`)
	if err == nil && status != 201 && status != 202 {
		err = fmt.Errorf("the payment is answered with %d %s", status, answer)
	}
	return err
}
