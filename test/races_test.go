package test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"ticketing/test/market"
)

// raced are the topologies in which requests for one ticket meet: in one process, on PostgreSQL, and over two replicas.
var raced = []market.Topology{market.Topologies[0], market.Topologies[1], market.Topologies[3]}

// TestRaces sends requests that exclude one another at the same moment, round after round.
func TestRaces(t *testing.T) {
	t.Parallel()
	for _, top := range raced {
		t.Run(top.Name, func(t *testing.T) {
			t.Parallel()
			r := &race{T: t, m: market.Open(t, top), seen: map[string]int{}}
			r.seller = r.m.SignUp("sally")
			for range 16 {
				r.buyers = append(r.buyers, r.m.SignUp("buyer"))
			}
			r.run("16 buyers at the gate", 12, r.gate)
			r.run("an edit against an order", 4, r.editAgainstOrder)
			r.run("a cancellation against a payment", 4, r.cancelAgainstPay)
			r.run("one payment sent eight times", 10, r.paySeveralTimes)
			r.run("one e-mail signs up eight times", 3, r.signUpSeveralTimes)
			r.run("everybody does as they like with one ticket", 10, r.history)
			r.shortLocks()
			r.run("a payment in the last instant", 3, r.lastInstant)
			r.m.Settles()
			r.m.Audits()
		})
	}
}

type race struct {
	*testing.T
	m      *market.Market
	seller *market.Person
	buyers []*market.Person
	seen   map[string]int // how often each outcome came
}

// run runs the rounds of one race and shows what came of them. A short test runs a few.
func (r *race) run(name string, rounds int, round func(i int)) {
	r.Helper()
	if testing.Short() {
		rounds = min(rounds, 3)
	}
	clear(r.seen)
	began := time.Now()
	for i := range rounds {
		round(i)
	}
	r.Logf("%s, %d rounds in %v: %v", name, rounds, time.Since(began).Round(time.Millisecond), r.seen)
	if r.Failed() {
		r.Fatalf("%s: see above", name)
	}
}

// atOnce does all of it at the same moment: everybody waits at a gate until the last one is there.
func atOnce(all ...func() market.Answer) []market.Answer {
	answers := make([]market.Answer, len(all))
	gate := make(chan struct{})
	var there, done sync.WaitGroup
	for i, do := range all {
		there.Add(1)
		done.Go(func() {
			there.Done()
			<-gate
			answers[i] = do()
		})
	}
	there.Wait()
	close(gate)
	done.Wait()
	return answers
}

// count counts answers by status and code.
func (r *race) count(answers ...market.Answer) map[string]int {
	n := map[string]int{}
	for _, a := range answers {
		n[kind(a)]++
		if !a.OK() {
			if _, err := a.Problem(); err != nil {
				r.Error(err)
			}
		}
	}
	return n
}

func kind(a market.Answer) string {
	if a.OK() {
		return fmt.Sprint(a.Status)
	}
	return fmt.Sprintf("%d %s", a.Status, a.Code())
}

func (r *race) gate(int) {
	ticket := r.seller.Lists("One for sixteen", "50")
	var all []func() market.Answer
	for _, b := range r.buyers {
		all = append(all, func() market.Answer { return b.Order(ticket.ID, "50") })
	}
	answers := atOnce(all...)
	n := r.count(answers...)
	if n["201"] != 1 || n["409 ticket_locked"] != len(r.buyers)-1 {
		r.Errorf("one winner and 15 told that it is locked? %v", n)
	}
	for i, a := range answers {
		if a.Status != 201 {
			continue
		}
		order := r.buyers[i].Locked(market.As[market.Order](a))
		if t := r.seller.Ticket(ticket.ID); t.Status != "locked" || t.OrderID != order.ID {
			r.Errorf("the winner has %+v, the ticket is %+v", order, t)
		}
		r.buyers[i].Pays(order)
	}
	r.seen["one winner"]++
}

// pair is two requests for one ticket that exclude one another.
type pair struct {
	buyer       *market.Person
	ticket      market.Ticket
	order       market.Order
	first, then func() market.Answer
	a, b        market.Answer
}

// meet sends all pairs at once. The first request of each is held back a little longer than that of the pair before, so
// that some come first, some in the middle of the other, and some last.
func meet(step time.Duration, pairs []*pair) {
	var all []func() market.Answer
	for i, p := range pairs {
		all = append(all, func() market.Answer { <-time.After(time.Duration(i) * step); return p.first() }, p.then)
	}
	for i, a := range atOnce(all...) {
		if p := pairs[i/2]; i%2 == 0 {
			p.a = a
		} else {
			p.b = a
		}
	}
}

// editAgainstOrder: the price that is charged is the one that the buyer saw.
func (r *race) editAgainstOrder(round int) {
	seen := [][]string{{"20"}, nil}[round%2] // every other time the buyers take any price
	var pairs []*pair
	for _, buyer := range r.buyers {
		p := &pair{buyer: buyer, ticket: r.seller.Lists("Dearer in a moment", "20")}
		p.first = func() market.Answer { return r.seller.Edit(p.ticket.ID, p.ticket.Title, "25") }
		p.then = func() market.Answer { return buyer.Order(p.ticket.ID, seen...) }
		pairs = append(pairs, p)
	}
	meet(5*time.Millisecond, pairs)
	for _, p := range pairs {
		outcome := "edit " + kind(p.a) + ", order " + kind(p.b)
		r.seen[outcome]++
		switch outcome {
		case "edit 409 ticket_locked, order 201":
			r.charged(p, "20")
		case "edit 200, order 201":
			r.charged(p, "25")
			if seen != nil {
				r.Errorf("ordered at a price that the buyer did not see: %s", p.b)
			}
		case "edit 200, order 409 price_changed":
			if seen == nil {
				r.Errorf("the buyer takes any price: %s", p.b)
			}
		default:
			r.Errorf("%s\n%s\n%s", outcome, p.a, p.b)
		}
	}
}

