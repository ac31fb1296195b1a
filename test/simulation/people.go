package simulation

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/identity"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/services/tickets"

	"context"
)

// lockDuration is how long a ticket stays locked for payment.
const lockDuration = 15 * time.Minute

// people are those who use the market, and what they know of it.
type people struct {
	all      []*person
	listings []*listing
	claims   []*claim
}

// person has an account.
type person struct {
	name, password string
	session        identity.Caller
}

// listing is a ticket that somebody was told is on the market.
type listing struct {
	id     string
	seller *person
	seen   tickets.Ticket // when somebody last looked
}

// claim is an order that somebody was told of.
type claim struct {
	id      string
	buyer   *person
	attempt string // the id of the last payment
}

// promise is an answer that somebody was given. It must be true for ever; kept says why it is not.
type promise struct {
	what string
	kept func() string
}

func (w *World) promise(what string, kept func() string) {
	w.promises = append(w.promises, promise{what, kept})
}

func newPeople(w *World) people {
	var all []*person
	for i := range 3 + w.rand.IntN(2) {
		p := &person{name: fmt.Sprint("person", i+1), password: fmt.Sprint("secret of person ", i+1)}
		p.session = identity.Caller{UserID: w.clock.newID("auth")(), SessionID: w.clock.newID("auth")(), ExpiresAt: time.UnixMilli(epoch).Add(identity.SessionTTL)}
		if _, err := w.auth.SignUp(background, p.session.UserID, p.name+"@example.com", p.password); err != nil {
			w.find("%s cannot sign up: %v", p.name, err)
		}
		w.names[p.session.UserID] = p.name
		all = append(all, p)
	}
	return people{all: all}
}

// judge is an error in a word, and whether it is one that may happen.
func judge(err error) (text string, expected bool) {
	var known *fault.Error
	switch {
	case err == nil:
		return "ok", true
	case strings.Contains(err.Error(), simulated):
		return simulated, true
	case errors.As(err, &known) && known.Code.Name != fault.Broken.Name:
		return known.Code.Name, true
	case errors.Is(err, context.Canceled):
		return "cut off", true
	}
	return "ERROR " + err.Error(), false
}

// refusable runs an action of a person; when it is refused it must have left no trace.
func (w *World) refusable(service string, act func() error) string {
	p := w.part(service)
	before := w.countSaid(p)
	if w.unlucky(0.02) {
		w.arm(p)
		defer w.disarm(p)
	}
	err := act()
	text := w.outcome(err)
	if after := w.countSaid(p); err != nil && after != before {
		w.find("%s answered %s, and said %d events all the same", service, text, after-before)
	}
	return text
}

var prices = []money.Amount{100, 1999, 5000, 12345, 100_000_000}

// free is how many tickets could be ordered.
func (w *World) free() int64 {
	return w.number("tickets", `SELECT count(*) FROM tickets WHERE order_id IS NULL AND withdrawn_at = 0`)
}

func (w *World) listTicket() bool {
	if len(w.people.listings) >= 15 || w.free() > 2 && w.chance(0.99) {
		return false
	}
	l := &listing{id: w.clock.newID("tickets")(), seller: pick(w, w.people.all)}
	what := w.listing()
	outcome := w.refusable("tickets", func() (err error) {
		l.seen, err = w.tickets.List(background, l.id, l.seller.session.UserID, what)
		return err
	})
	w.note("%s lists %s for %d: %s", l.seller.name, w.name("ticket", l.id), what.Price, outcome)
	if outcome == "ok" {
		w.people.listings = append(w.people.listings, l)
		w.promiseVersion(l.seen)
	}
	return true
}

// listing is what a seller says; the event may begin before long.
func (w *World) listing() tickets.Listing {
	l := tickets.Listing{Title: fmt.Sprint("Concert ", w.rand.IntN(100)), Price: pick(w, prices), Currency: usd.Code}
	if w.chance(0.1) {
		l.StartsAt = time.UnixMilli(w.clock.at("tickets")).Add(time.Duration(1+w.rand.IntN(40)) * time.Minute).UTC()
	}
	return l
}

