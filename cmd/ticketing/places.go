package main

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"

	"ticketing/kernel/bus"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
)

// eventsFolder holds the embedded event log, below the data folder.
const eventsFolder = "events"

// openService opens the database of a role.
func (f placeFlags) openService(ctx context.Context, log *slog.Logger, r *role) (*store.DB, error) {
	return f.openDatabase(ctx, log, r.name, r.tables, bus.Migrations, httpapi.Migrations)
}

// openDatabase opens the database of that name, with these tables or those in their folder "migrations".
func (f placeFlags) openDatabase(ctx context.Context, log *slog.Logger, name string, tables fs.FS, kernel ...store.Migrations) (*store.DB, error) {
	if folder, err := fs.Sub(tables, "migrations"); err == nil && exists(folder) {
		tables = folder
	}
	return store.Open(ctx, store.Options{
		Name: name, Dir: f.Data, URL: string(f.DatabaseURL), Migrations: tables, Kernel: kernel, Log: log,
	})
}

// connectLog opens the event log.
func (f placeFlags) connectLog(ctx context.Context, log *slog.Logger) (*bus.NATS, error) {
	return bus.Connect(ctx, bus.NATSOptions{URL: string(f.NATSURL), Dir: filepath.Join(f.Data, eventsFolder), Log: log})
}

// holdsMarket tells whether the data folder has been used before.
func (f placeFlags) holdsMarket() bool {
	found, err := filepath.Glob(filepath.Join(f.Data, "*.db"))
	return err == nil && len(found) > 0
}

func exists(folder fs.FS) bool {
	_, err := fs.Stat(folder, ".")
	return err == nil
}
