package tickets

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// SQLite answers a search by finding every ticket that has the words, and sorting them. Of words that many tickets have that
// would be thousands, for a page of twenty. So it is first tried whether the words are common: the tickets are walked in the
// order of the list, and those that have the words are soon enough for a page. Words for which that takes longer are rare ones,
// and then there are few tickets to be sorted.
const (
	mostNewest = 500  // tickets that are looked at when they begin with the words, newest first
	mostSorted = 4000 // tickets that are looked at whatever they say, in the order of a list
	few        = 50   // tickets that can be sorted sooner than any list is walked
	indexed    = 3    // characters of a word by which tickets are found one after another; of longer ones all are gathered first
)

// selectCommon is the page if the words are common; false if it is not known.
func selectCommon(tx *store.Tx, f Filter) (page []Ticket, common bool, err error) {
	var found []seen
	beginnings := f.beginnings()
	switch {
	case beginnings == nil: // words of one character, which hardly any ticket lacks
		found, common, err = sortedCommon(tx, f)
	case f.Sort == Newest:
		// Where most has been sold, what has the words is mostly that, and the list of what is left is short.
		if found, common, err = newestCommon(tx, f, few, match(tx, beginnings)); !common && err == nil {
			found, common, err = sortedCommon(tx, f)
		}
		if !common && err == nil {
			found, common, err = newestCommon(tx, f, mostNewest, match(tx, beginnings))
		}
	default:
		if common, err = many(tx, match(tx, beginnings)); common {
			found, common, err = sortedCommon(tx, f)
		}
	}
	if !common || err != nil {
		return nil, false, err
	}
	page = []Ticket{}
	for _, p := range found {
		t, _, err := selectTicket(tx, p.ID)
		if err != nil || t.Version != p.version { // each statement sees the newest commit, which may be another one by now
			return nil, false, err
		}
		page = append(page, t)
	}
	return page, true, nil
}

// seen is a ticket that the list shows.
type seen struct {
	Place
	version int64
}

// beginnings are those of the words by which an index finds tickets in the order of their numbers.
func (f Filter) beginnings() (all []string) {
	for _, w := range f.Words {
		if n := utf8.RuneCountInString(w); n > indexed {
			w = string([]rune(w)[:indexed])
		} else if n == 1 {
			continue
		}
		all = append(all, w)
	}
	return all
}

// many tells whether there are more than a few tickets with these beginnings.
func many(tx *store.Tx, beginnings string) (bool, error) {
	n, _, err := store.One(tx, scanNumber, `SELECT count(*) FROM (SELECT rowid FROM ticket_search WHERE ticket_search MATCH $1 LIMIT $2)`, beginnings, few)
	return n == few, err
}

// newestCommon walks the tickets with these beginnings from the newest on. Numbers are given in the order of listing, in which
// created_at never decreases.
func newestCommon(tx *store.Tx, f Filter, most int, beginnings string) (found []seen, common bool, err error) {
	from := int64(math.MaxInt64)
	if f.After != nil {
		from, _, err = store.One(tx, scanNumber, `SELECT coalesce(max(number), 0) FROM ticket_numbers WHERE ticket_id IN
			(SELECT id FROM tickets WHERE id <> '' AND created_at =
				(SELECT max(created_at) FROM tickets WHERE id <> '' AND created_at <= $1))`, f.After.Value)
		if err != nil {
			return nil, false, err
		}
	}
	return walk(tx, f, most, `SELECT id, created_at, version, tickets.search, `+statuses[f.Status]+`, starts_at FROM ticket_search
		JOIN ticket_numbers ON number = ticket_search.rowid JOIN tickets ON id = ticket_id
		WHERE ticket_search MATCH $1 AND ticket_search.rowid <= $2 ORDER BY ticket_search.rowid DESC`, beginnings, from)
}

// sortedCommon walks the list as if there were no words.
func sortedCommon(tx *store.Tx, f Filter) (found []seen, common bool, err error) {
	sort := sorts[f.Sort]
	query := `SELECT id, ` + sort.column + `, version, search, TRUE, starts_at FROM tickets WHERE ` + statuses[f.Status]
	var args []any
	if f.After != nil {
		query += ` AND (` + sort.column + `, id) ` + sort.beyond + ` ($1, $2)`
		args = []any{f.After.Value, f.After.ID}
	}
	return walk(tx, f, mostSorted, query+` ORDER BY `+sort.column+` `+sort.direction+`, id `+sort.direction, args...)
}

func scanNumber(scan store.Scan) (n int64, err error) { return n, scan(&n) }

// walk takes tickets as they come until there are enough for a page. It is false when it has looked at so many in vain. When
// there are no more it is true: the words are not common, but there is nothing else to be found.
func walk(tx *store.Tx, f Filter, most int, query string, args ...any) (found []seen, common bool, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	now := store.Millis(tx.Now())
	for looked := 0; rows.Next(); looked++ {
		var t seen
		var search string
		var fits bool
		var startsAt int64
		if err := rows.Scan(&t.ID, &t.Value, &t.version, &search, &fits, &startsAt); err != nil {
			return nil, false, err
		}
		if enough := len(found) >= f.Limit; enough && (f.Sort != Newest || t.Value != found[len(found)-1].Value) {
			break // those that were listed in one millisecond come in any order
		}
		if looked >= most {
			return nil, false, nil
		}
		behind := f.After == nil || f.Sort.compare(*f.After, t.Place) < 0
		if behind && fits && (f.Status != event.Available || startsAt > now) && says(search, f.Words) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b seen) int { return f.Sort.compare(a.Place, b.Place) })
	return found[:min(len(found), f.Limit)], true, rows.Err()
}

// says tells whether each word begins one of the text.
func says(search string, words []string) bool {
	for _, w := range words {
		if !strings.HasPrefix(search, w) && !strings.Contains(search, " "+w) {
			return false
		}
	}
	return true
}

// compare is negative if a comes before b in a list of this order.
func (s Sort) compare(a, b Place) int {
	order := cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.ID, b.ID))
	if sorts[s].direction == "DESC" {
		return -order
	}
	return order
}
