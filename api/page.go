package api

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	Next  string // cursor of the next page; empty: this is the last
}

// pageOf asks for one page.
func pageOf[T any](ctx context.Context, c *Client, path string, query url.Values) (Page[T], error) {
	var p Page[T]
	a, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return p, err
	}
	p.Next = nextCursor(a.header)
	return p, a.into(&p.Items)
}

// each goes through all pages of a list. It ends with the first error.
func each[T any](page func(cursor string) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			p, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = p.Next; cursor == "" {
				return
			}
		}
	}
}

// nextCursor is the cursor in the link to the next page (RFC 8288).
func nextCursor(h http.Header) string {
	for _, line := range h.Values("Link") {
		for rest := line; ; {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			target, parameters, ok := strings.Cut(after, ">")
			if !ok {
				break
			}
			own, _, _ := strings.Cut(parameters, ",")
			if u, err := url.Parse(target); err == nil && isNext(own) {
				return u.Query().Get("cursor")
			}
			rest = parameters
		}
	}
	return ""
}

// isNext tells whether the parameters of a link make it one to the next page.
func isNext(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for _, rel := range strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(rel, "next") {
				return true
			}
		}
	}
	return false
}
