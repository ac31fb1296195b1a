package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ticketing/kernel/httpapi"
	"ticketing/services/payments"
)

// paying is payments, if this process runs it; else nil.
func (m *machine) paying() *payments.Service {
	if p := m.part("payments"); p != nil {
		s, _ := p.service.(*payments.Service)
		return s
	}
	return nil
}

// servePayments shows what operators have to know about the money.
func (m *machine) servePayments(w http.ResponseWriter, r *http.Request) {
	o, err := m.paying().Overview(r.Context())
	if err != nil {
		httpapi.WriteFault(w, r, err)
		return
	}
	writeJSON(w, r, o)
}

// providerEvent is something that the payment provider has told, as operators see it.
type providerEvent struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	ObjectID   string          `json:"objectId,omitempty"`
	IntentID   string          `json:"intentId,omitempty"`
	ChargeID   string          `json:"chargeId,omitempty"`
	Source     string          `json:"source"`
	Outcome    string          `json:"outcome"` // empty while it is open
	Tries      int             `json:"tries"`
	CreatedAt  time.Time       `json:"createdAt"`
	ReceivedAt time.Time       `json:"receivedAt"`
	HandledAt  time.Time       `json:"handledAt,omitzero"`
	NextTry    time.Time       `json:"nextTry,omitzero"`
	Payload    json.RawMessage `json:"payload,omitempty"` // only of one that is asked for by its id
}

// serveProviderEvents lists what the payment provider has told, the newest first.
func (m *machine) serveProviderEvents(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found, err := m.paying().Events(r.Context(), payments.EventFilter{ID: q.Get("id"), Type: q.Get("type"), ChargeID: q.Get("charge"),
		Source: q.Get("source"), Outcome: q.Get("outcome"), Open: q.Get("open") == "true", Before: q.Get("before"), Limit: 100})
	if err != nil {
		httpapi.WriteFault(w, r, err)
		return
	}
	all := make([]providerEvent, len(found))
	for i, e := range found {
		all[i] = providerEvent{ID: e.ID, Type: e.Type, ObjectID: e.ObjectID, IntentID: e.IntentID, ChargeID: e.ChargeID, Source: e.Source,
			Outcome: e.Outcome, Tries: e.Tries, CreatedAt: e.CreatedAt, ReceivedAt: e.ReceivedAt, HandledAt: e.HandledAt, NextTry: e.DueAt}
		if json.Valid([]byte(e.Payload)) {
			all[i].Payload = json.RawMessage(e.Payload)
		}
	}
	writeJSON(w, r, all)
}

// What the metrics say of payments.
var (
	discrepanciesMetric = aboutPayments("discrepancies", "Disagreements between the payment provider's books and ours that are not mended.", "kind")
	refundsMetric       = aboutPayments("refunds", "Charges with a refund: due, pending, failed or succeeded.", "status")
	refundAgeMetric     = aboutPayments("oldest_refund_seconds", "How long the refund that has waited longest has not changed; 0 if none waits.")
	undecidedMetric     = aboutPayments("undecided", "Charges that are not decided.")
	undecidedAgeMetric  = aboutPayments("oldest_undecided_seconds", "Age of the oldest charge that is not decided; 0 if there is none.")
	disputesMetric      = aboutPayments("disputes", "Disputed charges, by the provider's status.", "status")
	openEventsMetric    = aboutPayments("provider_events_open", "Events of the payment provider of which nothing has come yet.")
	eventAgeMetric      = aboutPayments("provider_event_seconds", "Time since the payment provider last told something; 0 before the first time.")
	comparedAgeMetric   = aboutPayments("compared_seconds", "Time since the provider's new books were last compared with ours; 0 before the first time.")
)

func aboutPayments(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("ticketing_payments_"+name, help, labels, nil)
}

// paymentsCollector asks payments when the metrics are read. A process without payments has none of its values.
type paymentsCollector struct{ m *machine }

// Describe implements prometheus.Collector.
func (paymentsCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{discrepanciesMetric, refundsMetric, refundAgeMetric, undecidedMetric, undecidedAgeMetric,
		disputesMetric, openEventsMetric, eventAgeMetric, comparedAgeMetric} {
		to <- d
	}
}

// Collect implements prometheus.Collector. While the database does not answer there are no values.
func (c paymentsCollector) Collect(to chan<- prometheus.Metric) {
	s := c.m.paying()
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	o, err := s.Figures(ctx)
	if err != nil {
		c.m.log.Warn("the state of payments cannot be read", "error", err)
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	since := func(t time.Time) float64 {
		if t.IsZero() {
			return 0
		}
		return max(0, o.At.Sub(t).Seconds())
	}
	for kind, n := range o.Counts.Discrepancies {
		gauge(discrepanciesMetric, float64(n), string(kind))
	}
	for status, n := range o.Counts.Refunds {
		gauge(refundsMetric, float64(n), status)
	}
	gauge(refundAgeMetric, since(o.Counts.OldestRefund))
	gauge(undecidedMetric, float64(o.Undecided.Count))
	gauge(undecidedAgeMetric, since(o.Undecided.Oldest))
	for status, n := range o.Counts.Disputes {
		gauge(disputesMetric, float64(n), status)
	}
	gauge(openEventsMetric, float64(o.Counts.OpenEvents))
	gauge(eventAgeMetric, since(o.Counts.LastEvent))
	gauge(comparedAgeMetric, since(o.Looked.RecentAt))
}
