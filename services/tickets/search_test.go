package tickets_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ticketing/kernel/event"
	"ticketing/test/postgres"
	"ticketing/test/service"
)

// find is the titles that a search finds, sorted.
func (h house) find(q string) []string {
	h.Helper()
	titles := h.page("limit=100&status=all&q=" + url.QueryEscape(q))
	slices.Sort(titles)
	return titles
}

func TestSearch(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		for _, f := range []fields{
			{"title": "Tom Waits", "venue": "Tempodrom Berlin", "details": "Block C, row 4"},
			{"title": "Tomte", "venue": "Café Zürich"},
			{"title": "Nick Cave & the Bad Seeds", "venue": "Olympia, Paris", "details": "Bring a tomato"},
			{"title": "AC/DC", "venue": "東京ドーム", "details": "№ 5"},
			{"title": "Ελλάδα", "venue": "Москва́"},
			{"title": "1e5abc 0x1F 12th", "details": "a.b@example.com http://example.com/path?x=y"},
		} {
			h.list(seller, f)
		}
		for q, want := range map[string]string{
			"tom": "Nick Cave & the Bad Seeds|Tom Waits|Tomte", "TOM": "Nick Cave & the Bad Seeds|Tom Waits|Tomte", "tomt": "Tomte",
			"waits berlin": "Tom Waits", "berlin waits": "Tom Waits", "wai ber row": "Tom Waits", "waits paris": "", "aits": "",
			"cafe": "Tomte", "café": "Tomte", "cafe\u0301": "Tomte", "ZURICH": "Tomte", "Zürich": "Tomte",
			"the": "Nick Cave & the Bad Seeds", // no word is too common
			"ac":  "AC/DC", "ac/dc": "AC/DC", "dc ac": "AC/DC", "東京": "AC/DC", "no 5": "AC/DC", "no5": "",
			"ελλαδα": "Ελλάδα", "моск": "Ελλάδα", "4": "Tom Waits",
			"1e5": "1e5abc 0x1F 12th", "1e5abc": "1e5abc 0x1F 12th", "1e": "1e5abc 0x1F 12th", "1e5a": "1e5abc 0x1F 12th", "0x1f": "1e5abc 0x1F 12th", "12": "1e5abc 0x1F 12th",
			"b@exam": "1e5abc 0x1F 12th", "example.com": "1e5abc 0x1F 12th",
			`"tom waits"`: "Tom Waits", "tom*": "Nick Cave & the Bad Seeds|Tom Waits|Tomte", "tom AND waits": "", "tom OR waits": "", "NOT tom": "",
			`"`: "", `*`: "", `'`: "", `''`: "", `\`: "", `-`: "", `(`: "", `!!!`: "", "🎸": "", "\u0301": "",
			`NEAR(`: "", `NEAR("tom" "waits", 2)`: "", `' OR 1=1`: "", `'; DROP TABLE tickets; --`: "", `&|!:`: "", `tom & !waits`: "Tom Waits", `tom:*`: "Nick Cave & the Bad Seeds|Tom Waits|Tomte",
			`tom <-> waits`: "Tom Waits", `title:tom`: "", `{title}: tom`: "", `^tom`: "Nick Cave & the Bad Seeds|Tom Waits|Tomte", `tom\`: "Nick Cave & the Bad Seeds|Tom Waits|Tomte", `tom + waits`: "Tom Waits",
			`tom' waits"`: "Tom Waits", "$2": "", "tom\twaits\n": "Tom Waits", "%": "", "_": "", "t%m": "",
		} {
			if got := strings.Join(h.find(q), "|"); got != want {
				t.Errorf("%q finds %q, want %q", q, got, want)
			}
		}
	})
}

func TestTheSearchFollowsEdits(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		v := h.list(seller, nil)
		h.Want(h.Ask(seller, "PUT", "/api/tickets/"+v.ID, fields{"title": "Nick Cave", "price": 1}), 200, "")
		if old, now := h.find("waits"), h.find("cave"); len(old) != 0 || len(now) != 1 {
			t.Errorf("found %v by the old title and %v by the new one", old, now)
		}
		h.Want(h.Ask(seller, "DELETE", "/api/tickets/"+v.ID, nil), 204, "")
		if gone := h.page("q=cave"); len(gone) != 0 {
			t.Errorf("found %v after it was withdrawn", gone)
		}
	})
}

// Words that are longer than any, or that become long when they are folded, break neither the listing nor the search.
func TestEndlessWords(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		seller := service.NewID()
		for name, r := range map[string]string{"x": "x", "wide": "漢", "folded": "㍿", "more": "\ufdfa", "letters": "ﬃ", "astral": "𝔘"} {
			title, details := strings.Repeat(r, 200), strings.Repeat(r, 500)
			h.list(seller, fields{"title": title, "venue": details, "details": details})
			for _, q := range []string{title, title[:len(r)*30], r} {
				if got := h.find(q); !slices.Equal(got, []string{title}) {
					t.Errorf("%s: %d found by %d of them", name, len(got), len(q)/len(r))
				}
			}
		}
	})
}

// Both engines find the same, whatever is written on tickets and whatever is asked.
func TestEnginesFindTheSame(t *testing.T) {
	both := []house{start(service.New(t, "")), start(service.New(t, postgres.URL(t)))}
	alphabet := rapid.SampledFrom([]rune(`abAB01e.- "'*:&|!()<>\%_,+@/éÉß東京ㇰ𞤀𖹀ｱﾞ٣½²ﬃǅİıẞΣςहिन्` + "\u0301\u200d\u00a0\u2028\u00b7\u0640"))
	text := rapid.StringOfN(alphabet, 1, 12, -1)
	seller := service.NewID()
	rapid.Check(t, func(t *rapid.T) {
		title := text.Filter(func(s string) bool { return strings.TrimSpace(s) != "" && !strings.ContainsRune(s, '\u2028') }).Draw(t, "title")
		var ids [2]string
		for i, h := range both {
			a := h.Ask(seller, "POST", "/api/tickets", fields{"title": title, "price": 1})
			v := service.Must[event.Ticket](h.Process, a, 201)
			ids[i] = v.ID
		}
		for range 4 {
			q := text.Draw(t, "query")
			var found [2]string
			for i, h := range both {
				found[i] = strings.Join(h.find(q), "|")
			}
			if found[0] != found[1] {
				t.Fatalf("%q finds %q in SQLite and %q in PostgreSQL", q, found[0], found[1])
			}
		}
		if got := both[0].find(title); len(strings.Fields(title)) > 0 && searchable(title) && !slices.Contains(got, strings.TrimSpace(title)) {
			t.Fatalf("%q is not found by its own title, only %q", title, got)
		}
		for i, h := range both { // so that the lists stay short
			h.Want(h.Ask(seller, "DELETE", "/api/tickets/"+ids[i], nil), 204, "")
		}
	})
}

// searchable tells whether a text has anything that is searched for.
func searchable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return strings.ContainsRune("abAB01eéÉß東京ㇰ𞤀ｱ٣½²ﬃǅİıẞΣςहन", r)
	})
}
