package stripesim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

func ids(list []*stripe.PaymentIntent) (out []string) {
	for _, in := range list {
		out = append(out, in.ID)
	}
	return out
}

func TestLists(t *testing.T) {
	each(t, func(b *bench) {
		var made []string // newest first
		for i := range 7 {
			p := params("pm_card_visa")
			p.Metadata = map[string]string{"order_id": fmt.Sprint("o", i), "side": fmt.Sprint(i % 2)}
			in, err := b.V1PaymentIntents.Create(ctx, p)
			if err != nil {
				b.t.Fatal(err)
			}
			made = slices.Insert(made, 0, in.ID)
			if i%2 == 0 {
				b.advance(time.Second)
			}
		}
		start := b.time().Add(-4 * time.Second).Unix()
		all := func(p *stripe.PaymentIntentListParams) (out []string) {
			for in, err := range b.V1PaymentIntents.List(ctx, p).All(ctx) {
				if err != nil {
					b.t.Fatal(err)
				}
				out = append(out, in.ID)
			}
			return out
		}
		page := func(change func(p *stripe.PaymentIntentListParams)) []string {
			p := &stripe.PaymentIntentListParams{}
			change(p)
			p.Single = true
			return all(p)
		}
		cases := []struct {
			name      string
			got, want []string
		}{
			{"all by pages", all(&stripe.PaymentIntentListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(2)}}), made},
			{"limit", page(func(p *stripe.PaymentIntentListParams) { p.Limit = stripe.Int64(3) }), made[:3]},
			{"after", page(func(p *stripe.PaymentIntentListParams) { p.StartingAfter = &made[2]; p.Limit = stripe.Int64(2) }), made[3:5]},
			{"created", page(func(p *stripe.PaymentIntentListParams) { p.Created = &start }), made[6:]},
			{"created gte", page(func(p *stripe.PaymentIntentListParams) {
				p.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: start + 2}
			}), made[:4]},
			{"created lt", page(func(p *stripe.PaymentIntentListParams) {
				p.CreatedRange = &stripe.RangeQueryParams{LesserThan: start + 1}
			}), made[6:]},
			{"created gt lte", page(func(p *stripe.PaymentIntentListParams) {
				p.CreatedRange = &stripe.RangeQueryParams{GreaterThan: start, LesserThanOrEqual: start + 1}
			}), made[4:6]},
		}
		for _, c := range cases {
			if !slices.Equal(c.got, c.want) {
				b.t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
			}
		}
		list := b.V1PaymentIntents.List(ctx, &stripe.PaymentIntentListParams{ListParams: stripe.ListParams{
			EndingBefore: &made[4], Limit: stripe.Int64(2)}})
		if got := ids(list.Data()); !(slices.Equal(got, made[2:4]) || slices.Equal(got, []string{made[3], made[2]})) {
			b.t.Errorf("before: %v, want %v", got, made[2:4])
		}
		_, err := b.V1PaymentIntents.Search(ctx, nil), b.V1PaymentIntents.List(ctx, &stripe.PaymentIntentListParams{ListParams: stripe.ListParams{StartingAfter: stripe.String("pi_nope")}}).Err()
		if e := refused(b.t, err); e.Code != stripe.ErrorCodeResourceMissing || e.Param != "starting_after" {
			b.t.Errorf("unknown cursor: %v", e)
		}
		b.search(made, start)
	})
}

func (b *bench) search(made []string, start int64) {
	for _, c := range []struct {
		query string
		want  []string // nil: the query is refused
	}{
		{`metadata['order_id']:'o3'`, []string{made[3]}},
		{`metadata["order_id"]:"o3"`, []string{made[3]}},
		{`metadata['side']:'0'`, []string{made[0], made[2], made[4], made[6]}},
		{`metadata['side']:'1' AND metadata['order_id']:'o5'`, []string{made[1]}},
		{`status:'requires_confirmation' AND amount>1998 AND metadata['side']:'1'`, []string{made[1], made[3], made[5]}},
		{`currency:'eur'`, []string{}},
		{`metadata['order_id']:'o3' OR status:'succeeded'`, []string{made[3]}},
		{`metadata['order_id']:'o3' or metadata["order_id"]:"o5" OR amount<10`, []string{made[1], made[3]}},
		{`metadata['side']:'1' -metadata['order_id']:'o5'`, []string{made[3], made[5]}},
		{`-metadata['side']:'1' and -metadata['order_id']:'o0'`, []string{made[0], made[2], made[4]}},
		{`-status:"REQUIRES_CONFIRMATION"`, []string{}},
		{`metadata['gone']:null metadata['order_id']:'o3'`, []string{made[3]}},
		{`-metadata['gone']:NULL`, []string{}},
		{`customer:null AND metadata['order_id']:'o3'`, []string{made[3]}},
		{`customer:'cus_1'`, []string{}},
		{fmt.Sprintf(`created>%d AND created<=%d`, start, start+1), made[4:6]},
		{fmt.Sprintf(`created<'%d'`, start+1), made[6:]},
		{`amount:1999 AND metadata['order_id']:'o3'`, []string{made[3]}},
		{`status:'a' AND amount>1 OR amount>2`, nil},
		{strings.Repeat(`amount>1 `, 11), nil},
		{`colour:'red'`, nil},
		{`amount:'many'`, nil},
		{`amount:null`, nil},
		{`status>'a'`, nil},
		{`metadata['side']~'1'`, nil},
		{`status:succeeded`, nil},
		{`status:'succeeded'AND amount>1`, nil},
		{`status:'succeeded' AND`, nil},
		{``, nil},
	} {
		got, failure := []string{}, error(nil)
		for in, err := range b.V1PaymentIntents.Search(ctx, &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{
			Query: c.query, Limit: stripe.Int64(2)}}).All(ctx) {
			if err != nil {
				failure = err
				break
			}
			got = append(got, in.ID)
		}
		if c.want == nil {
			if failure == nil || refused(b.t, failure).HTTPStatusCode != 400 {
				b.t.Errorf("search %q: %v", c.query, failure)
			}
			continue
		}
		if failure != nil || !slices.Equal(got, c.want) {
			b.t.Errorf("search %q: %v %v, want %v", c.query, got, failure, c.want)
		}
	}
}

