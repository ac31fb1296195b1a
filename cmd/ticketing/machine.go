package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/identity"
	runner "ticketing/kernel/run"
	"ticketing/kernel/store"
	"ticketing/stripesim"
	"ticketing/web"
)

// machine is one process that serves: what its roles stand on, and what is made of them.
type machine struct {
	*serveCmd
	log     *slog.Logger
	stdout  io.Writer
	roles   []*role
	public  *listener
	ops     *listener
	metrics *metrics

	fresh     bool // the data folder held no market before
	events    *bus.NATS
	parts     []*part
	databases []*store.DB    // of the parts and of the simulator
	simulator *stripesim.Sim // nil unless payments are simulated in this process

	site          *web.Site // nil unless web is among the roles
	webhookSecret string    // that the simulator in this process signs with

	ended    *identity.Ended
	verifier *identity.Verifier
	keys     func(ctx context.Context) error // whether there are keys to verify with
}

// part is a role at work.
type part struct {
	*role
	db      *store.DB
	bus     *bus.Bus
	service service
}

func newMachine(c *serveCmd, log *slog.Logger, stdout io.Writer) *machine {
	m := &machine{serveCmd: c, log: log, stdout: stdout, roles: c.chosen(), ended: identity.NewEnded()}
	m.public = newListener("--addr", string(c.Addr), log)
	m.ops = newListener("--ops-addr", string(c.OpsAddr), log)
	m.public.server.WriteTimeout = time.Minute // that of the operators stays open to follow events
	m.public.answerWith(starting(log))
	m.ops.answerWith(starting(log))
	m.metrics = newMetrics(m)
	if c.AuthURL != "" {
		keys := identity.RemoteKeys(string(c.AuthURL)+"/api/users/jwks", &http.Client{Timeout: 5 * time.Second}, time.Now)
		m.trust(keys, keys.Ready)
	}
	return m
}

// trust makes sessions verifiable with these keys. Those of an auth in this process win.
func (m *machine) trust(keys identity.Keys, ready func(ctx context.Context) error) {
	m.keys, m.verifier = ready, identity.NewVerifier(keys, m.ended, time.Now)
}

// components is the process, in the order of its start; it stops in the reverse order: the simulator's webhooks, requests,
// background work, followers and relays, the event log, the databases.
func (m *machine) components() []runner.Component {
	list := []runner.Component{
		{Name: "public listener", Start: m.public.listen, Run: m.public.serve, Stop: m.public.close},
		{Name: "operators' listener", Start: m.ops.listen, Run: m.ops.serve, Stop: m.ops.close},
	}
	if m.stateful() {
		list = append(list,
			runner.Component{Name: "databases", Start: m.openDatabases, Stop: m.closeDatabases},
			runner.Component{Name: "event log", Start: m.connect, Stop: m.disconnect},
			// All outboxes before any follower: a log that has lost messages is whole again before anybody reads on in it.
			runner.Component{Name: "outboxes", Start: m.prepare},
		)
		for _, r := range m.roles {
			if r.build != nil {
				list = append(list, m.traffic(r.name), m.work(r.name))
			}
		}
		if answers(m.roles) {
			list = append(list, m.sessions()...)
		}
	}
	list = append(list, runner.Component{Name: "requests", Start: m.open, Stop: m.drain})
	if has(m.roles, "web") {
		list = append(list, m.livePages())
	}
	if m.simulates() {
		list = append(list, m.happenings())
	}
	return append(list, memory())
}

// stateful tells whether any role has a database; web alone has none.
func (m *machine) stateful() bool { return len(m.roles) > 1 || m.roles[0].build != nil }

func (m *machine) openDatabases(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, m.closeDatabases(ctx))
		}
	}()
	m.fresh = m.DatabaseURL == "" && !m.holdsMarket()
	for _, r := range m.roles {
		if r.build == nil {
			continue
		}
		db, err := m.openService(ctx, m.log, r)
		if err != nil {
			return err
		}
		m.databases = append(m.databases, db)
		m.parts = append(m.parts, &part{role: r, db: db})
	}
	if m.simulates() {
		return m.simulate(ctx)
	}
	return nil
}

func (m *machine) closeDatabases(context.Context) error {
	var all error
	for _, db := range m.databases {
		all = errors.Join(all, db.Close())
	}
	return all
}

// connect opens the event log, and builds the services that stand on it and on the databases.
func (m *machine) connect(ctx context.Context) (err error) {
	if m.events, err = m.connectLog(ctx, m.log); err != nil {
		return err
	}
	for _, p := range m.parts {
		p.bus = bus.New(p.db, m.events, bus.Options{Log: m.log})
		p.service = p.build(m, p.db, p.bus)
		p.service.Follow(p.bus)
	}
	// A large log has left half as much garbage as it will need. It is collected while the outboxes are looked at.
	go debug.FreeOSMemory()
	return nil
}

// prepare returns when the log has everything that the services of this process have said.
func (m *machine) prepare(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range m.parts {
		g.Go(func() error {
			if err := p.bus.Prepare(ctx); err != nil {
				return fmt.Errorf("cannot bring the event log up to date for %s: %w", p.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (m *machine) disconnect(context.Context) error {
	m.events.Close()
	return nil
}

// traffic is what a service says and hears, work what it does by itself. Neither exists before its database is open.
func (m *machine) traffic(name string) runner.Component {
	return runner.Component{
		Name: "events of " + name,
		Run:  func(ctx context.Context) error { return m.part(name).bus.Run(ctx) },
	}
}

func (m *machine) work(name string) runner.Component {
	return runner.Component{Name: name, Run: func(ctx context.Context) error {
		if w, ok := m.part(name).service.(worker); ok {
			return w.Run(ctx)
		}
		<-ctx.Done()
		return nil
	}}
}

func (m *machine) part(name string) *part {
	for _, p := range m.parts {
		if p.name == name {
			return p
		}
	}
	return nil
}

// sessions learns from the event log which sessions are over: before the first request those whose token may not have
// expired yet, then each one as it ends.
func (m *machine) sessions() []runner.Component {
	known := make(chan struct{})
	return []runner.Component{
		{Name: "sessions", Run: func(ctx context.Context) error {
			from := bus.From{Time: time.Now().Add(-identity.SessionTTL)}
			return m.events.Tail(ctx, bus.Subjects(event.Users), from, m.learn, sync.OnceFunc(func() { close(known) }))
		}},
		{Name: "ended sessions", Start: func(ctx context.Context) error {
			select {
			case <-known:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
	}
}

func (m *machine) learn(message bus.Message) error {
	var envelope event.Envelope
	var user event.User
	err := json.Unmarshal(message.Data, &envelope)
	if err == nil {
		err = json.Unmarshal(envelope.Data, &user)
	}
	if err != nil { // said by no auth of ours; nothing can be learnt from it
		m.log.Warn("an event of a user cannot be read", "seq", message.Seq, "error", err)
		return nil
	}
	m.ended.Apply(user)
	return nil
}
