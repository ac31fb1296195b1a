// Package payments takes money for orders through Stripe, and gives it back when an order does not come about.
//
// A card's money is held first. Orders decides whose the order is, and only the payment that has won it takes what it
// holds; one that has lost lets go, so that nobody is charged without a ticket. Where money cannot be held, the order is won
// before the bank is asked. What was taken all the same for an order that is cancelled goes back by itself.
//
// A charge is written down before Stripe is asked for anything, each request to Stripe is written down with its key before
// it is made, and a PaymentIntent is confirmed only once its id is stored with the charge. So whatever is lost in between (an
// answer, a connection, this process) the same requests can be made again, by whoever gets to it, and the money is taken
// once at most: an intent whose id was never learnt was never confirmed. A charge is decided by one conditional update, on
// what Stripe says and nothing else, and within two minutes: after that its intent is cancelled at Stripe, unless Stripe
// says that it has succeeded after all. What is to be done next is a function of the states that are known, in moves.go.
//
// The order is another service's. Payments follows its state and compares: a completed charge of a cancelled order is
// owed back, whichever of the two was heard of first. The transactions that decide so hold the order's row, so that two at
// the same moment cannot miss each other.
package payments

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// Options are what payments works with besides its database and its events.
type Options struct {
	StripeKey      string            // secret API key
	PublishableKey string            // for browsers
	WebhookSecrets []string          // sign Stripe's webhooks, several while they are changed; none: none is accepted
	StripeURL      string            // of the API; empty: Stripe's own
	Transport      http.RoundTripper // to it; nil: the network
	Currency       money.Currency    // of the market; none: US dollars
	Fee            int               // what the market keeps of a sale, in basis points of the price
	PayoutAfter    time.Duration     // how long after a sale its seller is paid out through Stripe Connect; 0: never
	Simulator      bool              // what is behind it is not Stripe, and no money moves
	ChargeAtOnce   bool              // take money when the order is won, without holding it first

	Attempts    int           // failed charges after which an order takes no more; 0: 1
	Wait        time.Duration // the longest that a request waits for other services; 0: not at all
	CallTimeout time.Duration // of one call to Stripe; 0: 8 s
	Log         *slog.Logger  // nil: no log
}

// DefaultWait is the Wait of a running market.
const DefaultWait = 2 * time.Second

// handlerLead is how long the request that made a charge has it for itself, before the background worker looks at it too.
const handlerLead = 10 * time.Second

// Service is payments. Its zero value has routes to be documented, and nothing else.
type Service struct {
	db     *store.DB
	bus    *bus.Bus
	stripe *gateway
	log    *slog.Logger
	woken  chan struct{} // there may be something due
	earned chan struct{} // there may be something to be paid out
	drawer int           // of the ledger's balances, for this process
	recent recent
	o      Options

	listless atomic.Bool // Stripe has no list of events
}

// New is payments on this database, whose events go out by this bus.
func New(db *store.DB, b *bus.Bus, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Attempts == 0 {
		o.Attempts = 1
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = 8 * time.Second
	}
	if o.Currency.Code == "" {
		o.Currency = money.Currency{Code: "usd", Decimals: 2}
	}
	return &Service{db: db, bus: b, stripe: newGateway(o), log: o.Log, woken: make(chan struct{}, 1), earned: make(chan struct{}, 1), drawer: rand.IntN(drawers),
		recent: recent{orders: map[string]Order{}}, o: o}
}

// Submission is a buyer's wish to pay.
type Submission struct {
	ID        string // of the charge that it makes
	UserID    string
	OrderID   string
	Token     string // a PaymentMethod of Stripe's
	ReturnURL string // where the bank sends the buyer back to; may be empty
}

// Payment is what came of paying.
type Payment struct {
	Charge
	Before   bool   // the order had been paid before
	Secret   string // with which the buyer finishes the bank's step; empty if there is none
	BankPage string // where they finish it, if the bank has a page for it
}

// Pay charges the buyer's payment method for the order. It returns once the charge is decided and the order knows, or after
// Wait. An error is a fault: why the order can't be paid, or why the bank refused.
func (s *Service) Pay(ctx context.Context, want Submission) (Payment, error) {
	// An order that is settled stays so, whichever process hears more of it.
	if o, ok := s.recent.heard(want.OrderID); !ok || o.UserID != want.UserID || !o.settled() {
		if _, err := s.order(ctx, want.UserID, want.OrderID, Order.settled); err != nil {
			return Payment{}, err
		}
	}
	f, mine, err := s.begin(ctx, want, s.stripe.reachable(ctx))
	if err != nil {
		return Payment{}, err
	}
	if mine && !f.Decided() {
		if f.Charge, err = s.submit(ctx, f); err != nil {
			return Payment{}, err
		}
	}
	return s.outcome(ctx, f.Charge, !mine)
}

