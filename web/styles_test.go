package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/test/market"
)

// part is a section of style.css that only some pages have.
type part struct{ pages, begins string }

// styled says of each class which section it belongs to: by the first rule that is about it.
var styled = sync.OnceValue(func() map[string]part {
	css, err := os.ReadFile("style.css")
	if err != nil {
		panic(err)
	}
	all, in := map[string]part{}, part{}
	for line := range strings.Lines(string(css)) {
		selectors, _, rule := strings.Cut(line, " {")
		if heading, ok := strings.CutPrefix(line, "/* -- "); ok {
			_, pages, _ := strings.Cut(heading, "(")
			in.pages, _, _ = strings.Cut(pages, ")")
			in.begins = ""
		} else if rule && in.begins == "" {
			in.begins = "}" + strings.ReplaceAll(selectors, ", ", ",") + "{"
		}
		for _, m := range regexp.MustCompile(`\.[a-z][^;]*\{`).FindAllString(line, -1) {
			for _, class := range regexp.MustCompile(`\.[a-z][a-z-]*`).FindAllString(m, -1) {
				if _, ok := all[class]; !ok {
					all[class] = in
				}
			}
		}
	}
	return all
})

// dressed checks that the page has its style in itself, that the policy lets it have just that, and that no class of the
// page is without the section that it belongs to.
func (d *dom) dressed(wrong func(string, ...any)) {
	var css string
	if styles := d.all("style"); len(styles) != 1 || styles[0].Parent.Data != "head" {
		wrong("%d styles, or not in the head", len(styles))
		return
	} else if styles[0].FirstChild != nil {
		css = styles[0].FirstChild.Data
	}
	sum := sha256.Sum256([]byte(css))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if policy := d.header.Get("Content-Security-Policy"); !slices.Contains(strings.Split(policy, "; "), want) {
		wrong("the policy lacks %s: %s", want, policy)
	}
	for _, n := range d.all("[class]") {
		for class := range strings.FieldsSeq(attr(n, "class")) {
			if in := styled()["."+class]; in.pages != "" && !strings.Contains(css, in.begins) {
				wrong("the class %s is only for %s", class, in.pages)
			}
		}
	}
	for _, element := range []string{"table", "details"} {
		if len(d.all("main "+element)) > 0 && !strings.Contains(css, element+"{") {
			wrong("a %s has no style", element)
		}
	}
}

// The market with a page full of tickets is small enough to come with the first packets, styles and all.
func TestTheMarketIsSmall(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller, buyer := m.SignUp("sally"), m.SignUp("bert")
	starts := time.Now().AddDate(0, 6, 0).UTC().Truncate(time.Minute).Format(time.RFC3339)
	for i := range 21 {
		seller.Ask("POST", "/api/tickets", map[string]any{
			"title": fmt.Sprintf("The Magnificent Ghost Town Orchestra, evening %d", i+1), "price": 1249.5, "startsAt": starts, "timeZone": "Europe/Berlin",
			"venue": "Kulturzentrum Schlachthof, Wiesbaden", "details": "Block C, row 4, seat 12",
		}).Want(201)
	}
	for _, language := range []string{"en-US", "de-DE"} {
		v := at(t, m, buyer)
		v.languages = language
		page := v.opens("/").answers(200).sound()
		if n := len(page.all("main article")); n != 20 {
			t.Fatalf("%d tickets", n)
		}
		page.one(`form[action="/signout"]`)
		page.one(`nav [rel=next]`)
		t.Logf("%s: %d bytes, of which %d are styles", language, len(page.body), len(page.one("style").FirstChild.Data))
		if len(page.body) >= 30<<10 {
			t.Errorf("the market in %s has %d bytes", language, len(page.body))
		}
	}
}
