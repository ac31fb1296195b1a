package tickets_test

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

// page is one page of a list, by titles.
func (h house) page(query string) []string {
	h.Helper()
	titles := []string{}
	for _, t := range service.Must[[]event.Ticket](h.Process, h.Ask("", "GET", "/api/tickets?"+query, nil), 200) {
		titles = append(titles, t.Title)
	}
	return titles
}

func TestFilters(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ann, bob := service.NewID(), service.NewID()
		var made []event.Ticket
		for i, seller := range []string{ann, bob, ann, ann, ann, bob} {
			h.Advance(time.Millisecond)
			made = append(made, h.list(seller, fields{"title": fmt.Sprintf("t%d", i)}))
		}
		soon := h.list(ann, fields{"title": "soon", "startsAt": h.Now().Add(time.Minute)})
		locked, sold := h.order(made[1]), h.order(made[2])
		h.deliver(locked, sold, next(sold, event.AwaitingPayment), next(next(sold, event.AwaitingPayment), event.Completed))
		h.Want(h.Ask(ann, "DELETE", "/api/tickets/"+made[3].ID, nil), 204, "")
		h.Advance(time.Hour) // the event of soon has begun
		for query, want := range map[string]string{
			"":                              "t5 t4 t0",
			"status=available":              "t5 t4 t0",
			"status=locked":                 "t1",
			"status=sold":                   "t2",
			"status=all":                    "soon t5 t4 t3 t2 t1 t0",
			"seller=" + ann:                 "t4 t0",
			"status=all&seller=" + ann:      "soon t4 t3 t2 t0",
			"status=sold&seller=" + ann:     "t2",
			"status=sold&seller=" + bob:     "",
			"seller=" + service.NewID():     "",
			"seller=nobody":                 "",
			"limit=2":                       "t5 t4",
			"sort=new&limit=100":            "t5 t4 t0",
			"status=all&sort=date":          "soon t0 t1 t2 t3 t4 t5", // those without a date come last
			"status=&sort=&q=&limit=":       "t5 t4 t0",               // empty is as good as left out
			"status=available&q=T5":         "t5",
			"q=t5&status=sold":              "",
			"status=all&q=so&seller=" + ann: "soon",
		} {
			if got := strings.Join(h.page(query), " "); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		if a := h.Ask("", "GET", "/api/tickets?status=sold&seller="+bob, nil); a.Text != "[]\n" && a.Text != "[]" {
			t.Errorf("an empty list is %q", a.Text)
		}
		for query, field := range map[string]string{
			"status=withdrawn": "status", "status=ALL": "status", "sort=id": "sort", "sort=new;": "", "limit=0": "limit", "limit=101": "limit", "limit=x": "limit",
			"limit=-1": "limit", "limit=99999999999999999999": "limit", "cursor=x": "cursor", "cursor=%00": "cursor", "q=" + strings.Repeat("x", 201): "q",
			"q=%00": "q", "q=%ff": "q", "status=sold&status=all": "status", "%zz": "",
		} {
			a := h.Ask("", "GET", "/api/tickets?"+query, nil)
			if a.Status != 400 || a.Code() != "invalid" || strings.Join(a.Fields(), " ") != field {
				t.Errorf("%s: %d %s", query, a.Status, a.Text)
			}
		}
		if got := h.read(soon.ID); got.Status != event.Available {
			t.Errorf("%+v", got)
		}
	})
}

var orders = map[string]func(a, b event.Ticket) int{
	"new":    func(a, b event.Ticket) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID)) },
	"price":  func(a, b event.Ticket) int { return cmp.Or(cents(a)-cents(b), cmp.Compare(a.ID, b.ID)) },
	"-price": func(a, b event.Ticket) int { return cmp.Or(cents(b)-cents(a), cmp.Compare(b.ID, a.ID)) },
	"date":   func(a, b event.Ticket) int { return cmp.Or(begin(a).Compare(begin(b)), cmp.Compare(a.ID, b.ID)) },
}

