package stripesim

import (
	"slices"
	"strconv"
	"strings"

	"ticketing/kernel/store"
)

// listing is a query for a page of one table, newest first.
type listing struct {
	table, url, kind string
	conditions       []string
	args             []any
	undated          bool // cannot be narrowed to a time
}

func newListing(table, url, kind string) *listing {
	return &listing{table: table, url: url, kind: kind}
}

// where adds a condition: the text, then a placeholder for each value, joined by commas.
func (q *listing) where(text string, values ...any) {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = q.mark(v)
	}
	q.conditions = append(q.conditions, text+strings.Join(marks, ", ")+strings.Repeat(")", strings.Count(text, "(")-strings.Count(text, ")")))
}

// mark is the placeholder for a value.
func (q *listing) mark(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *listing) text(columns string, ascending bool, limit int64) string {
	order := " ORDER BY created_at DESC, id DESC"
	if ascending {
		order = " ORDER BY created_at, id"
	}
	return "SELECT " + columns + q.from() + order + " LIMIT " + strconv.FormatInt(limit, 10)
}

// count asks how many there are in all.
func (q *listing) count() string { return "SELECT COUNT(*)" + q.from() }

func (q *listing) from() string {
	if len(q.conditions) == 0 {
		return " FROM " + q.table
	}
	return " FROM " + q.table + " WHERE " + strings.Join(q.conditions, " AND ")
}

// list answers a list endpoint: limit, starting_after and ending_before are the same everywhere, and created nearly so.
func list[T any](c *call, q *listing, columns string, scan func(store.Scan) (T, error), render func(T) object) (object, error) {
	limit := c.limit()
	if !q.undated {
		c.created(q)
	}
	after, before := c.form.text("starting_after", 0), c.form.text("ending_before", 0)
	if after != "" && before != "" {
		c.form.fail(invalid("", "parameters_exclusive", "You may only specify one of these parameters: starting_after, ending_before."))
	}
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	if err := c.cursor(q, "starting_after", after, "<"); err != nil {
		return nil, err
	}
	if err := c.cursor(q, "ending_before", before, ">"); err != nil {
		return nil, err
	}
	rows, err := store.All(c.tx, scan, q.text(columns, before != "", limit+1), q.args...)
	if err != nil {
		return nil, err
	}
	more := int64(len(rows)) > limit
	if more {
		rows = rows[:limit]
	}
	if before != "" {
		slices.Reverse(rows)
	}
	data := make([]object, len(rows))
	for i, row := range rows {
		data[i] = render(row)
	}
	return object{"object": "list", "url": q.url, "has_more": more, "data": data}, nil
}

func (c *call) limit() int64 {
	if !c.form.has("limit") {
		return 10
	}
	n := c.form.whole("limit")
	if n < 1 || n > 100 {
		c.form.fail(invalid("limit", "parameter_invalid_integer", "This value must be between 1 and 100."))
	}
	return n
}

// created narrows the listing to a time, in whole seconds as Stripe's times are.
func (c *call) created(q *listing) {
	if c.form.has("created") {
		at := c.form.whole("created")
		q.where("created_at >= ", at*1000)
		q.where("created_at < ", (at+1)*1000)
	}
	for _, b := range []struct {
		name, op string
		plus     int64
	}{{"gt", ">=", 1}, {"gte", ">=", 0}, {"lt", "<", 0}, {"lte", "<", 1}} {
		if name := "created[" + b.name + "]"; c.form.has(name) {
			q.where("created_at "+b.op+" ", (c.form.whole(name)+b.plus)*1000)
		}
	}
}

// cursor narrows the listing to what lies on one side of the named object.
func (c *call) cursor(q *listing, param, id, op string) error {
	if id == "" {
		return nil
	}
	at, ok, err := store.One(c.tx, func(scan store.Scan) (at int64, err error) {
		err = scan(&at)
		return at, err
	}, "SELECT created_at FROM "+q.table+" WHERE id = $1", id)
	if err != nil {
		return err
	}
	if !ok {
		return missing(q.kind, param, id, false)
	}
	q.where("(created_at, id) "+op+" (", at, id)
	return nil
}

func listIntents(c *call) (object, error) {
	return list(c, newListing("intents", "/v1/payment_intents", "payment_intent"), intentColumns, scanIntent, (*intent).render)
}
