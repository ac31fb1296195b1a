package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"ticketing/kernel/config"
	"ticketing/kernel/httpapi"
	runner "ticketing/kernel/run"
	"ticketing/kernel/store"
	"ticketing/stripesim"
)

// stripeSimCmd runs the payment simulator as a process of its own.
type stripeSimCmd struct {
	Addr          config.Addr   `default:"127.0.0.1:12111" placeholder:"HOST:PORT" group:"listen" help:"HTTP listener; port 0 picks a free one. Every test key opens the API, and nobody is asked for a key at the controls: others should reach it only where everything is a test. Default: 127.0.0.1:12111."`
	Data          string        `default:"./stripe-sim" placeholder:"DIR" group:"engines" help:"Folder of its database. Default: ./stripe-sim."`
	WebhookURL    config.URL    `name:"webhook-url" placeholder:"URL" group:"stripe" help:"Where events are sent, such as http://localhost:8080/api/payments/webhook. Default: nowhere."`
	WebhookSecret config.Secret `name:"webhook-secret" placeholder:"whsec_…" group:"stripe" help:"What those events are signed with. Default: a secret that is made up at the first start, kept, and printed."`
	WebhookTypes  []string      `name:"webhook-types" placeholder:"TYPE" group:"stripe" help:"Types of the events that are sent there, such as charge.refunded,refund.failed. Default: all."`
	RateLimit     config.Count  `name:"rate-limit" placeholder:"N" group:"stripe" help:"Requests a second that it takes; more are answered 429. Default: no limit."`
	logFlags
}

// webhookFlag names the endpoint that the flag is about: another URL at the next start replaces it.
const webhookFlag = "--webhook-url"

// Validate finds what is wrong with the flags together.
func (c *stripeSimCmd) Validate() error {
	switch {
	case c.WebhookURL != "":
	case c.WebhookSecret != "":
		return errors.New("--webhook-secret needs --webhook-url, where events are sent")
	case len(c.WebhookTypes) > 0:
		return errors.New("--webhook-types needs --webhook-url, where events are sent")
	}
	return nil
}

// Run works until the program is told to stop.
func (c *stripeSimCmd) Run(p *program) error {
	log := c.logger(p.stderr)
	s := &simulatorProcess{stripeSimCmd: c, log: log, stdout: p.stdout, listener: newListener("--addr", string(c.Addr), log)}
	s.listener.answerWith(starting(log))
	return runner.Run(p.ctx, log, s.components()...)
}

// simulatorProcess is the simulator with a listener and a database.
type simulatorProcess struct {
	*stripeSimCmd
	log      *slog.Logger
	stdout   io.Writer
	listener *listener
	db       *store.DB
	sim      *stripesim.Sim
	secret   string // that webhooks are signed with
}

func (s *simulatorProcess) components() []runner.Component {
	return []runner.Component{
		{Name: "listener", Start: s.listener.listen, Run: s.listener.serve, Stop: s.listener.close},
		{Name: "database", Start: s.open, Stop: func(context.Context) error { return s.db.Close() }},
		{Name: "requests", Start: s.answer, Stop: s.drain},
		{Name: "payment simulator", Run: func(ctx context.Context) error { return s.sim.Run(ctx) }},
	}
}

// open finds the account, or makes a new one, and sets up its webhook as the flags say.
func (s *simulatorProcess) open(ctx context.Context) (err error) {
	if s.db, err = (placeFlags{Data: s.Data}).openDatabase(ctx, s.log, simulatorName, stripesim.Migrations); err != nil {
		return err
	}
	s.sim = stripesim.New(s.db, stripesim.Options{
		BaseURL: s.listener.url(), RateLimit: float64(s.RateLimit), Resettable: true, Log: s.log,
	})
	if s.WebhookURL == "" {
		err = s.sim.RemoveWebhook(ctx, webhookFlag)
	} else {
		s.secret, err = s.sim.SetWebhook(ctx, stripesim.Webhook{
			Name: webhookFlag, URL: string(s.WebhookURL), Secret: string(s.WebhookSecret), Types: s.WebhookTypes,
		})
	}
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// answer lets requests in.
func (s *simulatorProcess) answer(context.Context) error {
	healthz, readyz := httpapi.Health(map[string]func(ctx context.Context) error{"the database": s.db.Ping})
	mux := http.NewServeMux()
	mux.Handle("/", s.sim.Handler())
	mux.Handle("/control/", s.sim.Control())
	mux.Handle("GET /{$}", http.RedirectHandler("/control/", http.StatusSeeOther))
	mux.Handle("GET /healthz", healthz)
	mux.Handle("GET /readyz", readyz)
	s.listener.answerWith(guardOperators(s.listener, mux))
	return s.announce()
}

// drain answers what has been asked, and lets nothing more in.
func (s *simulatorProcess) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	return s.listener.drain(ctx)
}

// announce prints where it is, and how a market uses it. A secret that was given is not repeated.
func (s *simulatorProcess) announce() error {
	url, webhooks, secret := s.listener.url(), "none (--webhook-url)", ""
	switch {
	case s.WebhookSecret != "":
		webhooks, secret = string(s.WebhookURL), " --stripe-webhook-secret whsec_…"
	case s.WebhookURL != "":
		webhooks, secret = string(s.WebhookURL), " --stripe-webhook-secret "+s.secret
	}
	var b strings.Builder
	fmt.Fprintf(&b, "stripe-sim ready: %s\n", url)
	for _, line := range [][2]string{
		{"market", "ticketing serve --stripe-url " + url + " --stripe-key " + simulatorKey + secret},
		{"webhooks", webhooks},
		{"control", url + "/control/"},
		{"data", s.Data},
	} {
		fmt.Fprintf(&b, "  %-10s %s\n", line[0], line[1])
	}
	_, err := io.WriteString(s.stdout, b.String())
	return err
}
