package payments

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"time"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

var (
	aboutBalance = httpapi.About{
		ID: "readBalance", Tag: tag, Summary: "What you have earned", SignedIn: true,
		Description: "All amounts are in the market's currency. `earned` is the sum of `pending`, `available` and `paidOut`. An amount " +
			"is negative when money went back to a buyer after it had been paid out to you.",
	}
	aboutSales = httpapi.About{
		ID: "listSales", Tag: tag, Summary: "What you have sold", SignedIn: true,
		Description: "Newest first: every ticket of yours that was paid for.",
	}
)

var (
	aboutAccount = httpapi.About{
		ID: "readPayoutAccount", Tag: tag, Summary: "Where you are paid", SignedIn: true,
		Description: "Your account at Stripe, and whether you can be paid on it by now.",
		Faults:      []fault.Code{fault.Unknown, fault.PayoutsOff},
	}
	aboutOpenAccount = httpapi.About{
		ID: "openPayoutAccount", Tag: tag, Summary: "Be paid for what you sold", SignedIn: true,
		Status: http.StatusCreated, Statuses: []int{http.StatusOK},
		Description: "Gives you an account at Stripe, and a link to the page where you tell Stripe who you are. The link is good for one " +
			"visit within minutes; ask again for another. Whoever has an account gets that one again, with 200.",
		Check:  httpapi.Checks(checkOpenAccount),
		Faults: []fault.Code{fault.PayoutsOff},
	}
)

// payoutAccount is an account as its owner sees it.
type payoutAccount struct {
	AccountID      string `json:"accountId" example:"acct_1" doc:"Stripe's."`
	PayoutsEnabled bool   `json:"payoutsEnabled" doc:"You can be paid."`
	OnboardingURL  string `json:"onboardingUrl,omitempty" format:"uri" doc:"Stripe's page where you tell who you are."`
}

type accountOutput struct {
	Status int
	Body   payoutAccount
}

func (s *Service) account(ctx context.Context, _ *struct{}) (*accountOutput, error) {
	caller, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.Account(ctx, caller.UserID)
	if err != nil {
		return nil, err
	}
	return &accountOutput{Status: http.StatusOK, Body: payoutAccount{AccountID: a.AccountID, PayoutsEnabled: a.Enabled}}, nil
}

type openAccountInput struct {
	Body struct {
		Return  string `json:"returnUrl" minLength:"1" maxLength:"500" format:"uri" doc:"Where Stripe sends you back to."`
		Refresh string `json:"refreshUrl,omitempty" maxLength:"500" format:"uri" doc:"Where Stripe sends you when the link is of no use any more, to ask for another. Default: the returnUrl."`
	}
}

func checkOpenAccount(_ context.Context, in *openAccountInput) (p fault.Problems) {
	checkPage(&p, "returnUrl", in.Body.Return)
	checkPage(&p, "refreshUrl", in.Body.Refresh)
	return p
}

func (s *Service) openAccount(ctx context.Context, in *openAccountInput) (*accountOutput, error) {
	caller, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	o, err := s.OpenAccount(ctx, caller.UserID, in.Body.Return, cmp.Or(in.Body.Refresh, in.Body.Return))
	if err != nil {
		return nil, err
	}
	out := &accountOutput{Status: http.StatusOK, Body: payoutAccount{AccountID: o.AccountID, PayoutsEnabled: o.Enabled, OnboardingURL: o.URL}}
	if o.Fresh {
		out.Status = http.StatusCreated
	}
	return out, nil
}

type balanceOutput struct {
	Body struct {
		Currency  string        `json:"currency" example:"usd" doc:"ISO 4217 code, lower case."`
		Earned    money.Decimal `json:"earned" example:"94.05" doc:"Of all your sales, without fees and without what went back to buyers."`
		Fees      money.Decimal `json:"fees" example:"4.95" doc:"What the market kept of your sales."`
		Pending   money.Decimal `json:"pending" example:"75.05" doc:"Earned, and held back until it is time to pay it out. Always 0 in a market that does not pay out through Stripe."`
		Available money.Decimal `json:"available" example:"0" doc:"Yours: to be paid out to you, once your account is ready and nothing of it is disputed."`
		PaidOut   money.Decimal `json:"paidOut" example:"19" doc:"Paid out to your account at Stripe."`
	}
}