// promiseVersion: what a seller was told that the ticket says now, was said.
func (w *World) promiseVersion(t tickets.Ticket) {
	w.promise(fmt.Sprintf("%s has version %d at %d", w.name("ticket", t.ID), t.Version, t.Price), func() string {
		for _, said := range w.ticketHistory(t.ID) {
			if price, _ := usd.Amount(said.Price); said.Version == t.Version && price == t.Price && said.Title == t.Title {
				return ""
			}
		}
		return "no such version was ever said"
	})
}

func (w *World) editTicket() bool {
	if len(w.people.listings) == 0 {
		return false
	}
	l := pick(w, w.people.listings)
	by := l.seller
	if w.chance(0.05) {
		by = pick(w, w.people.all)
	}
	var edited tickets.Ticket
	outcome := w.refusable("tickets", func() (err error) {
		edited, err = w.tickets.Edit(background, l.id, by.session.UserID, w.ifMatch(l), w.listing())
		return err
	})
	w.note("%s edits %s to %d: %s", by.name, w.name("ticket", l.id), edited.Price, outcome)
	if outcome == "ok" {
		l.seen = edited
		w.promiseVersion(edited)
	}
	return true
}

// ifMatch is the check of a seller who changes what they have seen, or of one who does not care.
func (w *World) ifMatch(l *listing) func(int64) error {
	if w.chance(0.7) {
		return func(int64) error { return nil }
	}
	seen := l.seen.Version
	return func(now int64) error {
		if now != seen {
			return fault.VersionMoved.New("The ticket is at version %d.", now)
		}
		return nil
	}
}

func (w *World) withdrawTicket() bool {
	if len(w.people.listings) == 0 {
		return false
	}
	l := pick(w, w.people.listings)
	outcome := w.refusable("tickets", func() error {
		return w.tickets.Withdraw(background, l.id, l.seller.session.UserID, w.ifMatch(l))
	})
	w.note("%s withdraws %s: %s", l.seller.name, w.name("ticket", l.id), outcome)
	if outcome == "ok" {
		w.promise(w.name("ticket", l.id)+" is withdrawn", func() string {
			if t, err := w.tickets.Ticket(background, l.id); err != nil || t.Status() != event.Withdrawn {
				return fmt.Sprintf("it is %s (%v)", t.Status(), err)
			}
			return ""
		})
	}
	return true
}

// someListing is a ticket that looks free if there is one, sometimes any; nil for none.
func (w *World) someListing() *listing {
	var all []*listing
	for _, id := range w.texts("orders", `SELECT id FROM tickets WHERE status = 'available' AND (starts_at = 0 OR starts_at > $1)
		AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.ticket_id = tickets.id AND o.status <> 'Cancelled') ORDER BY id`, w.clock.at("orders")) {
		for _, l := range w.people.listings {
			if l.id == id {
				all = append(all, l)
			}
		}
	}
	if len(all) == 0 && w.chance(0.995) {
		return nil
	}
	if len(all) == 0 || w.chance(0.1) {
		all = w.people.listings
	}
	return pick(w, all)
}

func (w *World) placeOrder() bool {
	if len(w.people.listings) == 0 {
		return false
	}
	l, by := w.someListing(), pick(w, w.people.all)
	if l == nil || by == l.seller && w.chance(0.99) {
		return false
	}
	if w.chance(0.6) { // they look at the ticket first
		if t, err := w.tickets.Ticket(background, l.id); err == nil {
			l.seen = t
		}
	}
	var price *money.Amount
	if w.chance(0.7) {
		seen := l.seen.Price
		price = &seen
	}
	c := &claim{id: w.clock.newID("orders")(), buyer: by}
	outcome := w.refusable("orders", func() error {
		o, fresh, err := w.orders.Place(background, c.id, by.session.UserID, l.id, price)
		if err == nil && fresh && price != nil && o.Ticket.Price != *price {
			w.find("%s was shown %d and ordered at %d", by.name, *price, o.Ticket.Price)
		}
		c.id = o.ID
		return err
	})
	w.note("%s orders %s: %s %s", by.name, w.name("ticket", l.id), w.name("order", c.id), outcome)
	if outcome != "ok" {
		return true
	}
	w.count("placed")
	w.people.claims = append(w.people.claims, c)
	w.promise(w.name("order", c.id)+" exists", func() string {
		if _, err := w.orders.Order(background, c.id, by.session.UserID); err != nil {
			return err.Error()
		}
		return ""
	})
	return true
}

