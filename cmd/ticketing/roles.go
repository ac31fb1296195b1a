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
)

// role is one thing that serve can run.
type role struct {
	name    string
	private bool                                               // no cache may keep what it answers
	tables  fs.FS                                              // of its database
	routes  func() []httpapi.Route                             // nil: it answers no requests
	build   func(m *machine, db *store.DB, b *bus.Bus) service // nil: it has no database and no events
}

// service is what a role with a database is made of. One that answers requests is an httpapi.Service too.
type service interface {
	Follow(b *bus.Bus)             // registers what it wants to hear of
	Run(ctx context.Context) error // its background work, until ctx ends
}

// roles are all that a process can be, in the order of their start: web alone has no database, and what verifies sessions
// finds the keys of auth when that runs in the same process.
var roles = []role{
	{name: "auth", private: true, tables: auth.Migrations, routes: (&auth.Service{}).Routes,
		build: func(m *machine, db *store.DB, b *bus.Bus) service {
			s := auth.New(db, b, auth.Options{Now: time.Now, Ended: m.ended, Log: m.log})
			m.trust(s.Keys(), s.Ready)
			return s
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

// simulatorName is the database of the payment simulator, which is nobody's service.
const simulatorName = "stripesim"