func TestEventsByTypeDeliveryAndAge(t *testing.T) {
	each(t, func(b *bench) {
		answer := http.StatusOK
		_, err := b.sim.SetWebhook(ctx, stripesim.Webhook{Name: "hook", URL: "https://shop.test/hook", Types: []string{"charge.succeeded"},
			Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: answer, Body: http.NoBody, Request: r}, nil
			})})
		if err != nil {
			b.t.Fatal(err)
		}
		id := b.paid().LatestCharge.ID
		if _, err := b.sim.Deliver(ctx); err != nil {
			b.t.Fatal(err)
		}
		answer = http.StatusServiceUnavailable
		b.paid()
		if _, err := b.sim.Deliver(ctx); err != nil {
			b.t.Fatal(err)
		}
		list := func(change func(p *stripe.EventListParams)) (types []string) {
			p := &stripe.EventListParams{}
			change(p)
			for _, e := range b.V1Events.List(ctx, p).Data() {
				types = append(types, string(e.Type))
			}
			slices.Sort(types)
			return types
		}
		all := []string{"charge.succeeded", "charge.succeeded", "payment_intent.created", "payment_intent.created",
			"payment_intent.succeeded", "payment_intent.succeeded"}
		for name, c := range map[string]struct {
			change func(p *stripe.EventListParams)
			want   []string
		}{
			"all":       {func(p *stripe.EventListParams) {}, all},
			"type":      {func(p *stripe.EventListParams) { p.Type = stripe.String("charge.succeeded") }, all[:2]},
			"group":     {func(p *stripe.EventListParams) { p.Type = stripe.String("payment_intent.*") }, all[2:]},
			"none":      {func(p *stripe.EventListParams) { p.Type = stripe.String("payment_intent") }, nil},
			"delivered": {func(p *stripe.EventListParams) { p.DeliverySuccess = stripe.Bool(true) }, all[1:]},
			"failed":    {func(p *stripe.EventListParams) { p.DeliverySuccess = stripe.Bool(false) }, all[:1]},
		} {
			if got := list(c.change); !slices.Equal(got, c.want) {
				b.t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		many := &stripe.EventListParams{}
		for range 21 {
			many.Types = append(many.Types, stripe.String("charge.succeeded"))
		}
		both := &stripe.EventListParams{Type: stripe.String("charge.failed"), Types: many.Types[:1]}
		for _, p := range []*stripe.EventListParams{many, both} {
			if e := refused(b.t, b.V1Events.List(ctx, p).Err()); e.HTTPStatusCode != 400 {
				b.t.Errorf("%+v: %v", p, e)
			}
		}
		last := b.V1Events.List(ctx, nil).Data()[0].ID
		b.advance(30 * 24 * time.Hour)
		if got := list(func(*stripe.EventListParams) {}); got != nil {
			b.t.Errorf("after 30 days: %v", got)
		}
		if _, err := b.V1Events.Retrieve(ctx, last, nil); refused(b.t, err).HTTPStatusCode != 404 {
			b.t.Errorf("after 30 days: %v", err)
		}
		if _, err := b.V1Charges.Retrieve(ctx, id, nil); err != nil {
			b.t.Error(err)
		}
	})
}

func TestSearchCountsOnlyWhenAsked(t *testing.T) {
	each(t, func(b *bench) {
		for range 3 {
			b.create("")
		}
		search := func(expand ...string) stripe.SearchMeta {
			p := &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{Query: "amount>1", Limit: stripe.Int64(2)}}
			for _, field := range expand {
				p.AddExpand(field)
			}
			found := b.V1PaymentIntents.Search(ctx, p)
			if err := found.Err(); err != nil || len(found.Data()) != 2 || !found.Meta().HasMore || found.Meta().NextPage == nil {
				b.t.Fatalf("%+v %v", found.Meta(), err)
			}
			return found.Meta()
		}
		if got := search().TotalCount; got != nil {
			b.t.Errorf("counted unasked: %d", *got)
		}
		if got := search("total_count").TotalCount; got == nil || *got != 3 {
			b.t.Errorf("counted %v, want 3", got)
		}
	})
}

