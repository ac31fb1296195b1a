package tickets_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/test/service"
)

// lists are addresses whose answers are kept, among them one for each list that the tests below change.
var lists = []string{"", "status=all", "status=locked", "status=sold", "sort=price", "sort=-price", "sort=date", "q=tom", "q=cave&status=all"}

// Whatever changes a ticket, the next answer shows it; in every replica.
func TestKeptAnswersShowEveryChange(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		replicas := []house{h}
		if h.Shared() {
			replicas = append(replicas, start(h.Market))
		}
		seller := service.NewID()
		v := h.list(seller, fields{"startsAt": h.Now().Add(time.Hour)})
		at := "/api/tickets/" + v.ID
		look := func() { // at everything, twice: it is kept then
			t.Helper()
			for _, r := range append(replicas, replicas...) {
				want := r.read(v.ID)
				for _, list := range append(lists, "seller="+seller+"&status=all") {
					for _, got := range service.Must[[]event.Ticket](r.Process, r.Ask("", "GET", "/api/tickets?"+list, nil), 200) {
						if got.ID == v.ID && got.Version != want.Version {
							t.Errorf("?%s has version %d of %d", list, got.Version, want.Version)
						}
					}
				}
			}
		}
		shown := func(what string, version int64, where string) {
			t.Helper()
			for i, r := range replicas {
				if got := r.read(v.ID); got.Version != version {
					t.Errorf("%s: replica %d answers version %d, not %d", what, i, got.Version, version)
				}
				var in []string
				for _, list := range lists {
					for _, got := range service.Must[[]event.Ticket](r.Process, r.Ask("", "GET", "/api/tickets?"+list, nil), 200) {
						if got.ID == v.ID && got.Version != version {
							t.Errorf("%s: ?%s of replica %d has version %d, not %d", what, list, i, got.Version, version)
						}
						if got.ID == v.ID {
							in = append(in, list)
						}
					}
				}
				if got := strings.Join(in, " "); got != where {
					t.Errorf("%s: replica %d has it in %q, want %q", what, i, got, where)
				}
			}
			look()
		}
		available := " status=all sort=price sort=-price sort=date q=tom"
		look()
		shown("listed", 1, available)
		h.Want(h.Ask(seller, "PUT", at, fields{"title": "Nick Cave", "price": 5, "startsAt": v.StartsAt}), 200, "")
		available = " status=all sort=price sort=-price sort=date q=cave&status=all"
		shown("edited", 2, available)
		o := h.order(h.read(v.ID))
		h.deliver(o)
		shown("locked", 3, "status=all status=locked q=cave&status=all")
		h.deliver(next(o, event.Cancelled))
		shown("free again", 4, available)
		h.Advance(2 * time.Hour)
		shown("begun", 4, "status=all q=cave&status=all")
		h.Advance(-2 * time.Hour)
		shown("not begun", 4, available)
		o = h.order(h.read(v.ID))
		h.deliver(o, next(o, event.AwaitingPayment), next(next(o, event.AwaitingPayment), event.Completed))
		shown("sold", 6, "status=all status=sold q=cave&status=all")
		v = h.list(seller, nil)
		shown("another one", 1, " status=all sort=price sort=-price sort=date q=tom")
		h.Want(h.Ask(seller, "DELETE", "/api/tickets/"+v.ID, nil), 204, "")
		shown("withdrawn", 2, "status=all")
	})
}

// A page is also another one when the ticket behind it is gone.
func TestThePageBehindIsNotPromisedForTooLong(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		h.list(seller, fields{"startsAt": h.Now().Add(time.Minute)})
		h.Advance(time.Second)
		h.list(seller, nil)
		for range 2 {
			if a := h.Ask("", "GET", "/api/tickets?limit=1", nil); a.Next() == "" {
				t.Error("there is no second page")
			}
		}
		h.Advance(time.Hour)
		if a := h.Ask("", "GET", "/api/tickets?limit=1", nil); a.Next() != "" {
			t.Error("there is a second page")
		}
	})
}

// While many read the same addresses and write, nobody is shown less than they have written or have been shown before.
func TestKeptAnswersNeverGoBack(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		replicas := []house{h}
		if h.Shared() {
			replicas = append(replicas, start(h.Market))
		}
		const rounds, writers, readers = 40, 3, 4
		type pair struct{ seller, id string }
		all := make([]pair, writers)
		for i := range all {
			seller := service.NewID()
			all[i] = pair{seller, h.list(seller, fields{"title": fmt.Sprint("ticket ", i)}).ID}
		}
		addresses := []string{"/api/tickets", "/api/tickets?status=all", "/api/tickets?sort=price"}
		// versions reads everything and checks that nothing is older than was known before the request.
		known := func(r house, seen map[string]int64) {
			check := func(v event.Ticket, where string) {
				if v.Version < seen[v.ID] {
					t.Errorf("%s shows version %d after %d", where, v.Version, seen[v.ID])
				}
				seen[v.ID] = max(seen[v.ID], v.Version)
			}
			for _, p := range all {
				check(r.read(p.id), "one ticket")
			}
			for _, address := range addresses {
				for _, v := range service.Must[[]event.Ticket](r.Process, r.Ask("", "GET", address, nil), 200) {
					check(v, address)
				}
			}
		}
		stop := make(chan struct{})
		var reading sync.WaitGroup
		for i := range readers {
			reading.Go(func() {
				for seen := map[string]int64{}; ; {
					known(replicas[i%len(replicas)], seen)
					select {
					case <-stop:
						return
					default:
					}
				}
			})
		}
		for round := range rounds {
			gate, wg := make(chan struct{}), sync.WaitGroup{}
			for i, p := range all {
				wg.Go(func() {
					<-gate
					by, from := replicas[(round+i)%len(replicas)], replicas[round%len(replicas)]
					body := fields{"title": fmt.Sprint("ticket ", i), "price": 1 + round}
					v := service.Must[event.Ticket](by.Process, by.Ask(p.seller, "PUT", "/api/tickets/"+p.id, body), 200)
					known(from, map[string]int64{p.id: v.Version})
				})
			}
			close(gate)
			wg.Wait()
		}
		close(stop)
		reading.Wait()
		for _, p := range all {
			if got := h.read(p.id); got.Version != rounds+1 {
				t.Errorf("version %d after %d edits", got.Version, rounds)
			}
		}
	})
}
