package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"ticketing/api"
	"ticketing/demo"
	"ticketing/kernel/config"
)

// demoCmd fills a running market.
type demoCmd struct {
	URL  config.URL  `name:"url" placeholder:"URL" group:"listen" help:"Public address of the market. Default: the one of --addr."`
	Addr config.Addr `placeholder:"HOST:PORT" group:"listen" help:"Public listener of a market on this machine. Default: what its operators' listener says, else :8080."`
	Seed uint64      `default:"2027" placeholder:"N" group:"market" help:"What the tickets are drawn from; another number adds other ones. Default: 2027."`

	marketPlace
	stripeFlags
}

// Run fills it, and says what has been made.
func (c *demoCmd) Run(p *program) error {
	base := c.find(p.ctx)
	client := api.New(base, nil)
	if _, err := client.Patient(0).Config(p.ctx); errors.Is(err, api.ErrUnreachable) {
		return fmt.Errorf("no market answers at %s; start one with ticketing serve, or say where it is with --url (%w)", base, err)
	}
	bar := newBar(p.stderr)
	report, err := demo.Fill(p.ctx, demo.Options{
		Client: client.Patient(15 * time.Second), Seed: c.Seed, Now: time.Now(), Progress: bar.show,
	})
	bar.end()
	switch {
	case p.ctx.Err() != nil:
		return errors.New("stopped before the end; ticketing demo, run again, goes on from there")
	case err != nil:
		return fmt.Errorf("%w (what has been made stays; ticketing demo, run again, goes on from there)", err)
	}
	return summarize(p.stdout, base, report)
}

// find is the public address of the market.
func (c *demoCmd) find(ctx context.Context) string {
	switch {
	case c.URL != "":
		return string(c.URL)
	case c.Addr != "" && !strings.HasSuffix(string(c.Addr), ":0"): // that is any port
		return localURL(c.Addr)
	}
	if body, err := newOpsClient(c.OpsAddr).ask(ctx, http.MethodGet, "/market"); err == nil {
		defer body.Close()
		var place whereabouts
		if json.NewDecoder(body).Decode(&place) == nil && place.URL != "" {
			return place.URL
		}
	}
	return localURL(":8080")
}

func localURL(addr config.Addr) string {
	return strings.Replace(newOpsClient(config.OptionalAddr(addr)).base, "//127.0.0.1:", "//localhost:", 1)
}

// whereabouts is what the operators' listener says of the public one.
type whereabouts struct {
	URL string `json:"url"`
}

// serveMarket says where the public listener is.
func (m *machine) serveMarket(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, r, whereabouts{m.public.url()})
}

// summarize says what has been made and who may sign in.
func summarize(w io.Writer, base string, r *demo.Report) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	m := r.Made
	if m.Nothing() {
		fmt.Fprintf(&b, "Nothing to add: the market at %s is full already.\n", base)
	} else {
		fmt.Fprintf(&b, "The market at %s is full.\n", base)
		line("added", "%d accounts, %d tickets, %d price edits, %d withdrawals, %d orders, %d payments",
			m.Accounts.Load(), m.Tickets.Load(), m.Edits.Load(), m.Withdrawals.Load(), m.Orders.Load(), m.Payments.Load())
	}
	line("tickets", "%s", counts(r.Tickets, api.Available, api.Locked, api.Sold, api.Withdrawn))
	line("orders", "%s", counts(r.Orders, api.Created, api.AwaitingPayment, api.Completed, api.ByBuyer, api.PaymentFailed, api.Expired,
		api.TicketChanged, api.TicketUnavailable))
	if !r.Paid {
		line("payments", "left out: this market takes real money (its Stripe key is no test key)")
	}
	if n := m.Skipped.Load(); n > 0 {
		line("skipped", "%d orders: somebody else was there first, or they could not be paid", n)
	}
	fmt.Fprintf(&b, "Sign in as one of %d people, all with the password %q:\n", len(r.People), demo.Password)
	for _, fan := range examples(r.People) {
		fmt.Fprintf(&b, "  %-30s %s\n", fan.Email, hasWhat(fan))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// stateNames are the states of orders in words.
var stateNames = map[string]string{
	api.Created: "waiting for their lock", api.AwaitingPayment: "awaiting payment", api.Completed: "completed",
	api.ByBuyer: "cancelled by the buyer", api.PaymentFailed: "cancelled after a failed payment", api.Expired: "expired",
	api.TicketChanged: "cancelled since the ticket had changed", api.TicketUnavailable: "cancelled since the ticket was gone",
}

// counts is "12: 7 available, 5 sold".
func counts(n map[string]int, order ...string) string {
	total, parts := 0, []string{}
	for _, state := range order {
		if n[state] > 0 {
			total += n[state]
			parts = append(parts, fmt.Sprintf("%d %s", n[state], cmp.Or(stateNames[state], state)))
		}
	}
	return strings.TrimSuffix(fmt.Sprintf("%d: %s", total, strings.Join(parts, ", ")), ": ")
}

// examples are some people worth being: who sell most, and who have most to pay.
func examples(people []demo.Fan) []demo.Fan {
	all := slices.Clone(people)
	var some []demo.Fan
	for _, worth := range []func(f demo.Fan) int{
		func(f demo.Fan) int { return f.Listed },
		func(f demo.Fan) int { return 10*f.Orders[api.AwaitingPayment] + f.Orders[api.Completed] },
		func(f demo.Fan) int { return min(f.Listed, 3*len(f.Orders)) },
	} {
		slices.SortStableFunc(all, func(a, b demo.Fan) int { return cmp.Compare(worth(b), worth(a)) })
		some, all = append(some, all[:min(2, len(all))]...), all[min(2, len(all)):]
	}
	return some
}

// hasWhat says what somebody has on the market.
func hasWhat(f demo.Fan) string {
	parts := []string{}
	if f.Listed > 0 {
		parts = append(parts, fmt.Sprintf("%d tickets listed", f.Listed))
	}
	if n := f.Orders[api.Completed]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d bought", n))
	}
	if n := f.Orders[api.AwaitingPayment]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d to be paid", n))
	}
	return strings.Join(parts, ", ")
}

// bar shows on a terminal how far the demo has got: as a bar, or as a line for each stage where lines cannot be
// overwritten. Elsewhere it shows nothing.
type bar struct {
	w     io.Writer
	plain bool

	mu   sync.Mutex
	last demo.Step
	when time.Time // it was drawn
}

const (
	barWidth = 30
	barEvery = 50 * time.Millisecond
)

func newBar(w io.Writer) *bar {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		w = io.Discard
	}
	return &bar{w: w, plain: os.Getenv("TERM") == "dumb"}
}

// show is called by many at once, and not always in order.
func (b *bar) show(s demo.Step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Done <= b.last.Done {
		return
	}
	fresh := s.Doing != b.last.Doing
	b.last = s
	switch {
	case b.plain && fresh:
		fmt.Fprintf(b.w, "%s...\n", s.Doing)
	case !b.plain && (fresh || time.Since(b.when) >= barEvery || s.Done == s.Total):
		b.when = time.Now()
		full := barWidth * s.Done / s.Total
		fmt.Fprintf(b.w, "\r[%s%s] %3d %%  %-8s", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), 100*s.Done/s.Total, s.Doing)
	}
}

// end leaves the terminal as it was found.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.plain && b.last.Done > 0 {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", barWidth+20))
	}
}
