package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// announce prints what runs, and where.
func (m *machine) announce() error {
	var b strings.Builder
	fmt.Fprintf(&b, "ticketing ready: %s\n", m.public.url())
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	names := make([]string, len(m.roles))
	for i, r := range m.roles {
		names[i] = r.name
	}
	line("services", "%s", strings.Join(names, ", "))
	if m.stateful() {
		line("data", "%s", m.whereData())
		line("events", "%s", m.whereEvents())
	}
	if has(m.roles, "payments") {
		line("payments", "%s", m.whoPays())
	}
	if has(m.roles, "orders") {
		line("lock", "%s, prices in %s", short(time.Duration(m.LockDuration)), strings.ToUpper(m.Currency.Code))
	}
	if !m.ops.off() {
		line("operators", "%s", m.ops.url())
	}
	if has(m.roles, "web") {
		line("docs", "%s/docs", m.public.url())
	}
	_, err := fmt.Fprint(m.stdout, b.String())
	return err
}

func (m *machine) whereData() string {
	if m.DatabaseURL != "" {
		return m.DatabaseURL.String()
	}
	if m.fresh {
		return m.Data + " (new; to fill it with a believable market: ticketing demo)"
	}
	return m.Data
}

func (m *machine) whereEvents() string {
	if m.NATSURL != "" {
		return m.NATSURL.String()
	}
	return "embedded, in " + filepath.Join(m.Data, eventsFolder)
}

func (m *machine) whoPays() string {
	switch {
	case m.simulator != nil:
		return "simulated (no --stripe-key)"
	case m.StripeURL != "":
		return string(m.StripeURL)
	}
	return "Stripe"
}

// short is a duration without zeros at its end: 15m, not 15m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
