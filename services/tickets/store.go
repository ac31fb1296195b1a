package tickets

import (
	"embed"
	"fmt"
	"math"
	"strings"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

//go:embed migrations
var files embed.FS

// Migrations are the tables of tickets.
var Migrations = store.Files(files, "migrations")

// noDate stands for an event without one: it sorts behind all others, and never begins.
const noDate = math.MaxInt64

const columns = `id, user_id, title, price, currency, venue, details, starts_at, time_zone, order_id, locked_until, sold_at, withdrawn_at, version, created_at, updated_at`

func scanTicket(scan store.Scan) (t Ticket, err error) {
	var orderID *string
	var startsAt, lockedUntil, soldAt, withdrawnAt, createdAt, updatedAt int64
	err = scan(&t.ID, &t.UserID, &t.Title, &t.Price, &t.Currency, &t.Venue, &t.Details, &startsAt, &t.TimeZone, &orderID, &lockedUntil,
		&soldAt, &withdrawnAt, &t.Version, &createdAt, &updatedAt)
	if orderID != nil {
		t.OrderID = *orderID
	}
	if startsAt != noDate {
		t.StartsAt = store.Time(startsAt)
	}
	t.LockedUntil, t.SoldAt, t.WithdrawnAt = store.Time(lockedUntil), store.Time(soldAt), store.Time(withdrawnAt)
	t.CreatedAt, t.UpdatedAt = store.Time(createdAt), store.Time(updatedAt)
	return t, err
}

func (l Listing) startsAtMillis() int64 {
	if l.StartsAt.IsZero() {
		return noDate
	}
	return store.Millis(l.StartsAt)
}

func (l Listing) search() string {
	return strings.Join(words(l.Title+" "+l.Venue+" "+l.Details), " ")
}

func selectTicket(tx *store.Tx, id string) (Ticket, bool, error) {
	return store.One(tx, scanTicket, `SELECT `+columns+` FROM tickets WHERE id = $1`, id)
}

// insertTicket is false when the id is taken.
func insertTicket(tx *store.Tx, t Ticket) (bool, error) {
	n, err := tx.Exec(`INSERT INTO tickets (id, user_id, title, price, currency, venue, details, search, starts_at, time_zone, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING`,
		t.ID, t.UserID, t.Title, int64(t.Price), t.Currency, t.Venue, t.Details, t.search(), t.startsAtMillis(), t.TimeZone,
		t.Version, store.Millis(t.CreatedAt), store.Millis(t.UpdatedAt))
	if err != nil || n == 0 {
		return false, err
	}
	return true, index(tx, t)
}

// updateListing writes what the seller says, provided that the ticket is still free and still this version.
func updateListing(tx *store.Tx, t Ticket, l Listing) (Ticket, bool, error) {
	updated, ok, err := store.One(tx, scanTicket, `UPDATE tickets SET title = $1, price = $2, venue = $3, details = $4, search = $5, starts_at = $6,
			time_zone = $7, version = version + 1, updated_at = $8
		WHERE id = $9 AND version = $10 AND order_id IS NULL AND withdrawn_at = 0 RETURNING `+columns,
		l.Title, int64(l.Price), l.Venue, l.Details, l.search(), l.startsAtMillis(), l.TimeZone, store.Millis(tx.Now()), t.ID, t.Version)
	if ok && l.search() != t.search() {
		err = indexAnew(tx, updated)
	}
	return updated, ok, err
}

// withdraw takes the ticket off the market, provided that it is still free and still this version.
func withdraw(tx *store.Tx, t Ticket) (Ticket, bool, error) {
	return store.One(tx, scanTicket, `UPDATE tickets SET withdrawn_at = $1, version = version + 1, updated_at = $1
		WHERE id = $2 AND version = $3 AND order_id IS NULL AND withdrawn_at = 0 RETURNING `+columns,
		store.Millis(tx.Now()), t.ID, t.Version)
}

// lock gives the ticket to the order, provided that it is free and the version that the buyer saw. This one statement is
// what decides who gets a ticket, and whether an edit or an order came first.
func lock(tx *store.Tx, o event.Order) (Ticket, bool, error) {
	return store.One(tx, scanTicket, `UPDATE tickets SET order_id = $1, locked_until = $2, version = version + 1, updated_at = $3
		WHERE id = $4 AND version = $5 AND order_id IS NULL AND withdrawn_at = 0 AND starts_at > $3 RETURNING `+columns,
		o.ID, store.Millis(o.ExpiresAt), store.Millis(tx.Now()), o.Ticket.ID, o.Ticket.Version)
}

// unlock frees the ticket of this order and of no other.
func unlock(tx *store.Tx, orderID string) (Ticket, bool, error) {
	return store.One(tx, scanTicket, `UPDATE tickets SET order_id = NULL, locked_until = 0, version = version + 1, updated_at = $1
		WHERE order_id = $2 AND sold_at = 0 RETURNING `+columns, store.Millis(tx.Now()), orderID)
}

// sell makes the lock of this order last.
func sell(tx *store.Tx, orderID string) (Ticket, bool, error) {
	return store.One(tx, scanTicket, `UPDATE tickets SET sold_at = $1, locked_until = 0, version = version + 1, updated_at = $1
		WHERE order_id = $2 AND sold_at = 0 RETURNING `+columns, store.Millis(tx.Now()), orderID)
}

// Sort is an order of a list.
type Sort string

// The orders of a list of tickets.
const (
	Newest   Sort = "new"
	Cheapest Sort = "price"
	Dearest  Sort = "-price"
	Soonest  Sort = "date"
)

// sorts has the column and the direction of each sort; ids settle ties in the same direction.
var sorts = map[Sort]struct{ column, direction, beyond string }{
	Newest:   {"created_at", "DESC", "<"},
	Cheapest: {"price", "ASC", ">"},
	Dearest:  {"price", "DESC", "<"},
	Soonest:  {"starts_at", "ASC", ">"},
}

// Place is where an entry stands in a list.
type Place struct {
	Value int64  `json:"v"`
	ID    string `json:"id"`
}

// place is where the ticket stands in a list of this order.
func (s Sort) place(t Ticket) Place {
	switch s {
	case Cheapest, Dearest:
		return Place{int64(t.Price), t.ID}
	case Soonest:
		return Place{t.startsAtMillis(), t.ID}
	}
	return Place{store.Millis(t.CreatedAt), t.ID}
}

// statuses has the condition of each list; they are those of the indexes.
var statuses = map[string]string{
	event.Available: "order_id IS NULL AND withdrawn_at = 0",
	event.Locked:    "order_id IS NOT NULL AND sold_at = 0",
	event.Sold:      "sold_at > 0",
	"all":           "id <> ''", // every ticket, in the words of its index
}

// Filter is what a list shows.
type Filter struct {
	Words  []string // all of them, each the beginning of a word
	Status string   // a key of statuses
	Seller string   // "" for all
	Sort   Sort
	After  *Place // nil for the beginning
	Limit  int
}

// selectTickets is one page. The texts are few: prepared statements stay useful.
func selectTickets(tx *store.Tx, f Filter) ([]Ticket, error) {
	if len(f.Words) > 0 && f.Seller == "" && tx.Embedded() { // PostgreSQL knows how common words are
		if page, common, err := selectCommon(tx, f); common || err != nil {
			return page, err
		}
	}
	return selectSorted(tx, f)
}

// selectSorted finds all that the list shows, and takes the first of them.
func selectSorted(tx *store.Tx, f Filter) ([]Ticket, error) {
	sort := sorts[f.Sort]
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	where := []string{statuses[f.Status]}
	if f.Status == event.Available {
		begins := "+starts_at" // the plus keeps SQLite from using an index on it, and sorting the whole market then
		if f.Sort == Soonest {
			begins = "starts_at"
		}
		where = append(where, begins+" > "+arg(store.Millis(tx.Now())))
	}
	if f.Seller != "" {
		where = append(where, "user_id = "+arg(f.Seller))
	}
	if len(f.Words) > 0 {
		query := arg(match(tx, f.Words))
		where = append(where, tx.Either(
			"id IN (SELECT ticket_id FROM ticket_search JOIN ticket_numbers ON number = ticket_search.rowid WHERE ticket_search MATCH "+query+")",
			"id IN (SELECT ticket_id FROM ticket_words WHERE words @@ CAST("+query+" AS tsquery))"))
	}
	if f.After != nil {
		where = append(where, "("+sort.column+", id) "+sort.beyond+" ("+arg(f.After.Value)+", "+arg(f.After.ID)+")")
	}
	return store.All(tx, scanTicket, `SELECT `+columns+` FROM tickets WHERE `+strings.Join(where, " AND ")+
		` ORDER BY `+sort.column+" "+sort.direction+", id "+sort.direction+` LIMIT `+arg(f.Limit), args...)
}

// match is the query of the full text search: every word begins a word of the ticket.
func match(tx *store.Tx, words []string) string {
	prefixes := make([]string, len(words))
	for i, w := range words {
		prefixes[i] = tx.Either(`"`+w+`"*`, `'`+w+`':*`)
	}
	return strings.Join(prefixes, tx.Either(" ", " & "))
}

// event is the ticket as the log tells of it.
func (s *Service) event(t Ticket) event.Ticket {
	return event.Ticket{
		ID: t.ID, Title: t.Title, Price: s.currency.Decimal(t.Price), Currency: t.Currency, Venue: t.Venue,
		StartsAt: known(t.StartsAt), TimeZone: t.TimeZone, Details: t.Details, UserID: t.UserID, OrderID: t.OrderID, Status: t.Status(),
		LockedUntil: known(t.LockedUntil), Version: t.Version, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