// begin writes the charge down if Stripe can be reached, unless the order has one: then that is returned. All conditions are
// checked here, under the order's row. The charge is mine if this request has made it, now or when it was made before.
func (s *Service) begin(ctx context.Context, want Submission, reachable bool) (f file, mine bool, err error) {
	err = s.db.UpdateOf(ctx, want.OrderID, func(tx *store.Tx) error {
		o, ok, err := holdOrder(tx, want.OrderID)
		switch {
		case err != nil:
			return err
		case !ok || o.UserID != want.UserID:
			return errNoOrder()
		}
		f, mine = file{order: o, now: tx.Now()}, true
		known, err := chargesAbout(tx, want.OrderID, want.ID)
		if err != nil {
			return err
		}
		id := want.ID
		if f.Charge, ok = one(known, func(c Charge) bool { return c.ID == id }); ok {
			if f.OrderID == want.OrderID && f.FailureCode != event.NotSubmitted {
				return nil // a repeat of this request: whatever has become of the charge is the answer
			}
			id = tx.NewID() // the request is made again because the charge came to nothing
		}
		known = slices.DeleteFunc(known, func(c Charge) bool { return c.OrderID != want.OrderID })
		f.Charge, ok = one(known, func(c Charge) bool { return c.Status != event.ChargeFailed })
		if ok && (!f.Decided() || o.Status != event.Cancelled) {
			mine = false
			return nil
		}
		if err := s.admit(o, known, reachable, tx.Now()); err != nil {
			return err
		}
		f.Charge = Charge{ID: id, OrderID: want.OrderID, Status: event.Created, Amount: o.Amount, Currency: o.Currency,
			Token: want.Token, Hold: !s.o.ChargeAtOnce, ReturnURL: want.ReturnURL, Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
		return s.open(tx, &f)
	})
	return f, mine, err
}

// one is the first that fits, and whether there is one.
func one(all []Charge, fits func(Charge) bool) (c Charge, ok bool) {
	if i := slices.IndexFunc(all, fits); i >= 0 {
		return all[i], true
	}
	return c, false
}

// admit is nil if a charge may be made for the order now beside those that it has, else why not.
func (s *Service) admit(o Order, before []Charge, reachable bool, now time.Time) error {
	if err := o.Payable(now); err != nil {
		return err
	}
	failed := 0
	for _, c := range before {
		if c.Status == event.ChargeFailed && c.FailureCode != event.NotSubmitted {
			failed++
		}
	}
	switch {
	case failed >= s.o.Attempts:
		return fault.OrderNotPayable.New("The payment for this order failed. Order again if the ticket is available.")
	case !reachable:
		return errAway()
	}
	return nil
}

// open writes a new charge down, and the first request that Stripe will get for it.
func (s *Service) open(tx *store.Tx, f *file) error {
	ok, err := insertCharge(tx, f.Charge, f.now.Add(handlerLead))
	if err == nil && !ok {
		err = fault.PaymentInProgress.New("A payment for this order has just been submitted. Try again in a moment.")
	}
	if err != nil {
		return err
	}
	if p, err := createParams(f.Charge); err == nil {
		f.requests, err = firstRequests(tx, []request{newRequest(f.ID, opCreate, 1, p.hash(""), f.now)})
		if err != nil {
			return err
		}
	}
	return s.announce(tx, event.ChargeCreated, f.Charge)
}

// submit takes a new charge to Stripe, for as long as it has it for itself; it goes on though the client may leave. Without
// an outcome the worker takes over at once. It returns the charge as it is known then.
func (s *Service) submit(ctx context.Context, f file) (Charge, error) {
	mine, cancel := context.WithTimeout(context.WithoutCancel(ctx), handlerLead)
	defer cancel()
	begun := f.Charge
	f, in, resting, err := s.advance(mine, f, nil)
	if err == nil && resting {
		f, resting, err = s.proceed(mine, f, in)
	}
	switch {
	case err != nil:
		s.log.WarnContext(ctx, "a charge could not be decided at once", "charge", begun.ID, "cause", err)
		return begun, s.hurry(ctx, begun.ID)
	case resting:
		return f.Charge, s.leave(ctx, f)
	}
	return f.Charge, nil
}

// proceed waits until the charge's order is won, which usually has happened while Stripe was asked, and goes on.
func (s *Service) proceed(ctx context.Context, f file, in *intent) (last file, resting bool, err error) {
	last = f
	held, err := s.await(ctx, orderKey(f.OrderID), func(tx *store.Tx) (bool, error) {
		now, err := s.withOrder(tx, f)
		if err != nil {
			return false, err
		}
		last = now
		return last.won() || last.lost() != "" || last.Decided(), nil
	})
	if err != nil || !held {
		return last, err == nil, err
	}
	last, _, resting, err = s.advance(ctx, last, in)
	return last, resting, err
}

// outcome waits until the charge is decided and the order has followed, or the bank wants something, and says it.
func (s *Service) outcome(ctx context.Context, c Charge, others bool) (Payment, error) {
	p := Payment{Charge: c, Before: others}
	var o Order
	_, err := s.await(ctx, orderKey(c.OrderID), func(tx *store.Tx) (bool, error) {
		f, err := s.newest(tx, p.Charge)
		if err != nil {
			return false, err // it may be tried again, with what is known
		}
		p.Charge, o = f.Charge, f.order
		if p.Step || !p.Decided() || o.over() {
			return p.Step || p.Decided(), nil
		}
		return s.payableAgain(tx, p.Charge)
	})
	if err != nil {
		return p, err
	}
	if p.StripeID == "" && !p.Decided() && !others {
		if failed, err := s.failUnlearnt(ctx, c, event.NotSubmitted); failed || err != nil {
			return p, errors.Join(err, errAway())
		}
		return p, nil // somebody got through at this moment
	}
	switch {
	case p.Status == event.ChargeFailed && p.FailureCode == event.NotSubmitted:
		return p, errAway()
	case p.Decided() && o.Status == event.Cancelled && !(p.refused() && o.CancelReason == event.PaymentFailed):
		return p, o.gone()
	case p.Status == event.ChargeFailed:
		return p, p.declined()
	case p.Status == event.Completed:
		return p, nil
	case p.Step:
		return s.withSecret(ctx, p)
	case others:
		return p, fault.PaymentInProgress.New("A payment for this order has been submitted and the bank has not answered yet. Try again in a moment.")
	}
	return p, nil
}

// newest are the newest states of the charge and its order. What becomes of a charge that is decided is not waited for.
func (s *Service) newest(tx *store.Tx, c Charge) (file, error) {
	if c.Decided() {
		return s.withOrder(tx, file{Charge: c})
	}
	return readStates(tx, c.ID)
}

// payableAgain tells whether the order takes another charge after this one, so that nothing more is going to happen to it.
func (s *Service) payableAgain(tx *store.Tx, c Charge) (bool, error) {
	if c.Status != event.ChargeFailed {
		return false, nil
	}
	n, err := failures(tx, c.OrderID)
	return n < s.o.Attempts, err
}

// withSecret adds what the buyer needs for the bank's step. Only Stripe keeps it.
func (s *Service) withSecret(ctx context.Context, p Payment) (Payment, error) {
	in, err := s.stripe.retrieve(ctx, p.StripeID)
	if err != nil {
		return p, fault.Busy.New("The payment provider cannot be reached. Try again in a moment.").After(time.Second).Because(err)
	}
	p.Secret, p.BankPage = in.secret, in.bankPage
	return p, nil
}

// Charges are the charges of the buyer's order, newest first.
func (s *Service) Charges(ctx context.Context, userID, orderID string) (all []Charge, err error) {
	if _, err := s.order(ctx, userID, orderID, func(Order) bool { return true }); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		all, err = chargesOf(tx, orderID)
		return err
	})
	return all, err
}

