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

// livePages passes what happens on to the pages that are open. It ends before requests are drained, since the connections
// of pages never end by themselves.
func (m *machine) livePages() runner.Component {
	return runner.Component{Name: "live pages", Run: func(ctx context.Context) error { return m.site.Run(ctx) }}
}

// pageEvents follows the event log for pages; nil if it is not in reach: web alone may not be told where it is, and its
// pages ask again and again then.
func (m *machine) pageEvents() func(ctx context.Context, each func(web.Entry) error) error {
	switch {
	case m.stateful():
		return func(ctx context.Context, each func(web.Entry) error) error { return tellPages(ctx, m.events, each) }
	case m.NATSURL == "":
		return nil
	}
	return func(ctx context.Context, each func(web.Entry) error) error { // it starts, and has pages, without the log too
		log, err := m.connectLog(ctx, m.log)
		if err != nil {
			return err
		}
		defer log.Close()
		return tellPages(ctx, log, each)
	}
}

// tellPages tells from which place on the log is read, and then all that pages show, until ctx ends.
func tellPages(ctx context.Context, log *bus.NATS, each func(web.Entry) error) error {
	var subjects []string
	for _, k := range pageKinds {
		subjects = slices.Concat(subjects, bus.Subjects(k))
	}
	state, err := log.State(ctx)
	if err != nil {
		return err
	}
	from := max(state.First, state.Last-min(state.Last, pagesGoBack)+1)
	if err := each(web.Entry{Seq: from - min(from, 1)}); err != nil {
		return err
	}
	return log.Tail(ctx, subjects, bus.From{Seq: from}, func(message bus.Message) error {
		return each(web.Entry{Seq: message.Seq, Document: message.Data})
	}, func() {})
}
