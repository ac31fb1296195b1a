package tickets

import (
	"fmt"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// BenchmarkSearchAmongSold looks for common words among 300 tickets that are free, beside so many that have been sold.
func BenchmarkSearchAmongSold(b *testing.B) {
	for _, sold := range []int{1_000, 60_000} {
		db, err := store.Open(b.Context(), store.Options{Name: "tickets", Dir: b.TempDir(), Migrations: Migrations, Now: func() time.Time { return noon }})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = db.Close() })
		err = db.Update(b.Context(), func(tx *store.Tx) error {
			for n := range sold + 300 {
				at := noon.Add(time.Duration(n-100_000) * time.Second)
				v := Ticket{ID: fmt.Sprintf("%08x", n), UserID: "seller", Version: 1, CreatedAt: at, UpdatedAt: at}
				v.Listing = Listing{Title: "Tomte " + []string{"waits", "sings", "plays", "falls"}[n%4], Venue: []string{"Berlin", "Köln", "Wien", "Bern"}[n/4%4], Currency: "usd", Price: money.Amount(1 + n%11)}
				if _, err := insertTicket(tx, v); err != nil {
					return err
				}
				if n < sold {
					o := event.Order{ID: fmt.Sprint("order", n), ExpiresAt: noon, Ticket: event.OrderTicket{ID: v.ID, Version: 1}}
					if _, _, err := lock(tx, o); err != nil {
						return err
					}
					if _, _, err := sell(tx, o.ID); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		for _, words := range [][]string{{"tomte"}, {"waits", "berlin"}} {
			for _, sort := range []Sort{Newest, Cheapest} {
				b.Run(fmt.Sprintf("sold=%d/words=%d/sort=%s", sold, len(words), sort), func(b *testing.B) {
					for b.Loop() {
						err := db.View(b.Context(), func(tx *store.Tx) error {
							_, err := selectTickets(tx, Filter{Words: words, Status: event.Available, Sort: sort, Limit: 21})
							return err
						})
						if err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
