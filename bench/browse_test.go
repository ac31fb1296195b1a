package bench

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"testing"
)

// small is how many tickets a small market has, large the option -large; what is asked for has to cost the same in both.
const small = 1000

// browses is how often each list is read: for a second at least, as one look of the collector through a large market takes a tenth of it.
const browses = 20_000

// lists are the lists that people look at: the newest, every sort, every filter, and words.
var lists = []struct {
	name, query string
}{
	{"newest", ""},
	{"search", "?q=" + url.QueryEscape("waits berlin")},
	{"sort=price", "?sort=price"},
	{"sort=-price", "?sort=-price"},
	{"sort=date", "?sort=date"},
	{"status=all", "?status=all"},
	{"status=locked", "?status=locked"},
	{"status=sold", "?status=sold"},
	{"seller", "?seller="}, // of some ticket
}

// BenchmarkBrowse is GET /api/tickets with 20 of them, in a small market and in a large one.
func BenchmarkBrowse(b *testing.B) {
	sizes := []struct {
		name string
		open func(tb testing.TB) (*house, string)
	}{{"1k", smallMarket}, {"large", largeMarket}}
	for _, size := range sizes {
		b.Run("size="+size.name, func(b *testing.B) {
			h, seller := size.open(b)
			for _, l := range lists {
				b.Run(l.name, func(b *testing.B) { benchmark(b, browses, h.reading(listPath(l.query, seller))) })
			}
		})
	}
}

func listPath(query, seller string) string {
	if query == "?seller=" {
		query += seller
	}
	return "/api/tickets" + query
}

// smallMarket is one in which a thousand tickets are listed, some locked and some sold, and a seller in it.
func smallMarket(tb testing.TB) (*house, string) {
	tb.Helper()
	h := newHouse(tb, embedded)
	h.list(tb, small)
	h.lock(tb, 40)
	h.purchase(tb, 40)
	return h, h.someSeller(tb)
}

func (h *house) someSeller(tb testing.TB) string {
	tb.Helper()
	answer, err := h.buyers[0].want(200, "GET", "/api/tickets?limit=1", "")
	if err != nil {
		tb.Fatal(err)
	}
	return field(answer, "userId")
}

// reading reads one address again and again, as somebody who is not signed in.
func (h *house) reading(path string) work {
	return h.readingAny(func() string { return path })
}

func (h *house) readingAny(path func() string) work {
	return func(tb testing.TB, count int) sample {
		clients := make([]*client, crowd)
		for i := range clients {
			clients[i] = newClient(h.market.Front.URL, "")
			defer clients[i].close()
		}
		return h.charged(tb, func() sample {
			return together(tb, crowd, count, func(person, _ int) error {
				_, err := clients[person].want(200, "GET", path(), "")
				return err
			})
		})
	}
}

// BenchmarkTicket is GET /api/tickets/{id}, another one each time.
func BenchmarkTicket(b *testing.B) {
	h := newHouse(b, embedded)
	benchmark(b, 10000, h.readingTickets(b))
}

func (h *house) readingTickets(tb testing.TB) work {
	ids := h.list(tb, small)
	return h.readingAny(func() string { return "/api/tickets/" + ids[rand.IntN(len(ids))] })
}

// BenchmarkMarketPage is the page that everybody begins with, as HTML.
func BenchmarkMarketPage(b *testing.B) {
	h := newHouse(b, embedded)
	h.list(b, small)
	benchmark(b, 3000, h.reading("/"))
}

// BenchmarkList is POST /api/tickets by 64 sellers.
func BenchmarkList(b *testing.B) { onEngines(b, 4000, (*house).listing) }

func (h *house) listing(tb testing.TB, count int) sample {
	from := h.listed
	h.listed += count
	return h.charged(tb, func() sample {
		return together(tb, crowd, count, func(person, n int) error {
			_, err := h.sellers[person].list(from + n)
			if err != nil {
				return fmt.Errorf("seller %d: %w", person, err)
			}
			return nil
		})
	})
}
