package tickets_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

// same fails the test unless the answer is the state, to the letter.
func (h house) same(s event.Ticket, a service.Answer) {
	h.Helper()
	if data, err := json.Marshal(s); err != nil || string(data) != strings.TrimSpace(a.Text) {
		h.Errorf("the log says %s, the answer is %s", data, a.Text)
	}
}

func TestListAndRead(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		starts := h.Now().Add(time.Hour)
		made := h.Ask(seller, "POST", "/api/tickets", fields{
			"title": " Tom Waits ", "price": 19.99, "venue": "Tempodrom", "details": "Row 4\nseat 12", "startsAt": starts.In(time.FixedZone("", 7200)),
			"timeZone": "Europe/Berlin", "unknown": "is ignored", "userId": "so is this",
		})
		v := service.Must[event.Ticket](h.Process, made, 201)
		if made.Get("Location") != "/api/tickets/"+v.ID || made.Get("Etag") != `"1"` {
			t.Errorf("headers %v", made.Header)
		}
		want := event.Ticket{
			ID: v.ID, Title: "Tom Waits", Price: v.Price, Currency: "usd", Venue: "Tempodrom", Details: "Row 4\nseat 12", StartsAt: &starts,
			TimeZone: "Europe/Berlin", UserID: seller, Status: event.Available, Version: 1, CreatedAt: h.Now(), UpdatedAt: h.Now(),
		}
		h.same(want, made)
		read := h.Ask("", "GET", "/api/tickets/"+v.ID, nil)
		if read.Status != 200 || read.Text != made.Text || read.Get("Etag") != `"1"` {
			t.Errorf("read: %d %s", read.Status, read.Text)
		}
		if again := h.Ask("", "GET", "/api/tickets/"+v.ID, nil, "If-None-Match", `"1"`); again.Status != 304 || again.Text != "" {
			t.Errorf("unchanged: %d %s", again.Status, again.Text)
		}
		if _, types := service.History[event.Ticket](h.Market, v.ID); h.told(v.ID).Version != 1 || len(types) > 1 {
			t.Errorf("said %v", types)
		}
	})
}

