package web

import (
	"fmt"
	"net/http"
	"time"

	"ticketing/api"
	"ticketing/kernel/httpapi"
	"ticketing/web/messages"
)

// View is what every page gets: who looks at it, in which language, and what the layout shows. The data of a page is a
// struct of its own that embeds *View.
type View struct {
	Title       string    // in the reader's language
	Description string    // for search engines; empty: none
	User        *api.User // who is signed in; nil: nobody
	Nav         []NavLink
	Here        string // path and query of this page, or of the page whose form was sent
	Base        string // the address of this site as the reader knows it: http://localhost:8080
	Notice      string // what has just been done, in the reader's language
	Refresh     int    // seconds after which a browser without scripts loads the page again; 0: never
	Live        string // topics of the page, with spaces between them: "market", "ticket:<id>"
	LiveAfter   uint64 // what the page shows is at least as new as this place in the event log
	Polling     bool   // there are no live events: what can change is to be fetched again and again
	NoIndex     bool   // search engines should leave the page alone
	Now         time.Time

	words *messages.Words
	zone  *time.Location
}

// NavLink is one place that every page leads to.
type NavLink struct {
	Path, Label string
	Current     bool
}

func (v *View) shell() *View { return v }

// Lang is the page's language, for the lang attribute: "en".
func (v *View) Lang() string { return v.words.Code }

// Locale is the language with the reader's region, for scripts that write numbers: "en-GB".
func (v *View) Locale() string { return v.words.Locale.String() }

// Languages are those that the reader may choose from.
func (v *View) Languages() []*messages.Language { return messages.Languages }

// T is the text of that key in the reader's language; see messages.Words.
func (v *View) T(key string, args ...any) string { return v.words.T(key, args...) }

// text is T for templates, where a wrong key is an error.
func (v *View) text(key string, args ...any) (string, error) {
	if !messages.Has(key) {
		return "", fmt.Errorf("there is no text %q", key)
	}
	return v.words.T(key, args...), nil
}

// When is a time in the reader's zone, with its name.
func (v *View) When(t time.Time) string { return v.words.When(t.In(v.zone)) }

// zoneOf is the time zone of a ticket's event, by whose clock people come; the reader's if it is not said.
func (v *View) zoneOf(t *api.Ticket) *time.Location {
	if zone, ok := zoneNamed(t.TimeZone); ok {
		return zone
	}
	return v.zone
}

// Begins is when the event of a ticket begins, by the clock of its place.
func (v *View) Begins(t *api.Ticket) string { return v.words.When(t.StartsAt.In(v.zoneOf(t))) }

// Words are for what only Go code formats.
func (v *View) Words() *messages.Words { return v.words }

// newView is the view of whoever makes the request, as far as the request itself says.
func (s *Site) newView(r *http.Request) *View {
	v := &View{
		Here: hereOf(r), Base: baseOf(r), Now: s.now().UTC(),
		words: messages.Choose(cookieValue(r, languageCookie), r.Header.Get("Accept-Language")),
		zone:  zoneOf(cookieValue(r, zoneCookie)),
	}
	newest, live := s.hub.newest() // before anything is asked for
	v.LiveAfter, v.Polling = newest, !live
	return v
}

// navigate fills in the links of the header, which depend on who is signed in.
func (s *Site) navigate(v *View, path string) {
	for _, link := range s.nav {
		if link.signedIn && v.User == nil {
			continue
		}
		v.Nav = append(v.Nav, NavLink{Path: link.path, Label: v.T(link.label), Current: path == link.path})
	}
}

func baseOf(r *http.Request) string {
	if httpapi.Secure(r.Context()) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
