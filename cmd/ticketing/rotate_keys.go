package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/httpapi"
	"ticketing/services/auth"
)

// rotateKeysCmd makes auth sign with a new key.
type rotateKeysCmd struct{ marketPlace }

// keyRotator is auth.
type keyRotator interface {
	Rotate(ctx context.Context) error
}

// Run works in PostgreSQL if its URL is given, else asks the running market, else works in the data folder.
func (c *rotateKeysCmd) Run(p *program) error {
	if err := c.rotate(p.ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.stdout, "A new key signs sessions. The old one is good for the sessions that it has signed.")
	return err
}

func (c *rotateKeysCmd) rotate(ctx context.Context) error {
	if c.DatabaseURL == "" {
		body, err := newOpsClient(c.OpsAddr).ask(ctx, http.MethodPost, "/rotate-keys")
		if err == nil {
			return body.Close()
		}
		if !errors.Is(err, errNotRunning) {
			return err
		}
		if !c.holdsMarket() {
			return c.errNoMarket()
		}
	}
	quiet := slog.New(slog.DiscardHandler)
	db, err := c.openService(ctx, quiet, roleNamed("auth"))
	if err != nil {
		return err
	}
	s := auth.New(db, bus.New(db, nil, bus.Options{}), auth.Options{Now: time.Now})
	return errors.Join(s.Rotate(ctx), db.Close())
}

func serveRotation(s keyRotator) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.Rotate(r.Context()); err != nil {
			httpapi.WriteFault(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
