package payments

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
)

const tag = "Payments"

// Routes implements httpapi.Service.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{
		httpapi.Post("/api/payments", s.pay, httpapi.About{
			ID: "pay", Tag: tag, Summary: "Pay for an order", SignedIn: true,
			Status: http.StatusCreated, Statuses: []int{http.StatusOK, http.StatusAccepted},
			Description: "Charges a Stripe PaymentMethod for the price of your order. The money is taken when the order is " +
				"yours, and only held before; whatever happens, you are charged for an order that you get and for no other. An order that was paid " +
				"before answers 200 with its charge. 202 means that the charge is not decided yet: with a `clientSecret` the bank " +
				"wants a further step of you, at `bankUrl` if you gave a `returnUrl`, else by Stripe's browser library; without one " +
				"the bank has not answered. Either way it is decided within two minutes: read it again. Paying again while the charge " +
				"is not decided charges nothing more; it tells the step again, or 409 `payment_in_progress`. 503 means that Stripe " +
				"cannot be reached: nothing was charged, no attempt is lost, and the order waits for you. Try again after " +
				"`Retry-After`, with the same Idempotency-Key.",
			Check:  httpapi.Checks(checkPay),
			Faults: []fault.Code{fault.Unknown, fault.CardDeclined, fault.OrderNotPayable, fault.OrderExpired, fault.PaymentInProgress},
		}),
		httpapi.Get("/api/payments", s.list, httpapi.About{
			ID: "listPayments", Tag: tag, Summary: "The charges of an order", SignedIn: true,
			Description: "Newest first, failed and refunded ones included. A charge that is `not_submitted` never got to the bank, since " +
				"Stripe could not be reached.",
			Faults: []fault.Code{fault.Unknown},
		}),
		httpapi.Post("/api/payments/webhook", s.heard, httpapi.About{
			ID: "stripeWebhook", Tag: tag, Summary: "For Stripe: something happened",
			Description: "Takes Stripe's events, signed with the webhook secret. An event that means nothing here is answered 200 too.",
			Faults:      []fault.Code{fault.BadSignature}, Larger: httpapi.Larger{Bytes: maxWebhook, Header: "Stripe-Signature"},
		}),
		httpapi.Get("/api/payments/config", s.config, httpapi.About{
			ID: "paymentConfig", Tag: tag, Summary: "What a browser needs to take a card",
		}),
		httpapi.Get("/api/payments/balance", s.balance, aboutBalance),
		httpapi.Get("/api/payments/sales", s.sales, aboutSales),
		httpapi.Get("/api/payments/account", s.account, aboutAccount),
		httpapi.Post("/api/payments/account", s.openAccount, aboutOpenAccount),
	}
}

// charge is a charge as its buyer sees it.
type charge struct {
	ID             string        `json:"id" format:"uuid" doc:"The charge's id."`
	OrderID        string        `json:"orderId" format:"uuid" doc:"The order that it pays for."`
	Status         string        `json:"status" enum:"Created,Failed,Completed" doc:"Created while the bank has not answered."`
	Amount         money.Decimal `json:"amount" example:"19.99" doc:"In the major unit of the currency."`
	Currency       string        `json:"currency" example:"usd" doc:"ISO 4217 code, lower case."`
	StripeID       string        `json:"stripeId" doc:"Stripe's PaymentIntent; empty until Stripe has answered."`
	StripeRefundID string        `json:"stripeRefundId,omitempty" doc:"Stripe's refund, when the money went back or is on its way."`
	RefundStatus   string        `json:"refundStatus,omitempty" enum:"due,pending,succeeded,failed" doc:"How far the refund is, if money is owed back: not yet asked for, on its way, with the bank, or sent back by the bank and to be tried again."`
	FailureCode    string        `json:"failureCode,omitempty" example:"insufficient_funds" doc:"Why it failed: Stripe's decline code, or timeout, order_cancelled, not_submitted, unknown_intent. Of a card that was reported lost or stolen no more than card_declined is said."`
	ClientSecret   string        `json:"clientSecret,omitempty" doc:"With a 202: lets Stripe's browser library finish the bank's step."`
	BankURL        string        `json:"bankUrl,omitempty" format:"uri" doc:"With a 202, if you gave a returnUrl: the bank's page, where the step can be finished without Stripe's browser library."`
	CreatedAt      time.Time     `json:"createdAt" doc:"When the payment was submitted."`
	UpdatedAt      time.Time     `json:"updatedAt" doc:"When it last changed."`
}

