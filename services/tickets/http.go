package tickets

import (
	"context"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

const tag = "Tickets"

// Routes is what tickets answers.
func (s *Service) Routes() []httpapi.Route {
	held := []fault.Code{fault.NotSeller, fault.TicketLocked, fault.TicketSold, fault.Unknown, fault.VersionMoved}
	return []httpapi.Route{
		httpapi.Get("/api/tickets", s.list, httpapi.About{
			ID: "listTickets", Tag: tag, Summary: "What is on the market",
			Description: "Tickets whose event has begun are not available any more. Withdrawn ones appear only among `all`.",
			Kept:        s.kept,
		}),
		httpapi.Post("/api/tickets", s.create, httpapi.About{
			ID: "createTicket", Tag: tag, Summary: "List a ticket", SignedIn: true, Status: 201,
			Check: httpapi.Checks(func(ctx context.Context, in *createInput) fault.Problems { return s.check(ctx, &in.Body) }),
		}),
		httpapi.Get("/api/tickets/{id}", s.read, httpapi.About{
			ID: "readTicket", Tag: tag, Summary: "One ticket", Faults: []fault.Code{fault.Unknown}, Kept: s.kept,
		}),
		httpapi.Put("/api/tickets/{id}", s.replace, httpapi.About{
			ID: "editTicket", Tag: tag, Summary: "Edit your ticket", SignedIn: true,
			Description: "A ticket can be edited while nobody holds it.",
			Check:       httpapi.Checks(func(ctx context.Context, in *replaceInput) fault.Problems { return s.check(ctx, &in.Body) }),
			Faults:      append(held, fault.TicketWithdrawn),
		}),
		httpapi.Delete("/api/tickets/{id}", s.remove, httpapi.About{
			ID: "withdrawTicket", Tag: tag, Summary: "Withdraw your ticket", SignedIn: true,
			Description: "It is taken off the market for good. A ticket can be withdrawn while nobody holds it.",
			Faults:      held,
		}),
	}
}

type listInput struct {
	httpapi.Page
	Query  string `query:"q" maxLength:"200" doc:"Words, or their beginnings, of title, venue and details." example:"waits berlin"`
	Status string `query:"status" enum:"available,locked,sold,all" default:"available" doc:"Which tickets."`
	Seller string `query:"seller" format:"uuid" doc:"Only this user's tickets."`
	Sort   Sort   `query:"sort" enum:"new,price,-price,date" default:"new" doc:"Newest, cheapest, dearest or soonest first."`
}

type listOutput struct {
	Link string         `header:"Link" doc:"The next page, if there is one (RFC 8288)."`
	ETag string         `header:"ETag" doc:"Another one when the list has changed."`
	Body []event.Ticket `nullable:"false"`
}

func (s *Service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	f := Filter{Words: words(in.Query), Status: in.Status, Seller: in.Seller, Sort: in.Sort, Limit: in.Limit}
	if in.Query != "" && len(f.Words) == 0 { // nothing but punctuation is found nowhere
		return &listOutput{Body: []event.Ticket{}}, nil
	}
	var after Place
	beyond, err := in.After(string(in.Sort), &after)
	if err != nil {
		return nil, err
	}
	if beyond {
		f.After = &after
	}
	page, err := s.Tickets(ctx, f)
	if err != nil {
		return nil, err
	}
	if !page.Until.IsZero() {
		httpapi.KeepUntil(ctx, page.Until)
	}
	out := &listOutput{Body: make([]event.Ticket, len(page.Tickets))}
	for i, t := range page.Tickets {
		out.Body[i] = s.event(t)
	}
	if page.More {
		out.Link = httpapi.NextLink(ctx, string(in.Sort), in.Sort.place(page.Tickets[len(page.Tickets)-1]))
	}
	return out, nil
}

// listing is the body of POST and PUT.
type listing struct {
	Title    string        `json:"title" minLength:"1" maxLength:"200" doc:"What the ticket admits to." example:"Tom Waits, Tempodrom"`
	Price    money.Decimal `json:"price" exclusiveMinimum:"0" maximum:"1000000" doc:"In the major unit of the market's currency, with at most its decimals." example:"89.5"`
	Venue    string        `json:"venue,omitempty" maxLength:"500" doc:"Where the event takes place." example:"Tempodrom, Berlin"`
	StartsAt *time.Time    `json:"startsAt,omitempty" doc:"When the event begins; not in the past."`
	TimeZone string        `json:"timeZone,omitempty" maxLength:"64" doc:"Where the clock stands by which the event begins: the IANA name of a time zone. Pages show the event's time there." example:"Europe/Berlin"`
	Details  string        `json:"details,omitempty" maxLength:"500" doc:"Seat, block, and what else a buyer wants to know." example:"Block C, row 4, seat 12"`
}

func (in listing) value() Listing {
	l := Listing{Title: in.Title, Venue: in.Venue, TimeZone: in.TimeZone, Details: in.Details}
	if in.StartsAt != nil {
		l.StartsAt = in.StartsAt.UTC().Truncate(time.Millisecond)
	}
	return l
}

// check judges the body by the rules of listings; what it makes of it is made again by checked.
func (s *Service) check(ctx context.Context, in *listing) fault.Problems {
	now, err := s.now(ctx)
	if err != nil {
		return nil // the handler meets the same error
	}
	l := in.value()
	return l.check(in.Price, s.currency, now)
}

// checked is the listing of a body that has passed check.
func (s *Service) checked(ctx context.Context, in listing) (Listing, error) {
	now, err := s.now(ctx)
	if err != nil {
		return Listing{}, err
	}
	l := in.value()
	return l, l.check(in.Price, s.currency, now).Err()
}

type ticketOutput struct {
	Location string `header:"Location" doc:"Where the ticket is."`
	ETag     string `header:"ETag" doc:"The ticket's version."`
	Body     event.Ticket
}

type createInput struct{ Body listing }

func (s *Service) create(ctx context.Context, in *createInput) (*ticketOutput, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.checked(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	t, err := s.List(ctx, httpapi.ID(ctx), c.UserID, l)
	if err != nil {
		return nil, err
	}
	return &ticketOutput{Location: "/api/tickets/" + t.ID, ETag: httpapi.ETag(t.Version), Body: s.event(t)}, nil
}

type readInput struct {
	ID string `path:"id" format:"uuid" doc:"The ticket's id."`
}

type readOutput struct {
	ETag string `header:"ETag" doc:"The ticket's version."`
	Body event.Ticket
}

func (s *Service) read(ctx context.Context, in *readInput) (*readOutput, error) {
	t, err := s.Ticket(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &readOutput{ETag: httpapi.ETag(t.Version), Body: s.event(t)}, nil
}

type changeInput struct {
	ID      string `path:"id" format:"uuid" doc:"The ticket's id."`
	IfMatch string `header:"If-Match" doc:"The version that you mean to change; another one is answered 412."`
}

// unmoved checks the version against If-Match.
func (in changeInput) unmoved(version int64) error { return httpapi.CheckIfMatch(in.IfMatch, version) }

type replaceInput struct {
	changeInput
	Body listing
}

func (s *Service) replace(ctx context.Context, in *replaceInput) (*readOutput, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.checked(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	t, err := s.Edit(ctx, in.ID, c.UserID, in.unmoved, l)
	if err != nil {
		return nil, err
	}
	return &readOutput{ETag: httpapi.ETag(t.Version), Body: s.event(t)}, nil
}

func (s *Service) remove(ctx context.Context, in *changeInput) (*struct{}, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Withdraw(ctx, in.ID, c.UserID, in.unmoved)
}

// now is the database's clock, which decides what is past.
func (s *Service) now(ctx context.Context) (now time.Time, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error { now = tx.Now(); return nil })
	return now, err
}
