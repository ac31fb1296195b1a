package main

import (
	"context"
	"slices"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	runner "ticketing/kernel/run"
	"ticketing/web"
)

// pagesGoBack is how much of the event log is read for pages that come back after their process was started anew.
const pagesGoBack = 10_000

// pageKinds are the events that change what a page shows, or who may see it.
var pageKinds = []event.Kind{event.Tickets, event.Orders, event.Charges, event.Users}

// hearsEvents tells whether the process has the event log in reach: one with a database has, and web alone has if it is
// told where the log is. Without it its pages ask again and again.
func (m *machine) hearsEvents() bool { return m.stateful() || m.NATSURL != "" }

// livePages passes what happens on to the pages that are open. It ends before requests are drained, since the connections
// of pages never end by themselves.
func (m *machine) livePages() runner.Component {
	return runner.Component{Name: "live pages", Run: func(ctx context.Context) error { return m.site.Run(ctx) }}
}

// pageEvents follows the event log for pages; nil if it is not in reach.
func (m *machine) pageEvents() func(ctx context.Context, each func(web.Entry) error) error {
	if !m.hearsEvents() {
		return nil
	}
	var subjects []string
	for _, k := range pageKinds {
		subjects = slices.Concat(subjects, bus.Subjects(k))
	}
	return func(ctx context.Context, each func(web.Entry) error) error {
		state, err := m.events.State(ctx)
		if err != nil {
			return err
		}
		from := max(state.First, state.Last-min(state.Last, pagesGoBack)+1)
		if err := each(web.Entry{Seq: from - min(from, 1)}); err != nil {
			return err
		}
		return m.events.Tail(ctx, subjects, bus.From{Seq: from}, func(message bus.Message) error {
			return each(web.Entry{Seq: message.Seq, Document: message.Data})
		}, func() {})
	}
}
