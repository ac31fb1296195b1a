package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ticketing/kernel/bus"
)

// metrics is what a monitoring system may know of the process.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics(m *machine) *metrics {
	x := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ticketing_http_request_seconds",
			Help:    "How long requests to the API took, by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route", "status"}),
	}
	v := readVersion()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ticketing_build_info", Help: "Always 1; its labels say what runs.",
		ConstLabels: prometheus.Labels{"version": v.number, "commit": v.commit},
	})
	build.Set(1)
	ended := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ticketing_ended_sessions", Help: "Sessions that ended before their tokens expire, and accounts with a new password.",
	}, func() float64 { return float64(m.ended.Len()) })
	x.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		x.requests, build, ended, busCollector{m}, paymentsCollector{m})
	return x
}

func (x *metrics) handler() http.Handler {
	return promhttp.HandlerFor(x.registry, promhttp.HandlerOpts{Registry: x.registry})
}

// observe is told of each answer of the API.
func (x *metrics) observe(method, route string, status int, took time.Duration) {
	x.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// busMetrics are what the buses count, each for its service.
var busMetrics = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(bus.Stats) float64
}{
	{describe("outbox_unpublished", "Events that wait to be published."), prometheus.GaugeValue, func(s bus.Stats) float64 { return float64(s.Unpublished) }},
	{describe("events_failed", "Events that could not be applied and will be tried again."), prometheus.GaugeValue, func(s bus.Stats) float64 { return float64(s.Failed) }},
	{describe("events_parked", "Events that could not be applied and wait for an operator: see ticketing failed."), prometheus.GaugeValue, func(s bus.Stats) float64 { return float64(s.Parked) }},
	{describe("events_lag_seconds", "From the transaction of the last applied event to its follower's."), prometheus.GaugeValue, func(s bus.Stats) float64 { return s.Lags.Last.Seconds() }},
	{describe("events_published_total", "Events published by this process."), prometheus.CounterValue, func(s bus.Stats) float64 { return float64(s.Published) }},
	{describe("events_handled_total", "Events applied by this process."), prometheus.CounterValue, func(s bus.Stats) float64 { return float64(s.Handled) }},
	{describe("events_skipped_total", "Events that were older than what was known."), prometheus.CounterValue, func(s bus.Stats) float64 { return float64(s.Skipped) }},
	{describe("event_failures_total", "Times that an event could not be applied."), prometheus.CounterValue, func(s bus.Stats) float64 { return float64(s.Failures) }},
}

// applied is how long events took, as a histogram.
var applied = describe("event_apply_seconds", "From the transaction of an event to the commit of its follower.")

func appliedIn(l bus.Lags, service string) prometheus.Metric {
	within := make(map[float64]uint64, len(l.Within))
	for bound, n := range l.Within {
		within[bound.Seconds()] = n
	}
	return prometheus.MustNewConstHistogram(applied, l.Count, l.Sum.Seconds(), within, service)
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("ticketing_"+name, help, []string{"service"}, nil)
}

// busCollector asks the buses when the metrics are read.
type busCollector struct{ m *machine }

// Describe implements prometheus.Collector.
func (busCollector) Describe(to chan<- *prometheus.Desc) {
	for _, b := range busMetrics {
		to <- b.desc
	}
	to <- applied
}

// Collect implements prometheus.Collector. A service whose database does not answer has no values for now.
func (c busCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, p := range c.m.parts {
		stats, err := p.bus.Stats(ctx)
		if err != nil {
			c.m.log.Warn("the state of the events cannot be read", "service", p.name, "error", err)
			continue
		}
		for _, b := range busMetrics {
			to <- prometheus.MustNewConstMetric(b.desc, b.kind, b.value(stats), p.name)
		}
		to <- appliedIn(stats.Lags, p.name)
	}
}
