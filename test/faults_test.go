package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ticketing/test/market"
)

// promises are what clients were told with a 2xx, and what must therefore be true for ever.
type promises struct {
	mu      sync.Mutex
	people  []*market.Person
	tickets []string
	orders  map[string]*market.Person // AwaitingPayment or better, once
	paid    map[string]*market.Person
	ended   map[string]*market.Person // cancelled by their buyer
	refused map[string]int            // other answers, by what they were
	made    int                       // how many promises were made
}

func newPromises() *promises {
	return &promises{orders: map[string]*market.Person{}, paid: map[string]*market.Person{}, ended: map[string]*market.Person{}, refused: map[string]int{}}
}

// heard notes an answer. What is neither a 2xx nor a well made refusal fails the test; no answer at all is what happens
// when a process is killed.
func (p *promises) heard(t *testing.T, a market.Answer, ok func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case a.Err != nil:
		p.refused["no answer"]++
	case a.OK():
		p.made++
		ok()
		return true
	default:
		p.refused[kind(a)]++
		if _, err := a.Problem(); err != nil || a.Status == 500 {
			t.Errorf("%v %s", err, a)
		}
	}
	return false
}

// trade lists a ticket and has it ordered, and paid, cancelled or left alone; false if it was refused before that.
func (p *promises) trade(t *testing.T, seller, buyer *market.Person, random *rand.Rand) bool {
	var ticket market.Ticket
	var order market.Order
	a := seller.List("Traded in a storm", "10")
	if !p.heard(t, a, func() { ticket = market.As[market.Ticket](a); p.tickets = append(p.tickets, ticket.ID) }) {
		return false
	}
	a = buyer.Order(ticket.ID)
	if !p.heard(t, a, func() { order = market.As[market.Order](a); p.orders[order.ID] = buyer }) {
		return false
	}
	if order.Ticket.ID != ticket.ID || order.UserID != buyer.ID {
		t.Errorf("that is not the order: %s", a)
	}
	switch random.IntN(4) {
	case 0:
		p.heard(t, buyer.Cancel(order.ID), func() { p.ended[order.ID] = buyer })
	case 1, 2:
		a := buyer.Pay(order.ID, market.Visa)
		p.heard(t, a, func() {
			if market.As[market.Charge](a).Status == "Completed" {
				p.paid[order.ID] = buyer
			}
		})
	}
	return true
}

// kept checks that all of it is true.
func (p *promises) kept(t *testing.T, m *market.Market) {
	t.Helper()
	for _, who := range p.people {
		who.SignsIn()
	}
	picture := m.Settles()
	for _, id := range p.tickets {
		if len(picture.Tickets[id]) == 0 {
			t.Errorf("ticket %s is lost", id)
		}
		p.people[0].Ask("GET", "/api/tickets/"+id, nil).Want(200)
	}
	for id, buyer := range p.orders {
		o := buyer.ReadOrder(id)
		if p.paid[id] != nil && (o.Status != "Completed" || len(buyer.Charges(id)) != 1) {
			t.Errorf("order %s was paid and is %s", id, o.Status)
		}
		if p.ended[id] != nil && (o.Status != "Cancelled" || o.CancelReason != "by_buyer") {
			t.Errorf("order %s was cancelled and is %s %s", id, o.Status, o.CancelReason)
		}
	}
	picture.SameAs(p.people...)
	if failed := m.Failed(); failed != "No event has failed." {
		t.Error(failed)
	}
	m.Audits()
	t.Logf("kept: %d tickets, %d orders, %d paid, %d cancelled; else %v", len(p.tickets), len(p.orders), len(p.paid), len(p.ended), p.refused)
}

// storm trades with several hands until told to stop.
func (p *promises) storm(t *testing.T, m *market.Market) (stop func()) {
	for range 8 {
		p.people = append(p.people, m.SignUp("trader"))
	}
	over := make(chan struct{})
	var hands sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		hands.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					if !p.trade(t, p.people[2*i], p.people[2*i+1], random) {
						<-time.After(5 * time.Millisecond) // a client that was refused gives it a rest
					}
				}
			}
		})
	}
	return func() { close(over); hands.Wait() }
}

