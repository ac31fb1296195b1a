package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"ticketing/api"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

// listings puts the tickets on the market that are not there yet.
func (f *filling) listings(ctx context.Context) error {
	if err := f.findTickets(ctx); err != nil {
		return err
	}
	first, err := f.findCurrency(ctx)
	if err != nil {
		return err
	}
	return f.each(ctx, "tickets", len(f.plan.Tickets)-first, func(ctx context.Context, i int) error {
		defer f.tick("tickets")
		return f.list(ctx, first+i, f.price(f.plan.Tickets[first+i].Price))
	})
}

// findTickets finds those of the plan's tickets that are listed already, whatever has become of them.
func (f *filling) findTickets(ctx context.Context) error {
	places := map[string]int{}
	for i, t := range f.plan.Tickets {
		places[t.name()] = i
	}
	return f.each(ctx, "tickets", sellers, func(ctx context.Context, seller int) error {
		query := api.TicketQuery{Seller: f.people[seller].id, Status: api.All, Limit: 100}
		for t, err := range f.people[seller].AllTickets(ctx, query) {
			if err != nil {
				return err
			}
			if i, ok := places[nameOf(t.Title, t.Venue, t.Details)]; ok && f.plan.Tickets[i].Seller == seller {
				f.tickets[i] = t
			}
		}
		return nil
	})
}

// findCurrency asks some ticket which currency the market has. If there is none, the plan's first one is listed, at a price
// that is right after the changes; 1 is returned then, else 0.
func (f *filling) findCurrency(ctx context.Context) (listed int, err error) {
	page, err := f.Client.Tickets(ctx, api.TicketQuery{Status: api.All, Limit: 1})
	if err != nil {
		return 0, err
	}
	code := ""
	if len(page.Items) > 0 {
		code = page.Items[0].Currency
	} else {
		defer f.tick("tickets")
		if err := f.list(ctx, 0, money.Whole(int64(f.plan.Tickets[0].Price/100))); err != nil {
			return 0, err
		}
		code, listed = f.tickets[0].Currency, 1
	}
	f.currency, err = money.ParseCurrency(code)
	return listed, err
}

func (f *filling) price(hundredths int) money.Decimal { return priceIn(f.currency, hundredths) }

// list lists one ticket, unless it is there. The key makes that hold too when the answer to an earlier run was lost.
func (f *filling) list(ctx context.Context, i int, price money.Decimal) error {
	t := f.plan.Tickets[i]
	if f.tickets[i].ID != "" {
		return nil
	}
	listing := api.Listing{Title: t.Title, Price: price, Venue: t.Venue, StartsAt: t.StartsAt, TimeZone: t.TimeZone, Details: t.Details}
	content, err := json.Marshal(listing)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", f.Seed, i, content))
	key := "demo-" + hex.EncodeToString(sum[:16])
	listed, err := f.people[t.Seller].ListTicket(api.WithKey(ctx, key), listing)
	if err != nil {
		return err
	}
	f.tickets[i] = listed
	f.made.Tickets.Add(1)
	return nil
}

// changes edits prices and withdraws tickets that are as they were listed.
func (f *filling) changes(ctx context.Context) error {
	return f.each(ctx, "changes", len(f.plan.Tickets), func(ctx context.Context, i int) error {
		defer f.tick("changes")
		t, plan := f.tickets[i], f.plan.Tickets[i]
		if t.ID == "" || t.Version != 1 || t.Status != api.Available {
			return nil
		}
		var err error
		switch price := f.wanted(plan); {
		case plan.Withdraw:
			if err = f.people[plan.Seller].Withdraw(ctx, t.ID, t.Version); err == nil {
				f.made.Withdrawals.Add(1)
			}
		case price != t.Price:
			changed := t.Listing()
			changed.Price = price
			if t, err = f.people[plan.Seller].EditTicket(ctx, t.ID, t.Version, changed); err == nil {
				f.tickets[i] = t
				f.made.Edits.Add(1)
			}
		}
		if gone(err) || api.Is(err, fault.BadInput) { // it has moved, or its event has begun
			return nil
		}
		return err
	})
}

// wanted is the price that the ticket has in the end.
func (f *filling) wanted(t Ticket) money.Decimal {
	if t.Reduced != 0 {
		return f.price(t.Reduced)
	}
	return f.price(t.Price)
}
