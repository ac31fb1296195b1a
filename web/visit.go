package web

import (
	"bytes"
	"context"
	"net/http"

	"ticketing/api"
	"ticketing/kernel/fault"
)

// action answers one request for a page: it shows a page, sends the browser on, or returns why it can do neither.
type action func(v *visit) error

// visit is one request for a page, and whoever makes it.
type visit struct {
	*View
	site   *Site
	w      http.ResponseWriter
	r      *http.Request
	client *api.Client // acts for the visitor
	policy policy
	token  string // of the visitor's session; empty: none

	asked   bool // who the visitor is
	unknown error
}

func (s *Site) newVisit(w http.ResponseWriter, r *http.Request) *visit {
	token := sessionOf(r)
	return &visit{
		View: s.newView(r), site: s, w: w, r: r, token: token, policy: strict(),
		client: s.client.As(token),
	}
}

// page makes a handler of an action. A change that another site's page asks for is refused, as the API does.
func (s *Site) page(do action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.newVisit(w, r)
		defer v.recover()
		err := s.origins.Check(r)
		if err != nil {
			err = fault.CrossOrigin.New("This change came from a page of another site and was refused.").Because(err)
		} else {
			err = do(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
}

// Context ends when the visitor goes away. Requests to the API are made with it.
func (v *visit) Context() context.Context { return v.r.Context() }

// who is the visitor's account; nil if nobody is signed in. The error says that it cannot be known right now.
func (v *visit) who() (*api.User, error) {
	if !v.asked {
		v.asked = true
		if v.token != "" {
			v.User, v.unknown = v.client.CurrentUser(v.Context())
		}
	}
	return v.User, v.unknown
}

// mustBeSignedIn is the visitor's account. Nobody is sent to sign in first, and comes back afterwards.
func (v *visit) mustBeSignedIn() (*api.User, error) {
	user, err := v.who()
	if err == nil && user == nil {
		err = fault.SignInNeeded.New("Sign in to do this.")
	}
	return user, err
}

// titled names the page.
func (v *visit) titled(key string, args ...any) *View {
	v.Title = v.T(key, args...)
	return v.View
}

// show answers with a page.
func (v *visit) show(status int, name string, data shell) error {
	body, err := v.render(name, data)
	if err != nil {
		return err
	}
	v.headers()
	return v.gone(send(v.w, v.r, status, body))
}

// render makes a page, and allows what is in it.
func (v *visit) render(name string, data shell) (*bytes.Buffer, error) {
	if _, err := v.who(); err != nil {
		v.site.log.DebugContext(v.Context(), "it is not known who is signed in", "error", err)
	}
	v.site.navigate(v.View, v.r.URL.Path)
	body, err := v.site.pages.page(name, data)
	v.policy.allow("style-src", v.site.pages.sheets[name].source)
	return body, err
}

// fragment answers with a part of a page, for a script that puts it in the place of an older one.
func (v *visit) fragment(name string, data any) error {
	body, err := v.site.pages.partial(name, data)
	if err != nil {
		return err
	}
	v.headers()
	v.w.Header().Set("X-Robots-Tag", "noindex")
	return v.gone(send(v.w, v.r, http.StatusOK, body))
}

// headers are those of all pages.
func (v *visit) headers() {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang())
	h.Set("Content-Security-Policy", v.policy.String())
	h.Add("Vary", "Accept-Language, Cookie")
	if v.token != "" {
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
}

// gone forgets the error of a visitor who did not wait for the answer.
func (v *visit) gone(err error) error {
	if err != nil {
		v.site.log.DebugContext(v.Context(), "the visitor went away", "error", err)
	}
	return nil
}

// goTo sends the browser to another page of this site, which it asks for with GET.
func (v *visit) goTo(path string) error {
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}
