package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ticketing/audit"
	"ticketing/kernel/bus"
	"ticketing/kernel/config"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
)

// settle is how long an audit waits for a market to come to rest.
const settle = 10 * time.Second

// auditCmd checks the books of a market.
type auditCmd struct {
	JSON     bool            `name:"json" help:"Print the report as JSON."`
	Fix      bool            `help:"First mend payments in which the payment provider's books and ours do not agree, where it is always safe."`
	Currency config.Currency `default:"usd" placeholder:"CODE" group:"market" help:"Currency of the market, if it is not running. Default: usd."`
	marketPlace
	stripeFlags
}

// Run prints what breaks, and fails if anything does.
func (c *auditCmd) Run(p *program) error {
	r, err := c.audit(p.ctx)
	if err != nil {
		return err
	}
	if err := c.print(p.stdout, r); err != nil {
		return err
	}
	if n := len(r.Findings); n > 0 {
		return fmt.Errorf("the books are not in order: %s", count(n, "finding"))
	}
	return nil
}

func (c *auditCmd) print(w io.Writer, r audit.Report) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(r)
	}
	for _, what := range r.Mended {
		fmt.Fprintln(w, "mended:", what)
	}
	for _, f := range r.Findings {
		fmt.Fprintln(w, f)
	}
	if len(r.Busy) > 0 {
		fmt.Fprintf(w, "The market was busy, so rules for a market at rest were left out: %s.\n", strings.Join(r.Busy, ", "))
	}
	verdict := "the books are in order"
	if len(r.Findings) > 0 {
		verdict = count(len(r.Findings), "finding")
	}
	_, err := fmt.Fprintf(w, "Checked %s, %s, %s, %s, %s: %s.\n", count(r.Users, "user"), count(r.Tickets, "ticket"),
		count(r.Orders, "order"), count(r.Charges, "charge"), count(r.Events, "event"), verdict)
	return err
}

// count is so many of them, in words.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// audit reads the engines if they are open to several processes, else asks the running market, else opens the data folder.
func (c *auditCmd) audit(ctx context.Context) (r audit.Report, err error) {
	if c.DatabaseURL == "" || c.NATSURL == "" {
		method, path := http.MethodGet, "/audit"
		if c.Fix {
			method, path = http.MethodPost, "/audit?fix=true"
		}
		body, err := newOpsClient(c.OpsAddr).ask(ctx, method, path)
		if err == nil {
			defer body.Close()
			return r, json.NewDecoder(body).Decode(&r)
		}
		if !errors.Is(err, errNotRunning) {
			return r, err
		}
		if c.DatabaseURL == "" && !c.holdsMarket() {
			return r, c.errNoMarket()
		}
	}
	return c.auditEngines(ctx)
}

func (c *auditCmd) auditEngines(ctx context.Context) (audit.Report, error) {
	quiet := slog.New(slog.DiscardHandler)
	s := audit.Sources{DBs: map[string]*store.DB{}, Currency: c.Currency.Currency, Settle: settle}
	for i := range roles {
		if roles[i].build == nil {
			continue
		}
		db, err := c.openService(ctx, quiet, &roles[i])
		if err != nil {
			return audit.Report{}, err
		}
		defer db.Close()
		s.DBs[roles[i].name] = db
	}
	log, err := c.connectLog(ctx, quiet)
	if err != nil {
		return audit.Report{}, err
	}
	defer log.Close()
	s.Events = logReader(log)
	o := payments.Options{StripeKey: string(c.StripeKey), StripeURL: string(c.StripeURL), Log: quiet}
	if o.StripeKey == "" {
		o.StripeKey = simulatorKey
	}
	if c.StripeKey == "" && c.StripeURL == "" {
		db, err := c.openDatabase(ctx, quiet, simulatorName, stripesim.Migrations)
		if err != nil {
			return audit.Report{}, err
		}
		defer db.Close()
		o.Transport = stripesim.New(db, stripesim.Options{}).Transport()
	}
	paying := payments.New(s.DBs["payments"], bus.New(s.DBs["payments"], log, bus.Options{}), o)
	return runAudit(ctx, s, paying, c.Fix)
}

// runAudit checks the books, after it has mended what is always safe if it is to.
func runAudit(ctx context.Context, s audit.Sources, p *payments.Service, fix bool) (audit.Report, error) {
	mended := []string{}
	if fix {
		done, err := p.Reconcile(ctx, true)
		if err != nil {
			return audit.Report{}, fmt.Errorf("cannot mend what is wrong: %w", err)
		}
		for _, d := range done.Mended {
			mended = append(mended, fmt.Sprintf("%s: %s", d.Sentence, d.Outcome))
		}
		if done.Tidied > 0 {
			mended = append(mended, fmt.Sprintf("%s that declined cards had left behind: cancelled", count(done.Tidied, "open payment")))
		}
	}
	s.Payments, s.Disagreements, s.Ledger = provider(p), disagreements(p), p.LedgerFaults
	r, err := audit.Run(ctx, s)
	r.Mended = mended
	return r, err
}

// serveAudit checks the books of the market that this process runs; asked by POST with fix, it mends what is safe before.
func (m *machine) serveAudit(w http.ResponseWriter, r *http.Request) {
	s := audit.Sources{DBs: map[string]*store.DB{}, Currency: m.Currency.Currency, Events: logReader(m.events), Settle: settle}
	for i := range roles {
		if roles[i].build == nil {
			continue
		}
		p := m.part(roles[i].name)
		if p == nil {
			httpapi.WriteFault(w, r, fault.Unknown.New("This process runs only some of the services: name the engines with --database-url and --nats-url."))
			return
		}
		s.DBs[p.name] = p.db
	}
	fix := r.Method == http.MethodPost && r.URL.Query().Get("fix") == "true"
	report, err := runAudit(r.Context(), s, m.paying(), fix)
	if err != nil {
		httpapi.WriteFault(w, r, err)
		return
	}
	writeJSON(w, r, report)
}

// logReader passes on the log as it is now.
func logReader(log bus.Log) func(context.Context, func(event.Envelope)) error {
	return func(ctx context.Context, each func(event.Envelope)) error {
		return readLog(ctx, log, eventFilter{}, func(document []byte) error {
			var e event.Envelope
			if err := json.Unmarshal(document, &e); err != nil {
				e.ID = "that cannot be read"
			}
			each(e)
			return nil
		})
	}
}

// provider is Stripe's books, or the simulator's.
func provider(s *payments.Service) func(context.Context) ([]audit.Payment, error) {
	return func(ctx context.Context) ([]audit.Payment, error) {
		all, err := s.Books(ctx)
		taken := make([]audit.Payment, len(all))
		for i, t := range all {
			taken[i] = audit.Payment(t)
		}
		return taken, err
	}
}

// disagreements are what Stripe's books and ours do not agree in.
func disagreements(s *payments.Service) func(context.Context) ([]audit.Finding, error) {
	return func(ctx context.Context) ([]audit.Finding, error) {
		found, err := s.Discrepancies(ctx)
		all := make([]audit.Finding, len(found))
		for i, d := range found {
			all[i] = audit.Finding{Invariant: d.Kind.Invariant(), What: fmt.Sprintf("%s (%s)", d.Sentence, d.Kind)}
			if d.ByItself {
				all[i].What = fmt.Sprintf("%s (%s; --fix mends it)", d.Sentence, d.Kind)
			}
		}
		return all, err
	}
}
