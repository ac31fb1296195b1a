package orders

import (
	"context"
	"math"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

const tag = "Orders"

// Routes is what orders answers.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{
		httpapi.Get("/api/orders", s.list, httpapi.About{
			ID: "listOrders", Tag: tag, Summary: "Your orders", SignedIn: true,
		}),
		httpapi.Post("/api/orders", s.place, httpapi.About{
			ID: "createOrder", Tag: tag, Summary: "Order a ticket", SignedIn: true, Status: 201, Statuses: []int{200},
			Description: "The ticket is locked for you until `expiresAt`; pay until then. Whoever has a live order for the ticket " +
				"gets that one again, with 200. Give the `price` that you saw to be sure not to order at another one.",
			Faults: []fault.Code{fault.Unknown, fault.OwnTicket, fault.TicketLocked, fault.TicketSold, fault.TicketWithdrawn,
				fault.EventBegun, fault.PriceChanged},
		}),
		httpapi.Get("/api/orders/{id}", s.read, httpapi.About{
			ID: "readOrder", Tag: tag, Summary: "One of your orders", SignedIn: true, Faults: []fault.Code{fault.Unknown},
		}),
		httpapi.Delete("/api/orders/{id}", s.remove, httpapi.About{
			ID: "cancelOrder", Tag: tag, Summary: "Cancel your order", SignedIn: true,
			Description: "The ticket is free again. Cancelling again changes nothing.",
			Faults:      []fault.Code{fault.Unknown, fault.OrderCompleted, fault.PaymentInProgress, fault.VersionMoved},
		}),
	}
}

// order is an order as its buyer sees it.
type order struct {
	ID           string            `json:"id" format:"uuid" doc:"The order's id."`
	UserID       string            `json:"userId" format:"uuid" doc:"The buyer."`
	Status       string            `json:"status" enum:"Created,AwaitingPayment,Completed,Cancelled" doc:"Created until the ticket is locked, then to be paid until expiresAt."`
	CancelReason string            `json:"cancelReason,omitempty" enum:"expired,by_buyer,payment_failed,ticket_changed,ticket_unavailable" doc:"Why it was cancelled."`
	ExpiresAt    time.Time         `json:"expiresAt" doc:"When the time to pay is over."`
	ExpiresIn    int64             `json:"expiresIn" minimum:"0" doc:"Seconds until then by the server's clock, rounded down."`
	Ticket       event.OrderTicket `json:"ticket" doc:"The ticket as you ordered it."`
	Version      int64             `json:"version" doc:"One more with every change."`
	CreatedAt    time.Time         `json:"createdAt" doc:"When it was made."`
	UpdatedAt    time.Time         `json:"updatedAt" doc:"When it last changed."`
}

// shown is the order as its buyer sees it now.
func (s *Service) shown(ctx context.Context, orders ...Order) (all []order, err error) {
	all = make([]order, len(orders))
	err = s.db.View(ctx, func(tx *store.Tx) error {
		for i, o := range orders {
			e := s.event(o)
			all[i] = order{
				ID: e.ID, UserID: e.UserID, Status: e.Status, CancelReason: e.CancelReason, ExpiresAt: e.ExpiresAt,
				ExpiresIn: o.secondsLeft(tx.Now()), Ticket: e.Ticket, Version: e.Version, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
			}
		}
		return nil
	})
	return all, err
}

type listInput struct {
	httpapi.Page
	Status string `query:"status" enum:"Created,AwaitingPayment,Completed,Cancelled" doc:"Only orders that stand there."`
}

type listOutput struct {
	Link string  `header:"Link" doc:"The next page, if there is one (RFC 8288)."`
	Body []order `nullable:"false"`
}

const newestFirst = "new"

func (s *Service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	f := Filter{Buyer: c.UserID, Status: in.Status, Before: Place{CreatedAt: math.MaxInt64}, Limit: in.Limit}
	if _, err := in.After(newestFirst, &f.Before); err != nil {
		return nil, err
	}
	page, more, err := s.Orders(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	if out.Body, err = s.shown(ctx, page...); err != nil {
		return nil, err
	}
	if more {
		last := page[len(page)-1]
		out.Link = httpapi.NextLink(ctx, newestFirst, Place{store.Millis(last.CreatedAt), last.ID})
	}
	return out, nil
}

type placeInput struct {
	Body struct {
		TicketID string         `json:"ticketId" minLength:"1" doc:"The ticket to order."`
		Price    *money.Decimal `json:"price,omitempty" doc:"The price that you saw; if it is another one now, you get 409 price_changed."`
	}
}

type orderOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the order is."`
	ETag     string `header:"ETag" doc:"The order's version."`
	Body     order
}

func (s *Service) place(ctx context.Context, in *placeInput) (*orderOutput, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	ticketID, err := httpapi.ParseID(in.Body.TicketID)
	if err != nil {
		return nil, fault.Unknown.New("There is no ticket with this id.").On("ticketId")
	}
	var price *money.Amount
	if in.Body.Price != nil {
		amount, err := s.currency.Amount(*in.Body.Price)
		if err != nil { // no ticket has such a price
			return nil, fault.BadInput.New("This is not a price in %s.", s.currency.Code).On("price")
		}
		price = &amount
	}
	o, fresh, err := s.Place(ctx, httpapi.ID(ctx), c.UserID, ticketID, price)
	if err != nil {
		return nil, err
	}
	status := 200
	if fresh {
		status = 201
	}
	return s.answer(ctx, o, status)
}

func (s *Service) answer(ctx context.Context, o Order, status int) (*orderOutput, error) {
	body, err := s.shown(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &orderOutput{Status: status, ETag: httpapi.ETag(o.Version), Body: body[0]}
	if status == 201 {
		out.Location = "/api/orders/" + o.ID
	}
	return out, nil
}

type readInput struct {
	ID string `path:"id" format:"uuid" doc:"The order's id."`
}

func (s *Service) read(ctx context.Context, in *readInput) (*orderOutput, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	o, err := s.Order(ctx, in.ID, c.UserID)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, o, 200)
}

type removeInput struct {
	ID      string `path:"id" format:"uuid" doc:"The order's id."`
	IfMatch string `header:"If-Match" doc:"The version that you mean to cancel; another one is answered 412."`
}

func (s *Service) remove(ctx context.Context, in *removeInput) (*struct{}, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Cancel(ctx, in.ID, c.UserID, func(version int64) error {
		return httpapi.CheckIfMatch(in.IfMatch, version)
	})
}
