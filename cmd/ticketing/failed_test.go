package main

import (
	"log/slog"
	"strings"
	"testing"

	"ticketing/kernel/config"
	"ticketing/kernel/store"
)

// parks puts an event that nobody can read among those that orders could not handle.
func parks(t *testing.T, dir string) {
	t.Helper()
	place := placeFlags{Data: dir}
	db, err := place.openService(t.Context(), slog.New(slog.DiscardHandler), roleNamed("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO failed_event (id, kind, entity, version, document, attempts, error, failed_at, next_at, parked)
			VALUES ('event-1', 'ticket', 'ticket-1', 7, '{"specversion":"1.0"}', 8, $1, 1, 0, TRUE)`, "cannot be\nread")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeadLetters(t *testing.T) {
	dir := t.TempDir()
	parks(t, dir)
	seen := func(place ...string) {
		t.Helper()
		code, out, errs := call(t, append([]string{"failed"}, place...)...)
		if code != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "event-1  orders   ticket  ticket-1  7        8         parked  cannot be; read") {
			t.Errorf("failed: %d %s\n%s", code, errs, out)
		}
		code, out, errs = call(t, append([]string{"failed", "show", "event-1"}, place...)...)
		if code != 0 || !strings.Contains(out, `"specversion": "1.0"`) || !strings.Contains(out, `"error": "cannot be\nread"`) {
			t.Errorf("failed show: %d %s\n%s", code, errs, out)
		}
		oneClearLine(t, 1, "no failed event has the id event-2", append([]string{"failed", "show", "event-2"}, place...)...)
	}
	seen("--ops-addr", "off", "--data", dir)
	m := serve(t, "--data", dir)
	running := []string{"--ops-addr", strings.TrimPrefix(m.ops, "http://"), "--data", dir}
	seen(running...)
	client := failedAtMarket{newOpsClient(config.OptionalAddr(running[1]))}
	for service, want := range map[string]string{"orders": "no failed event", "nobody": "does not run here"} {
		if err := client.retry(t.Context(), service, "event-2"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("retry of an unknown event of %s: %v", service, err)
		}
	}
	code, out, errs := call(t, append([]string{"failed", "retry", "all"}, running...)...)
	if code != 0 || out != "event-1 of orders is tried again.\n" {
		t.Errorf("failed retry: %d %s%s", code, out, errs)
	}
	if code, out, _ := call(t, append([]string{"failed"}, running...)...); code != 0 || strings.Contains(out, "parked") {
		t.Errorf("after the retry it is still parked: %d\n%s", code, out)
	}
}
