package bench

import (
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

const (
	everySeed   = listedSeed + " " + lockedSeed + " " + soldSeed
	orderedSeed = lockedSeed + " " + soldSeed
)

// tables is the states: what each service knows of a story.
func (s *seed) tables() []table {
	return []table{
		{"tickets", "tickets", "id, user_id, title, price, currency, venue, details, search, starts_at, order_id, locked_until, sold_at, version, created_at, updated_at",
			s.ticketRow, everySeed},
		{"orders", "tickets", "id, seller_id, title, price, currency, starts_at, status, order_id, version", s.knownTicketRow, everySeed},
		{"orders", "orders", "id, user_id, status, expires_at, charge_id, seller_id, ticket_id, ticket_version, title, price, currency, version, created_at, updated_at",
			s.orderRow, orderedSeed},
		{"orders", "charges", "id, order_id, status, version", func(n int) ([]any, error) {
			return []any{s.id(chargeID, n), s.id(orderID, n), event.Completed, 2}, nil
		}, soldSeed},
		{"expiration", "deadlines", "order_id, expires_at, due_at", func(n int) ([]any, error) {
			return []any{s.id(orderID, n), store.Millis(s.until()), store.Millis(s.until())}, nil
		}, lockedSeed},
		{"payments", "orders", "id, user_id, status, cancel_reason, expires_at, amount, currency, charge_id, seller_id, ticket_id, title", s.paidOrderRow, orderedSeed},
		{"payments", "charges", "id, order_id, status, amount, currency, token, stripe_id, hold, version, created_at, updated_at", s.chargeRow, soldSeed},
		{"payments", "ledger_entries", "kind, reference, charge_id, order_id, currency, memo, booked_at", func(n int) ([]any, error) {
			return []any{"capture", s.id(chargeID, n), s.id(chargeID, n), s.id(orderID, n), "usd", s.intent(n), store.Millis(s.at(n))}, nil
		}, soldSeed},
		{"payments", "ledger_lines", "kind, reference, account, amount", s.ledgerRow("stripe", -1), soldSeed},
		{"payments", "ledger_lines", "kind, reference, account, amount", s.ledgerRow("orders", 1), soldSeed},
		{"payments", "sales", "id, order_id, charge_id, seller_id, ticket_id, title, price, rate, fee, earned, currency, status, sold_at", s.saleRow, soldSeed},
	}
}

// inboxes is what the followers have heard.
func (s *seed) inboxes() (all []table) {
	for _, f := range []struct {
		service, kinds string
		state          func(n int) event.State
	}{
		{"orders", everySeed, s.ticketState}, {"orders", soldSeed, s.chargeState}, {"tickets", orderedSeed, s.orderState},
		{"expiration", orderedSeed, s.orderState}, {"payments", orderedSeed, s.orderState},
	} {
		all = append(all, table{f.service, "inbox", "kind, entity, version", func(n int) ([]any, error) {
			state := f.state(n)
			entity, version := state.Entity()
			return []any{state.Kind().Name, entity, version}, nil
		}, f.kinds})
	}
	return all
}

// outboxes is what the services have said.
func (s *seed) outboxes() []said {
	ticket := event.TicketUpdated
	if s.kind == listedSeed {
		ticket = event.TicketCreated
	}
	return []said{
		{"tickets", everySeed, ticketEvent, ticket, s.ticketState},
		{"orders", orderedSeed, orderEvent, event.OrderUpdated, s.orderState},
		{"payments", soldSeed, chargeEvent, event.ChargeUpdated, s.chargeState},
	}
}

func (s *seed) ticketState(n int) event.State { return s.ticket(n) }
func (s *seed) orderState(n int) event.State  { return s.order(n) }
func (s *seed) chargeState(n int) event.State { return s.charge(n) }

func (s *seed) ticketRow(n int) ([]any, error) {
	title, venue, details, price, starts := goods(n)
	at := store.Millis(s.at(n))
	var order any
	var lockedUntil, soldAt, version int64 = 0, 0, 1
	switch s.kind {
	case lockedSeed:
		order, lockedUntil, version = s.id(orderID, n), store.Millis(s.until()), 2
	case soldSeed:
		order, soldAt, version = s.id(orderID, n), at, 3
	}
	return []any{s.id(ticketID, n), s.seller(n), title, price, "usd", venue, details, searched(title, venue, details),
		store.Millis(starts), order, lockedUntil, soldAt, version, at, at}, nil
}

func (s *seed) knownTicketRow(n int) ([]any, error) {
	_, _, _, price, starts := goods(n)
	t := s.ticket(n)
	return []any{t.ID, t.UserID, t.Title, price, "usd", store.Millis(starts), t.Status, t.OrderID, t.Version}, nil
}

func (s *seed) orderRow(n int) ([]any, error) {
	_, _, _, price, _ := goods(n)
	o := s.order(n)
	return []any{o.ID, o.UserID, o.Status, store.Millis(o.ExpiresAt), o.ChargeID, o.Ticket.SellerID, o.Ticket.ID, 1, o.Ticket.Title,
		price, "usd", o.Version, store.Millis(o.CreatedAt), store.Millis(o.UpdatedAt)}, nil
}

func (s *seed) paidOrderRow(n int) ([]any, error) {
	_, _, _, price, _ := goods(n)
	o := s.order(n)
	return []any{o.ID, o.UserID, o.Status, "", store.Millis(o.ExpiresAt), price, "usd", o.ChargeID, o.Ticket.SellerID, o.Ticket.ID, o.Ticket.Title}, nil
}

func (s *seed) chargeRow(n int) ([]any, error) {
	_, _, _, price, _ := goods(n)
	at := store.Millis(s.at(n))
	return []any{s.id(chargeID, n), s.id(orderID, n), event.Completed, price, "usd", "pm_card_visa", s.intent(n), true, 2, at, at}, nil
}

func (s *seed) ledgerRow(account string, sign int64) func(n int) ([]any, error) {
	return func(n int) ([]any, error) {
		_, _, _, price, _ := goods(n)
		return []any{"capture", s.id(chargeID, n), account, sign * price}, nil
	}
}

func (s *seed) saleRow(n int) ([]any, error) {
	title, _, _, price, _ := goods(n)
	return []any{s.id(saleID, n), s.id(orderID, n), s.id(chargeID, n), s.seller(n), s.id(ticketID, n), title, price, 0, 0, price, "usd",
		"pending", store.Millis(s.at(n))}, nil
}
