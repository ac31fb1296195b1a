package web

import (
	"maps"
	"slices"
	"strings"
)

// policy says what a page may load and where it may send things: the Content-Security-Policy, by directive.
type policy map[string]string

// strict allows what these pages need and nothing else: scripts and images from here, none of them inline, and the one
// style that is in the page itself, once its hash is added.
func strict() policy {
	return policy{
		"default-src":     "'none'",
		"script-src":      "'self'",
		"style-src":       "'none'",
		"img-src":         "'self' data:",
		"connect-src":     "'self'",
		"form-action":     "'self'",
		"base-uri":        "'none'",
		"frame-ancestors": "'none'",
	}
}

// allow lets this one page use another source. It is for the checkout, which needs the payment provider's own script.
func (p policy) allow(directive, source string) {
	if p[directive] == "" || p[directive] == "'none'" {
		p[directive] = source
		return
	}
	p[directive] += " " + source
}

// String is the header's value.
func (p policy) String() string {
	var b strings.Builder
	for i, directive := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(directive + " " + p[directive])
	}
	return b.String()
}
