package main

import (
	"fmt"
	"io"
	"strings"

	"ticketing/kernel/config"
)

// commands is the command line.
type commands struct {
	Serve      serveCmd      `cmd:"" help:"Run the market, or the named services of it: ${services}."`
	Demo       demoCmd       `cmd:"" help:"Fill a running market with believable people, tickets and sales."`
	Events     eventsCmd     `cmd:"" help:"Read the event log, oldest first, one line an event."`
	Failed     failedCmd     `cmd:"" help:"Look at the events that a service could not handle, and have them tried again."`
	Audit      auditCmd      `cmd:"" help:"Check the books of a market: databases, event log and payment provider against one another."`
	StripeSim  stripeSimCmd  `cmd:"" name:"stripe-sim" help:"Run the payment simulator alone, as a Stripe for markets in other processes."`
	RotateKeys rotateKeysCmd `cmd:"" name:"rotate-keys" help:"Sign sessions with a new key from now on; nobody is signed out."`
	OpenAPI    openAPICmd    `cmd:"" name:"openapi" help:"Print the contract of the HTTP API (OpenAPI 3.1, JSON)."`
	AsyncAPI   asyncAPICmd   `cmd:"" name:"asyncapi" help:"Print the contract of the events (AsyncAPI 3, JSON)."`
	Version    versionCmd    `cmd:"" help:"Print the version, the commit and the Go version."`
}

func app(env func(string) (string, bool), stdout io.Writer) config.App {
	return config.App{
		Name: "ticketing",
		Description: "A ticket exchange between fans. ticketing serve, without any flag, runs a whole market on this machine. " +
			"Every flag can be given as the environment variable that its help names; the flag wins.",
		EnvPrefix: "TICKETING",
		LookupEnv: env,
		Stdout:    stdout,
		Groups: []config.Group{
			{Key: "listen", Title: "Listeners:"},
			{Key: "engines", Title: "Where things are:"},
			{Key: "market", Title: "The market:"},
			{Key: "stripe", Title: "Payments:"},
			{Key: "remote", Title: "Services in other processes:"},
			{Key: "log", Title: "Logging, on stderr:"},
		},
		Vars: map[string]string{"services": serviceList()},
	}
}

// placeFlags say where a market keeps what it knows.
type placeFlags struct {
	Data        string             `default:"./data" placeholder:"DIR" group:"engines" help:"Folder of the embedded databases and the embedded event log. Default: ./data."`
	DatabaseURL config.DatabaseURL `name:"database-url" placeholder:"postgres://…" group:"engines" help:"PostgreSQL; each service uses the schema of its own name. Default: embedded SQLite in the data folder."`
	NATSURL     config.NATSURL     `name:"nats-url" placeholder:"nats://…" group:"engines" help:"One or more URLs of a NATS cluster with JetStream, with commas between them. Default: embedded in the data folder."`
}

// marketPlace is where a market is found: running, or else stored.
type marketPlace struct {
	OpsAddr config.OptionalAddr `default:"127.0.0.1:8081" placeholder:"HOST:PORT" group:"engines" help:"Operators' listener of the running market. Default: 127.0.0.1:8081."`
	placeFlags
}

// errNoMarket says where none was found.
func (p marketPlace) errNoMarket() error {
	if p.OpsAddr == "" {
		return fmt.Errorf("there is no market in %s", p.Data)
	}
	return fmt.Errorf("no market is running at %s, and there is none in %s", p.OpsAddr, p.Data)
}

// stripeFlags say who takes the money.
type stripeFlags struct {
	StripeKey            config.Secret `name:"stripe-key" placeholder:"sk_…" group:"stripe" help:"Secret key of the Stripe account. Default: none, payments are simulated."`
	StripePublishableKey string        `name:"stripe-publishable-key" placeholder:"pk_…" group:"stripe" help:"Publishable key of the Stripe account, for browsers."`
	StripeWebhookSecret  config.Secret `name:"stripe-webhook-secret" placeholder:"whsec_…" group:"stripe" help:"Signing secret of the Stripe account's webhook; two with a comma between them while it is being changed."`
	StripeURL            config.URL    `name:"stripe-url" placeholder:"URL" group:"stripe" help:"Base URL of the Stripe API, for a simulator in another process. Default: Stripe's own."`
}

// captureAutomatic is the --stripe-capture that holds nothing.
const captureAutomatic = "automatic"

// webhookSecrets are those that sign Stripe's webhooks, several while Stripe's is changed.
func (f stripeFlags) webhookSecrets() (all []string) {
	for secret := range strings.SplitSeq(string(f.StripeWebhookSecret), ",") {
		if secret = strings.TrimSpace(secret); secret != "" {
			all = append(all, secret)
		}
	}
	return all
}

// logFlags say what is logged and how.
type logFlags struct {
	LogFormat string `enum:"auto,text,json" default:"auto" group:"log" help:"auto, text or json; auto is text on a terminal, else json. Default: auto."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" group:"log" help:"debug, info, warn or error. Default: info."`
}
