package simulation_test

import (
	"strings"
	"testing"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/test/simulation"
)

// sabotages are ways to break the market, and what somebody must notice then.
var sabotages = []struct {
	name    string
	do      simulation.Sabotage
	noticed string // in one of the findings
	obvious bool   // the first seed shows it
}{
	{"nobody gives money back", simulation.Sabotage{NoRefunds: true}, "refund", false},
	{"nobody notices that the log has lost events", simulation.Sabotage{BlindLog: true}, "not in the log", false},
	{"deliveries get lost", simulation.Sabotage{Before: func(w *simulation.World, service string, m bus.Message) bool {
		return m.Seq%7 != 0
	}}, "on their way", false},
	{"the inbox forgets, so that old events are applied again", simulation.Sabotage{Before: func(w *simulation.World, service string, m bus.Message) bool {
		w.Exec(service, `DELETE FROM inbox`)
		return true
	}}, "", true},
	{"a cancelled order unlocks its ticket, whoever holds it", simulation.Sabotage{After: func(w *simulation.World, service string, m bus.Message) {
		if e, err := bus.Decode(m.Data); service == "tickets" && err == nil && e.Type == event.OrderCancelled {
			o, _ := bus.State[event.Order](e)
			w.Exec("tickets", `UPDATE tickets SET order_id = NULL, locked_until = 0 WHERE id = $1 AND sold_at = 0 AND order_id IS NOT NULL`, o.Ticket.ID)
		}
	}}, "ticket", false},
	{"a payment completes an order that is cancelled", simulation.Sabotage{After: func(w *simulation.World, service string, m bus.Message) {
		if e, err := bus.Decode(m.Data); service == "orders" && err == nil && e.Type == event.ChargeUpdated {
			c, _ := bus.State[event.Charge](e)
			if c.Status == event.Completed {
				w.Exec("orders", `UPDATE orders SET status = 'Completed', cancel_reason = '', version = version + 1 WHERE id = $1 AND status = 'Cancelled'
					AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.ticket_id = orders.ticket_id AND o.status <> 'Cancelled')`, c.OrderID)
			}
		}
	}}, "order", false},
	{"an order forgets the payment that has it", simulation.Sabotage{After: func(w *simulation.World, service string, m bus.Message) {
		if e, err := bus.Decode(m.Data); service == "orders" && err == nil && e.Type == event.ChargeCreated {
			c, _ := bus.State[event.Charge](e)
			w.Exec("orders", `UPDATE orders SET charge_id = '' WHERE id = $1 AND status = 'AwaitingPayment'`, c.OrderID)
		}
	}}, "no payment has it", true},
	{"the end of the time does not wait for a payment", simulation.Sabotage{Before: func(w *simulation.World, service string, m bus.Message) bool {
		if e, err := bus.Decode(m.Data); service == "orders" && err == nil && e.Type == event.OrderExpired {
			w.Exec("orders", `UPDATE orders SET charge_id = '' WHERE id = $1 AND status = 'AwaitingPayment'`, e.Subject)
		}
		return true
	}}, "before it failed", false},
	{"an order ends before its time", simulation.Sabotage{After: func(w *simulation.World, service string, m bus.Message) {
		if e, err := bus.Decode(m.Data); service == "expiration" && err == nil && e.Type == event.OrderCreated {
			w.Exec("orders", `UPDATE orders SET expires_at = expires_at - 600000 WHERE id = $1`, e.Subject)
		}
	}}, "", true},
}

// The simulation has teeth: a market that is broken in any of these ways is found out within a few seeds.
func TestBrokenMarketsAreFoundOut(t *testing.T) {
	for _, s := range sabotages {
		if slow && !s.obvious {
			continue // it takes more seeds than there is time for
		}
		t.Run(s.name, func(t *testing.T) {
			most := 150
			var found *simulation.Result
			tried := 0
			each(t, most, simulation.Options{Sabotage: &s.do}, func(r simulation.Result) bool {
				tried++
				if r.Err() != nil && strings.Contains(r.Err().Error(), s.noticed) && found == nil {
					found = &r
				}
				return found == nil
			})
			if found == nil {
				t.Fatalf("nobody noticed in %d seeds", tried)
			}
			t.Logf("noticed after %d seeds: %v", tried, found.Err())
		})
	}
}
