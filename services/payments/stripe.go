package payments

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/money"
)

// gateway speaks with Stripe, or with a simulator that speaks as Stripe does.
type gateway struct {
	client  *stripe.Client
	timeout time.Duration // of one call
	away    atomic.Bool   // it did not answer when it was last asked
}

// newGateway never repeats a call by itself: who calls decides when, with the same idempotency key.
func newGateway(o Options) *gateway {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Transport: o.Transport},
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	}
	if o.StripeURL != "" {
		config.URL = stripe.String(o.StripeURL)
	}
	return &gateway{
		client:  stripe.NewClient(o.StripeKey, stripe.WithBackends(stripe.NewBackendsWithConfig(config))),
		timeout: o.CallTimeout,
	}
}

// intent is what Stripe says of a PaymentIntent.
type intent struct {
	id       string
	chargeID string // of ours, from its metadata
	status   stripe.PaymentIntentStatus
	secret   string // with which the buyer's browser finishes the bank's step
	bankPage string // where the buyer finishes it, if that is a page
	failure  string // why the last attempt failed
}

func intentOf(got *stripe.PaymentIntent) intent {
	in := intent{id: got.ID, chargeID: got.Metadata["charge_id"], status: got.Status, secret: got.ClientSecret}
	if e := got.LastPaymentError; e != nil {
		in.failure = failureCode(e)
	}
	if next := got.NextAction; next != nil && next.RedirectToURL != nil {
		in.bankPage = next.RedirectToURL.URL
	}
	return in
}

// createParams make the PaymentIntent of a charge. No money moves: an intent that is not confirmed never does anything.
func createParams(c Charge) (*stripe.PaymentIntentCreateParams, error) {
	amount, err := stripeAmount(c.Amount, c.Currency)
	if err != nil {
		return nil, refusal{codeAmount}
	}
	method := stripe.PaymentIntentCaptureMethodAutomatic
	if c.Hold {
		method = stripe.PaymentIntentCaptureMethodManual
	}
	return &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(amount), Currency: stripe.String(c.Currency), PaymentMethod: stripe.String(c.Token),
		PaymentMethodTypes: []*string{stripe.String("card")}, CaptureMethod: stripe.String(string(method)),
		Metadata: map[string]string{"order_id": c.OrderID, "charge_id": c.ID},
	}, nil
}

func (g *gateway) create(ctx context.Context, key string, p *stripe.PaymentIntentCreateParams) (intent, error) {
	p.SetIdempotencyKey(key)
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Create(ctx, p)
	})
}

// confirmParams ask the bank for the money, or to hold it.
func confirmParams(c Charge) *stripe.PaymentIntentConfirmParams {
	p := &stripe.PaymentIntentConfirmParams{}
	if c.ReturnURL != "" {
		p.ReturnURL = stripe.String(c.ReturnURL)
	}
	return p
}

func (g *gateway) confirm(ctx context.Context, key, id string, p *stripe.PaymentIntentConfirmParams) (intent, error) {
	p.SetIdempotencyKey(key)
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Confirm(ctx, id, p)
	})
}

// captureParams take the money that is held, all of it.
func captureParams() *stripe.PaymentIntentCaptureParams { return &stripe.PaymentIntentCaptureParams{} }

func (g *gateway) capture(ctx context.Context, key, id string) (intent, error) {
	p := captureParams()
	p.SetIdempotencyKey(key)
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Capture(ctx, id, p)
	})
}

// cancelParams give an intent up, so that it can never take money; what it holds is released.
func cancelParams() *stripe.PaymentIntentCancelParams {
	return &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")}
}

func (g *gateway) cancel(ctx context.Context, key, id string) (intent, error) {
	p := cancelParams()
	p.SetIdempotencyKey(key)
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Cancel(ctx, id, p)
	})
}

func (g *gateway) retrieve(ctx context.Context, id string) (intent, error) {
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Retrieve(ctx, id, nil)
	})
}

// find looks for the charge's intent, whose id was never learnt, among all that were made since. Stripe's search would be
// shorter, but it does not know the newest ones yet.
func (g *gateway) find(ctx context.Context, c Charge) (in intent, found bool, err error) {
	const skew = time.Minute // between Stripe's clock and ours
	p := &stripe.PaymentIntentListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)},
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: c.CreatedAt.Add(-skew).Unix()}}
	for got, err := range g.client.V1PaymentIntents.List(ctx, p).All(ctx) {
		if err != nil {
			return in, false, g.judge(err)
		}
		if got.Metadata["charge_id"] == c.ID {
			return intentOf(got), true, g.judge(nil)
		}
	}
	return in, false, g.judge(nil)
}

func (g *gateway) call(ctx context.Context, call func(context.Context) (*stripe.PaymentIntent, error)) (intent, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := call(ctx)
	if err = g.judge(err); err != nil {
		return intent{}, err
	}
	if got.ID == "" || got.Status == "" {
		return intent{}, errRubbish
	}
	return intentOf(got), nil
}

// reachable tells whether Stripe answers. It is asked only after it has not.
func (g *gateway) reachable(ctx context.Context) bool {
	if !g.away.Load() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, min(g.timeout, probeTimeout))
	defer cancel()
	p := &stripe.PaymentIntentListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(1), Single: true}}
	_ = g.judge(g.client.V1PaymentIntents.List(ctx, p).Err())
	return !g.away.Load()
}

// probeTimeout is how long a buyer is kept waiting to learn that Stripe is away.
const probeTimeout = 2 * time.Second

// Stripe counts most currencies in hundredths, whatever their ISO decimals; these are the exceptions that it lists.
var (
	zeroDecimals  = []string{"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
	threeDecimals = []string{"bhd", "jod", "kwd", "omr", "tnd"}
)

// stripeAmount is the amount as Stripe counts it.
func stripeAmount(a money.Amount, code string) (int64, error) {
	ours, err := money.ParseCurrency(code)
	if err != nil {
		return 0, err
	}
	theirs := money.Currency{Code: code, Decimals: stripeDecimals(code)}
	n, err := theirs.Amount(ours.Decimal(a))
	if err != nil {
		return 0, err
	}
	if theirs.Decimals == 3 && n%10 != 0 {
		return 0, money.ErrDecimals // the card networks round the third decimal
	}
	return int64(n), nil
}

func stripeDecimals(code string) int {
	switch {
	case slices.Contains(zeroDecimals, code):
		return 0
	case slices.Contains(threeDecimals, code):
		return 3
	}
	return 2
}
