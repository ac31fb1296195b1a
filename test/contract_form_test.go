package test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ticketing/kernel/fault"
	"ticketing/test/market"
)

// ask sends a request to an operation, "PUT /api/tickets/{id}", with an id for the pattern's, and checks the answer. A query
// may follow the pattern.
func (c *contract) ask(who *market.Person, operation, id string, body any, header ...string) market.Answer {
	c.Helper()
	method, target, _ := strings.Cut(operation, " ")
	pattern, _, _ := strings.Cut(target, "?")
	a := who.Ask(method, strings.Replace(target, "{id}", id, 1), body, header...)
	if a.Err != nil {
		c.Fatal(a.Err)
	}
	if err := c.doc.Answer(method, pattern, a.Status, a.Header.Get("Content-Type"), a.Body); err != nil {
		c.Errorf("%v: %s", err, a)
	}
	documented, _ := c.doc.At("paths", pattern, strings.ToLower(method), "responses", strconv.Itoa(a.Status), "headers").(map[string]any)
	for _, name := range []string{"ETag", "Location", "Link", "Retry-After", "Idempotent-Replayed", "Set-Cookie"} {
		if a.Header.Get(name) != "" && documented[name] == nil {
			c.Errorf("%s has a header %s, which is not documented", a, name)
		}
	}
	if c.seen[method+" "+pattern] == nil {
		c.seen[method+" "+pattern] = map[string]bool{}
	}
	c.seen[method+" "+pattern][strconv.Itoa(a.Status)] = true
	c.form(a)
	return a
}

var (
	traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)
	uuid    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// form checks what every answer of the API has.
func (c *contract) form(a market.Answer) {
	c.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin-when-cross-origin",
		"Content-Security-Policy": "frame-ancestors 'none'", "Permissions-Policy": "camera=()",
	} {
		if got := a.Header.Values(name); len(got) != 1 || !strings.Contains(got[0], want) {
			c.Errorf("%s: %s is %q", a, name, got)
		}
	}
	if cache := a.Header.Get("Cache-Control"); cache != "no-store" && cache != "no-cache" || !a.OK() && a.Status != 304 && cache != "no-store" {
		c.Errorf("%s: Cache-Control is %q", a, cache)
	}
	if !traceID.MatchString(a.Header.Get("X-Trace-Id")) {
		c.Errorf("%s: the trace is %q", a, a.Header.Get("X-Trace-Id"))
	}
	if a.OK() || a.Status == 304 {
		var v any
		if len(a.Body) > 0 && json.Unmarshal(a.Body, &v) != nil {
			c.Errorf("%s: the body is no JSON", a)
		}
		c.values("", v, a)
		return
	}
	c.problem(a)
}

// values checks how ids and times look, wherever they are.
func (c *contract) values(name string, v any, a market.Answer) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			c.values(name, inner, a)
		}
	case []any:
		for _, inner := range v {
			c.values(name, inner, a)
		}
	case string:
		if (name == "id" || name == "userId" || name == "orderId") && !uuid.MatchString(v) {
			c.Errorf("%s: %s is no UUIDv7", a, name)
		}
		if strings.HasSuffix(name, "At") || strings.HasSuffix(name, "Until") {
			if at, err := time.Parse(time.RFC3339, v); err != nil || !strings.HasSuffix(v, "Z") || at.IsZero() {
				c.Errorf("%s: %s is no time in UTC", a, name)
			}
		}
	}
}

// problem checks the one structure of errors, and that the page which explains it exists.
func (c *contract) problem(a market.Answer) {
	c.Helper()
	p, err := a.Problem()
	if err != nil {
		c.Error(err)
		return
	}
	i := slices.IndexFunc(fault.Catalog, func(f fault.Code) bool { return f.Name == p.Code })
	if i < 0 || int(fault.Catalog[i].Kind) != a.Status || fault.Catalog[i].Title != p.Title {
		c.Errorf("%s is not in the catalogue", a)
	}
	path, _, _ := strings.Cut(strings.SplitN(a.Request, " ", 2)[1], "?")
	if !strings.HasSuffix(path, p.Instance) || !traceID.MatchString(p.TraceID) ||
		p.TraceID != a.Header.Get("X-Trace-Id") && a.Header.Get("Idempotent-Replayed") == "" {
		c.Errorf("%s: another instance or trace than the request's", a)
	}
	for _, e := range p.Errors {
		if e.Message == "" {
			c.Errorf("%s: an error without a message", a)
		}
	}
	if !c.pages[p.Code] {
		c.pages[p.Code] = true
		page := c.nobody.Ask("GET", p.Type, nil, "Accept", "text/html")
		if page.Status != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(page.Body), p.Title) {
			c.Errorf("%s explains nothing: %d", p.Type, page.Status)
		}
	}
}
