package main

import (
	"context"
	"io/fs"
	"strings"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
	"ticketing/services/auth"
	"ticketing/services/expiration"
	"ticketing/services/orders"
	"ticketing/services/payments"
	"ticketing/services/tickets"
)

// role is one thing that serve can run.
type role struct {
	name    string
	private bool                                               // no cache may keep what it answers
	tables  fs.FS                                              // of its database
	routes  func() []httpapi.Route                             // nil: it answers no requests
	build   func(m *machine, db *store.DB, b *bus.Bus) service // nil: it has no database and no events
}

// service is what a role with a database is made of. One that answers requests is an httpapi.Service too, one that does
// anything by itself a worker.
type service interface {
	Follow(b *bus.Bus) // registers what it wants to hear of
}

type worker interface {
	Run(ctx context.Context) error // until ctx ends
}

// answerWait is the longest that an answer waits for other services, whose events are on their way.
const answerWait = 2 * time.Second

// roles are all that a process can be, in the order of their start: web alone has no database, and what verifies sessions
// finds the keys of auth when that runs in the same process.
var roles = []role{
	{name: "auth", private: true, tables: auth.Migrations, routes: (&auth.Service{}).Routes,
		build: func(m *machine, db *store.DB, b *bus.Bus) service {
			s := auth.New(db, b, auth.Options{Now: time.Now, Ended: m.ended, Hashes: processors(), Log: m.log})
			m.trust(s.Keys(), s.Ready)
			return s
		}},
	{name: "tickets", tables: tickets.Migrations, routes: (&tickets.Service{}).Routes,
		build: func(m *machine, db *store.DB, b *bus.Bus) service {
			return tickets.New(db, b, tickets.Options{Currency: m.Currency.Currency})
		}},
	{name: "orders", private: true, tables: orders.Migrations, routes: (&orders.Service{}).Routes,
		build: func(m *machine, db *store.DB, b *bus.Bus) service {
			return orders.New(db, b, orders.Options{
				Currency: m.Currency.Currency, LockDuration: time.Duration(m.LockDuration), Attempts: int(m.PaymentAttempts), Wait: answerWait,
			})
		}},
	{name: "expiration", tables: expiration.Migrations,
		build: func(m *machine, db *store.DB, b *bus.Bus) service {
			return expiration.New(db, b, expiration.Options{Log: m.log})
		}},
	{name: "payments", private: true, tables: payments.Migrations, routes: (&payments.Service{}).Routes,
		build: func(m *machine, db *store.DB, b *bus.Bus) service {
			return payments.New(db, b, m.payments())
		}},
	{name: "web"},
}

func roleNamed(name string) *role {
	for i := range roles {
		if roles[i].name == name {
			return &roles[i]
		}
	}
	return nil
}

func serviceList() string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.name
	}
	return strings.Join(names, " ")
}

// payments is how payments reaches the bank: Stripe, a simulator elsewhere, or the one in this process.
func (m *machine) payments() payments.Options {
	o := payments.Options{
		StripeKey: string(m.StripeKey), PublishableKey: m.StripePublishableKey, WebhookSecrets: m.webhookSecrets(),
		StripeURL: string(m.StripeURL), ChargeAtOnce: m.StripeCapture == captureAutomatic,
		Attempts: int(m.PaymentAttempts), Wait: answerWait, Log: m.log,
		Currency: m.Currency.Currency, Fee: int(m.Fee), PayoutAfter: time.Duration(m.PayoutAfter),
	}
	if m.simulator != nil {
		o.Transport, o.WebhookSecrets = m.simulator.Transport(), []string{m.webhookSecret}
	}
	if o.StripeKey == "" {
		o.StripeKey = simulatorKey
	}
	o.Simulator = m.StripeKey == "" || m.StripeURL != ""
	return o
}
