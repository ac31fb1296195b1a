package stripesim

import (
	"regexp"
	"strconv"
	"strings"

	"ticketing/kernel/store"
)

// clause is one condition of Stripe's query language: field, operator, value; the value may be quoted either way.
var clause = regexp.MustCompile(`^\s*(metadata\[(?:'([^']*)'|"([^"]*)")\]|status|currency|amount|created|customer)\s*(:|>=|<=|>|<)\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\d+))\s*`)

// searchIntents knows Stripe's query language without OR, negation and substrings. What is found is never behind: Stripe's
// own search index lags by a minute.
func searchIntents(c *call) (object, error) {
	query, page, limit := c.form.required("query"), c.form.text("page", 0), c.limit()
	q := newListing("intents", "/v1/payment_intents/search", "payment_intent")
	if c.form.err == nil {
		c.form.fail(q.search(query))
	}
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	if err := c.cursor(q, "page", page, "<"); err != nil {
		return nil, err
	}
	rows, err := store.All(c.tx, scanIntent, q.text(intentColumns, false, limit+1), q.args...)
	if err != nil {
		return nil, err
	}
	o := object{"object": "search_result", "url": q.url, "has_more": false, "next_page": nil}
	if int64(len(rows)) > limit {
		rows = rows[:limit]
		o["has_more"], o["next_page"] = true, rows[limit-1].id
	}
	data := make([]object, len(rows))
	for i, row := range rows {
		data[i] = row.render()
	}
	o["data"] = data
	return o, nil
}

// search adds the query's conditions.
func (q *listing) search(query string) error {
	for rest, first := query, true; rest != "" || first; first = false {
		if !first {
			var ok bool
			if rest, ok = strings.CutPrefix(rest, "AND "); !ok {
				return badQuery(query)
			}
		}
		m := clause.FindStringSubmatch(rest)
		if m == nil {
			return badQuery(query)
		}
		if !q.add(m[1], m[2]+m[3], m[4], unquote(m[5]+m[6]+m[7])) {
			return badQuery(query)
		}
		rest = rest[len(m[0]):]
	}
	return nil
}

// add translates one clause; false means that the field has no such operator or value.
func (q *listing) add(field, name, op, value string) bool {
	switch {
	case strings.HasPrefix(field, "metadata") && op == ":":
		q.where("id IN (SELECT intent FROM intent_metadata WHERE (name, value) = (", name, value)
	case (field == "status" || field == "currency") && op == ":":
		q.where(field+" = ", value)
	case field == "amount" || field == "created":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return false
		}
		if op == ":" {
			op = "="
		}
		if field == "created" {
			field = "created_at / 1000"
		}
		q.where(field+" "+op+" ", n)
	default:
		return false
	}
	return true
}

func unquote(s string) string {
	return strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`).Replace(s)
}

func badQuery(query string) error {
	return invalid("query", "", "We were unable to parse your search query: %.200s. Supported here are clauses such as "+
		"metadata['key']:'value', status:'succeeded', amount>1000 and created>1700000000, joined with AND.", query)
}
