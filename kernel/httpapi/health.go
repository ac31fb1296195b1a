package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"ticketing/kernel/fault"
)

// Health makes the handlers of /healthz and /readyz. The first says that the process runs; the second asks everything
// that the process depends on, 2 s at most, and answers 503 with the names of those that are not ready.
func Health(checks map[string]func(ctx context.Context) error) (healthz, readyz http.HandlerFunc) {
	ok := func(w http.ResponseWriter, r *http.Request) {
		a := &answer{status: http.StatusOK, kind: typeJSON, body: []byte(`{"status":"ok"}`)}
		a.add("Cache-Control", "no-store")
		a.write(w, r)
	}
	return ok, func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context(), checks); err != nil {
			WriteFault(w, r, err)
			return
		}
		ok(w, r)
	}
}

func ready(ctx context.Context, checks map[string]func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	names := sortedKeys(checks)
	failed := make([]error, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() { failed[i] = checks[name](ctx) })
	}
	wait.Wait()
	f := fault.Busy.New("Not ready.")
	for i, name := range names {
		if failed[i] != nil {
			f.Fields = append(f.Fields, fault.Field{Name: name, Message: name + " is not ready."})
			f.Cause = failed[i]
		}
	}
	if len(f.Fields) == 0 {
		return nil
	}
	f.Detail = f.Fields[0].Message
	if len(f.Fields) > 1 {
		f.Detail = "Several things this service depends on are not ready."
	}
	return f
}
