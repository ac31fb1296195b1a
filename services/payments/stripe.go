package payments

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/form"

	"ticketing/kernel/money"
)

// gateway speaks with Stripe, or with a simulator that speaks as Stripe does.
type gateway struct {
	client  *stripe.Client
	api     stripe.RawRequestBackend // for what is asked of every charge, without the client's detours
	key     string
	timeout time.Duration // of one call
	away    atomic.Bool   // it did not answer when it was last asked
}

// newGateway never repeats a call by itself: who calls decides when, with the same idempotency key.
func newGateway(o Options) *gateway {
	if o.Transport == nil {
		o.Transport = network()
	}
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Transport: o.Transport},
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	}
	if o.StripeURL != "" {
		config.URL = stripe.String(o.StripeURL)
	}
	backends := stripe.NewBackendsWithConfig(config)
	return &gateway{
		client: stripe.NewClient(o.StripeKey, stripe.WithBackends(backends)), api: backends.API.(stripe.RawRequestBackend),
		key: o.StripeKey, timeout: o.CallTimeout,
	}
}

// network keeps the connections of all calls that are under way at once: of two, which is what net/http keeps, the third call and
// each after it would begin with a new connection.
func network() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = t.MaxIdleConns
	return t
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

// reply is what is read of a PaymentIntent. All of it has two hundred members, and reading them takes as long as everything
// else that is done about a charge.
type reply struct {
	ID           string                     `json:"id"`
	Status       stripe.PaymentIntentStatus `json:"status"`
	ClientSecret string                     `json:"client_secret"`
	Metadata     metadata                   `json:"metadata"`
	LastError    *stripe.Error              `json:"last_payment_error"`
	NextAction   *struct {
		RedirectToURL *struct {
			URL string `json:"url"`
		} `json:"redirect_to_url"`
	} `json:"next_action"`
}

func readReply(body []byte) (r reply, err error) {
	if !plain(body) || !wellFormed(body) {
		err = json.Unmarshal(body, &r)
		return r, err
	}
	members(body, func(name string, value []byte) {
		var failed error
		switch name {
		case "id":
			r.ID = text(value)
		case "status":
			r.Status = stripe.PaymentIntentStatus(text(value))
		case "client_secret":
			r.ClientSecret = text(value)
		case "metadata":
			r.Metadata.ChargeID = text(memberOf(value, "charge_id"))
		case "last_payment_error":
			failed = unlessNull(value, &r.LastError)
		case "next_action":
			failed = unlessNull(value, &r.NextAction)
		}
		err = cmp.Or(err, failed)
	})
	return r, err
}

func unlessNull(value []byte, into any) error {
	if string(value) == "null" {
		return nil
	}
	return json.Unmarshal(value, into)
}

func (r *reply) intent() intent {
	in := intent{id: r.ID, chargeID: r.Metadata.ChargeID, status: r.Status, secret: r.ClientSecret}
	if r.LastError != nil {
		in.failure = failureCode(r.LastError)
	}
	if next := r.NextAction; next != nil && next.RedirectToURL != nil {
		in.bankPage = next.RedirectToURL.URL
	}
	return in
}

// intentOf is one of a list.
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

// params are the parameters of a request as Stripe gets them, and as they tell requests apart.
type params struct{ body, sorted string }

func encode(p any) params {
	values := &form.Values{}
	form.AppendTo(values, p)
	return params{values.Encode(), values.ToValues().Encode()}
}

// createParams make the PaymentIntent of a charge. No money moves: an intent that is not confirmed never does anything.
func createParams(c Charge) (params, error) {
	amount, err := stripeAmount(c.Amount, c.Currency)
	if err != nil {
		return params{}, refusal{codeAmount}
	}
	method := stripe.PaymentIntentCaptureMethodAutomatic
	if c.Hold {
		method = stripe.PaymentIntentCaptureMethodManual
	}
	text := url.Values{
		"amount": {strconv.FormatInt(amount, 10)}, "currency": {c.Currency}, "payment_method": {c.Token},
		"payment_method_types[0]": {"card"}, "capture_method": {string(method)},
		"metadata[order_id]": {c.OrderID}, "metadata[charge_id]": {c.ID},
	}.Encode() // as Stripe's client does, which looks for hundreds more
	return params{text, text}, nil
}

// confirmParams ask the bank for the money, or to hold it.
func confirmParams(c Charge) params {
	if c.ReturnURL == "" {
		return confirmHere
	}
	return encode(&stripe.PaymentIntentConfirmParams{ReturnURL: stripe.String(c.ReturnURL)})
}

// The parameters that are always the same.
var (
	confirmHere   = encode(&stripe.PaymentIntentConfirmParams{})
	captureParams = encode(&stripe.PaymentIntentCaptureParams{}) // take the money that is held, all of it
	// cancelParams give an intent up, so that it can never take money; what it holds is released.
	cancelParams = encode(&stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")})
)

const intentsPath = "/v1/payment_intents"

func (g *gateway) create(ctx context.Context, key string, p params) (intent, error) {
	return g.call(ctx, http.MethodPost, intentsPath, key, p)
}

func (g *gateway) confirm(ctx context.Context, key, id string, p params) (intent, error) {
	return g.call(ctx, http.MethodPost, stripe.FormatURLPath(intentsPath+"/%s/confirm", id), key, p)
}

func (g *gateway) capture(ctx context.Context, key, id string) (intent, error) {
	return g.call(ctx, http.MethodPost, stripe.FormatURLPath(intentsPath+"/%s/capture", id), key, captureParams)
}

func (g *gateway) cancel(ctx context.Context, key, id string) (intent, error) {
	return g.call(ctx, http.MethodPost, stripe.FormatURLPath(intentsPath+"/%s/cancel", id), key, cancelParams)
}

func (g *gateway) retrieve(ctx context.Context, id string) (intent, error) {
	return g.call(ctx, http.MethodGet, stripe.FormatURLPath(intentsPath+"/%s", id), "", params{})
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

// call asks about one intent. A request that changes anything has a key.
func (g *gateway) call(ctx context.Context, method, path, key string, p params) (intent, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	about := &stripe.RawParams{Params: stripe.Params{Context: ctx}}
	if key != "" {
		about.SetIdempotencyKey(key)
	}
	answer, err := g.api.RawRequest(method, path, g.key, p.body, about)
	var got reply
	if err == nil {
		got, err = readReply(answer.RawJSON)
	}
	if err := g.judge(err); err != nil {
		return intent{}, err
	}
	if got.ID == "" || got.Status == "" {
		return intent{}, errRubbish
	}
	return got.intent(), nil
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
