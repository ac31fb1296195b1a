package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ticketing/api"
	"ticketing/kernel/fault"
)

const (
	settles  = 15 * time.Second       // the longest that a service may take to follow another
	glance   = 100 * time.Millisecond // between two looks
	soon     = 20                     // seconds: an order that expires within them is waited for
	attempts = 5                      // payments that are refused, for one order
)

// orders lets people order, pay and change their minds.
func (f *filling) orders(ctx context.Context) error {
	err := f.each(ctx, "orders", buyers, func(ctx context.Context, i int) error {
		p := f.people[len(f.people)-1-i]
		for o, err := range p.AllOrders(ctx, api.OrderQuery{Limit: 100}) {
			if err != nil {
				return err
			}
			p.orders[o.Ticket.ID] = append(p.orders[o.Ticket.ID], o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.each(ctx, "orders", len(f.plan.Tickets), func(ctx context.Context, i int) error {
		for _, o := range f.plan.Tickets[i].Orders {
			if err := f.order(ctx, f.tickets[i], o); err != nil {
				return fmt.Errorf("%s: %w", f.plan.Tickets[i].Title, err)
			}
			f.tick("orders")
		}
		return nil
	})
}

// order brings one order to its end, from wherever it is.
func (f *filling) order(ctx context.Context, t api.Ticket, plan Order) error {
	p := f.people[plan.Buyer]
	earlier := p.orders[t.ID]
	for _, o := range earlier {
		if plan.End.reached(o) {
			return nil
		}
	}
	if t.ID == "" || !f.pays && (plan.End == Bought || plan.End == Denied) {
		f.made.Skipped.Add(1)
		return nil
	}
	o, err := f.place(ctx, p, t, earlier)
	if err == nil {
		err = f.end(ctx, p, o, plan)
	}
	if gone(err) {
		f.made.Skipped.Add(1)
		return nil
	}
	return err
}

// reached tells whether the order has come to the end.
func (e End) reached(o api.Order) bool {
	switch e {
	case Bought:
		return o.Status == api.Completed
	case GaveUp:
		return o.CancelReason == api.ByBuyer
	case Denied:
		return o.CancelReason == api.PaymentFailed
	}
	return true // it has been waiting, and may have expired
}

// place orders the ticket, or goes on with the order that is there, and waits until it is locked.
func (f *filling) place(ctx context.Context, p *person, t api.Ticket, earlier []api.Order) (api.Order, error) {
	for _, o := range earlier {
		if o.Live() {
			return f.until(ctx, p, o, func(o api.Order) bool { return o.Status != api.Created })
		}
	}
	price := t.Price
	o, err := p.PlaceOrder(ctx, t.ID, &price)
	if err != nil {
		return o, err
	}
	f.made.Orders.Add(1)
	return f.until(ctx, p, o, func(o api.Order) bool { return o.Status != api.Created })
}

// until looks at the order until it is so.
func (f *filling) until(ctx context.Context, p *person, o api.Order, so func(api.Order) bool) (api.Order, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, settles+time.Duration(min(o.ExpiresIn, soon))*time.Second, errSlow)
	defer cancel()
	for !so(o) {
		select {
		case <-ctx.Done():
			return o, context.Cause(ctx)
		case <-time.After(glance):
		}
		var err error
		if o, err = p.Order(ctx, o.ID); err != nil {
			return o, errors.Join(err, context.Cause(ctx))
		}
	}
	return o, nil
}

var errSlow = errors.New("an order stays as it is for too long: does every service of the market run?")

// end does what the buyer does.
func (f *filling) end(ctx context.Context, p *person, o api.Order, plan Order) error {
	switch plan.End {
	case GaveUp:
		return p.CancelOrder(ctx, o.ID)
	case Bought:
		_, err := p.Pay(ctx, o.ID, plan.Card)
		if err != nil {
			return err
		}
		f.made.Payments.Add(1)
		_, err = f.until(ctx, p, o, func(o api.Order) bool { return !o.Live() })
		return err
	case Denied:
		return f.deny(ctx, p, o, plan.Card)
	}
	if o.ExpiresIn > soon {
		return nil
	}
	_, err := f.until(ctx, p, o, func(o api.Order) bool { return !o.Live() })
	return err
}

// deny pays with a card that the bank refuses, as often as the market allows.
func (f *filling) deny(ctx context.Context, p *person, o api.Order, card string) error {
	for range attempts {
		_, err := p.Pay(ctx, o.ID, card)
		if !api.Is(err, fault.CardDeclined) {
			return err
		}
		f.made.Payments.Add(1)
		if o, err = p.Order(ctx, o.ID); err != nil || !o.Live() {
			return err
		}
	}
	return nil
}
