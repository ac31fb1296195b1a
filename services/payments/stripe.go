package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/kernel/money"
)

// gateway speaks with Stripe, or with a simulator that speaks as Stripe does.
type gateway struct {
	client  *stripe.Client
	timeout time.Duration // of one call
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
	id      string
	status  stripe.PaymentIntentStatus
	secret  string // with which the buyer's browser finishes the bank's step
	failure string // why the last attempt failed
}

// refusal is Stripe's final no to a request: nothing came of it, and the same request will get the same answer.
type refusal struct{ code string }

func (r refusal) Error() string { return "Stripe refused: " + r.code }

// What else an answer of Stripe can mean. Any other error leaves open whether the request took effect.
var (
	errMissing  = errors.New("the object is not known to Stripe")
	errState    = errors.New("the PaymentIntent is in another state")
	errRefunded = errors.New("the charge is refunded already")
)

// create makes the PaymentIntent of a charge. No money moves: an intent that is not confirmed never does anything.
func (g *gateway) create(ctx context.Context, c Charge) (intent, error) {
	amount, err := stripeAmount(c.Amount, c.Currency)
	if err != nil {
		return intent{}, refusal{codeAmount}
	}
	p := &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(amount), Currency: stripe.String(c.Currency), PaymentMethod: stripe.String(c.Token),
		PaymentMethodTypes: []*string{stripe.String("card")},
		Metadata:           map[string]string{"order_id": c.OrderID, "charge_id": c.ID},
	}
	p.SetIdempotencyKey(c.ID + ":create")
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Create(ctx, p)
	})
}

// confirm asks the bank for the money.
func (g *gateway) confirm(ctx context.Context, c Charge) (intent, error) {
	p := &stripe.PaymentIntentConfirmParams{}
	p.SetIdempotencyKey(c.ID + ":confirm")
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Confirm(ctx, c.StripeID, p)
	})
}

func (g *gateway) retrieve(ctx context.Context, id string) (intent, error) {
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Retrieve(ctx, id, nil)
	})
}

// cancel gives the intent up, so that it can never take money. It has no key: a second cancellation is harmless.
func (g *gateway) cancel(ctx context.Context, id string) (intent, error) {
	return g.call(ctx, func(ctx context.Context) (*stripe.PaymentIntent, error) {
		return g.client.V1PaymentIntents.Cancel(ctx, id, &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")})
	})
}

func (g *gateway) call(ctx context.Context, call func(context.Context) (*stripe.PaymentIntent, error)) (intent, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := call(ctx)
	if err != nil {
		return intent{}, judge(err)
	}
	in := intent{id: got.ID, status: got.Status, secret: got.ClientSecret}
	if e := got.LastPaymentError; e != nil {
		in.failure = failureCode(e)
	}
	return in, nil
}

// refund gives all of the intent's money back and returns the refund's id.
func (g *gateway) refund(ctx context.Context, c Charge) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	p := &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(c.StripeID), Metadata: map[string]string{"order_id": c.OrderID, "charge_id": c.ID},
	}
	p.SetIdempotencyKey(c.ID + ":refund")
	got, err := g.client.V1Refunds.Create(ctx, p)
	if err != nil {
		return "", judge(err)
	}
	return got.ID, nil
}

// refunded is the id of the refund that the charge's intent has already; empty if it has none. Somebody else's refund of
// it counts only if any does.
func (g *gateway) refunded(ctx context.Context, c Charge, any bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	list := g.client.V1Refunds.List(ctx, &stripe.RefundListParams{PaymentIntent: stripe.String(c.StripeID)})
	if err := list.Err(); err != nil {
		return "", judge(err)
	}
	for _, re := range list.Data() {
		stands := re.Status != stripe.RefundStatusFailed && re.Status != stripe.RefundStatusCanceled
		if stands && (any || re.Metadata["charge_id"] == c.ID) {
			return re.ID, nil
		}
	}
	return "", nil
}

// judge says what an error of the Stripe client means. Stripe's own text is left out: it may name the payment method.
func judge(err error) error {
	var e *stripe.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("no answer from Stripe: %w", err)
	}
	switch {
	case e.Type == stripe.ErrorTypeCard:
		return refusal{failureCode(e)}
	case e.HTTPStatusCode == http.StatusNotFound:
		return errMissing
	case e.Code == stripe.ErrorCodeChargeAlreadyRefunded:
		return errRefunded
	case e.Code == stripe.ErrorCodePaymentIntentUnexpectedState:
		return errState
	case e.HTTPStatusCode == http.StatusBadRequest && e.Type == stripe.ErrorTypeInvalidRequest:
		return refusal{failureCode(e)}
	}
	return fmt.Errorf("unexpected answer of Stripe: %d %s %s (request %s)", e.HTTPStatusCode, e.Type, e.Code, e.RequestID)
}

// failureCode is the most exact code that is not "declined for no reason".
func failureCode(e *stripe.Error) string {
	switch {
	case e.DeclineCode != "" && e.DeclineCode != "generic_decline":
		return string(e.DeclineCode)
	case e.Code != "":
		return string(e.Code)
	}
	return string(e.Type)
}

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
