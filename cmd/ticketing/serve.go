package main

import (
	"fmt"
	"slices"
	"strings"

	"ticketing/kernel/config"
	runner "ticketing/kernel/run"
)

// serveCmd runs services until it is told to stop.
type serveCmd struct {
	Services []string `arg:"" optional:"" name:"service" help:"What to run: ${services}. Default: all of them."`

	Addr    config.Addr         `default:":8080" placeholder:"HOST:PORT" group:"listen" help:"Public HTTP listener; port 0 picks a free one. Default: :8080."`
	OpsAddr config.OptionalAddr `default:"127.0.0.1:8081" placeholder:"HOST:PORT" group:"listen" help:"Listener for operators, with metrics, profiles and events; off for none. Default: 127.0.0.1:8081."`

	placeFlags

	LockDuration    config.Duration `default:"15m" placeholder:"TIME" group:"market" help:"How long a ticket stays locked for payment. Default: 15m."`
	Currency        config.Currency `default:"usd" placeholder:"CODE" group:"market" help:"ISO 4217 code of the market's currency. Default: usd."`
	PaymentAttempts config.Count    `default:"1" placeholder:"N" group:"market" help:"Failed charges after which an order is cancelled. Default: 1."`

	Fee         config.BasisPoints `default:"0" placeholder:"N" group:"market" help:"What the market keeps of the price of each sale, in basis points, rounded down: 250 are 2.5 %. Default: 0."`
	PayoutAfter config.Duration    `placeholder:"TIME" group:"market" help:"How long after a sale its seller is paid out, through Stripe Connect: 168h. Default: never."`

	stripeFlags
	StripeCapture string `enum:"manual,automatic" default:"manual" group:"stripe" help:"manual holds a card's money and takes it when the order is won; automatic, for accounts that cannot hold money, takes it at once and gives it back if need be. Default: manual."`

	AuthURL        config.URL      `name:"auth-url" placeholder:"URL" group:"remote" help:"Where auth publishes its keys, when it does not run in this process."`
	APIURL         config.Remotes  `name:"api-url" placeholder:"URL" group:"remote" help:"Where web reaches services that do not run in this process: one base URL, or auth=URL,tickets=URL,…; a name may be repeated, once for each replica."`
	TrustedProxies config.Networks `placeholder:"NETWORK,…" group:"remote" help:"Networks whose forwarding headers name the client. Default: none."`

	logFlags
}

// Validate finds what is wrong with the flags together.
func (c *serveCmd) Validate() error {
	for _, name := range c.Services {
		if roleNamed(name) == nil {
			return fmt.Errorf("there is no service %q; there are: %s", name, serviceList())
		}
	}
	chosen := c.chosen()
	for _, r := range chosen {
		if r.routes != nil && !has(chosen, "auth") && c.AuthURL == "" {
			return fmt.Errorf("%s needs --auth-url when auth does not run in the same process", r.name)
		}
	}
	if has(chosen, "web") && !answers(chosen) && len(c.APIURL) == 0 {
		return fmt.Errorf("web alone needs --api-url, where the services are")
	}
	for name := range c.APIURL {
		if r := roleNamed(name); name != "" && (r == nil || r.routes == nil) {
			return fmt.Errorf("--api-url: there is no service %q to forward to", name)
		}
	}
	return nil
}

// chosen is the roles that this process has, in the order of the table.
func (c *serveCmd) chosen() []*role {
	var list []*role
	for i := range roles {
		if len(c.Services) == 0 || slices.Contains(c.Services, roles[i].name) {
			list = append(list, &roles[i])
		}
	}
	return list
}

// answers tells whether any role serves a part of the API, for which it verifies sessions.
func answers(list []*role) bool {
	return slices.ContainsFunc(list, func(r *role) bool { return r.routes != nil })
}

func has(list []*role, name string) bool {
	return slices.ContainsFunc(list, func(r *role) bool { return r.name == name })
}

// Run works until the program is told to stop.
func (c *serveCmd) Run(p *program) error {
	if key := string(c.StripeKey); key != "" && !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_") {
		return fmt.Errorf("--stripe-key is not a secret key of Stripe: those begin with sk_ or rk_")
	}
	log := c.logger(p.stderr)
	m := newMachine(c, log, p.stdout)
	return runner.Run(p.ctx, log, m.components()...)
}