func (c Charge) shown() (charge, error) {
	currency, err := money.ParseCurrency(c.Currency)
	if c.RefundDue && c.RefundStatus == "" {
		c.RefundStatus = "due"
	}
	return charge{
		ID: c.ID, OrderID: c.OrderID, Status: c.Status, Amount: currency.Decimal(c.Amount), Currency: c.Currency,
		StripeID: c.StripeID, StripeRefundID: c.StripeRefundID, RefundStatus: c.RefundStatus, FailureCode: c.toldCode(),
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}, err
}

type payInput struct {
	Body struct {
		OrderID string `json:"orderId" minLength:"1" doc:"Your order."`
		Token   string `json:"token" minLength:"1" maxLength:"255" example:"pm_card_visa" doc:"A Stripe PaymentMethod id."`
		Return  string `json:"returnUrl,omitempty" maxLength:"500" format:"uri" doc:"Where the bank sends you back to when it wants a further step of you, with Stripe's own parameters added."`
	}
}

// checkPay refuses a return address that no browser could be sent to.
func checkPay(_ context.Context, in *payInput) (p fault.Problems) {
	checkPage(&p, "returnUrl", in.Body.Return)
	return p
}

func checkPage(p *fault.Problems, field, address string) {
	if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		p.Add(field, "This must be the address of a web page, beginning with https:// or http://.")
	}
}

type payOutput struct {
	Status int
	Body   charge
}

func (s *Service) pay(ctx context.Context, in *payInput) (*payOutput, error) {
	caller, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	orderID, err := httpapi.ParseID(in.Body.OrderID)
	if err != nil {
		return nil, errNoOrder()
	}
	p, err := s.Pay(ctx, Submission{ID: httpapi.ID(ctx), UserID: caller.UserID, OrderID: orderID, Token: in.Body.Token,
		ReturnURL: in.Body.Return})
	if err != nil {
		return nil, err
	}
	out := &payOutput{Status: http.StatusCreated}
	switch {
	case p.Status == event.Created:
		out.Status = http.StatusAccepted
	case p.Before:
		out.Status = http.StatusOK
	}
	out.Body, err = p.shown()
	out.Body.ClientSecret, out.Body.BankURL = p.Secret, p.BankPage
	return out, err
}

type listInput struct {
	OrderID string `query:"orderId" required:"true" doc:"Your order."`
}

type listOutput struct {
	Body []charge
}

func (s *Service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	caller, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	orderID, err := httpapi.ParseID(in.OrderID)
	if err != nil {
		return nil, errNoOrder()
	}
	all, err := s.Charges(ctx, caller.UserID, orderID)
	if err != nil {
		return nil, err
	}
	out := &listOutput{Body: make([]charge, len(all))}
	for i, c := range all {
		if out.Body[i], err = c.shown(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type webhookInput struct {
	Signature string `header:"Stripe-Signature" doc:"Made by Stripe with the webhook secret."`
	RawBody   []byte `contentType:"application/json"`
}

type webhookOutput struct {
	Body struct{}
}

func (s *Service) heard(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	return &webhookOutput{}, s.Heard(ctx, in.RawBody, in.Signature)
}

type configOutput struct {
	Body struct {
		PublishableKey string `json:"publishableKey" doc:"Stripe's key for browsers; empty with the simulator."`
		Simulator      bool   `json:"simulator" doc:"No money moves: use Stripe's test payment methods, such as pm_card_visa."`
	}
}

func (s *Service) config(context.Context, *struct{}) (*configOutput, error) {
	out := &configOutput{}
	out.Body.PublishableKey, out.Body.Simulator = s.o.PublishableKey, s.o.Simulator
	return out, nil
}