func cents(t event.Ticket) (n int) {
	fmt.Sscan(t.Price.String(), &n) // whole prices here
	return n
}

func begin(t event.Ticket) time.Time {
	if t.StartsAt == nil {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return *t.StartsAt
}

// Whoever turns the pages of a list sees every ticket that was there all the time once and in order, although prices,
// dates and even times of listing are equal, and others list tickets meanwhile.
func TestPagesHaveNoGapsAndNoRepeats(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		const there = 260
		seller := service.NewID()
		known := map[string]event.Ticket{}
		var mu sync.Mutex
		var fill sync.WaitGroup
		for i := range there {
			fill.Go(func() {
				more := fields{"price": 10 + i%3}
				if i%4 > 0 {
					more["startsAt"] = h.Now().Add(time.Duration(i%4) * time.Hour)
				}
				v := h.list(seller, more)
				mu.Lock()
				defer mu.Unlock()
				known[v.ID] = v
			})
		}
		fill.Wait()
		for sort, order := range orders {
			for _, rest := range []string{"", "&seller=" + seller + "&status=all", "&q=tom"} {
				seen := map[string]bool{}
				var last *event.Ticket
				pages, address := 0, "/api/tickets?limit=17&sort="+url.QueryEscape(sort)+rest
				for address != "" {
					a := h.Ask("", "GET", address, nil)
					for _, v := range service.Must[[]event.Ticket](h.Process, a, 200) {
						if last != nil && order(*last, v) >= 0 || seen[v.ID] {
							t.Fatalf("%s%s, page %d: %s %s %s comes after %s %s %s", sort, rest, pages, v.ID, v.Price, v.CreatedAt, last.ID, last.Price, last.CreatedAt)
						}
						seen[v.ID], last = true, &v
					}
					pages++
					if pages%4 == 0 { // somebody lists more, here and there in the order
						h.Advance(time.Millisecond)
						h.list(seller, fields{"price": 9 + pages%5, "startsAt": h.Now().Add(time.Duration(pages%5) * time.Hour)})
					}
					address = a.Next()
				}
				for id := range known {
					if !seen[id] {
						t.Errorf("%s%s: %s is on no page", sort, rest, id)
					}
				}
				if pages < there/17 {
					t.Errorf("%s%s: %d pages", sort, rest, pages)
				}
			}
		}
	})
}

func TestCursorsAreForTheirOwnSort(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		for range 3 {
			h.list(service.NewID(), nil)
		}
		next := h.Ask("", "GET", "/api/tickets?sort=price&limit=2", nil).Next()
		if got := service.Must[[]event.Ticket](h.Process, h.Ask("", "GET", next, nil), 200); len(got) != 1 {
			t.Errorf("the second page has %d", len(got))
		}
		u, err := url.Parse(next)
		if err != nil {
			t.Fatal(err)
		}
		cursor := u.Query().Get("cursor")
		for _, query := range []string{"sort=-price", "sort=new", "sort=date", ""} {
			a := h.Ask("", "GET", "/api/tickets?"+query+"&cursor="+cursor, nil)
			if a.Status != 400 || !slices.Equal(a.Fields(), []string{"cursor"}) {
				t.Errorf("%s: %d %s", query, a.Status, a.Text)
			}
		}
		for i := range len(cursor) { // whatever happens to a cursor on its way, it is refused and breaks nothing
			broken := cursor[:i] + string(rune('A'+(cursor[i]-'A'+1)%26)) + cursor[i+1:]
			if a := h.Ask("", "GET", "/api/tickets?sort=price&cursor="+broken, nil); broken != cursor && a.Status != 400 {
				t.Errorf("%s: %d %s", broken, a.Status, a.Text)
			}
		}
		if a := h.Ask("", "GET", "/api/tickets?limit=3", nil); a.Next() != "" || a.Get("Link") != "" {
			t.Errorf("a list that is over leads on to %q", a.Get("Link"))
		}
	})
}
