package stripesim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ticketing/kernel/store"
)

// clause is one condition of Stripe's query language: what is not to be, field, operator, value; texts are quoted either
// way. What stands before the next one joins them.
var (
	clause = regexp.MustCompile(`^(-?)(?:metadata\[(?:'([^']*)'|"([^"]*)")\]|([a-z_.]+))\s*(:|~|>=|<=|>|<)\s*` +
		`(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\d+)|(?i:(null)))`)
	joiner = regexp.MustCompile(`^\s+(?:(?i:(and|or))\s+)?`)
)

// The most clauses that Stripe takes.
const maxClauses = 10

// term is a clause that was read.
type term struct {
	not              bool
	field, op, value string // the field is empty for metadata
	key              string // of metadata
	null             bool
}

// searchIntents knows Stripe's query language for PaymentIntents. What is found is never behind: Stripe's own search index
// lags by a minute.
func searchIntents(c *call) (object, error) {
	query, page, limit := c.form.required("query"), c.form.text("page", 0), c.limit()
	q := newListing("intents", "/v1/payment_intents/search", "payment_intent")
	if c.form.err == nil {
		c.form.fail(q.search(query))
	}
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	o := object{"object": "search_result", "url": q.url, "has_more": false, "next_page": nil}
	if slices.Contains(c.form.expand(), "total_count") {
		var total int64
		if err := c.tx.QueryRow(q.count(), q.args...).Scan(&total); err != nil {
			return nil, err
		}
		o["total_count"] = total
	}
	if err := c.cursor(q, "page", page, "<"); err != nil {
		return nil, err
	}
	rows, err := store.All(c.tx, scanIntent, q.text(intentColumns, false, limit+1), q.args...)
	if err != nil {
		return nil, err
	}
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

// search adds the query's condition.
func (q *listing) search(query string) error {
	terms, either, ok := readQuery(strings.TrimSpace(query))
	if !ok {
		return badQuery()
	}
	conditions := make([]string, len(terms))
	for i, t := range terms {
		condition, err := q.condition(t)
		if err != nil {
			return err
		}
		if t.not {
			condition = "NOT " + condition
		}
		conditions[i] = condition
	}
	join := " AND "
	if either {
		join = " OR "
	}
	q.conditions = append(q.conditions, "("+strings.Join(conditions, join)+")")
	return nil
}

// readQuery takes a query apart: its clauses, and whether one of them is enough. AND and OR can't be mixed.
func readQuery(rest string) (terms []term, either, ok bool) {
	joined := ""
	for {
		m := clause.FindStringSubmatch(rest)
		if m == nil || len(terms) == maxClauses {
			return nil, false, false
		}
		terms = append(terms, term{not: m[1] != "", key: m[2] + m[3], field: m[4], op: m[5], value: unquote(m[6] + m[7] + m[8]), null: m[9] != ""})
		if rest = rest[len(m[0]):]; rest == "" {
			return terms, joined == "OR", true
		}
		between := joiner.FindStringSubmatch(rest)
		if between == nil {
			return nil, false, false
		}
		word := strings.ToUpper(between[1])
		if word == "" {
			word = "AND"
		}
		if joined != "" && word != joined {
			return nil, false, false
		}
		joined, rest = word, rest[len(between[0]):]
	}
}

// condition translates a clause.
func (q *listing) condition(t term) (string, error) {
	number, notNumber := strconv.ParseInt(t.value, 10, 64)
	op := t.op
	if op == ":" {
		op = "="
	}
	switch {
	case t.field == "" && t.null && t.op == ":":
		return "id NOT IN (SELECT intent FROM intent_metadata WHERE name = " + q.mark(t.key) + ")", nil
	case t.field == "" && t.op == ":":
		return "id IN (SELECT intent FROM intent_metadata WHERE (name, value) = (" + q.mark(t.key) + ", " + q.mark(t.value) + "))", nil
	case (t.field == "status" || t.field == "currency") && t.op == ":" && !t.null:
		return t.field + " = " + q.mark(strings.ToLower(t.value)), nil
	case t.field == "customer" && t.op == ":" && t.null: // nobody here has one
		return "1 = 1", nil
	case t.field == "customer" && t.op == ":":
		return "1 = 0", nil
	case (t.field == "amount" || t.field == "created") && t.op != "~" && !t.null && notNumber == nil:
		column := map[string]string{"amount": "amount", "created": "created_at / 1000"}[t.field]
		return column + " " + op + " " + q.mark(number), nil
	case slices.Contains([]string{"", "status", "currency", "customer", "amount", "created"}, t.field):
		return "", badQuery()
	}
	return "", invalid("query", "", "Field `%s` is an unsupported search field for resource `payment_intents`. See "+
		"https://stripe.com/docs/search#query-fields-for-payment-intents for a list of supported fields.", t.field)
}

func unquote(s string) string {
	return strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`).Replace(s)
}

func badQuery() error {
	return invalid("query", "", "We were unable to parse your search query. Try using the format `metadata[\"key\"]:\"value\"` to "+
		"query for metadata or key:\"value\" to query for other fields.")
}
