package tickets

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
)

// crowded is a database with so many tickets that some words are common and others are rare. Many are listed in the same
// instant, some with smaller ids than those before them.
func crowded(t *testing.T, count int) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{Name: "tickets", Dir: t.TempDir(), Migrations: Migrations, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	random := rand.New(rand.NewPCG(1, 2))
	at := noon.Add(-time.Hour)
	err = db.Update(t.Context(), func(tx *store.Tx) error {
		for n := range count {
			if random.IntN(3) == 0 {
				at = at.Add(time.Millisecond)
			}
			v := Ticket{ID: fmt.Sprintf("%08x", random.Uint32()), UserID: fmt.Sprint("seller", n%3), Version: 1, CreatedAt: at, UpdatedAt: at}
			v.Listing = Listing{Title: fmt.Sprint("Tomte ", []string{"waits", "wait", "Wärter"}[n%3]), Venue: fmt.Sprintf("no%d", n%40), Currency: "usd", Price: money.Amount(1 + n%11)}
			if n%5 > 0 {
				v.StartsAt = noon.Add(time.Duration(n%7-1) * time.Hour)
			}
			if n == count/2 {
				v.Details = "unicorn"
			}
			if made, err := insertTicket(tx, v); err != nil || !made {
				return fmt.Errorf("%v %w", made, err)
			}
			var err error
			switch n % 10 {
			case 1:
				_, _, err = withdraw(tx, v)
			case 2, 3:
				o := event.Order{ID: fmt.Sprint("order", n), ExpiresAt: noon, Ticket: event.OrderTicket{ID: v.ID, Version: 1}}
				if _, _, err = lock(tx, o); err == nil && n%10 == 3 {
					_, _, err = sell(tx, o.ID)
				}
			case 4:
				l := v.Listing
				l.Title, l.Price = "Tomte waits again", 3
				_, _, err = updateListing(tx, v, l)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Whichever way a search goes, it finds the same, page after page.
func TestCommonWordsFindWhatTheyMust(t *testing.T) {
	db := crowded(t, 1200)
	ways := map[bool]int{}
	for _, q := range []string{"t", "to w", "wait", "waits", "waits tom", "again", "waits no7", "unicorn", "uni", "tom unicorn", "nothing", "t nothing", "warter n", "wai no1 t"} {
		for status := range statuses {
			for sort := range sorts {
				f := Filter{Words: strings.Fields(q), Status: status, Sort: sort, Limit: 23}
				for page := 0; page < 3; page++ {
					var want, got []Ticket
					err := db.View(t.Context(), func(tx *store.Tx) (err error) {
						if want, err = selectSorted(tx, f); err != nil {
							return err
						}
						_, common, err := selectCommon(tx, f)
						ways[common]++
						if err != nil {
							return err
						}
						got, err = selectTickets(tx, f)
						return err
					})
					if err != nil || !slices.Equal(got, want) {
						t.Fatalf("%q, %s, %s, page %d: %d, not %d tickets, %v\n%v\n%v", q, status, sort, page, len(got), len(want), err, got, want)
					}
					if len(want) < f.Limit {
						break
					}
					last := sort.place(want[len(want)-1])
					f.After = &last
				}
			}
		}
	}
	if ways[true] < 50 || ways[false] < 50 {
		t.Errorf("the two ways were gone %v times", ways)
	}
}

// A cursor may name an instant in which nothing was listed.
func TestSearchGoesOnFromAnywhere(t *testing.T) {
	db := crowded(t, 300)
	for _, at := range []time.Time{{}, noon.Add(-2 * time.Hour), noon.Add(-time.Hour).Add(50 * time.Millisecond), noon} {
		f := Filter{Words: []string{"tomte"}, Status: "all", Sort: Newest, Limit: 20, After: &Place{store.Millis(at), "5"}}
		var want, got []Ticket
		err := db.View(t.Context(), func(tx *store.Tx) (err error) {
			if want, err = selectSorted(tx, f); err == nil {
				got, err = selectTickets(tx, f)
			}
			return err
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("after %v: %d tickets, not %d, %v", at, len(got), len(want), err)
		}
	}
}

// What is listed later never counts as older, even if the clock was put back, or the process started again meanwhile.
func TestListingIsInTheOrderOfTime(t *testing.T) {
	dir, now := t.TempDir(), noon
	for _, step := range []time.Duration{0, time.Second, -time.Hour, time.Minute, 2 * time.Hour} {
		now = now.Add(step)
		db, err := store.Open(t.Context(), store.Options{Name: "tickets", Dir: dir, Migrations: Migrations, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		s := &Service{db: db}
		for n := range 3 {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				at, err := s.listedAt(tx)
				if err != nil || at.Before(now) {
					return fmt.Errorf("listed at %v, it is %v: %w", at, now, err)
				}
				v := Ticket{ID: fmt.Sprint(now.UnixNano(), step, n), Listing: Listing{Price: 1}, Version: 1, CreatedAt: at}
				if _, err = insertTicket(tx, v); err != nil {
					return err
				}
				older, _, err := store.One(tx, scanNumber, `SELECT count(*) FROM tickets WHERE created_at > $1`, store.Millis(at))
				if older > 0 {
					t.Errorf("%d tickets are newer than the newest", older)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(-time.Millisecond)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
