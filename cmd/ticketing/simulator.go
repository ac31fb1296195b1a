package main

import (
	"context"

	"ticketing/api"
	runner "ticketing/kernel/run"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

const (
	simulatorName = "stripesim"             // the database of the payment simulator, which is nobody's service
	simulatorKey  = "sk_test_simulator"     // what the simulator is asked with; it takes any of this form
	simulatorHook = "payments"              // the endpoint that its webhooks go to by themselves
	webhookPath   = "/api/payments/webhook" // where payments takes webhooks
)

// simulates tells whether payments are simulated in this process.
func (m *machine) simulates() bool {
	return has(m.roles, "payments") && m.StripeKey == "" && m.StripeURL == ""
}

// simulate opens the payment simulator and sends its webhooks to payments. They stay in this process, so they arrive
// whatever its address is to others; replicas that share the simulator's database share the secret too, and whichever of
// them delivers does so to itself.
func (m *machine) simulate(ctx context.Context) error {
	db, err := m.openDatabase(ctx, m.log, simulatorName, stripesim.Migrations)
	if err != nil {
		return err
	}
	m.databases = append(m.databases, db)
	m.simulator = stripesim.New(db, stripesim.Options{BaseURL: m.public.url(), Log: m.log})
	var named string // by the operator; if not, the simulator makes one
	if all := m.webhookSecrets(); len(all) > 0 {
		named = all[0]
	}
	m.webhookSecret, err = m.simulator.SetWebhook(ctx, stripesim.Webhook{
		Name: simulatorHook, URL: m.public.url() + webhookPath, Secret: named, Types: payments.EventTypes(),
		Transport: api.InProcess(m.public),
	})
	return err
}

// happenings is what the simulator does by itself.
func (m *machine) happenings() runner.Component {
	return runner.Component{
		Name: "payment simulator",
		Run:  func(ctx context.Context) error { return m.simulator.Run(ctx) },
	}
}
