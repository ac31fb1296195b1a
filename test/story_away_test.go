package test

import (
	"time"

	"ticketing/test/market"
)

// away is what is done before a service goes away, meanwhile, and after it has come back.
type away struct {
	service          string
	before           func()
	meanwhile, after func()
}

// servicesAway stops each service in turn, in good order and with kill -9, while the others go on.
func (s *story) servicesAway() {
	for _, stop := range []func(*market.Process){(*market.Process).Stop, (*market.Process).Kill} {
		for _, a := range []away{s.withoutAuth(), s.withoutTickets(), s.withoutOrders(), s.withoutPayments()} {
			a.before()
			p := s.m.Of(a.service)[0]
			stop(p)
			a.meanwhile()
			p.Start()
			s.m.Ready(p)
			a.after()
		}
	}
	s.m.Front.Kill()
	for _, p := range s.m.Of("orders") { // each goes on by itself, though nobody asks the gateway
		s.m.AskAt(p, s.buyer.Token(), "GET", "/api/orders", nil).Want(200)
	}
	s.m.Front.Start()
	s.purchaseAgain()
}

// withoutAuth nobody can sign in, and everybody who is signed in goes on.
func (s *story) withoutAuth() away {
	meanwhile := func() {
		s.m.Person("late").Ask("POST", "/api/users/signup", map[string]string{"email": "l@example.com", "password": "12345678"}).
			Refused(503, "unavailable")
		s.purchaseAgain()
	}
	return away{"auth", func() {}, meanwhile, s.buyer.SignsIn}
}

// withoutTickets an order is taken all the same; the lock follows.
func (s *story) withoutTickets() away {
	var ticket market.Ticket
	var order market.Order
	before := func() {
		ticket = s.seller.Lists("Ordered without tickets", "10")
		s.buyer.Cancel(s.buyer.Orders(ticket).ID).Want(204) // so orders knows it
	}
	meanwhile := func() {
		s.seller.Ask("GET", "/api/tickets", nil).Refused(503, "unavailable")
		s.seller.List("Not now", "10").Refused(503, "unavailable")
		if order = market.As[market.Order](s.buyer.Order(ticket.ID).Want(201)); order.Status != "Created" {
			s.Errorf("an order that nobody can have locked: %+v", order)
		}
		s.other.Order(ticket.ID).Refused(409, "ticket_locked")
		s.buyer.Pay(order.ID, market.Visa).Refused(409, "order_not_payable")
	}
	after := func() {
		s.buyer.SeesOrder(order.ID, "AwaitingPayment")
		s.other.SeesTicket(ticket.ID, "locked")
		s.buyer.Pays(order)
		s.other.SeesTicket(ticket.ID, "sold")
	}
	return away{"tickets", before, meanwhile, after}
}

// withoutOrders nobody can say whose an order is, so the money of a payment is held; it is taken, and the ticket sold, when
// orders is back.
func (s *story) withoutOrders() away {
	var order market.Order
	before := func() {
		order = s.buyer.Orders(s.seller.Lists("Paid without orders", "10"))
		s.buyer.Charges(order.ID) // so payments knows it
		market.Eventually(s.T, "payments knows that it is locked", func() (bool, string) {
			o := s.m.Log()
			return o[len(o)-1].Type == "OrderUpdated" || o[len(o)-1].Subject == order.ID, o[len(o)-1].Raw
		})
	}
	meanwhile := func() {
		s.buyer.Order(s.seller.Lists("Listed without orders", "10").ID).Refused(503, "unavailable")
		if c := market.As[market.Charge](s.buyer.Pay(order.ID, market.Visa).Want(202)); c.Status != "Created" || c.ClientSecret != "" {
			s.Errorf("without orders: %+v", c)
		}
	}
	after := func() {
		s.buyer.SeesOrder(order.ID, "Completed")
		s.other.SeesTicket(order.Ticket.ID, "sold")
		if all := s.buyer.Charges(order.ID); len(all) != 1 || all[0].Status != "Completed" {
			s.Errorf("with orders again: %+v", all)
		}
	}
	return away{"orders", before, meanwhile, after}
}

// withoutPayments everything else goes on.
func (s *story) withoutPayments() away {
	var order market.Order
	meanwhile := func() {
		order = s.buyer.Orders(s.seller.Lists("Ordered without payments", "10"))
		s.buyer.Pay(order.ID, market.Visa).Refused(503, "unavailable")
		s.buyer.Ask("GET", "/api/payments?orderId="+order.ID, nil).Refused(503, "unavailable")
	}
	return away{"payments", func() {}, meanwhile, func() { s.buyer.Pays(order) }}
}

// expirationAway lets the time to pay pass while nobody rings the alarm: nothing can be paid any more, and the lock ends
// when expiration is back.
func (s *story) expirationAway() {
	p := s.m.Of("expiration")[0]
	for _, stop := range []func(){p.Stop, p.Kill} {
		stop()
		order := s.buyer.Orders(s.seller.Lists("Nobody rings", "10"))
		market.Eventually(s.T, "the time to pay is over", func() (bool, string) {
			o := s.buyer.ReadOrder(order.ID)
			return time.Now().After(o.ExpiresAt), o.Status
		})
		s.buyer.Pay(order.ID, market.Visa).Refused(409, "order_expired")
		if o := s.buyer.ReadOrder(order.ID); o.Status != "AwaitingPayment" || o.ExpiresIn != 0 {
			s.Errorf("without an alarm: %+v", o)
		}
		p.Start()
		s.other.SeesTicket(order.Ticket.ID, "available")
		if o := s.buyer.SeesOrder(order.ID, "Cancelled"); o.CancelReason != "expired" {
			s.Errorf("cancelled because %s", o.CancelReason)
		}
	}
}

// replicasAway takes one replica of each service away; the other does all the work.
func (s *story) replicasAway() {
	for i, stop := range []func(*market.Process){(*market.Process).Stop, (*market.Process).Kill} {
		var gone []*market.Process
		for _, service := range market.Services {
			gone = append(gone, s.m.Of(service)[i])
			stop(s.m.Of(service)[i])
		}
		s.purchaseAgain()
		s.m.StartAll(gone...)
		s.m.Ready(gone...)
		s.purchaseAgain()
	}
}

func (s *story) purchaseAgain() {
	order := s.buyer.Orders(s.seller.Lists("Sold by whoever is there", "12.34"))
	charge := s.buyer.Pays(order)
	s.buyer.SeesOrder(order.ID, "Completed")
	s.other.SeesTicket(order.Ticket.ID, "sold")
	if all := s.buyer.Charges(order.ID); len(all) != 1 || all[0].ID != charge.ID {
		s.Errorf("the charges: %+v", all)
	}
}
