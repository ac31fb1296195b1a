package orders

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
)

var noon = time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)

// Every step, from every status: what it leads to, or that nothing happens.
func TestSteps(t *testing.T) {
	const no = "" // nothing happens
	late, later := noon.Add(time.Millisecond), noon.Add(graceForCharge)
	refuse := func(reason string) func(*Order) bool {
		return func(o *Order) bool { return o.Refuse(reason, 7) }
	}
	expire := func(now time.Time, paying bool) func(*Order) bool {
		return func(o *Order) bool {
			if paying && o.live() {
				o.ChargeID = "c"
				defer func() {
					if o.live() {
						o.ChargeID = "" // as it was before, for the comparison
					}
				}()
			}
			return o.Expire(now)
		}
	}
	fail := func(failed, allowed int) func(*Order) bool {
		return func(o *Order) bool { return o.FailPayment("c", failed, allowed) }
	}
	cancel := func(o *Order) bool { changed, err := o.Cancel(); return changed && err == nil }
	for name, c := range map[string]struct {
		step                   func(*Order) bool
		fromCreated, fromAwait string // the status or the reason of the cancellation
	}{
		"lock":                     {(*Order).Lock, event.AwaitingPayment, no},
		"complete":                 {func(o *Order) bool { return o.Complete("c") }, no, event.Completed},
		"refuse, changed":          {refuse(event.RejectedChanged), event.TicketChanged, no},
		"refuse, unavailable":      {refuse(event.RejectedUnavailable), event.TicketUnavailable, no},
		"refuse, some new reason":  {refuse("haunted"), event.TicketUnavailable, no},
		"expire too early":         {expire(noon.Add(-time.Millisecond), false), no, no},
		"expire in time":           {expire(noon, false), event.Expired, event.Expired},
		"expire later":             {expire(later, false), event.Expired, event.Expired},
		"expire while paying":      {expire(late, true), no, no},
		"expire just before grace": {expire(later.Add(-time.Millisecond), true), no, no},
		"expire after grace":       {expire(later, true), event.Expired, event.Expired},
		"no payment failed":        {fail(0, 1), no, no},
		"a payment failed":         {fail(1, 1), event.PaymentFailed, event.PaymentFailed},
		"one of two failed":        {fail(1, 2), no, no},
		"two of two failed":        {fail(2, 2), event.PaymentFailed, event.PaymentFailed},
		"more failed than may":     {fail(3, 2), event.PaymentFailed, event.PaymentFailed},
		"cancel":                   {cancel, event.ByBuyer, event.ByBuyer},
		"claim":                    {func(o *Order) bool { return o.Claim("c") }, no, event.AwaitingPayment},
	} {
		for from, want := range map[string]string{event.Created: c.fromCreated, event.AwaitingPayment: c.fromAwait, event.Completed: no, event.Cancelled: no} {
			o := Order{Status: from, ExpiresAt: noon, Version: 5}
			if from == event.Cancelled {
				o.CancelReason = "the first"
			}
			before := o
			changed := c.step(&o)
			got := o.CancelReason
			if got == "" {
				got = o.Status
			}
			switch {
			case want == no && (changed || o != before):
				t.Errorf("%s from %s: %+v", name, from, o)
			case want != no && (!changed || got != want || (o.Status == event.Cancelled) != (o.CancelReason != "")):
				t.Errorf("%s from %s leads to %+v, want %s", name, from, o, want)
			}
			if o.RefusedAt != 0 && o.RefusedAt != 7 || strings.HasPrefix(name, "refuse") != (o.RefusedAt == 7) && changed {
				t.Errorf("%s from %s: refused at %d", name, from, o.RefusedAt)
			}
		}
	}
	var none Order // an order that nobody knows
	if none.Lock() || none.Complete("c") || none.Expire(noon) || none.FailPayment("c", 9, 1) || none.Claim("c") || none.Refuse(event.RejectedChanged, 1) {
		t.Errorf("an order that does not exist became %+v", none)
	}
}

// The first payment has the order until it has failed, and no other; an order that is over has none.
func TestClaim(t *testing.T) {
	o := Order{Status: event.AwaitingPayment, ExpiresAt: noon}
	if !o.Claim("a") || o.Claim("a") || o.Claim("b") || o.ChargeID != "a" {
		t.Fatalf("claimed as %+v", o)
	}
	if o.Expire(noon.Add(time.Second)) {
		t.Error("an order expired under its payment")
	}
	if o.FailPayment("b", 1, 2) || o.ChargeID != "a" {
		t.Errorf("another payment's failure freed %+v", o)
	}
	if !o.FailPayment("a", 1, 2) || o.ChargeID != "" || o.Status != event.AwaitingPayment {
		t.Errorf("a failure with an attempt left made it %+v", o)
	}
	if !o.Claim("b") || !o.FailPayment("b", 2, 2) || o.ChargeID != "" || o.CancelReason != event.PaymentFailed || o.Claim("c") {
		t.Errorf("the last failure made it %+v", o)
	}
	o = Order{Status: event.AwaitingPayment, ExpiresAt: noon, ChargeID: "b"}
	if o.FailPayment("a", 1, 1) || o.Status != event.AwaitingPayment || o.ChargeID != "b" {
		t.Errorf("another payment's failure ended %+v, whose payment is not decided", o)
	}
	if !o.Expire(noon.Add(graceForCharge)) || o.CancelReason != event.Expired || o.ChargeID != "" {
		t.Errorf("a payment that is never decided leaves %+v", o)
	}
	paid := Order{Status: event.AwaitingPayment}
	if !paid.Complete("a") || paid.ChargeID != "a" || paid.Claim("b") {
		t.Errorf("paid: %+v", paid)
	}
}

