package web

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"
)

// sheet is the style of one page. It is part of the page, so that nothing has to be fetched before the first paint.
type sheet struct {
	css    template.CSS
	source string // how the policy names exactly this text
}

// section is a part of style.css, under a heading like these:
//
//	/* -- type -- */
//	/* -- stubs (market, selling): a ticket with a part to tear off -- */
type section struct {
	name  string
	pages []string // that need it; none: all do
	css   string
}

var heading = regexp.MustCompile(`(?m)^/\* -- ([a-z ]+?)(?: \(([a-z, ]+)\))?(?:: .*?)? -- \*/$`)

// sectionsOf takes a style sheet apart.
func sectionsOf(css string) (all []section, err error) {
	headings := heading.FindAllStringSubmatchIndex(css, -1)
	if n := strings.Count(css, "/* -- "); n != len(headings) || n == 0 {
		return nil, fmt.Errorf("%d of the %d headings of sections can be read", len(headings), n)
	}
	for i, h := range headings {
		end := len(css)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		s := section{name: css[h[2]:h[3]], css: minified(css[h[1]:end])}
		if h[4] >= 0 {
			s.pages = strings.Split(css[h[4]:h[5]], ", ")
		}
		all = append(all, s)
	}
	return all, nil
}

// sheets are the styles of the pages of these names, each with the sections that it needs.
func sheets(css string, pages []string) (map[string]sheet, error) {
	sections, err := sectionsOf(css)
	if err != nil {
		return nil, err
	}
	for _, s := range sections {
		for _, page := range s.pages {
			if !slices.Contains(pages, page) {
				return nil, fmt.Errorf("the section %s is for a page %s, which there is not", s.name, page)
			}
		}
	}
	all := map[string]sheet{}
	for _, page := range pages {
		var b strings.Builder
		for _, s := range sections {
			if len(s.pages) == 0 || slices.Contains(s.pages, page) {
				b.WriteString(s.css)
			}
		}
		sum := sha256.Sum256([]byte(b.String()))
		all[page] = sheet{template.CSS(b.String()), "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"}
	}
	return all, nil
}

// tight are the spaces that a browser does not need. None of {};,> is in an expression, where a space may matter.
var tight = func() *strings.Replacer {
	var pairs []string
	for _, mark := range []string{"{", "}", ";", ",", ">"} {
		pairs = append(pairs, " "+mark+" ", mark, " "+mark, mark, mark+" ", mark)
	}
	return strings.NewReplacer(pairs...)
}()

// minified is the same style sheet in fewer bytes. It knows as much CSS as style.css uses: no string in it has two spaces,
// or one beside a punctuation mark.
func minified(css string) string {
	var b strings.Builder
	for css != "" {
		rule, rest, _ := strings.Cut(css, "/*")
		b.WriteString(rule)
		_, css, _ = strings.Cut(rest, "*/")
	}
	css = tight.Replace(strings.Join(strings.Fields(b.String()), " "))
	return strings.NewReplacer(": ", ":", ";}", "}", " !", "!").Replace(css)
}