func TestPricesAreExact(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		for in, out := range map[string]string{
			"19.99": "19.99", "19.90": "19.9", "0.01": "0.01", "0.1": "0.1", "1000000": "1000000", "1000000.00": "1000000", "999999.99": "999999.99",
			"1e2": "100", "4.35": "4.35", "1.1e1": "11", "2.675e2": "267.5", "8.41": "8.41", "16777217.01e-2": "",
		} {
			a := h.Ask(seller, "POST", "/api/tickets", `{"title":"x","price":`+in+`}`)
			if out == "" {
				if a.Status != 400 || !slices.Equal(a.Fields(), []string{"price"}) {
					t.Errorf("%s: %d %s", in, a.Status, a.Text)
				}
				continue
			}
			if a.Status != 201 || !strings.Contains(a.Text, `"price":`+out+`,`) {
				t.Errorf("%s comes back in %s", in, a.Text)
			}
		}
		for _, in := range []string{
			"0", "-0", "0.00", "-1", "-0.01", "0.001", "19.999", "1000000.01", "1000000.000000000000001", "1000001", "1e7", "1e400", "-1e400", "1e-400",
			"0.0000000000000000000001", "99999999999999999999999999", `"19.99"`, "null", "true", "[]", "{}",
		} {
			a := h.Ask(seller, "POST", "/api/tickets", `{"title":"x","price":`+in+`}`)
			if a.Status != 400 || a.Code() != "invalid" || !slices.Equal(a.Fields(), []string{"price"}) {
				t.Errorf("%s: %d %s", in, a.Status, a.Text)
			}
		}
		for _, in := range []string{"01", "1.", ".5", "+1", "NaN", "0x10", "1,5"} {
			if a := h.Ask(seller, "POST", "/api/tickets", `{"title":"x","price":`+in+`}`); a.Status != 400 || a.Code() != "bad_json" {
				t.Errorf("%s: %d %s", in, a.Status, a.Text)
			}
		}
	})
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		v := h.list(seller, nil)
		long, past := strings.Repeat("é", 501), h.Now().Add(-time.Second)
		for name, c := range map[string]struct {
			body  any
			wrong []string
		}{
			"nothing": {fields{}, []string{"price", "title"}},
			"empty":   {fields{"title": "", "price": 0, "startsAt": past}, []string{"price", "startsAt", "title"}},
			"blank":   {fields{"title": " \t ", "price": 1}, []string{"title"}},
			"all of it": {fields{"title": strings.Repeat("x", 201), "price": 19.999, "venue": long, "details": long, "startsAt": past, "timeZone": long},
				[]string{"details", "price", "startsAt", "timeZone", "title", "venue"}},
			"wrong types": {fields{"title": 1, "price": "1", "venue": []int{}, "details": true, "startsAt": 17, "timeZone": 2},
				[]string{"details", "price", "startsAt", "timeZone", "title", "venue"}},
			"nulls":     {fields{"title": nil, "price": nil}, []string{"price", "title"}},
			"no time":   {fields{"title": "x", "price": 1, "startsAt": "tomorrow"}, []string{"startsAt"}},
			"now":       {fields{"title": "x", "price": 1, "startsAt": h.Now()}, []string{"startsAt"}},
			"no zone":   {fields{"title": "x", "price": 1, "timeZone": "Europe/Berlni"}, []string{"timeZone"}},
			"our zone":  {fields{"title": "x", "price": 1, "timeZone": "Local"}, []string{"timeZone"}},
			"NUL":       {`{"title":"a\u0000b","price":1}`, []string{"title"}},
			"two lines": {fields{"title": "x", "price": 1, "venue": "a\nb"}, []string{"venue"}},
			"far away":  {`{"title":"x","price":1,"startsAt":"9999-12-31T23:59:59-12:00"}`, []string{"startsAt"}},
		} {
			for _, request := range [][2]string{{"POST", "/api/tickets"}, {"PUT", "/api/tickets/" + v.ID}} {
				a := h.Ask(seller, request[0], request[1], c.body)
				if a.Status != 400 || a.Code() != "invalid" || !slices.Equal(a.Fields(), c.wrong) {
					t.Errorf("%s %s: %d %v, want %v: %s", request[0], name, a.Status, a.Fields(), c.wrong, a.Text)
				}
			}
		}
		if a := h.Ask(seller, "POST", "/api/tickets", `{"title":`); a.Status != 400 || a.Code() != "bad_json" {
			t.Errorf("half a body: %d %s", a.Status, a.Text)
		}
		// An optional field that is null is one that is not there.
		h.list(seller, fields{"venue": nil, "details": nil, "startsAt": nil, "timeZone": nil})
		if got := h.told(v.ID); got.Version != 1 {
			t.Errorf("refusals have changed the ticket: %+v", got)
		}
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller, other := service.NewID(), service.NewID()
		v := h.list(seller, nil)
		at, body := "/api/tickets/"+v.ID, fields{"title": "Mine", "price": 1}
		unknown := "/api/tickets/" + service.NewID()
		for _, c := range []struct {
			user, method, target string
			body                 any
			status               int
			code                 string
		}{
			{"", "POST", "/api/tickets", body, 401, "not_signed_in"},
			{"", "PUT", at, body, 401, "not_signed_in"},
			{"", "DELETE", at, nil, 401, "not_signed_in"},
			{"", "DELETE", unknown, nil, 401, "not_signed_in"},
			{other, "PUT", at, body, 403, "not_seller"},
			{other, "DELETE", at, nil, 403, "not_seller"},
			{seller, "PUT", unknown, body, 404, "not_found"},
			{seller, "DELETE", unknown, nil, 404, "not_found"},
			{"", "GET", unknown, nil, 404, "not_found"},
			{"", "GET", "/api/tickets/17", nil, 404, "not_found"},
			{"", "GET", "/api/tickets/" + strings.ToUpper(v.ID), nil, 404, "not_found"},
			{"", "GET", "/api/tickets/%00", nil, 404, "not_found"},
			{"", "GET", "/api/tickets/%27%20OR%201=1", nil, 404, "not_found"},
			{"", "GET", at + "/", nil, 404, "not_found"},
			{seller, "PUT", "/api/tickets/17", body, 404, "not_found"},
			{seller, "DELETE", "/api/tickets/17", nil, 404, "not_found"},
			{seller, "PATCH", at, body, 405, "method_not_allowed"},
			{seller, "DELETE", "/api/tickets", nil, 405, "method_not_allowed"},
			{seller, "POST", "/api/tickets", strings.Repeat(" ", 65<<10) + "{}", 413, "body_too_large"},
		} {
			if a := h.Ask(c.user, c.method, c.target, c.body); a.Status != c.status || a.Code() != c.code {
				t.Errorf("%s %s by %q: %d %s, want %d %s", c.method, c.target, c.user, a.Status, a.Text, c.status, c.code)
			}
		}
		if a := h.Ask(seller, "POST", "/api/tickets", body, "Content-Type", "text/plain"); a.Status != 415 {
			t.Errorf("a text: %d %s", a.Status, a.Text)
		}
		if got := h.told(v.ID); got.Version != 1 {
			t.Errorf("refusals have changed the ticket: %+v", got)
		}
	})
}

