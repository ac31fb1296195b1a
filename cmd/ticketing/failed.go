package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"text/tabwriter"
	"time"

	"ticketing/kernel/bus"
)

// failedCmd is about events that a service could not handle.
type failedCmd struct {
	List  failedListCmd  `cmd:"" default:"withargs" help:"List them, oldest first (what failed alone does too)."`
	Show  failedShowCmd  `cmd:"" help:"Show one with its event and its last error."`
	Retry failedRetryCmd `cmd:"" help:"Have one tried again now, or all of them."`
}

type failedListCmd struct {
	JSON bool `name:"json" help:"Print them as JSON."`
	marketPlace
}

type failedShowCmd struct {
	ID string `arg:"" help:"Id of the event."`
	marketPlace
}

type failedRetryCmd struct {
	ID string `arg:"" help:"Id of the event, or all."`
	marketPlace
}

// failedEvent is a failed event with the service that could not handle it.
type failedEvent struct {
	Service  string          `json:"service"`
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	Entity   string          `json:"entity"`
	Version  int64           `json:"version"`
	Attempts int64           `json:"attempts"`
	Parked   bool            `json:"parked"` // not tried again by itself
	Error    string          `json:"error"`
	FailedAt time.Time       `json:"failedAt"`
	Document json.RawMessage `json:"document,omitempty"` // the event, if it is JSON
}

func describeFailed(service string, f bus.FailedEvent) failedEvent {
	d := failedEvent{service, f.ID, f.Kind, f.Entity, f.Version, f.Attempts, f.Parked, f.Error, f.FailedAt, nil}
	if json.Valid([]byte(f.Document)) {
		d.Document = json.RawMessage(f.Document)
	}
	return d
}

// Run prints a table.
func (c *failedListCmd) Run(p *program) error {
	return c.findFailed(p.ctx, func(m failedEvents) error {
		all, err := m.list(p.ctx)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return json.NewEncoder(p.stdout).Encode(all)
		case len(all) == 0:
			_, err := fmt.Fprintln(p.stdout, "No event has failed.")
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "EVENT\tSERVICE\tKIND\tENTITY\tVERSION\tATTEMPTS\tSTATE\tERROR")
		for _, f := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", f.ID, f.Service, f.Kind, f.Entity, f.Version, f.Attempts, f.state(), oneLine(errors.New(f.Error)))
		}
		return w.Flush()
	})
}

func (f failedEvent) state() string {
	if f.Parked {
		return "parked"
	}
	return "retrying"
}

// Run prints all there is to know about one event.
func (c *failedShowCmd) Run(p *program) error {
	return c.findFailed(p.ctx, func(m failedEvents) error {
		found, err := named(p.ctx, m, c.ID)
		if err != nil {
			return err
		}
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		return e.Encode(found)
	})
}

// Run makes events due.
func (c *failedRetryCmd) Run(p *program) error {
	return c.findFailed(p.ctx, func(m failedEvents) error {
		found, err := named(p.ctx, m, c.ID)
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := m.retry(p.ctx, f.Service, f.ID); err != nil {
				return fmt.Errorf("%s of %s: %w", f.ID, f.Service, err)
			}
			fmt.Fprintf(p.stdout, "%s of %s is tried again.\n", f.ID, f.Service)
		}
		return nil
	})
}

// named is the failed events with this id, of whichever services; "all" is all of them.
func named(ctx context.Context, m failedEvents, id string) ([]failedEvent, error) {
	all, err := m.list(ctx)
	if err != nil || id == "all" {
		return all, err
	}
	var found []failedEvent
	for _, f := range all {
		if f.ID == id {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no failed event has the id %s", id)
	}
	return found, nil
}

// failedEvents are those of a running market, or those in its databases.
type failedEvents interface {
	list(ctx context.Context) ([]failedEvent, error)
	retry(ctx context.Context, service, id string) error
}

// findFailed finds them: in PostgreSQL if its URL is given, else at the running market, else in the data folder.
func (c *marketPlace) findFailed(ctx context.Context, use func(failedEvents) error) error {
	if c.DatabaseURL == "" {
		market := newOpsClient(c.OpsAddr)
		body, err := market.ask(ctx, http.MethodGet, "/failed")
		if err == nil {
			return errors.Join(body.Close(), use(failedAtMarket{market}))
		}
		if !errors.Is(err, errNotRunning) {
			return err
		}
		if !c.holdsMarket() {
			return c.errNoMarket()
		}
	}
	stored := failedInBuses{}
	for i := range roles {
		if roles[i].build == nil {
			continue
		}
		db, err := c.openService(ctx, slog.New(slog.DiscardHandler), &roles[i])
		if err != nil {
			return err
		}
		defer db.Close()
		stored[roles[i].name] = bus.New(db, nil, bus.Options{})
	}
	return use(stored)
}