// order is the buyer's order. One whose event may still be on its way is waited for, and so is one that is not enough yet.
func (s *Service) order(ctx context.Context, userID, id string, enough func(Order) bool) (o Order, err error) {
	_, err = s.await(ctx, orderKey(id), func(tx *store.Tx) (bool, error) {
		var ok bool
		o, ok, err = s.newestOrder(tx, id)
		if !ok {
			return !young(id, tx.Now()), err
		}
		return o.UserID != userID || enough(o), err
	})
	if err == nil && (o.ID == "" || o.UserID != userID) {
		err = errNoOrder()
	}
	return o, err
}

// await looks until cond holds, at most for Wait; held says whether it did.
func (s *Service) await(ctx context.Context, key string, cond func(tx *store.Tx) (bool, error)) (held bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, s.o.Wait)
	defer cancel()
	err = s.db.Await(waiting, key, cond)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil && errors.Is(err, waiting.Err()) {
		return false, nil
	}
	return err == nil, err
}

func errAway() error {
	return fault.Busy.New("The payment provider cannot be reached. Nothing was charged, and the order waits for you. Try again in a moment.").
		After(5 * time.Second)
}

func errNoOrder() error { return fault.Unknown.New("There is no such order.").On("orderId") }

// orderKey is what those who wait for anything about an order wait for.
func orderKey(id string) string { return "order/" + id }