func (w *World) cancelOrder() bool {
	if len(w.people.claims) == 0 {
		return false
	}
	c := w.someClaim(0)
	if c == nil {
		return false
	}
	by := c.buyer
	if w.chance(0.05) {
		by = pick(w, w.people.all)
	}
	outcome := w.refusable("orders", func() error {
		return w.orders.Cancel(background, c.id, by.session.UserID, func(int64) error { return nil })
	})
	w.note("%s cancels %s: %s", by.name, w.name("order", c.id), outcome)
	if outcome == "ok" {
		w.promise(w.name("order", c.id)+" is cancelled", func() string {
			if o, err := w.orders.Order(background, c.id, c.buyer.session.UserID); err != nil || o.Status != event.Cancelled {
				return fmt.Sprintf("it is %s (%v)", o.Status, err)
			}
			return ""
		})
	}
	return true
}

// tokens are the cards that people use, the usual ones more often.
var tokens = []string{"pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_chargeDeclined",
	"pm_card_chargeDeclinedInsufficientFunds", "pm_card_threeDSecure2Required", "pm_card_threeDSecureRequiredChargeDeclined", "pm_card_unknown"}

// someClaim is an order that waits for payment, with none under way as a rule; sometimes any; nil for none.
func (w *World) someClaim(rule float64) *claim {
	var all []*claim
	for _, id := range w.texts("payments", `SELECT id FROM orders WHERE status = 'AwaitingPayment' ORDER BY id`) {
		if w.paying(id) && w.chance(rule) {
			continue
		}
		for _, c := range w.people.claims {
			if c.id == id {
				all = append(all, c)
				break
			}
		}
	}
	if len(all) == 0 && w.chance(0.998) {
		return nil
	}
	if len(all) == 0 || w.chance(0.05) {
		all = w.people.claims
	}
	return pick(w, all)
}

// paying tells whether the order has a charge that has taken money or still may.
func (w *World) paying(orderID string) bool {
	return w.number("payments", `SELECT count(*) FROM charges WHERE order_id = $1 AND status IN ('Created', 'Completed')`, orderID) > 0
}

// mostCallers is how many calls wait for Stripe at the same time.
const mostCallers = 8

func (w *World) payOrder() bool {
	if len(w.people.claims) == 0 || len(w.bank.callers) >= mostCallers {
		return false
	}
	c := w.someClaim(0.995)
	if c == nil {
		return false
	}
	if c.attempt == "" || w.chance(0.8) {
		c.attempt = w.clock.newID("payments")()
	}
	attempt, token := c.attempt, pick(w, tokens)
	var paid payments.Payment
	var err error
	w.count("payments")
	w.note("%s pays %s with %s as %s", c.buyer.name, w.name("order", c.id), token, w.name("charge", attempt))
	w.bank.call(w.part("payments"), "payment of "+w.name("order", c.id), func(ctx context.Context) {
		paid, err = w.payments.Pay(ctx, payments.Submission{ID: attempt, UserID: c.buyer.session.UserID, OrderID: c.id, Token: token})
	}, func() {
		w.note("  %s is told %s: %s", c.buyer.name, w.outcome(err), paid.Status)
		if err == nil {
			w.promiseCharge(paid)
		}
	})
	return true
}

