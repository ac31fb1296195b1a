package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"ticketing/kernel/bus"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
)

// failedAtMarket are the failed events of a running market.
type failedAtMarket struct{ opsClient }

func (c failedAtMarket) list(ctx context.Context) (all []failedEvent, err error) {
	body, err := c.ask(ctx, http.MethodGet, "/failed")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return all, json.NewDecoder(body).Decode(&all)
}

func (c failedAtMarket) retry(ctx context.Context, service, id string) error {
	body, err := c.ask(ctx, http.MethodPost, "/failed/"+url.PathEscape(service)+"/"+url.PathEscape(id)+"/retry")
	if err != nil {
		return err
	}
	return body.Close()
}

// failedInBuses are those of services whose databases this process has open.
type failedInBuses map[string]*bus.Bus

func (m failedInBuses) list(ctx context.Context) ([]failedEvent, error) {
	all := []failedEvent{}
	for service, b := range m {
		failed, err := b.Failed(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range failed {
			all = append(all, describeFailed(service, f))
		}
	}
	slices.SortFunc(all, func(a, b failedEvent) int { return a.FailedAt.Compare(b.FailedAt) })
	return all, nil
}

func (m failedInBuses) retry(ctx context.Context, service, id string) error {
	b := m[service]
	if b == nil {
		return fault.Unknown.New("The service %s does not run here.", service)
	}
	return b.Retry(ctx, id)
}

func (m *machine) failed() failedInBuses {
	buses := failedInBuses{}
	for _, p := range m.parts {
		buses[p.name] = p.bus
	}
	return buses
}

// serveFailed lists the failed events of the services of this process.
func (m *machine) serveFailed(w http.ResponseWriter, r *http.Request) {
	all, err := m.failed().list(r.Context())
	if err != nil {
		httpapi.WriteFault(w, r, err)
		return
	}
	writeJSON(w, r, all)
}

// serveRetry makes one of them due.
func (m *machine) serveRetry(w http.ResponseWriter, r *http.Request) {
	if err := m.failed().retry(r.Context(), r.PathValue("service"), r.PathValue("id")); err != nil {
		httpapi.WriteFault(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