func (s *Service) balance(ctx context.Context, _ *struct{}) (*balanceOutput, error) {
	caller, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	b, err := s.Balance(ctx, caller.UserID)
	if err != nil {
		return nil, err
	}
	out := &balanceOutput{}
	out.Body.Currency = b.Currency.Code
	out.Body.Earned, out.Body.Fees, out.Body.Pending = b.Currency.Decimal(b.Earned), b.Currency.Decimal(b.Fees), b.Currency.Decimal(b.Pending)
	out.Body.Available, out.Body.PaidOut = b.Currency.Decimal(b.Available), b.Currency.Decimal(b.PaidOut)
	return out, nil
}

// sale is a sale as its seller sees it.
type sale struct {
	ID          string         `json:"id" format:"uuid" doc:"The sale's id."`
	OrderID     string         `json:"orderId" format:"uuid" doc:"The order that bought the ticket."`
	TicketID    string         `json:"ticketId" format:"uuid" doc:"Your ticket."`
	Title       string         `json:"title" doc:"Of the ticket when it was ordered."`
	Price       money.Decimal  `json:"price" example:"19.99" doc:"What the buyer paid."`
	Fee         money.Decimal  `json:"fee" example:"0.99" doc:"What the market keeps."`
	Earned      money.Decimal  `json:"earned" example:"19" doc:"What is yours: the price without the fee."`
	Returned    *money.Decimal `json:"returned,omitempty" doc:"What of the earned went back to the buyer, if anything did."`
	Currency    string         `json:"currency" example:"usd" doc:"ISO 4217 code, lower case."`
	Status      string         `json:"status" enum:"pending,available,disputed,paid,reversed,refunded" doc:"pending while it is held back, available when it is to be paid out, then paid; disputed while the buyer's bank wants the money back, or when it has got it; reversed when Stripe took the payout back, refunded when the buyer has the whole price back."`
	AvailableAt *time.Time     `json:"availableAt,omitempty" doc:"When it is to be paid out, if it is held back until then."`
	PaidAt      *time.Time     `json:"paidAt,omitempty" doc:"When it was paid out."`
	TransferID  string         `json:"stripeTransferId,omitempty" doc:"Stripe's transfer to your account, when it was paid out."`
	SoldAt      time.Time      `json:"soldAt" doc:"When it was paid for."`
}

// shown is the sale as its seller sees it, in a market that pays out that long after a sale; 0: which holds nothing back.
func (s Sale) shown(after time.Duration) (sale, error) {
	currency, err := money.ParseCurrency(s.Currency)
	out := sale{
		ID: s.ID, OrderID: s.OrderID, TicketID: s.TicketID, Title: s.Title, Price: currency.Decimal(s.Price),
		Fee: currency.Decimal(s.Fee), Earned: currency.Decimal(s.Earned), Currency: s.Currency, Status: s.Status,
		TransferID: s.TransferID, SoldAt: s.SoldAt,
	}
	if s.Returned != 0 {
		returned := currency.Decimal(s.Returned)
		out.Returned = &returned
	}
	switch {
	case s.Returned+s.FeeReturned == s.Price:
		out.Status = saleRefunded
	case s.Disputed && (s.Status == salePending || s.Status == saleAvailable):
		out.Status = saleDisputed
	case s.Status == salePending && after == 0:
		out.Status = saleAvailable
	}
	if at := s.SoldAt.Add(after); after > 0 && s.Status == salePending {
		out.AvailableAt = &at
	}
	if !s.PaidAt.IsZero() {
		out.PaidAt = &s.PaidAt
	}
	return out, err
}

type salesInput struct {
	httpapi.Page
}

type salesOutput struct {
	Link string `header:"Link" doc:"The next page, if there is one (RFC 8288)."`
	Body []sale `nullable:"false"`
}

const newestFirst = "new"

func (s *Service) sales(ctx context.Context, in *salesInput) (*salesOutput, error) {
	caller, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	before := Place{SoldAt: math.MaxInt64}
	if _, err := in.After(newestFirst, &before); err != nil {
		return nil, err
	}
	page, more, err := s.Sales(ctx, caller.UserID, before, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &salesOutput{Body: make([]sale, len(page))}
	for i, one := range page {
		if out.Body[i], err = one.shown(s.o.PayoutAfter); err != nil {
			return nil, err
		}
	}
	if more {
		last := page[len(page)-1]
		out.Link = httpapi.NextLink(ctx, newestFirst, Place{store.Millis(last.SoldAt), last.ID})
	}
	return out, nil
}
