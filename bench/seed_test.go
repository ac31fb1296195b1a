package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

var (
	large   = flag.Int("large", 0, "how many tickets a large market has; 0: 1,000,000 for TestTable, 200,000 for benchmarks, so that all of them take minutes")
	seedDir = flag.String("seed-dir", "", "folder that keeps large markets for the next run; empty: they are made anew")
)

// What a large market is full of. Every ticket has its story: one that is listed its row, one that is locked an order that
// waits and a deadline, one that is sold an order, a charge, its booking and the sale. Of each entity the newest event is in
// the outbox and in the log; what became of earlier ones no path looks at.
const (
	listedSeed = "listed"
	lockedSeed = "locked"
	soldSeed   = "sold"
)

// seed is how a market is filled: rows by services and tables.
type seed struct {
	kind   string
	count  int
	people accounts
	users  []string // ids of those who buy, then of those who sell
	now    time.Time
}

// largeMarket is one in which very many tickets are listed, and a seller in it.
func largeMarket(tb testing.TB) (*house, string) {
	tb.Helper()
	h := openSeed(tb, listedSeed)
	h.lock(tb, 40)
	h.purchase(tb, 40)
	return h, h.someSeller(tb)
}

// openSeed starts a market on a copy of a large one.
func openSeed(tb testing.TB, kind string, flags ...string) *house {
	tb.Helper()
	dir, people := seeded(tb, kind)
	return openHouse(tb, copyOf(tb, dir), people, flags...)
}

func copyOf(tb testing.TB, dir string) string {
	to := filepath.Join(tb.TempDir(), "data")
	copyDir(tb, dir, to)
	syscall.Sync() // else the market waits for the disk to have written some gigabytes, with each commit
	return to
}

// seeded is the data folder of a large market that does not run, and who has signed up in it.
func seeded(tb testing.TB, kind string) (dir string, people accounts) {
	tb.Helper()
	root := *seedDir
	if root == "" {
		root = scratch
	}
	dir = filepath.Join(root, fmt.Sprintf("%s-%d", kind, *large))
	noted := dir + ".json"
	if text, err := os.ReadFile(noted); err == nil {
		var tokens [2][]string
		if err := json.Unmarshal(text, &tokens); err != nil {
			tb.Fatal(err)
		}
		return dir, accounts{tokens[0], tokens[1]}
	}
	if err := os.RemoveAll(dir); err != nil { // one that was not finished
		tb.Fatal(err)
	}
	copyDir(tb, signedUp(tb), dir)
	s := &seed{kind: kind, count: *large, people: template.accounts, now: time.Now().Truncate(time.Millisecond)}
	began := time.Now()
	s.fill(tb, dir)
	tb.Logf("%d %s tickets were made in %v", s.count, kind, time.Since(began).Round(time.Second))
	text, err := json.Marshal([2][]string{s.people.buyers, s.people.sellers})
	if err == nil {
		err = os.WriteFile(noted, text, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return dir, s.people
}

// The entities of the nth ticket. Its event is far away and its lock lasts for weeks; it was listed two months ago or later,
// one every second, so that nothing that looks at what is new has to do with it.
const (
	ticketID = iota + 1
	orderID
	chargeID
	saleID
	ticketEvent
	orderEvent
	chargeEvent
)

// id is a UUIDv7 of the moment of the nth ticket.
func (s *seed) id(what, n int) string {
	ms := s.at(n).UnixMilli()
	return fmt.Sprintf("%08x-%04x-7%03x-8000-%012x", ms>>16, ms&0xffff, what, n)
}

func (s *seed) at(n int) time.Time {
	return s.now.Add(-60*24*time.Hour - time.Duration(s.count-n)*time.Second)
}

func (s *seed) until() time.Time { return s.now.Add(30 * 24 * time.Hour) }

func (s *seed) buyer(n int) string  { return s.users[n%crowd] }
func (s *seed) seller(n int) string { return s.users[crowd+n/7%crowd] }

// cents is a price as the events have it.
func cents(n int64) money.Decimal {
	d, err := money.ParseDecimal(fmt.Sprintf("%d.%02d", n/100, n%100))
	if err != nil {
		panic(err)
	}
	return d
}

func (s *seed) ticket(n int) event.Ticket {
	title, venue, details, price, starts := goods(n)
	t := event.Ticket{
		ID: s.id(ticketID, n), Title: title, Price: cents(price), Currency: "usd", Venue: venue, StartsAt: &starts, Details: details,
		UserID: s.seller(n), Status: event.Available, Version: 1, CreatedAt: s.at(n).UTC(), UpdatedAt: s.at(n).UTC(),
	}
	if s.kind != listedSeed {
		t.OrderID, t.Status, t.Version = s.id(orderID, n), event.Sold, 3
	}
	if s.kind == lockedSeed {
		until := s.until().UTC()
		t.Status, t.LockedUntil, t.Version = event.Locked, &until, 2
	}
	return t
}

func (s *seed) order(n int) event.Order {
	t := s.ticket(n)
	o := event.Order{
		ID: t.OrderID, UserID: s.buyer(n), Status: event.AwaitingPayment, ExpiresAt: s.until().UTC(), Version: 2, CreatedAt: t.CreatedAt,
		UpdatedAt: t.UpdatedAt, Ticket: event.OrderTicket{ID: t.ID, Title: t.Title, Price: t.Price, Currency: "usd", Version: 1, SellerID: t.UserID},
	}
	if s.kind == soldSeed {
		o.Status, o.Version, o.ChargeID, o.ExpiresAt = event.Completed, 4, s.id(chargeID, n), t.CreatedAt.Add(15*time.Minute)
	}
	return o
}

func (s *seed) charge(n int) event.Charge {
	o := s.order(n)
	return event.Charge{
		ID: o.ChargeID, OrderID: o.ID, Status: event.Completed, Amount: o.Ticket.Price, Currency: "usd", StripeID: s.intent(n), Version: 2,
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
}

func (s *seed) intent(n int) string { return fmt.Sprintf("pi_%024d", n) }

// document is an event as it is in the outbox and in the log.
func (s *seed) document(id string, t event.Type, at time.Time, state event.State) ([]byte, error) {
	data, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	entity, _ := state.Entity()
	return json.Marshal(event.Envelope{
		SpecVersion: "1.0", ID: id, Source: state.Kind().Source, Type: t, Subject: entity, Time: at, DataContentType: "application/json",
		DataSchema: event.DataSchema(state), TraceParent: "00-" + strings.ReplaceAll(id, "-", "") + "-b7ad6b7169203331-01", Data: data,
	})
}

// searched is the words of a ticket as the search has them. Those of goods have no accents.
func searched(texts ...string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(strings.Join(texts, " ")), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), " ")
}
