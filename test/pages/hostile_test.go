package pages

import (
	"strconv"
	"strings"
	"testing"

	"ticketing/test/browser"
)

// hostileTexts would run, load something or break out of where they stand, if anything let them.
var hostileTexts = []string{
	`<script>alert('title')</script>`,
	`"><img src=x onerror="alert('img')">`,
	`'><svg/onload=alert('svg')>`,
	`</title><script>alert('out of the title')</script>`,
	`</textarea><script>alert('out of the form')</script>`,
	`--><script>alert('out of a comment')</script><!--`,
	`javascript:alert('link')`,
	`" autofocus onfocus="alert('attribute')" x="`,
	`{{.View}} {{template "layout"}} ${alert('template')} #{1}`,
	`<iframe srcdoc="<script>parent.alert('frame')</script>"></iframe>`,
	`<style>*{display:none}</style><link rel=stylesheet href=//evil.invalid/x.css>`,
	`<meta http-equiv=refresh content="0;url=//evil.invalid/">`,
	`<base href="//evil.invalid/"><form action=//evil.invalid/><button>Pay`,
	`%3Cscript%3Ealert('encoded')%3C/script%3E &lt;script&gt; &amp;`,
	"right \u202eto left\u202c, nothing \u200b\u2060, combined Z\u0351\u036b\u0343a\u0310l\u0309g\u0300o",
	strings.Repeat("W", 200),
	`👩‍👩‍👧‍👦 中文 עברית العربية`,
}

// TestHostile lists all of them, and opens every page that shows them. Nothing runs, nothing is asked for elsewhere, and each
// can be read as it was written.
func TestHostile(t *testing.T) {
	t.Parallel()
	m := open(t)
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	selling, buying := signedIn(t, m, seller, browser.Options{Width: 390}), signedIn(t, m, buyer, browser.Options{Width: 390})
	watching := browser.Open(t, m.Front.URL, browser.Options{Width: 390})
	watching.Visit("/")
	watching.Until(`performance.getEntriesByType("resource").some(r => r.name.includes("market."))`)
	for _, text := range hostileTexts {
		body := map[string]any{"title": text, "price": 10, "venue": text, "details": text + "\n" + text}
		id := idOf(seller.Ask("POST", "/api/tickets", body).Want(201))
		for path, p := range map[string]*browser.Page{"/tickets/" + id: buying, "/tickets/" + id + "/edit": selling, "/tickets/" + id + "/withdraw": selling} {
			p.Visit(path)
			read(t, p, text)
			p.NoSidewaysScroll()
		}
		order := idOf(buyer.Ask("POST", "/api/orders", map[string]any{"ticketId": id}).Want(201))
		buying.Visit("/orders/" + order)
		read(t, buying, text)
		buying.NoSidewaysScroll()
		buying.Visit("/payments/return?order=" + order)
		read(t, buying, text)
		selling.Visit("/sell")
		selling.Fill("Title", text)
		selling.Fill("Price", text[:min(len(text), 20)])
		selling.Expects("400 for ")
		selling.Go("Put it on the market")
		read(t, selling, text)
	}
	for _, text := range hostileTexts {
		seller.Ask("POST", "/api/tickets", map[string]any{"title": text, "price": 10, "venue": text}).Want(201)
	}
	watching.Press("new tickets: show") // a script puts them into the page
	for _, text := range hostileTexts {
		watching.Until(`document.body.textContent.includes(` + strconv.Quote(text) + `)`)
	}
	watching.NoSidewaysScroll()
	for path, p := range map[string]*browser.Page{"/?status=all": buying, "/selling": selling, "/orders": buying} {
		p.Visit(path)
		for _, text := range hostileTexts {
			read(t, p, text)
		}
		check(p)
	}
	buying.Visit("/?q=" + "%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
	read(t, buying, `"><script>alert(1)</script>`)
}

// read looks for the text as it was written: in what can be read, or in a field.
func read(t *testing.T, p *browser.Page, text string) {
	t.Helper()
	const all = `document.title + document.body.textContent + [...document.querySelectorAll('input, textarea')].map(f => f.value).join(' ')`
	if shown := p.Value(all); !strings.Contains(shown, text) {
		t.Errorf("%s does not show %q as it was written", p.At(), text)
	}
}
