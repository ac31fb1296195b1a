// Package stripesim is a Stripe that runs here: enough of Stripe's REST API for the Stripe client to take payments and
// give them back without an account, a network or a cent.
//
// It is held to three promises, which are what code that handles money is tested against:
//
//   - The effect of a request, the events it causes, the webhooks that are to tell of them, the movement of money in the
//     ledger and the answer that its idempotency key repeats are one transaction. A crash between any two instructions
//     leaves all of it or nothing, and two processes may share one database.
//   - Money is conserved: an intent is captured at most once, a charge is refunded and disputed for at most what was
//     captured, and what comes back comes back once. The schema says so, whatever the code does; the ledger of all
//     movements is only ever added to.
//   - Whatever can go wrong between a client and Stripe can be made to go wrong on purpose (Options.Fault): a request that
//     never arrives, one that is carried out and whose answer is lost, a 500, a rate limit. So can what goes wrong with
//     webhooks (Mischief): they come twice, late, in another order, with a wrong signature, or never.
//
// What Stripe decides later is decided later: debits are processing, refunds are pending or come back, cardholders
// complain, holds expire. Settle carries out what is due by the store's clock, SettleNow at once. Other accounts are paid by
// transfers, once their owners have onboarded on a page with one button.
//
// What it answers, tells and reads is named and shaped as Stripe's own OpenAPI description says: the tests hold it against that.
//
// Time and ids come from the store, so that a run is repeatable. What is unlike Stripe is little and deliberate: the test
// payment methods keep their names ("pm_card_visa") instead of becoming new objects, card numbers are taken without asking
// for permission, and bank accounts without microdeposits; only cards and US bank accounts pay; there are no customers; a search is never behind; there is no smallest amount,
// and the largest is twelve digits for every currency; nothing costs fees, of disputes neither, and a dispute takes no more
// than what has not been refunded; early fraud warnings are not given, and no Radar rule is set but the one that blocks the
// highest risk. Other accounts own nothing but what they are: they are asked for no proof, nothing is paid out from them, no
// request can be made in their name, and what happens to them is told to the same webhooks.
package stripesim