func (r *race) charged(p *pair, price string) {
	r.Helper()
	o := p.buyer.Locked(market.As[market.Order](p.b))
	if o.Ticket.Price.String() != price {
		r.Errorf("ordered, not at %s: %s", price, p.b)
		return
	}
	if c := p.buyer.Pays(o); c.Amount.String() != price {
		r.Errorf("charged %s, not %s", c.Amount, price)
	}
}

func (r *race) cancelAgainstPay(int) {
	var pairs []*pair
	for _, buyer := range r.buyers {
		p := &pair{buyer: buyer, order: buyer.Orders(r.seller.Lists("Wanted or not", "30"))}
		p.first = func() market.Answer { return buyer.Cancel(p.order.ID) }
		p.then = func() market.Answer { return buyer.Pay(p.order.ID, market.Visa) }
		pairs = append(pairs, p)
	}
	meet(8*time.Millisecond, pairs)
	for _, p := range pairs {
		outcome := "cancel " + kind(p.a) + ", pay " + kind(p.b)
		r.seen[outcome]++
		switch outcome {
		case "cancel 204, pay 409 order_not_payable":
			r.decided(p.buyer, p.order, "Cancelled")
		case "cancel 409 order_completed, pay 201", "cancel 409 payment_in_progress, pay 201":
			r.decided(p.buyer, p.order, "Completed")
		default:
			r.Errorf("%s\n%s\n%s", outcome, p.a, p.b)
		}
	}
}

// decided checks that the order comes to this end, and that money is kept for a completed one alone.
func (r *race) decided(buyer *market.Person, order market.Order, status string) {
	buyer.SeesOrder(order.ID, status)
	market.Eventually(r.T, "the money is where it belongs", func() (bool, string) {
		a := buyer.Ask("GET", "/api/payments?orderId="+order.ID, nil)
		kept, open := 0, 0
		for _, c := range market.As[[]market.Charge](a) {
			switch {
			case c.Status == "Created":
				open++
			case c.Status == "Completed" && c.StripeRefundID == "":
				kept++
			}
		}
		return open == 0 && (kept == 1) == (status == "Completed") && kept <= 1, a.String()
	})
}

func (r *race) paySeveralTimes(i int) {
	buyer := r.buyers[i%len(r.buyers)]
	order := buyer.Orders(r.seller.Lists("Paid once", "40"))
	var all []func() market.Answer
	for range 8 {
		all = append(all, func() market.Answer { return buyer.Pay(order.ID, market.Visa) })
	}
	answers := atOnce(all...)
	n := r.count(answers...)
	if n["201"] != 1 || n["201"]+n["200"]+n["409 payment_in_progress"] != len(answers) {
		r.Errorf("one charge, and the same one for all others? %v", n)
	}
	for kind, times := range n {
		r.seen[kind] += times
	}
	r.decided(buyer, order, "Completed")
	charges := buyer.Charges(order.ID)
	for _, a := range answers {
		if a.OK() && market.As[market.Charge](a).ID != charges[0].ID {
			r.Errorf("another charge: %s", a)
		}
	}
	if len(charges) != 1 {
		r.Errorf("the charges: %+v", charges)
	}
}

func (r *race) signUpSeveralTimes(i int) {
	email := fmt.Sprintf("twin.%d@example.com", i)
	var all []func() market.Answer
	for range 8 {
		who := r.m.Person("twin")
		all = append(all, func() market.Answer {
			return who.Ask("POST", "/api/users/signup", map[string]string{"email": email, "password": "12345678"})
		})
	}
	n := r.count(atOnce(all...)...)
	if n["201"] != 1 || n["409 email_taken"] != len(all)-1 {
		r.Errorf("one account? %v", n)
	}
	r.seen["one account"]++
}

// shortLocks has orders start again with a lock that ends soon.
func (r *race) shortLocks() {
	r.m.StopAll(r.m.Of("orders")...)
	for _, p := range r.m.Of("orders") {
		p.Start("--lock-duration", shortLock.String())
	}
	r.m.Ready(r.m.Of("orders")...)
}

// lastInstant pays orders in the last instant of their time, some a little earlier, some a little later. Whatever comes of
// it, nobody loses money and nobody has a ticket for nothing.
func (r *race) lastInstant(int) {
	var wg sync.WaitGroup
	outcomes := make([]string, 24)
	orders := make([]market.Order, len(outcomes))
	for i := range outcomes {
		buyer := r.buyers[i%len(r.buyers)]
		orders[i] = buyer.Orders(r.seller.Lists("In the last instant", "60"))
		wg.Go(func() {
			early := time.Duration(i%12-3) * 3 * time.Millisecond // from 24 ms before the end to 9 ms after it
			<-time.After(time.Until(orders[i].ExpiresAt.Add(-early)))
			outcomes[i] = kind(buyer.Pay(orders[i].ID, market.Visa))
		})
	}
	wg.Wait()
	for i, outcome := range outcomes {
		r.seen[outcome]++
		switch outcome {
		case "201":
			r.decided(r.buyers[i%len(r.buyers)], orders[i], "Completed")
		case "409 order_expired":
			r.decided(r.buyers[i%len(r.buyers)], orders[i], "Cancelled")
		default:
			r.Errorf("paid in the last instant: %s", outcome)
		}
	}
}
