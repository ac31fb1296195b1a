// Package audit checks a market's books: the databases of all services, the event log and the payment provider, against
// one another and to the cent.
//
// It reads a market while it works. What is read first is what must have been written last: whatever stands in the log
// was in an outbox before, whoever holds a lock was an order before, whatever the provider took was a charge before. So
// most rules hold at every instant. Some hold only while nothing is on its way; these are checked when the market has
// been found at rest, and the report says if it has not.
package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Sources are where the records of a market are.
type Sources struct {
	// DBs has the database of each service by its name. Rules about one that is missing are left out.
	DBs map[string]*store.DB
	// Events passes on every event that is in the log now, from its start; nil: the log is not read.
	Events func(ctx context.Context, each func(event.Envelope)) error
	// Payments is every payment that the provider knows of; nil: the provider is not asked.
	Payments func(ctx context.Context) ([]Payment, error)
	// Disagreements are what the provider's books and those of payments do not agree in; nil: they are not compared.
	Disagreements func(ctx context.Context) ([]Finding, error)
	// Ledger is what is not as it has to be in the ledger of what sellers earn, one sentence each; nil: it is not checked.
	Ledger func(ctx context.Context) ([]string, error)
	// Currency is the market's.
	Currency money.Currency
	// Settle is how long to wait for the market to come to rest; 0: it is looked at once.
	Settle time.Duration
}

// Payment is one payment as its provider knows it.
type Payment struct {
	ID       string // Stripe's PaymentIntent
	OrderID  string // from its metadata; "" if it is not ours
	ChargeID string // from its metadata
	Captured money.Amount
	Refunded money.Amount
	Mended   bool // it was not to be taken, and payments has noted that it gave it back
}

// Finding is something that is not as it has to be.
type Finding struct {
	Invariant int    `json:"invariant"` // the number in docs/invariants.md
	What      string `json:"what"`      // one sentence
}

func (f Finding) String() string { return fmt.Sprintf("invariant %d: %s", f.Invariant, f.What) }

// Report is the outcome of an audit.
type Report struct {
	Findings []Finding `json:"findings"`
	Mended   []string  `json:"mended,omitempty"` // what was put in order before
	Busy     []string  `json:"busy"`             // what was on its way, so that some rules could not be checked; empty at rest
	Users    int       `json:"users"`
	Tickets  int       `json:"tickets"`
	Orders   int       `json:"orders"`
	Charges  int       `json:"charges"`
	Events   int       `json:"events"`
}

const settlePause = 250 * time.Millisecond

// Run reads the books and checks them. Its error means that they could not be read.
func Run(ctx context.Context, s Sources) (Report, error) {
	deadline := time.Now().Add(s.Settle)
	var doubted *Report // the reading before, if what it found has to be seen once more
	for {
		b, err := read(ctx, s)
		if err != nil {
			return Report{}, err
		}
		r := b.check()
		switch {
		case len(r.Busy) > 0 && time.Now().Before(deadline):
		case doubted == nil && slices.ContainsFunc(r.Findings, Finding.doubtful):
			doubted = &r
		default:
			if doubted != nil {
				r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.doubtful() && !slices.Contains(doubted.Findings, f) })
			}
			return r, r.compare(ctx, s)
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(settlePause):
		}
	}
}

// doubtful tells whether the finding may only be what happened between two readings: a refund between the provider's books
// and ours, an event between the log and the outboxes. Of these only what is still found when all is read once more counts.
func (f Finding) doubtful() bool { return f.Invariant == 4 || f.Invariant == 7 }

// compare adds what the provider's books and ours do not agree in, and what the ledger says against itself. Both are looked
// at once: they hold at every moment, and what is on its way is left out there.
func (r *Report) compare(ctx context.Context, s Sources) error {
	if s.Disagreements != nil {
		more, err := s.Disagreements(ctx)
		if err != nil {
			return fmt.Errorf("cannot compare the payment provider's books: %w", err)
		}
		r.Findings = append(r.Findings, more...)
	}
	if s.Ledger != nil {
		faults, err := s.Ledger(ctx)
		if err != nil {
			return fmt.Errorf("cannot check the ledger: %w", err)
		}
		for _, what := range faults {
			r.Findings = append(r.Findings, Finding{12, what})
		}
	}
	sortFindings(r.Findings)
	return nil
}
