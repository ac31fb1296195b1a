package bench

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// How a long load is made up: its clients, a sign-in now and then, the errors after which there is no sense in going on, and
// those that are shown.
const (
	longClients   = 32
	signInEvery   = 15 * time.Second
	longErrors    = 200
	longErrorText = 10
)

// load is what people do in a market that is busy for a long time. When each of them comes is written down beforehand and
// does not depend on how fast others are served. Waiting counts from then on, not from when a client was free.
type load struct {
	*house
	lock   time.Duration // how long it lasts
	every  time.Duration // from one look to the next; of each of the views there is one for every purchase
	queue  chan job
	left   sync.WaitGroup // jobs that are not done
	over   chan struct{}  // closed when there were too many errors
	stock  chan string    // tickets that somebody is going to order
	base   int            // how many of them there should be
	seller string         // somebody whose tickets are looked at

	mu     sync.Mutex
	shown  []string // tickets that people look at
	counts map[string]int
	waits  map[string][]time.Duration // of what ended since they were taken
	late   time.Duration              // the longest that anybody waited for a free client
	errs   []string
	failed int
}

// job is something that one of the clients does, due at its time.
type job struct {
	due time.Time
	do  func(c *client, due time.Time) error
}

// newLoad lists what is there when the first people come.
func newLoad(tb testing.TB, h *house, lock time.Duration, rate float64) *load {
	tb.Helper()
	l := &load{
		house: h, lock: lock, every: time.Duration(float64(time.Second) / rate / float64(len(views))),
		queue: make(chan job, 1<<16), over: make(chan struct{}), stock: make(chan string, 1<<16), base: max(10, int(3*rate)),
		counts: map[string]int{}, waits: map[string][]time.Duration{},
	}
	l.shown = h.list(tb, small)
	for _, id := range h.list(tb, l.base) {
		l.stock <- id
	}
	l.seller = h.someSeller(tb)
	h.hangUp()
	return l
}

// begin has everybody come for so long.
func (l *load) begin(whole time.Duration) {
	for range longClients {
		go l.work()
	}
	l.left.Add(1)
	go func() {
		defer l.left.Done()
		l.come(whole)
	}()
}

// come puts one job after another in the queue, each at its time.
func (l *load) come(whole time.Duration) {
	began := time.Now()
	signIn := began
	for n := 0; time.Duration(n)*l.every < whole; n++ {
		due := began.Add(time.Duration(n) * l.every)
		select {
		case <-l.over:
			return
		case <-time.After(time.Until(due)):
		}
		l.put(due, l.look(n))
		if n%len(views) == 0 {
			l.put(due, l.buy(n/len(views)))
			if len(l.stock) < l.base {
				l.put(due, l.sell)
			}
		}
		if !due.Before(signIn) {
			l.put(due, l.signIn(int(due.Sub(began)/signInEvery)))
			signIn = signIn.Add(signInEvery)
		}
	}
}

func (l *load) put(due time.Time, do func(c *client, due time.Time) error) {
	l.left.Add(1)
	l.queue <- job{due, do}
}

// later puts a job in the queue after this time. Whoever does a job may call it.
func (l *load) later(after time.Duration, do func(c *client, due time.Time) error) {
	l.left.Add(1)
	time.AfterFunc(after, func() { l.queue <- job{time.Now(), do} })
}

// work is a client: one connection, used by whoever comes next.
func (l *load) work() {
	c := newClient(l.market.Front.URL, "")
	defer c.close()
	used := time.Now()
	for j := range l.queue {
		if l.givenUp() {
			l.left.Done()
			continue
		}
		if time.Since(used) > time.Minute {
			c.close() // the server hangs up after two
		}
		used = time.Now()
		l.waited(used.Sub(j.due))
		if err := j.do(c, j.due); err != nil {
			l.note(err)
			c.close()
		}
		l.left.Done()
	}
}

// givenUp tells whether there were too many errors.
func (l *load) givenUp() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// settle waits until everything has been done that was begun.
func (l *load) settle() {
	l.left.Wait()
	close(l.queue)
}

func (l *load) waited(late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = max(l.late, late)
}

// note keeps an error. Every refusal is one: nobody asks for what they cannot have.
func (l *load) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed++; l.failed <= longErrorText {
		l.errs = append(l.errs, err.Error())
	}
	if l.failed == longErrors {
		close(l.over)
	}
}

// count counts what was done, and how long it took from the time that it was due.
func (l *load) count(what string, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what]++
	l.waits[what] = append(l.waits[what], time.Since(due))
}

// take returns how long everything took that ended since the last call.
func (l *load) take() map[string][]time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	waits := l.waits
	l.waits = map[string][]time.Duration{}
	return waits
}

// What is counted.
const (
	readsDone     = "reads"
	listingsDone  = "listings"
	locksDone     = "locks"
	purchasesDone = "purchases"
	cancelsDone   = "cancels"
	expiriesDone  = "expiries"
	signInsDone   = "sign-ins"
	notInStock    = "buyers who found nothing"
)

func (l *load) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, what := range []string{purchasesDone, locksDone, cancelsDone, expiriesDone, listingsDone, readsDone, signInsDone, notInStock} {
		all = append(all, fmt.Sprintf("%d %s", l.counts[what], what))
	}
	return fmt.Sprintf("%s; %d unexpected answers. Nobody waited longer than %v for a free client.",
		strings.Join(all, ", "), l.failed, l.late.Round(time.Millisecond))
}