// promiseCharge: a charge that somebody was told of exists, and once decided it stays so.
func (w *World) promiseCharge(told payments.Payment) {
	w.promise(fmt.Sprintf("%s is %s", w.name("charge", told.ID), told.Status), func() string {
		all := w.chargeHistory(told.ID)
		if len(all) == 0 {
			return "it does not exist"
		}
		if now := all[len(all)-1]; told.Decided() && now.Status != told.Status {
			return "it is " + now.Status
		}
		return ""
	})
}

// answerBank is a buyer who approves, or refuses, on their bank's page.
func (w *World) answerBank() bool {
	waiting := w.texts(simulator, `SELECT id FROM intents WHERE status = 'requires_action' ORDER BY id`)
	if len(waiting) == 0 {
		return false
	}
	id, yes := pick(w, waiting), w.chance(0.7)
	w.note("a buyer answers their bank about %s, %v: %s", w.name("intent", id), yes, w.outcome(w.bank.sim.Answer(background, id, yes)))
	return true
}

// changeAccount is somebody who sets a new password, or signs out.
func (w *World) changeAccount() bool {
	p := pick(w, w.people.all)
	if w.chance(0.5) {
		outcome := w.refusable("auth", func() error { return w.auth.SignOut(background, p.session) })
		w.note("%s signs out: %s", p.name, outcome)
		if outcome == "ok" {
			w.promiseOver(p, p.session)
		}
	} else {
		next, elsewhere := p.password+"!", p.session // of another device, signed in before
		elsewhere.SessionID = w.clock.newID("auth")()
		outcome := w.refusable("auth", func() error {
			_, err := w.auth.Change(background, p.session, p.password, "", next)
			return err
		})
		if outcome == "ok" {
			p.password = next
			w.promiseOver(p, elsewhere)
		}
		w.note("%s sets a new password: %s", p.name, outcome)
	}
	// Signed in again: the newest epoch, and a session of its own.
	p.session.SessionID = w.clock.newID("auth")()
	p.session.Epoch = w.number("auth", `SELECT session_epoch FROM users WHERE id = $1`, p.session.UserID)
	return true
}

// promiseOver: a session that has ended is over for everybody who reads the log, in whatever order.
func (w *World) promiseOver(p *person, session identity.Caller) {
	w.promise("a session of "+p.name+" is over", func() string {
		if w.clock.at("auth") >= session.ExpiresAt.UnixMilli() {
			return "" // by itself
		}
		ended := identity.NewEnded()
		for _, i := range w.rand.Perm(len(w.log.messages)) {
			e, err := bus.Decode(w.log.messages[i].Data)
			if u, notUser := bus.State[event.User](e); err == nil && notUser == nil {
				ended.Apply(u)
			}
		}
		_, err := w.auth.Current(background, session)
		if !ended.Has(session) || !fault.Is(err, fault.SignInNeeded) {
			return fmt.Sprintf("the log says %v, auth %v", ended.Has(session), err)
		}
		return ""
	})
}

// texts is one column of a query.
func (w *World) texts(service, query string, args ...any) (all []string) {
	err := w.dbs[service].View(background, func(tx *store.Tx) (err error) {
		all, err = store.All(tx, scanText, query, args...)
		return err
	})
	if err != nil {
		w.find("%s: %v", query, err)
	}
	return all
}

// numbers is one column of a query.
func (w *World) numbers(service, query string, args ...any) (all []int64) {
	err := w.dbs[service].View(background, func(tx *store.Tx) (err error) {
		all, err = store.All(tx, func(scan store.Scan) (n int64, err error) { return n, scan(&n) }, query, args...)
		return err
	})
	if err != nil {
		w.find("%s: %v", query, err)
	}
	return all
}

// number is the one number of a query, 0 if it has none.
func (w *World) number(service, query string, args ...any) int64 {
	if all := w.numbers(service, query, args...); len(all) > 0 {
		return all[0]
	}
	return 0
}