func TestCancelIsRefused(t *testing.T) {
	for _, c := range []struct {
		status string
		paying bool
		code   fault.Code
	}{
		{event.Completed, false, fault.OrderCompleted},
		{event.Completed, true, fault.OrderCompleted},
		{event.AwaitingPayment, true, fault.PaymentInProgress},
	} {
		o := Order{Status: c.status}
		if c.paying {
			o.ChargeID = "c"
		}
		if changed, err := o.Cancel(); changed || !fault.Is(err, c.code) || o.Status != c.status {
			t.Errorf("%s, paying %v: %v, %+v", c.status, c.paying, err, o)
		}
	}
	o := Order{Status: event.Cancelled, CancelReason: event.Expired}
	if changed, err := o.Cancel(); changed || err != nil || o.CancelReason != event.Expired {
		t.Errorf("cancelling again: %v, %v, %+v", changed, err, o)
	}
}

func TestSecondsLeft(t *testing.T) {
	o := Order{ExpiresAt: noon.Add(15 * time.Minute)}
	for before, want := range map[time.Duration]int64{
		15 * time.Minute: 900, 15*time.Minute - time.Millisecond: 899, time.Second: 1, 999 * time.Millisecond: 0, 0: 0, -time.Hour: 0,
	} {
		if got := o.secondsLeft(o.ExpiresAt.Add(-before)); got != want {
			t.Errorf("%v before the end there are %d seconds left, want %d", before, got, want)
		}
	}
}

func TestAdmit(t *testing.T) {
	five, six := money.Amount(500), money.Amount(600)
	live := &Order{Status: event.AwaitingPayment, ExpiresAt: noon.Add(3 * time.Minute)}
	made := &Order{Status: event.Created, ExpiresAt: noon.Add(3 * time.Minute)}
	paid := &Order{Status: event.Completed, ExpiresAt: noon}
	begun, soon := noon, noon.Add(time.Millisecond)
	for name, c := range map[string]struct {
		buyer    string
		price    *money.Amount
		status   string
		startsAt time.Time
		alive    *Order
		code     string // "" if the order is admitted
		waits    bool   // for an event that may be on its way
	}{
		"available":             {"b", nil, event.Available, time.Time{}, nil, "", false},
		"at the price":          {"b", &five, event.Available, time.Time{}, nil, "", false},
		"before it begins":      {"b", nil, event.Available, soon, nil, "", false},
		"at another price":      {"b", &six, event.Available, time.Time{}, nil, "price_changed", true},
		"own":                   {"s", nil, event.Available, time.Time{}, nil, "own_ticket", false},
		"own and locked":        {"s", nil, event.Locked, time.Time{}, live, "own_ticket", false},
		"being made":            {"b", nil, event.Available, time.Time{}, made, "ticket_locked", true},
		"live":                  {"b", nil, event.Available, time.Time{}, live, "ticket_locked", false},
		"live and locked":       {"b", nil, event.Locked, time.Time{}, live, "ticket_locked", false},
		"live at another price": {"b", &six, event.Locked, time.Time{}, live, "ticket_locked", false},
		"being released":        {"b", nil, event.Locked, time.Time{}, nil, "ticket_locked", true},
		"paid":                  {"b", nil, event.Locked, time.Time{}, paid, "ticket_sold", false},
		"sold":                  {"b", nil, event.Sold, time.Time{}, nil, "ticket_sold", false},
		"sold and paid":         {"b", nil, event.Sold, begun, paid, "ticket_sold", false},
		"withdrawn":             {"b", nil, event.Withdrawn, time.Time{}, nil, "ticket_withdrawn", false},
		"begun":                 {"b", &six, event.Available, begun, nil, "event_begun", false},
		"begun, being released": {"b", nil, event.Locked, begun, nil, "event_begun", false},
	} {
		ticket := Ticket{SellerID: "s", Price: five, StartsAt: c.startsAt, Status: c.status}
		err := ticket.admit(c.buyer, c.price, c.alive, noon)
		var onItsWay errOnItsWay
		waits := errors.As(err, &onItsWay)
		if waits {
			err = onItsWay.fault
		}
		if waits != c.waits || (err == nil) != (c.code == "") || err != nil && fault.From(err).Code.Name != c.code {
			t.Errorf("%s: %v, waits %v", name, err, waits)
		}
	}
	err := fault.From(Ticket{SellerID: "s", Price: five, Status: event.Locked}.admit("b", nil, live, noon))
	if !strings.Contains(err.Detail, "until 12:03:00 UTC") || err.RetryAfter != 3*time.Minute || len(err.Fields) != 1 || err.Fields[0].Name != "ticketId" {
		t.Errorf("a locked ticket: %+v", err)
	}
}

func TestIsNews(t *testing.T) {
	const made = "019f1d1e-6000-7000-8000-000000000001"
	at := time.UnixMilli(0x019f1d1e6000)
	for now, want := range map[time.Time]bool{
		at: true, at.Add(newsWindow - time.Millisecond): true, at.Add(newsWindow): false, at.Add(time.Minute - newsWindow): true, at.Add(-newsWindow): false,
	} {
		if got := isNews(made, now); got != want {
			t.Errorf("%v after it was made: %v", now.Sub(at), got)
		}
	}
	for _, id := range []string{"", "17", "f47ac10b-58cc-4372-a567-0e02b2c3d479"} {
		if isNews(id, noon) {
			t.Errorf("%q is news", id)
		}
	}
}
