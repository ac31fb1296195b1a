package test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
)

// TestStory tells the same story in every topology: processes of the built program, all requests to one origin. Nothing
// that a buyer or a seller sees depends on how the market is spread.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, top := range market.Topologies {
		t.Run(top.Name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			m := market.Open(t, top)
			t.Logf("open after %v", time.Since(began).Round(time.Millisecond))
			s := &story{T: t, m: m, began: time.Now()}
			s.seller, s.buyer, s.other = m.SignUp("sally"), m.SignUp("bert"), m.SignUp("otto")
			s.tell("a ticket is listed, found, ordered and paid", s.purchase)
			s.tell("a declined card gives the ticket back", s.declined)
			s.tell("a cancelled order gives the ticket back at once", s.cancelled)
			s.tell("a price is edited while nobody holds the ticket", s.edited)
			switch top.Replicas {
			case 1:
				s.tell("each service is away for a while", s.servicesAway)
			case 2:
				s.tell("one replica of each service is away", s.replicasAway)
			}
			s.tell("a lock ends when its time is over", s.expires)
			if top.Replicas == 1 {
				s.tell("nobody rings the alarm for a while", s.expirationAway)
			}
			s.tell("a sign-out is known everywhere", s.signOut)
			s.tell("the whole story is in the event log", s.readBack)
			t.Logf("told in %v", time.Since(s.began).Round(time.Millisecond))
		})
	}
}

type story struct {
	*testing.T
	m                    *market.Market
	began                time.Time
	seller, buyer, other *market.Person
}

// tell tells one chapter; the next one needs it to have gone well.
func (s *story) tell(chapter string, what func()) {
	s.Helper()
	began := time.Now()
	what()
	if s.Failed() {
		s.Fatalf("so it did not happen that %s", chapter)
	}
	s.Logf("%-50s %v", chapter, time.Since(began).Round(time.Millisecond))
}

func (s *story) purchase() {
	ticket := s.seller.Lists("Tom Waits, Tempodrom Berlin", "19.99")
	if ticket.Status != "available" || ticket.Price != "19.99" || ticket.UserID != s.seller.ID || ticket.Version != 1 {
		s.Errorf("listed: %+v", ticket)
	}
	found := market.As[[]market.Ticket](s.other.Ask("GET", "/api/tickets?q="+url.QueryEscape("tempo wait"), nil).Want(200))
	if len(found) != 1 || found[0].ID != ticket.ID {
		s.Errorf("found: %+v", found)
	}
	s.seller.Order(ticket.ID).Refused(403, "own_ticket")

	order := s.buyer.Orders(ticket)
	if order.Ticket.Price != "19.99" || order.ExpiresIn < 1 || order.ExpiresAt.Before(order.CreatedAt) {
		s.Errorf("ordered: %+v", order)
	}
	locked := s.other.Ticket(ticket.ID)
	if locked.Status != "locked" || locked.OrderID != order.ID || locked.LockedUntil == nil || !locked.LockedUntil.Equal(order.ExpiresAt) {
		s.Errorf("the ticket of an order until %v: %+v", order.ExpiresAt, locked)
	}
	s.other.Order(ticket.ID).Refused(409, "ticket_locked")
	s.seller.Edit(ticket.ID, ticket.Title, "25").Refused(409, "ticket_locked")
	s.seller.Ask("DELETE", "/api/tickets/"+ticket.ID, nil).Refused(409, "ticket_locked")
	s.other.Edit(ticket.ID, "mine", "1").Refused(403, "not_seller")
	s.other.Ask("GET", "/api/orders/"+order.ID, nil).Refused(404, "not_found")
	if again := market.As[market.Order](s.buyer.Order(ticket.ID).Want(200)); again.ID != order.ID {
		s.Errorf("ordered again: %+v", again)
	}

	charge := s.buyer.Pays(order)
	s.buyer.SeesOrder(order.ID, "Completed")
	if sold := s.other.SeesTicket(ticket.ID, "sold"); sold.OrderID != order.ID {
		s.Errorf("sold: %+v", sold)
	}
	if again := market.As[market.Charge](s.buyer.Pay(order.ID, market.Visa).Want(200)); again.ID != charge.ID {
		s.Errorf("paid again: %+v, not %+v", again, charge)
	}
	if all := s.buyer.Charges(order.ID); len(all) != 1 || all[0].ID != charge.ID || all[0].StripeID == "" {
		s.Errorf("the charges: %+v", all)
	}
	s.other.Order(ticket.ID).Refused(409, "ticket_sold")
	s.seller.Edit(ticket.ID, ticket.Title, "25").Refused(409, "ticket_sold")
	s.buyer.Cancel(order.ID).Refused(409, "order_completed")
}

func (s *story) declined() {
	ticket := s.seller.Lists("Nina Hagen, row 2", "35.50")
	order := s.buyer.Orders(ticket)
	s.buyer.Pay(order.ID, market.Declined).Refused(402, "card_declined")
	if o := s.buyer.SeesOrder(order.ID, "Cancelled"); o.CancelReason != "payment_failed" {
		s.Errorf("cancelled because %s", o.CancelReason)
	}
	s.seller.SeesTicket(ticket.ID, "available")
	s.buyer.Pay(order.ID, market.Visa).Refused(409, "order_not_payable")
	if all := s.buyer.Charges(order.ID); len(all) != 1 || all[0].Status != "Failed" || all[0].FailureCode == "" {
		s.Errorf("the charges: %+v", all)
	}
}

