// Package demo fills a market with believable people, tickets and sales, through its public API.
//
// What is made follows from a seed. Whoever is there already is signed in instead of up, and what somebody has listed,
// ordered or changed already is left as it is: running it again adds nothing, and after an interruption what is missing.
package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

// Password is that of everybody in the demo.
const Password = "front row tonight"

// Options are what Fill works with.
type Options struct {
	Client   *api.Client
	Seed     uint64
	Now      time.Time    // events are after it
	Workers  int          // requests at a time; 0: 6
	Progress func(s Step) // told of each thing that is done, by several goroutines at once; nil: nobody is
}

// Step is how far it has got.
type Step struct {
	Doing       string // accounts, tickets, changes or orders
	Done, Total int
}

// Fill makes what the seed's plan says and is not there yet. An error leaves what has been made; the next run goes on.
func Fill(ctx context.Context, o Options) (*Report, error) {
	plan, err := NewPlan(o.Seed, o.Now)
	if err != nil {
		return nil, err
	}
	if o.Workers == 0 {
		o.Workers = 6
	}
	f := &filling{Options: o, plan: plan, tickets: make([]api.Ticket, len(plan.Tickets)), people: make([]*person, len(plan.People))}
	if f.pays, err = canPay(ctx, o.Client); err != nil {
		return nil, err
	}
	f.total = len(plan.People) + 2*len(plan.Tickets)
	for _, t := range plan.Tickets {
		f.total += len(t.Orders)
	}
	for _, stage := range []func(context.Context) error{f.accounts, f.listings, f.changes, f.orders} {
		if err := stage(ctx); err != nil {
			return nil, err
		}
	}
	return f.report(ctx)
}

// canPay tells whether payments are a test's: with a live Stripe account nothing is paid.
func canPay(ctx context.Context, c *api.Client) (bool, error) {
	config, err := c.Config(ctx)
	return config.Simulator || strings.HasPrefix(config.PublishableKey, "pk_test_"), err
}

// filling is one run.
type filling struct {
	Options
	plan     *Plan
	pays     bool
	total    int
	done     atomic.Int64
	currency money.Currency
	tickets  []api.Ticket // those of the plan, as they are on the market; without an id if they could not be listed
	people   []*person
	made     Made
}

// person is one of the plan's people, signed in.
type person struct {
	*api.Client
	id     string
	orders map[string][]api.Order // by ticket, newest first
}

// each does something for 0 to n-1, several at a time, and stops at the first error.
func (f *filling) each(ctx context.Context, doing string, n int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(f.Workers)
	for i := range n {
		g.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return do(ctx, i)
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (f *filling) tick(doing string) {
	done := int(f.done.Add(1))
	if f.Progress != nil {
		f.Progress(Step{doing, done, f.total})
	}
}

// accounts signs everybody up, or in.
func (f *filling) accounts(ctx context.Context) error {
	return f.each(ctx, "accounts", len(f.plan.People), func(ctx context.Context, i int) error {
		defer f.tick("accounts")
		p := &person{Client: f.Client.As(""), orders: map[string][]api.Order{}}
		email := f.plan.People[i].Email
		user, err := p.SignUp(ctx, email, Password)
		switch {
		case err == nil:
			f.made.Accounts.Add(1)
		case api.Is(err, fault.EmailTaken):
			user, err = p.SignIn(ctx, email, Password)
		}
		if api.Is(err, fault.BadCredentials) {
			return fmt.Errorf("%s has an account here already, with another password", email)
		}
		p.id, f.people[i] = user.ID, p
		return err
	})
}

// gone tells whether a refusal says that the market has moved on: somebody else uses it too.
func gone(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && (p.Status == 404 || p.Status == 409 || p.Status == 412)
}