import (
	"cmp"
	"embed"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"ticketing/kernel/store"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the simulator's tables.
var Migrations = store.Files(files, "migrations")

// Options of a Sim.
type Options struct {
	BaseURL string                                    // where Handler is reached from a browser, for the links to the bank's page
	Fault   func(r *http.Request, stage Stage) *Fault // asked before and after each request takes effect; nil: nothing goes wrong
	Log     *slog.Logger                              // nil: discard

	WebhookTransport http.RoundTripper // to the endpoints of webhooks; nil: the network
	WebhookTimeout   time.Duration     // of one attempt to deliver; 0: 10 s

	RateLimit  float64 // requests a second that the API takes; 0: as many as come
	RateBurst  int     // requests that it takes at once; 0: those of a second
	Resettable bool    // Control may forget everything

	// Later is how long after a request comes what happens by itself: a debit is decided, a refund arrives or comes back, a
	// cardholder complains, a dispute is decided. 0 is three seconds; Settle carries it out.
	Later time.Duration
	// Pending is how long captured money cannot be spent yet. 0 is two days, as at Stripe.
	Pending time.Duration
}

// Sim is one simulated Stripe account.
type Sim struct {
	db      *store.DB
	baseURL string
	fault   func(r *http.Request, stage Stage) *Fault
	log     *slog.Logger
	keys    *keyring
	asked   func(route string, p parameter) // for tests: every parameter that an endpoint reads

	script     script
	limiter    *rate.Limiter // nil: none
	requests   requestLog
	claimed    atomic.Int64 // idempotency keys, so far
	resettable bool

	woken       chan struct{} // there may be something to deliver
	hooks       hooks
	fresh       fresh
	mischief    *mischiefs
	transport   http.RoundTripper
	webhookTime time.Duration
	mu          sync.Mutex                   // guards routes
	routes      map[string]http.RoundTripper // to endpoints by their name

	lateness, pending time.Duration
}

// New is the account that lives in db.
func New(db *store.DB, o Options) *Sim {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Fault == nil {
		o.Fault = func(*http.Request, Stage) *Fault { return nil }
	}
	if o.WebhookTransport == nil {
		network := http.DefaultTransport.(*http.Transport).Clone()
		network.MaxIdleConnsPerHost = deliverAtOnce // so that none of them begins with a new connection
		o.WebhookTransport = network
	}
	if o.WebhookTimeout == 0 {
		o.WebhookTimeout = webhookTime
	}
	return &Sim{db: db, baseURL: strings.TrimSuffix(o.BaseURL, "/"), fault: o.Fault, log: o.Log, keys: newKeyring(),
		woken: make(chan struct{}, 1), mischief: newMischiefs(), transport: o.WebhookTransport, webhookTime: o.WebhookTimeout,
		routes: map[string]http.RoundTripper{}, limiter: newLimiter(o.RateLimit, o.RateBurst), resettable: o.Resettable,
		lateness: cmp.Or(o.Later, 3*time.Second), pending: cmp.Or(o.Pending, 48*time.Hour)}
}

// routes is the API: what is not in this table is answered as Stripe answers an unknown URL.
var routes = []struct {
	method, path string
	run          endpoint
}{
	{"POST", "/v1/payment_intents", createIntent},
	{"GET", "/v1/payment_intents", listIntents},
	{"GET", "/v1/payment_intents/search", searchIntents},
	{"GET", "/v1/payment_intents/{id}", retrieveIntent},
	{"POST", "/v1/payment_intents/{id}", updateIntent},
	{"POST", "/v1/payment_intents/{id}/confirm", confirmIntent},
	{"POST", "/v1/payment_intents/{id}/capture", captureIntent},
	{"POST", "/v1/payment_intents/{id}/cancel", cancelIntent},
	{"POST", "/v1/payment_methods", createMethod},
	{"GET", "/v1/payment_methods/{id}", retrieveMethod},
	{"GET", "/v1/charges", listCharges},
	{"GET", "/v1/charges/{id}", retrieveCharge},
	{"POST", "/v1/refunds", createRefund},
	{"GET", "/v1/refunds", listRefunds},
	{"GET", "/v1/refunds/{id}", retrieveRefund},
	{"POST", "/v1/refunds/{id}", updateRefund},
	{"POST", "/v1/refunds/{id}/cancel", cancelRefund},
	{"GET", "/v1/disputes", listDisputes},
	{"GET", "/v1/disputes/{id}", retrieveDispute},
	{"POST", "/v1/disputes/{id}", updateDispute},
	{"POST", "/v1/disputes/{id}/close", closeDispute},
	{"GET", "/v1/balance", retrieveBalance},
	{"GET", "/v1/balance_transactions", listTransactions},
	{"GET", "/v1/balance_transactions/{id}", retrieveTransaction},
	{"POST", "/v1/accounts", createAccount},
	{"GET", "/v1/accounts", listAccounts},
	{"GET", "/v1/accounts/{id}", retrieveAccount},
	{"POST", "/v1/accounts/{id}", updateAccount},
	{"DELETE", "/v1/accounts/{id}", deleteAccount},
	{"POST", "/v1/account_links", createLink},
	{"POST", "/v1/transfers", createTransfer},
	{"GET", "/v1/transfers", listTransfers},
	{"GET", "/v1/transfers/{id}", retrieveTransfer},
	{"POST", "/v1/transfers/{id}", updateTransfer},
	{"POST", "/v1/transfers/{id}/reversals", reverseTransfer},
	{"GET", "/v1/transfers/{id}/reversals", listReversals},
	{"GET", "/v1/events", listEvents},
	{"GET", "/v1/events/{id}", retrieveEvent},
	{"POST", "/v1/webhook_endpoints", createHook},
	{"GET", "/v1/webhook_endpoints", listHooks},
	{"GET", "/v1/webhook_endpoints/{id}", retrieveHook},
	{"POST", "/v1/webhook_endpoints/{id}", updateHook},
	{"DELETE", "/v1/webhook_endpoints/{id}", deleteHook},
}

// Handler serves the API below /v1/ and the bank's page below /bank/. Every test key opens the API, so it belongs where
// only the services reach it; Bank is what cardholders may see.
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.method+" "+route.path, func(w http.ResponseWriter, r *http.Request) {
			s.serve(w, r, route.run)
		})
	}
	mux.Handle("/bank/", s.Bank())
	mux.Handle("/connect/", s.Bank())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, func(*call) (object, error) { return nil, unknownURL(r) })
	})
	return mux
}

// Bank serves the bank's page, below /bank/, and that of onboarding, below /connect/: what a public listener may show.
func (s *Sim) Bank() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bank/{id}", s.bankPage)
	mux.HandleFunc("POST /bank/{id}", s.bankDecision)
	mux.HandleFunc("GET /connect/{account}", s.connectPage)
	mux.HandleFunc("POST /connect/{account}", s.connectDone)
	return mux
}