func (s *story) cancelled() {
	ticket := s.seller.Lists("Kraftwerk, block C", "80")
	order := s.buyer.Orders(ticket)
	s.buyer.Cancel(order.ID).Want(204)
	s.buyer.Cancel(order.ID).Want(204)
	next := s.other.Orders(ticket)
	if o := s.buyer.ReadOrder(order.ID); o.Status != "Cancelled" || o.CancelReason != "by_buyer" {
		s.Errorf("cancelled: %+v", o)
	}
	s.buyer.Order(ticket.ID).Refused(409, "ticket_locked")
	s.other.Pays(next)
}

func (s *story) edited() {
	ticket := s.seller.Lists("Rammstein, Olympiastadion", "120")
	edited := market.As[market.Ticket](s.seller.Edit(ticket.ID, ticket.Title, "99.5").Want(200))
	if edited.Price != "99.5" || edited.Version != 2 {
		s.Errorf("edited: %+v", edited)
	}
	s.buyer.Order(ticket.ID, "120").Refused(409, "price_changed")
	order := market.As[market.Order](s.buyer.Order(ticket.ID, "99.50").Want(201))
	if order.Ticket.Price != "99.5" {
		s.Errorf("ordered at %s", order.Ticket.Price)
	}
	s.buyer.Pays(order)
}

// shortLock is how long a ticket is locked where a test waits for the end of it.
const shortLock = 2 * time.Second

func (s *story) expires() {
	s.m.StopAll(s.m.Of("orders")...)
	for _, p := range s.m.Of("orders") {
		p.Start("--lock-duration", shortLock.String())
	}
	s.m.Ready(s.m.Of("orders")...)
	ticket := s.seller.Lists("Patti Smith, Tempodrom", "45")
	order := s.buyer.Orders(ticket)
	free := s.other.SeesTicket(ticket.ID, "available")
	late := free.UpdatedAt.Sub(order.ExpiresAt)
	if seen := time.Now(); seen.Before(order.ExpiresAt) || late < 0 {
		s.Errorf("free at %v, %v before its time", free.UpdatedAt, -late)
	}
	s.Logf("the lock ended %v after its time", late)
	if o := s.buyer.SeesOrder(order.ID, "Cancelled"); o.CancelReason != "expired" {
		s.Errorf("cancelled because %s", o.CancelReason)
	}
	s.buyer.Pay(order.ID, market.Visa).Refused(409, "order_expired")
	s.other.Orders(ticket) // which expires in its turn
}

// signOut ends a session, and asks every process with its token.
func (s *story) signOut() {
	gone := s.m.SignUp("gwen")
	token := gone.Token()
	asks := map[string][2]string{
		"tickets": {"POST", "/api/tickets"}, "orders": {"GET", "/api/orders"}, "payments": {"GET", "/api/payments?orderId=x"},
	}
	for service, ask := range asks {
		for _, p := range s.m.Of(service) {
			if a := s.m.AskAt(p, token, ask[0], ask[1], nil); a.Status == 401 {
				s.Errorf("before the sign-out: %s", a)
			}
		}
	}
	gone.Ask("POST", "/api/users/signout", map[string]any{}).Want(200)
	began := time.Now()
	for service, ask := range asks {
		for _, p := range s.m.Of(service) {
			market.Eventually(s.T, "the session is over at "+service, func() (bool, string) {
				a := s.m.AskAt(p, token, ask[0], ask[1], nil)
				return a.Status == 401, a.String()
			})
		}
	}
	s.Logf("the sign-out was known everywhere after %v", time.Since(began))
	for _, p := range s.m.Of("auth") {
		if a := s.m.AskAt(p, token, "GET", "/api/users/currentuser", nil); !strings.Contains(string(a.Body), "null") {
			s.Errorf("still signed in: %s", a)
		}
	}
	gone.SignsIn()
	gone.Ask("GET", "/api/orders", nil).Want(200)
}

// readBack reads the event log from its start, as a newcomer, and compares it with what everybody sees.
func (s *story) readBack() {
	people := []*market.Person{s.seller, s.buyer, s.other}
	market.Eventually(s.T, "the last lock has ended", func() (bool, string) {
		a := s.seller.Ask("GET", "/api/tickets?status=locked", nil)
		return a.Status == 200 && len(market.As[[]market.Ticket](a)) == 0, a.String()
	})
	picture := s.m.Settles()
	picture.SameAs(people...)
	printed, read := s.m.PrintedLog(), s.m.Log()
	if len(printed) != len(read) || len(read) == 0 {
		s.Errorf("the command prints %d events, the log has %d", len(printed), len(read))
	}
	secrets := []string{"$argon2", "pm_card", "client_secret", "clientSecret", "_secret_"}
	for _, who := range people {
		secrets = append(secrets, who.Password, who.Token())
	}
	for _, e := range read {
		for _, secret := range secrets {
			if strings.Contains(e.Raw, secret) {
				s.Errorf("%q is in an event: %s", secret, e.Raw)
			}
		}
		var data map[string]any
		if err := json.Unmarshal(e.Data, &data); err != nil || data["password"] != nil || data["passwordHash"] != nil {
			s.Errorf("%v: %s", err, e.Raw)
		}
	}
	for _, p := range s.m.All {
		for _, secret := range secrets {
			if strings.Contains(p.Log(), secret) {
				s.Errorf("%q is in the log of a process", secret)
			}
		}
	}
	if failed := s.m.Failed(); failed != "No event has failed." {
		s.Error(failed)
	}
	s.m.Audits()
	s.Logf("%d events", len(read))
}
