package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
)

// eventsCmd prints the event log.
type eventsCmd struct {
	Follow bool   `short:"f" help:"Go on with what happens from now on."`
	Type   string `placeholder:"TYPE" help:"Only events of this type: OrderCreated."`
	ID     string `name:"id" placeholder:"ID" help:"Only events of the entity with this id."`
	JSON   bool   `name:"json" help:"Print each event as it is: a CloudEvents document a line."`

	marketPlace
}

// Validate checks the filter.
func (c *eventsCmd) Validate() error { return c.filter().check() }

func (c *eventsCmd) filter() eventFilter { return eventFilter{c.Type, c.ID, c.Follow} }

// Run reads from NATS if its URL is given, else asks the running market, else opens the data folder.
func (c *eventsCmd) Run(p *program) error {
	out := bufio.NewWriter(p.stdout)
	each := func(document []byte) error {
		if err := printEvent(out, document, c.JSON); err != nil || !c.Follow {
			return err
		}
		return out.Flush()
	}
	return errors.Join(c.read(p.ctx, each), out.Flush())
}

func (c *eventsCmd) read(ctx context.Context, each func(document []byte) error) error {
	if c.NATSURL == "" {
		err := readFromMarket(ctx, newOpsClient(c.OpsAddr), c.filter(), each)
		if !errors.Is(err, errNotRunning) {
			return err
		}
		if !c.holdsMarket() {
			return c.errNoMarket()
		}
	}
	log, err := c.connectLog(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer log.Close()
	return readLog(ctx, log, c.filter(), each)
}

// eventFilter chooses events.
type eventFilter struct {
	Type, ID string
	Follow   bool
}

var plainID = regexp.MustCompile(`^[0-9A-Za-z-]+$`)

func (f eventFilter) check() error {
	if f.ID != "" && !plainID.MatchString(f.ID) {
		return fmt.Errorf("%q is no id", f.ID)
	}
	var all []string
	for _, k := range event.Kinds {
		for _, t := range k.Types {
			all = append(all, string(t))
		}
	}
	if f.Type != "" && !slices.Contains(all, f.Type) {
		return fmt.Errorf("there is no event type %q; there are: %v", f.Type, all)
	}
	return nil
}

func (f eventFilter) subject() string {
	or := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return "ticketing." + or(f.Type) + "." + or(f.ID)
}

func (f eventFilter) query() string {
	return url.Values{"type": {f.Type}, "id": {f.ID}, "follow": {strconv.FormatBool(f.Follow)}}.Encode()
}

// readLog passes on what the filter lets through, up to the end of the log or, to follow, until ctx ends.
func readLog(ctx context.Context, log bus.Log, f eventFilter, each func(document []byte) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	caughtUp := func() {}
	if !f.Follow {
		caughtUp = stop
	}
	return log.Tail(ctx, []string{f.subject()}, bus.From{}, func(m bus.Message) error { return each(m.Data) }, sync.OnceFunc(caughtUp))
}

func readFromMarket(ctx context.Context, c opsClient, f eventFilter, each func(document []byte) error) error {
	body, err := c.ask(ctx, http.MethodGet, "/events?"+f.query())
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil // told to stop
	}
	return lines.Err()
}

// serveEvents answers with the event log, one document a line.
func (m *machine) serveEvents(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := eventFilter{q.Get("type"), q.Get("id"), q.Get("follow") == "true"}
	if err := f.check(); err != nil {
		httpapi.WriteFault(w, r, fault.BadInput.New("%s", err))
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := func() {}
	if f.Follow {
		flush = func() { _ = http.NewResponseController(w).Flush() } // a reader who went away ends the request
	}
	flush()
	err := readLog(r.Context(), m.events, f, func(document []byte) error {
		var line bytes.Buffer
		if err := json.Compact(&line, document); err != nil {
			return nil // no event of ours
		}
		line.WriteByte('\n')
		_, err := line.WriteTo(w)
		flush()
		return err
	})
	if err != nil && r.Context().Err() == nil {
		m.log.Warn("the event log could not be read to its end", "error", err)
		panic(http.ErrAbortHandler) // so that half a log does not look like a whole one
	}
}