func TestExpand(t *testing.T) {
	each(t, func(b *bench) {
		in := b.paid()
		re, err := b.refund(in.ID, 5, "")
		if err != nil {
			b.t.Fatal(err)
		}
		p := &stripe.PaymentIntentRetrieveParams{}
		p.AddExpand("latest_charge.refunds")
		p.AddExpand("payment_method")
		got, err := b.V1PaymentIntents.Retrieve(ctx, in.ID, p)
		if err != nil || got.LatestCharge.Amount != 1999 || len(got.LatestCharge.Refunds.Data) != 1 || got.PaymentMethod.Card.Last4 != "4242" {
			b.t.Errorf("intent %+v %v", got, err)
		}
		list := &stripe.PaymentIntentListParams{}
		list.AddExpand("data.latest_charge")
		if all := b.V1PaymentIntents.List(ctx, list).Data(); len(all) != 1 || all[0].LatestCharge.AmountRefunded != 5 {
			b.t.Errorf("list %+v", all)
		}
		r := &stripe.RefundRetrieveParams{}
		r.AddExpand("charge")
		r.AddExpand("payment_intent")
		if back, err := b.V1Refunds.Retrieve(ctx, re.ID, r); err != nil || back.Charge.Amount != 1999 || back.PaymentIntent.Amount != 1999 {
			b.t.Errorf("refund %+v %v", back, err)
		}
		for _, path := range []string{"id", "client_secret", "status", "latest_charge.payment_method", "latest_charge.payment_intent.latest_charge.payment_intent.latest_charge"} {
			p := &stripe.PaymentIntentRetrieveParams{}
			p.AddExpand(path)
			_, err := b.V1PaymentIntents.Retrieve(ctx, in.ID, p)
			if e := refused(b.t, err); e.HTTPStatusCode != 400 || e.Param != "expand" && !strings.Contains(e.Msg, "4 levels") {
				b.t.Errorf("expanding %s: %v", path, e)
			}
		}
		if ch, err := b.V1Charges.Retrieve(ctx, in.LatestCharge.ID, nil); err != nil || ch.AmountRefunded != 5 {
			b.t.Errorf("charge %+v %v", ch, err)
		}
		if pm, err := b.V1PaymentMethods.Retrieve(ctx, "pm_card_amex", nil); err != nil || pm.Card.Brand != "amex" {
			b.t.Errorf("payment method %+v %v", pm, err)
		}
	})
}

func TestEventsTellTheStory(t *testing.T) {
	each(t, func(b *bench) {
		p := params("pm_card_chargeDeclined")
		p.Confirm = stripe.Bool(true)
		_, err := b.V1PaymentIntents.Create(ctx, p)
		id := refused(b.t, err).PaymentIntent.ID
		b.advance(time.Millisecond)
		confirm := &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")}
		confirm.SetIdempotencyKey("pay")
		if _, err := b.V1PaymentIntents.Confirm(ctx, id, confirm); err != nil {
			b.t.Fatal(err)
		}
		b.advance(time.Millisecond)
		if _, err := b.refund(id, 0, ""); err != nil {
			b.t.Fatal(err)
		}
		gone := b.create("pm_card_visa")
		b.advance(time.Millisecond)
		if _, err := b.V1PaymentIntents.Cancel(ctx, gone.ID, nil); err != nil {
			b.t.Fatal(err)
		}
		var kinds []string
		for _, e := range b.V1Events.List(ctx, &stripe.EventListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(50)}}).Data() {
			kinds = append(kinds, string(e.Type))
			if e.Type == "payment_intent.succeeded" && (e.Data.Object["id"] != id || e.Data.Object["status"] != "succeeded" || e.Request.IdempotencyKey != "pay") {
				b.t.Errorf("event %+v", e)
			}
			if got, err := b.V1Events.Retrieve(ctx, e.ID, nil); err != nil || got.Type != e.Type {
				b.t.Errorf("retrieve: %v %v", got, err)
			}
		}
		want := []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed", "charge.succeeded",
			"payment_intent.succeeded", "refund.created", "charge.refunded", "payment_intent.created", "payment_intent.canceled"}
		slices.Reverse(kinds)
		if !slices.Equal(kinds, want) {
			b.t.Errorf("events %v, want %v", kinds, want)
		}
		only := b.V1Events.List(ctx, &stripe.EventListParams{Types: []*string{stripe.String("refund.created"), stripe.String("payment_intent.canceled")}}).Data()
		if len(only) != 2 {
			b.t.Errorf("of two types: %v", only)
		}
	})
}