func TestEditAndWithdraw(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		v := h.list(seller, fields{"venue": "Tempodrom", "startsAt": h.Now().Add(time.Hour), "timeZone": "Europe/Berlin"})
		at := "/api/tickets/" + v.ID
		h.Advance(time.Second)
		edited := h.Ask(seller, "PUT", at, fields{"title": "Nick Cave", "price": 5}, "If-Match", `"1"`)
		got := service.Must[event.Ticket](h.Process, edited, 200)
		if got.Version != 2 || got.Title != "Nick Cave" || got.Price.String() != "5" || got.Venue != "" || got.StartsAt != nil || got.TimeZone != "" ||
			!got.CreatedAt.Equal(v.CreatedAt) || !got.UpdatedAt.Equal(h.Now()) || edited.Get("Etag") != `"2"` {
			t.Errorf("edited to %s", edited.Text)
		}
		if same := h.Ask(seller, "PUT", at, fields{"title": " Nick Cave", "price": "5"}); same.Status != 400 {
			t.Errorf("%d %s", same.Status, same.Text)
		}
		if same := h.Ask(seller, "PUT", at, fields{"title": " Nick Cave ", "price": 5.00}); same.Status != 200 || same.Text != edited.Text {
			t.Errorf("an edit that changes nothing: %d %s", same.Status, same.Text)
		}
		for _, match := range []string{`"1"`, `"3"`, `W/"2"`, `2`, `"1", "3"`} {
			h.Want(h.Ask(seller, "PUT", at, fields{"title": "x", "price": 1}, "If-Match", match), 412, "version_moved")
			h.Want(h.Ask(seller, "DELETE", at, nil, "If-Match", match), 412, "version_moved")
		}
		if a := h.Ask(seller, "DELETE", at, nil, "If-Match", `"1", "2"`); a.Status != 204 || a.Text != "" {
			t.Errorf("withdrawn: %d %s", a.Status, a.Text)
		}
		for range 2 {
			if a := h.Ask(seller, "DELETE", at, nil); a.Status != 204 {
				t.Errorf("withdrawn again: %d %s", a.Status, a.Text)
			}
		}
		h.Want(h.Ask(seller, "PUT", at, fields{"title": "x", "price": 1}), 409, "ticket_withdrawn")
		if gone := h.told(v.ID); gone.Status != event.Withdrawn || gone.Version != 3 {
			t.Errorf("%+v", gone)
		}
		if _, types := service.History[event.Ticket](h.Market, v.ID); fmt.Sprint(types) != "[TicketCreated TicketUpdated TicketUpdated]" {
			t.Errorf("said %v", types)
		}
	})
}

func TestARepeatedPostMakesOneTicket(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller, other := service.NewID(), service.NewID()
		body := fields{"title": "Tom Waits", "price": 19.99}
		first := h.Ask(seller, "POST", "/api/tickets", body, "Idempotency-Key", "k")
		v := service.Must[event.Ticket](h.Process, first, 201)
		again := h.Ask(seller, "POST", "/api/tickets", body, "Idempotency-Key", "k")
		if again.Status != 201 || again.Text != first.Text || again.Get("Location") != first.Get("Location") || again.Get("Etag") != first.Get("Etag") {
			t.Errorf("again: %d %s", again.Status, again.Text)
		}
		h.Want(h.Ask(seller, "POST", "/api/tickets", fields{"title": "x", "price": 1}, "Idempotency-Key", "k"), 422, "idempotency_key_reused")
		if another := service.Must[event.Ticket](h.Process, h.Ask(other, "POST", "/api/tickets", body, "Idempotency-Key", "k"), 201); another.ID == v.ID {
			t.Error("somebody else's key counts")
		}
		h.Want(h.Ask(seller, "POST", "/api/tickets", fields{"title": "x"}, "Idempotency-Key", "bad"), 400, "invalid")
		h.Want(h.Ask(seller, "POST", "/api/tickets", fields{"title": "x"}, "Idempotency-Key", "bad"), 400, "invalid")
		if said := h.Idle(); said != 2 {
			t.Errorf("%d tickets were listed, want 2", said)
		}
	})
}
