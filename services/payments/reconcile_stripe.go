package payments

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/money"
)

// pageSize is the most that Stripe puts on a page.
const pageSize = 100

// span is a time from one moment to another, the second not included; a zero begin is the beginning.
type span struct{ from, to time.Time }

// created asks for what was made in the span, in the whole seconds that Stripe counts, and a zero time for all.
func (s span) created() *stripe.RangeQueryParams {
	r := &stripe.RangeQueryParams{LesserThanOrEqual: s.to.Unix()}
	if !s.from.IsZero() {
		r.GreaterThanOrEqual = s.from.Unix()
	}
	return r
}

// intentsPage is one page of the intents made in the span, newest first, and where the next one begins; empty: there is
// none.
func (g *gateway) intentsPage(ctx context.Context, made span, after string) (page []theirs, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p := &stripe.PaymentIntentListParams{ListParams: onePage(after), CreatedRange: made.created()}
	p.AddExpand("data.latest_charge")
	var list struct {
		URL     string       `json:"url"`
		HasMore bool         `json:"has_more"`
		Data    []moneyReply `json:"data"`
	}
	if err := g.read(ctx, intentsPath, p, &list); err != nil {
		return nil, "", err
	}
	if list.URL == "" {
		return nil, "", errRubbish // it would say that there is nothing
	}
	for _, in := range list.Data {
		page = append(page, in.theirs())
	}
	if list.HasMore && len(page) > 0 {
		next = page[len(page)-1].id
	}
	return page, next, nil
}

// read asks for something and reads the few members of it that into has, which takes a fraction of reading it all.
func (g *gateway) read(ctx context.Context, path string, p, into any) error {
	answer, err := g.api.RawRequest(http.MethodGet, path+"?"+encode(p).body, g.key, "", &stripe.RawParams{Params: stripe.Params{Context: ctx}})
	if err == nil {
		err = json.Unmarshal(answer.RawJSON, into)
	}
	return g.judge(err)
}

func onePage(after string) stripe.ListParams {
	p := stripe.ListParams{Limit: stripe.Int64(pageSize), Single: true}
	if after != "" {
		p.StartingAfter = stripe.String(after)
	}
	return p
}

// theirs is one intent with its money; errMissing: Stripe does not know it.
func (g *gateway) theirs(ctx context.Context, id string) (theirs, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p := &stripe.PaymentIntentRetrieveParams{}
	p.AddExpand("latest_charge")
	var in moneyReply
	if err := g.read(ctx, stripe.FormatURLPath(intentsPath+"/%s", id), p, &in); err != nil {
		return theirs{}, err
	}
	if in.ID != id || in.Status == "" {
		return theirs{}, errRubbish
	}
	return in.theirs(), nil
}

// moneyReply is what is read of a PaymentIntent to compare its money with ours.
type moneyReply struct {
	ID               string                     `json:"id"`
	Status           stripe.PaymentIntentStatus `json:"status"`
	Currency         string                     `json:"currency"`
	Amount           int64                      `json:"amount"`
	AmountCapturable int64                      `json:"amount_capturable"`
	Created          int64                      `json:"created"`
	Metadata         struct {
		OrderID  string `json:"order_id"`
		ChargeID string `json:"charge_id"`
	} `json:"metadata"`
	LatestCharge *struct {
		AmountCaptured int64 `json:"amount_captured"`
		AmountRefunded int64 `json:"amount_refunded"`
		Disputed       bool  `json:"disputed"`
	} `json:"latest_charge"`
}

func (in *moneyReply) theirs() theirs {
	t := theirs{id: in.ID, orderID: in.Metadata.OrderID, chargeID: in.Metadata.ChargeID, status: in.Status,
		currency: in.Currency, amount: in.Amount, held: in.AmountCapturable, created: time.Unix(in.Created, 0)}
	if c := in.LatestCharge; c != nil {
		// Stripe shows what it has let go of, of a sum that was held, as refunded too. That was never taken.
		t.taken, t.back, t.disputed = c.AmountCaptured, min(c.AmountRefunded, c.AmountCaptured), c.Disputed
	}
	return t
}

// refundsPage is one page of refunds, newest first: of an intent, or if that is empty of all that were made in the span.
func (g *gateway) refundsPage(ctx context.Context, intentID string, made span, after string) (page []theirRefund, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p := &stripe.RefundListParams{ListParams: onePage(after)}
	if intentID != "" {
		p.PaymentIntent = stripe.String(intentID)
	} else {
		p.CreatedRange = made.created()
	}
	list := g.client.V1Refunds.List(ctx, p)
	if err := g.judge(list.Err()); err != nil {
		return nil, "", err
	}
	if list.Meta().URL == "" {
		return nil, "", errRubbish
	}
	last := ""
	for _, r := range list.Data() {
		last = r.ID
		if r.PaymentIntent != nil { // what was paid in another way is not ours
			page = append(page, theirRefund{
				refund:   refund{ID: r.ID, Status: r.Status, CreatedAt: time.Unix(r.Created, 0)},
				intentID: r.PaymentIntent.ID, amount: r.Amount, currency: string(r.Currency)})
		}
	}
	if list.Meta().HasMore {
		next = last
	}
	return page, next, nil
}

// allPages collects what page gives, from the first one on.
func allPages[T any](page func(after string) ([]T, string, error)) (all []T, err error) {
	for after := ""; ; {
		some, next, err := page(after)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if next == "" {
			return all, nil
		}
		after = next
	}
}

// ourAmount is an amount of Stripe's as we count it.
func ourAmount(n int64, code string) (money.Amount, error) {
	ours, err := money.ParseCurrency(code)
	if err != nil {
		return 0, err
	}
	theirs := money.Currency{Code: code, Decimals: stripeDecimals(code)}
	return ours.Amount(theirs.Decimal(money.Amount(n)))
}
