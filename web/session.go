package web

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"ticketing/kernel/httpapi"
	"ticketing/kernel/identity"
)

const (
	languageCookie = "lang" // the language that a reader has chosen
	zoneCookie     = "zone" // the time zone of the browser, which a script tells
	choiceKept     = 365 * 24 * time.Hour
)

// sessionOf is the token of the visitor's session; empty if there is none.
func sessionOf(r *http.Request) string { return cookieValue(r, identity.Cookie) }

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// passSession hands the session that the API has begun, or ended, on to the browser, as the API has set it.
func (v *visit) passSession() {
	if c := v.client.Cookie(); c != nil {
		v.w.Header().Add("Set-Cookie", c.Raw)
	}
}

// choose keeps a choice of the visitor's in the browser.
func (v *visit) choose(name, value string) {
	http.SetCookie(v.w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(choiceKept.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: httpapi.Secure(v.Context()),
	})
}

// signInFirst sends the visitor to sign in, and back to where they wanted to go.
func (v *visit) signInFirst() error {
	return v.goTo("/signin?next=" + url.QueryEscape(v.Here))
}

// hereOf is the address of the page that the visitor is on: of a form that has been sent, the page that it was on.
func hereOf(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	return cameFrom(r)
}

// cameFrom is the page of this site with the form or link that was used; the market if it is not known.
func cameFrom(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host {
		return "/"
	}
	return ownPath(u.RequestURI())
}

// ownPath is the path if it leads to a page of this site, else the market. It keeps links from sending people elsewhere
// under our name.
func ownPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || u.User != nil || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

// onwards is where somebody goes who has just signed in: not to where one signs in.
func onwards(next string) string {
	next = ownPath(next)
	switch path, _, _ := strings.Cut(next, "?"); path {
	case "/signin", "/signup", "/signout":
		return "/"
	}
	return next
}

// zones are the places that have been looked up. There are some hundreds of them.
var zones sync.Map

// zoneOf is the reader's time zone as their cookie has it; UTC if there is none of that name.
func zoneOf(cookie string) *time.Location {
	name, err := url.QueryUnescape(cookie)
	if err != nil {
		return time.UTC
	}
	if zone, ok := zoneNamed(name); ok {
		return zone
	}
	return time.UTC
}

// zoneNamed is the time zone of that IANA name; false if there is none.
func zoneNamed(name string) (*time.Location, bool) {
	if name == "" || len(name) > 64 || name == "Local" {
		return nil, false
	}
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location), true
	}
	zone, err := time.LoadLocation(name)
	if err != nil || zone == time.Local {
		return nil, false
	}
	zones.Store(name, zone)
	return zone, true
}