func (l *load) wrong() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if more := l.failed - len(l.errs); more > 0 {
		return append(l.errs, fmt.Sprintf("and %d more", more))
	}
	return l.errs
}

// sell lists a ticket for those who come next.
func (l *load) sell(c *client, due time.Time) error {
	l.mu.Lock()
	n := l.listed
	l.listed++
	l.mu.Unlock()
	c.token = l.sellers[n%crowd].token
	id, err := c.list(n)
	if err != nil {
		return err
	}
	l.count(listingsDone, due)
	l.mu.Lock()
	l.shown[n%len(l.shown)] = id
	l.mu.Unlock()
	l.stock <- id
	return nil
}

// buy orders a ticket. Of twenty buyers seventeen pay, two change their minds, and one is never heard of again.
func (l *load) buy(n int) func(c *client, due time.Time) error {
	return func(c *client, due time.Time) error {
		var ticket string
		select {
		case ticket = <-l.stock:
		default: // those who list are behind
			l.count(notInStock, due)
			l.later(time.Second, l.buy(n))
			return nil
		}
		c.token = l.buyers[n%crowd].token
		order, err := c.order(ticket)
		if err != nil {
			return err
		}
		l.count(locksDone, due)
		switch n % 20 {
		case 7, 13:
			if _, err := c.want(204, "DELETE", "/api/orders/"+order, ""); err != nil {
				return err
			}
			l.expect(time.Second, c.token, ticket, order, "Cancelled", cancelsDone)
		case 17:
			l.expect(l.lock+time.Second, c.token, ticket, order, "Cancelled", expiriesDone)
		default:
			if err := c.pay(order); err != nil {
				return err
			}
			l.count(purchasesDone, due)
			l.expect(time.Second, c.token, ticket, order, "Completed", "")
		}
		return nil
	}
}

// expect has the buyer look after this time whether the order has come to its end, again and again, and whether the ticket
// has: one that was not sold then waits for another buyer.
func (l *load) expect(after time.Duration, token, ticket, order, end, what string) {
	until := time.Now().Add(after + patience)
	status := map[string]string{"Completed": "sold", "Cancelled": "available"}[end]
	var look func(c *client, due time.Time) error
	look = func(c *client, due time.Time) error {
		c.token = token
		answer, err := c.want(200, "GET", "/api/orders/"+order, "")
		arrived := field(answer, "status") == end
		if err == nil && arrived {
			answer, err = c.want(200, "GET", "/api/tickets/"+ticket, "")
			arrived = field(answer, "status") == status
		}
		switch {
		case err != nil:
			return err
		case !arrived && time.Now().After(until):
			return fmt.Errorf("order %s is not %s, or its ticket not %s: %s", order, end, status, answer)
		case !arrived:
			l.later(time.Second, look)
		case status == "available":
			l.count(what, due)
			l.stock <- ticket
		}
		return nil
	}
	l.later(after, look)
}

// views are what people look at for each purchase that is made: pages and lists, a search, a ticket, their own orders.
var views = []func(l *load, n int) (path, token string){
	(*load).marketPage, (*load).ticketPage, (*load).aList, (*load).marketPage, (*load).aTicket, (*load).aSearch,
	(*load).marketPage, (*load).ticketPage, (*load).searchPage, (*load).marketPage, (*load).aTicket, (*load).ownOrders,
}

func (l *load) look(n int) func(c *client, due time.Time) error {
	return func(c *client, due time.Time) error {
		var path string
		path, c.token = views[n%len(views)](l, n/len(views))
		if _, err := c.want(200, "GET", path, ""); err != nil {
			return err
		}
		l.count(readsDone, due)
		return nil
	}
}

func (l *load) marketPage(int) (path, token string)   { return "/", "" }
func (l *load) ticketPage(int) (path, token string)   { return "/tickets/" + l.someTicket(), "" }
func (l *load) aTicket(int) (path, token string)      { return "/api/tickets/" + l.someTicket(), "" }
func (l *load) searchPage(n int) (path, token string) { return "/" + words(n), "" }
func (l *load) aSearch(n int) (path, token string)    { return "/api/tickets" + words(n+5), "" }
func (l *load) ownOrders(n int) (path, token string)  { return "/api/orders", l.buyers[n%crowd].token }
func (l *load) aList(n int) (path, token string) {
	return listPath(lists[n%len(lists)].query, l.seller), ""
}

// words is the search for an act in a town.
func words(n int) string {
	act, town := acts[n%len(acts)], houses[n/len(acts)%len(houses)]
	return "?q=" + url.QueryEscape(strings.Fields(act)[0]+" "+town[strings.LastIndex(town, " ")+1:])
}

func (l *load) someTicket() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown[rand.IntN(len(l.shown))]
}

// signIn begins a session of somebody, who looks who they are. Half of them sign out then.
func (l *load) signIn(n int) func(c *client, due time.Time) error {
	return func(c *client, due time.Time) error {
		p := l.market.Person("somebody")
		p.Email = personEmail(n % (2 * crowd))
		if a := p.Ask("POST", "/api/users/signin", map[string]string{"email": p.Email, "password": p.Password}); a.Status != 200 {
			return fmt.Errorf("sign in: %s", a)
		}
		l.count(signInsDone, due)
		c.token = p.Token()
		answer, err := c.want(200, "GET", "/api/users/currentuser", "")
		if err == nil && field(answer, "email") != p.Email {
			err = fmt.Errorf("%s is signed in as %s", p.Email, answer)
		}
		if err == nil && n%2 == 1 {
			_, err = c.want(200, "POST", "/api/users/signout", "")
		}
		return err
	}
}