// busy waits until so many promises have been made.
func (p *promises) busy(t *testing.T, made int) {
	market.Eventually(t, "people trade", func() (bool, string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.made >= made, fmt.Sprint(p.made)
	})
}

// moments is how long each of n rounds lasts: at random, the same in every run.
func moments(n int) []time.Duration {
	if testing.Short() {
		n = min(n, 2)
	}
	random := rand.New(rand.NewPCG(2, 3))
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration(100+random.IntN(500)) * time.Millisecond
	}
	return all
}

// TestKilledUnderLoad kills the whole market with -9 at random moments while people trade, and starts it again.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for _, top := range market.Topologies[:2] {
		t.Run(top.Name, func(t *testing.T) {
			t.Parallel()
			m := market.Open(t, top, "--lock-duration", "3s")
			p := newPromises()
			stop := p.storm(t, m)
			began := time.Now()
			var starts []time.Duration
			for i, moment := range moments(9) {
				p.busy(t, 20*(i+1))
				<-time.After(moment / 4)
				m.Front.Kill()
				from := time.Now()
				m.Front.Start()
				starts = append(starts, time.Since(from).Round(time.Millisecond))
				if time.Since(began) > 20*time.Second {
					break
				}
			}
			stop()
			t.Logf("killed %d times; started in %v", len(starts), starts)
			market.Eventually(t, "all locks have ended", func() (bool, string) {
				a := p.people[0].Ask("GET", "/api/tickets?status=locked", nil)
				return a.Status == 200 && len(market.As[[]market.Ticket](a)) == 0, a.String()
			})
			p.kept(t, m)
		})
	}
}

// TestExpiryWhileDead lets the time to pay pass while the process is dead: the lock ends soon after the next start.
func TestExpiryWhileDead(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0], "--lock-duration", "1s")
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	ticket := seller.Lists("Over when nobody looks", "10")
	order := buyer.Orders(ticket)
	m.Front.Kill()
	<-time.After(time.Until(order.ExpiresAt))
	m.Front.Start()
	ready := time.Now()
	seller.SeesTicket(ticket.ID, "available")
	t.Logf("free %v after the market was ready", time.Since(ready).Round(time.Millisecond))
	if o := buyer.SeesOrder(order.ID, "Cancelled"); o.CancelReason != "expired" || o.UpdatedAt.Before(o.ExpiresAt) {
		t.Errorf("%+v", o)
	}
	buyer.Orders(ticket)
}

// TestLogDeleted deletes the event log while nothing runs: the databases fill a new one.
func TestLogDeleted(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	sold, open := seller.Lists("Sold before", "10"), seller.Lists("Bought after", "20")
	buyer.Pays(buyer.Orders(sold))
	before := m.Settles()
	m.Front.Stop()
	if err := os.RemoveAll(filepath.Join(m.Front.Data(), "events")); err != nil {
		t.Fatal(err)
	}
	m.Front.Start()
	if after := market.Draw(m.Log()); fmt.Sprint(after.Newest) != fmt.Sprint(before.Newest) {
		t.Errorf("the new log tells\n%v\nnot\n%v", after.Newest, before.Newest)
	}
	buyer.Pays(buyer.Orders(open))
	m.Settles().SameAs(seller, buyer)
	m.Audits()
}

// TestBrokerAway stops the broker and starts it again while people trade: what can be answered without it is answered, and
// what it was needed for follows.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[2])
	p := newPromises()
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	known := seller.Lists("Ordered without a broker", "10")
	buyer.Cancel(buyer.Orders(known).ID).Want(204)
	stop := p.storm(t, m)
	for _, moment := range moments(3) {
		<-time.After(moment)
		m.Broker.Stop()
		<-time.After(moment)
		m.Broker.Start()
	}
	stop()
	m.Broker.Stop()
	seller.Lists("Listed without a broker", "10")
	order := market.As[market.Order](buyer.Order(known.ID).Want(201))
	if order.Status != "Created" {
		t.Errorf("locked without a broker: %+v", order)
	}
	m.Broker.Start()
	buyer.SeesOrder(order.ID, "AwaitingPayment")
	buyer.Pays(order)
	p.people = append(p.people, seller, buyer)
	p.kept(t, m)
}
