// Package market runs whole markets for tests: real processes of the real program, in every topology that the product
// knows, reached as its users reach it.
//
// A test opens a market, signs people up and lets them list, order and pay. It can kill, stop and start any process, take
// the broker away, and read the event log. What a process logs is shown when the test fails; a data race or a panic in a
// process fails it.
package market

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/test/postgres"
)

// Topology is how a market is spread over processes and engines.
type Topology struct {
	Name     string
	Postgres bool // PostgreSQL, else SQLite in the process
	NATS     bool // a NATS server beside a single process, else one in it
	Apart    bool // each service in processes of its own behind a gateway, with a NATS server that they share
	Replicas int  // of each service, when they are apart
}

// Topologies are those that must all behave alike.
var Topologies = []Topology{
	{Name: "one process"},
	{Name: "one process on PostgreSQL", Postgres: true},
	{Name: "six processes", Postgres: true, Apart: true, Replicas: 1},
	{Name: "two replicas of each service", Postgres: true, Apart: true, Replicas: 2},
}

// Services are the services, in the order of their start.
var Services = []string{"auth", "tickets", "orders", "expiration", "payments"}

// Market is a market that runs.
type Market struct {
	Topology
	Broker   *Broker    // nil when the event log is in the process
	Database string     // URL of PostgreSQL, or empty
	Front    *Process   // serves the one origin that all requests go to
	All      []*Process // every process, the front too

	t         testing.TB
	services  map[string][]*Process
	transport *http.Transport
	people    atomic.Int64
}

// Open starts a market with these flags of serve, until the end of the test.
func Open(t testing.TB, top Topology, flags ...string) *Market {
	t.Helper()
	return OpenIn(t, "", top, flags...)
}

// OpenIn is Open with the data of a single process in this folder.
func OpenIn(t testing.TB, dir string, top Topology, flags ...string) *Market {
	t.Helper()
	m := &Market{Topology: top, t: t, services: map[string][]*Process{}}
	m.transport = &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}
	t.Cleanup(m.transport.CloseIdleConnections)
	if top.Postgres {
		m.Database = postgres.URL(t)
		flags = append([]string{"--database-url", m.Database}, flags...)
	}
	if top.NATS || top.Apart {
		m.Broker = NewBroker(t)
		flags = append([]string{"--nats-url", m.Broker.URL()}, flags...)
	}
	if !top.Apart {
		m.Front = prepare(t, "the market", flags...)
		m.Front.data = dir
		m.All = []*Process{m.Front}
		m.Front.Start()
		return m
	}
	m.spread(append([]string{"--trusted-proxies", "127.0.0.1"}, flags...))
	m.StartAll(m.All...)
	m.Ready(m.All...)
	return m
}

// spread prepares the processes of a market whose services are apart.
func (m *Market) spread(flags []string) {
	var remotes []string
	for _, name := range Services {
		for range m.Replicas {
			own := append([]string{name}, flags...)
			if name != "auth" {
				own = append(own, "--auth-url", m.services["auth"][0].URL)
			}
			p := prepare(m.t, name, own...)
			p.addr = fmt.Sprintf("127.0.0.1:%d", freePort(m.t))
			p.URL = "http://" + p.addr
			m.services[name] = append(m.services[name], p)
			m.All = append(m.All, p)
			if name != "expiration" {
				remotes = append(remotes, name+"="+p.URL)
			}
		}
	}
	m.Front = prepare(m.t, "web", "web", "--api-url", strings.Join(remotes, ","), "--trusted-proxies", "127.0.0.1",
		"--nats-url", m.Broker.URL())
	m.All = append(m.All, m.Front)
}

// Of is the processes that run the service.
func (m *Market) Of(service string) []*Process {
	if !m.Apart {
		return m.All
	}
	return m.services[service]
}

// StartAll starts processes, all at once.
func (m *Market) StartAll(processes ...*Process) {
	m.t.Helper()
	var g errgroup.Group
	for _, p := range processes {
		g.Go(p.start)
	}
	if err := g.Wait(); err != nil {
		m.t.Fatal(err)
	}
}

// StopAll tells processes to stop, all at once.
func (m *Market) StopAll(processes ...*Process) {
	m.t.Helper()
	var g errgroup.Group
	for _, p := range processes {
		g.Go(p.stop)
	}
	if err := g.Wait(); err != nil {
		m.t.Fatal(err)
	}
}

// Ready waits until the processes say that they miss nothing.
func (m *Market) Ready(processes ...*Process) {
	m.t.Helper()
	for _, p := range processes {
		Eventually(m.t, p.name+" is ready", func() (bool, string) {
			a := m.ask(nil, http.MethodGet, p.URL+"/readyz", nil, nil)
			return a.Status == 200, a.String()
		})
	}
}

// Eventually asks again and again until it is so. The text says how things stand when it never is.
func Eventually(t testing.TB, what string, so func() (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	for {
		ok, state := so()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("in %v it did not come about that %s: %s", Patience, what, state)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
