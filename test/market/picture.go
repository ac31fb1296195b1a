package market

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Picture is what a reader of the event log knows: every state that every entity has been in, oldest first.
type Picture struct {
	Tickets map[string][]Ticket
	Orders  map[string][]Order
	Charges map[string][]Charge
	Newest  map[string]map[string]any // the newest state of each entity as it was told, by kind and id: "order/0198…"

	wrong []string
}

// sources are the services that say each type, kinds what the type tells of.
var (
	sources = map[string]string{
		"UserCreated": "/auth", "UserUpdated": "/auth", "TicketCreated": "/tickets", "TicketUpdated": "/tickets",
		"TicketLockRejected": "/tickets", "OrderCreated": "/orders", "OrderUpdated": "/orders", "OrderCancelled": "/orders",
		"OrderExpired": "/expiration", "ChargeCreated": "/payments", "ChargeUpdated": "/payments",
	}
	kinds = map[string]string{
		"UserCreated": "user", "UserUpdated": "user", "TicketCreated": "ticket", "TicketUpdated": "ticket",
		"TicketLockRejected": "rejection", "OrderCreated": "order", "OrderUpdated": "order", "OrderCancelled": "order",
		"OrderExpired": "expiry", "ChargeCreated": "charge", "ChargeUpdated": "charge",
	}
	firsts = map[string]bool{
		"UserCreated": true, "TicketCreated": true, "TicketLockRejected": true, "OrderCreated": true, "ChargeCreated": true,
	}
	traceParent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// Draw makes the picture of these events, and notes whatever is wrong with them.
func Draw(events []Event) *Picture {
	p := &Picture{Tickets: map[string][]Ticket{}, Orders: map[string][]Order{}, Charges: map[string][]Charge{}, Newest: map[string]map[string]any{}}
	ids, versions := map[string]bool{}, map[string]int64{}
	for _, e := range events {
		p.envelope(e)
		if ids[e.ID] {
			p.bad("event %s is there twice: %s", e.ID, e.Raw)
		}
		ids[e.ID] = true
		var state struct{ Version int64 }
		var newest map[string]any
		if err := json.Unmarshal(e.Data, &state); err != nil {
			p.bad("%v: %s", err, e.Raw)
			continue
		}
		entity := kinds[e.Type] + "/" + e.Subject
		if state.Version != versions[entity]+1 {
			p.bad("%s: version %d follows %d", entity, state.Version, versions[entity])
		}
		if e.Type != "OrderExpired" && firsts[e.Type] != (state.Version == 1) {
			p.bad("%s tells version %d of %s", e.Type, state.Version, entity)
		}
		versions[entity] = state.Version
		p.add(e)
		_ = json.Unmarshal(e.Data, &newest) // it was fine before
		p.Newest[entity] = newest
	}
	return p
}

func (p *Picture) bad(format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

func (p *Picture) envelope(e Event) {
	source, known := sources[e.Type]
	switch {
	case !known:
		p.bad("there is no type %q: %s", e.Type, e.Raw)
	case e.SpecVersion != "1.0" || e.ID == "" || e.Source != source || e.Subject == "" || e.DataContentType != "application/json" ||
		!strings.Contains(e.DataSchema, e.Type) && e.DataSchema == "" || e.Time.IsZero() || e.Time.Location().String() != "UTC":
		p.bad("no CloudEvents document of %s: %s", source, e.Raw)
	case !traceParent.MatchString(e.TraceParent):
		p.bad("traceparent of %s", e.Raw)
	}
}

func (p *Picture) add(e Event) {
	var err error
	switch kinds[e.Type] {
	case "ticket":
		err = appendTo(p.Tickets, e)
	case "order":
		err = appendTo(p.Orders, e)
	case "charge":
		err = appendTo(p.Charges, e)
	}
	if err != nil {
		p.bad("%v: %s", err, e.Raw)
	}
}

func appendTo[T any](all map[string][]T, e Event) error {
	var v T
	err := json.Unmarshal(e.Data, &v)
	all[e.Subject] = append(all[e.Subject], v)
	return err
}

func last[T any](states []T) T { return states[len(states)-1] }

// Wrong is all that breaks an invariant that holds at every moment.
func (p *Picture) Wrong() []string {
	wrong := slices.Clone(p.wrong)
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	completed := map[string]string{}
	for id, states := range p.Orders {
		for i, o := range states {
			if i > 0 && !moves[states[i-1].Status+" "+o.Status] {
				say("order %s went from %s to %s", id, states[i-1].Status, o.Status)
			}
			p.claimed(say, states[max(0, i-1)], o)
			if o.Status == "Cancelled" && o.CancelReason == "expired" && o.UpdatedAt.Before(o.ExpiresAt) {
				say("order %s expired at %v, before %v", id, o.UpdatedAt, o.ExpiresAt)
			}
			if o.Ticket != states[0].Ticket || !o.ExpiresAt.Equal(states[0].ExpiresAt) || o.UserID != states[0].UserID {
				say("order %s changed what was ordered: %+v, %+v", id, states[0], o)
			}
			if t := p.Tickets[o.Ticket.ID]; len(t) > 0 && t[0].UserID != o.Ticket.SellerID {
				say("order %s is from the seller %q, its ticket from %s", id, o.Ticket.SellerID, t[0].UserID)
			}
		}
		if o := last(states); o.Status == "Completed" {
			if other := completed[o.Ticket.ID]; other != "" {
				say("ticket %s was bought by %s and %s", o.Ticket.ID, other, id)
			}
			completed[o.Ticket.ID] = id
		}
	}
	for id, states := range p.Tickets {
		for i := 1; i < len(states); i++ {
			p.ticketStep(say, id, states[i-1], states[i])
		}
	}
	p.paid(say)
	return wrong
}

// claimed checks which payment has an order, after the step from before to o.
func (p *Picture) claimed(say func(string, ...any), before, o Order) {
	charge := p.Charges[o.ChargeID]
	switch {
	case o.ChargeID == "" && o.Status == "Completed":
		say("order %s is completed, by no payment", o.ID)
	case o.ChargeID == before.ChargeID && before.Version < o.Version && before.Status == "AwaitingPayment" && o.Status == "AwaitingPayment":
		say("order %s waits for payment as before, and is told again", o.ID)
	case o.ChargeID != "" && (len(charge) == 0 || charge[0].OrderID != o.ID):
		say("order %s is that of payment %q, which is no payment of it", o.ID, o.ChargeID)
	case o.ChargeID != "" && o.Status != "AwaitingPayment" && o.Status != "Completed":
		say("order %s is %s, and payment %s has it", o.ID, o.Status, o.ChargeID)
	}
}

// moves are the steps that an order may take. One that waits for payment may be told again, and so may a cancelled one.
var moves = map[string]bool{
	"AwaitingPayment AwaitingPayment": true,
	"Created AwaitingPayment":         true, "Created Cancelled": true, "AwaitingPayment Completed": true,
	"AwaitingPayment Cancelled": true, "Cancelled Cancelled": true,
}

func (p *Picture) ticketStep(say func(string, ...any), id string, from, to Ticket) {
	held := from.Status == "locked" || from.Status == "sold"
	order := p.Orders[to.OrderID]
	switch {
	case from.Status == "sold" || from.Status == "withdrawn":
		say("ticket %s was %s and changed: %+v", id, from.Status, to)
	case to.Status == "locked" && held && to.OrderID != from.OrderID:
		say("ticket %s passed from order %s to %s while it was locked", id, from.OrderID, to.OrderID)
	case (to.Status == "locked" || to.Status == "sold") && (len(order) == 0 || order[0].Ticket.ID != id):
		say("ticket %s is held by %q, which is no order of it", id, to.OrderID)
	case to.Status == "sold" && (from.Status != "locked" || to.OrderID != from.OrderID):
		say("ticket %s was sold to %s, but %s for %q", id, to.OrderID, from.Status, from.OrderID)
	case (to.Status == "locked" || to.Status == "sold") && to.Price != order[0].Ticket.Price:
		say("ticket %s is held at %s, ordered at %s", id, to.Price, order[0].Ticket.Price)
	case held && (to.Price != from.Price || to.Title != from.Title):
		say("ticket %s was edited while it was held", id)
	case (to.Status == "available" || to.Status == "withdrawn") && to.OrderID != "":
		say("ticket %s is %s and names order %s", id, to.Status, to.OrderID)
	}
}

func (p *Picture) paid(say func(string, ...any)) {
	taken := map[string]int{}
	for id, states := range p.Charges {
		c := last(states)
		if c.Status == "Completed" && c.StripeRefundID == "" {
			taken[c.OrderID]++
		}
		order := p.Orders[c.OrderID]
		if len(order) == 0 {
			say("charge %s pays for order %q, which nobody made", id, c.OrderID)
		} else if c.Amount != order[0].Ticket.Price || c.Currency != order[0].Ticket.Currency {
			say("charge %s takes %s for a price of %s", id, c.Amount, order[0].Ticket.Price)
		}
	}
	for order, n := range taken {
		if n > 1 {
			say("order %s is paid %d times", order, n)
		}
	}
}

// Unsettled is all that still has to happen before everything has come to its rest: what is only wrong if it stays so.
func (p *Picture) Unsettled() []string {
	var open []string
	say := func(format string, args ...any) { open = append(open, fmt.Sprintf(format, args...)) }
	taken := map[string]bool{}
	for id, states := range p.Charges {
		c := last(states)
		taken[c.OrderID] = taken[c.OrderID] || c.Status == "Completed" && c.StripeRefundID == ""
		if c.Status == "Created" {
			say("charge %s is not decided", id)
		}
	}
	for id, states := range p.Orders {
		o := last(states)
		ticket := Ticket{}
		if all := p.Tickets[o.Ticket.ID]; len(all) > 0 {
			ticket = last(all)
		}
		switch {
		case o.Status == "Created":
			say("order %s has no answer", id)
		case o.Status == "AwaitingPayment" && (ticket.Status != "locked" || ticket.OrderID != id):
			say("order %s waits for payment, its ticket is %s for %q", id, ticket.Status, ticket.OrderID)
		case o.Status == "Completed" && (ticket.Status != "sold" || ticket.OrderID != id):
			say("order %s is completed, its ticket is %s for %q", id, ticket.Status, ticket.OrderID)
		case o.Status == "Cancelled" && ticket.OrderID == id:
			say("order %s is cancelled, its ticket is %s for it", id, ticket.Status)
		case (o.Status == "Completed") != taken[id]:
			say("order %s is %s, and money taken: %v", id, o.Status, taken[id])
		case o.Status == "AwaitingPayment" && o.ChargeID != "", o.Status == "Completed" && !p.succeeded(o.ChargeID):
			say("order %s is %s, with payment %s", id, o.Status, o.ChargeID)
		}
	}
	return open
}

// succeeded tells whether a payment has taken its money.
func (p *Picture) succeeded(charge string) bool {
	states := p.Charges[charge]
	return len(states) > 0 && last(states).Status == "Completed"
}

// Settles waits until nothing is left to happen, and ends the test if anything is wrong then. It returns the picture.
func (m *Market) Settles() *Picture {
	m.t.Helper()
	var p *Picture
	Eventually(m.t, "everything has come to its rest", func() (bool, string) {
		if waiting := m.unpublished(); waiting != "" {
			return false, waiting // what the log says is not the newest then
		}
		lines, err := m.readLog()
		if err != nil {
			return false, err.Error()
		}
		p = Draw(m.parse(lines))
		open := p.Unsettled()
		return len(open) == 0, strings.Join(open, "\n")
	})
	for _, w := range p.Wrong() {
		m.t.Error(w)
	}
	return p
}

// Audits lets the program look through its books.
func (m *Market) Audits() {
	m.t.Helper()
	code, out, errs := Tool(m.t, append([]string{"audit"}, m.Place()...)...)
	if code != 0 {
		m.t.Errorf("audit: %d\n%s%s", code, out, errs)
	}
}

// SameAs ends the test unless a person who reads every ticket and their own orders sees the same as the log tells.
func (p *Picture) SameAs(people ...*Person) {
	m := people[0].market
	m.t.Helper()
	owners := map[string]*Person{}
	for _, who := range people {
		owners[who.ID] = who
	}
	for _, id := range slices.Sorted(maps.Keys(p.Tickets)) {
		p.same("ticket/"+id, people[0].Ask("GET", "/api/tickets/"+id, nil).Want(200))
	}
	for _, id := range slices.Sorted(maps.Keys(p.Orders)) {
		if owner := owners[p.Orders[id][0].UserID]; owner != nil {
			p.same("order/"+id, owner.Ask("GET", "/api/orders/"+id, nil).Want(200))
		}
	}
}

func (p *Picture) same(entity string, a Answer) {
	a.t.Helper()
	shown, told := As[map[string]any](a), p.Newest[entity]
	delete(shown, "expiresIn") // depends on when it is asked
	delete(told, "chargeId")   // of an order: the buyer reads it in the list of its payments
	if fmt.Sprint(shown) != fmt.Sprint(told) {
		a.t.Errorf("%s is shown as\n%v\nand told as\n%v", entity, shown, told)
	}
}
