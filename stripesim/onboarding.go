package stripesim

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"ticketing/kernel/store"
)

// How long the link to an onboarding page is good.
const linkLife = 5 * time.Minute

// accountLink is the address of an onboarding page.
type accountLink struct {
	secret, account       string
	expiresAt             time.Time
	used                  bool
	returnURL, refreshURL string
}

// createLink makes the address where an account's owner says who they are.
func createLink(c *call) (object, error) {
	f, l := c.form, &accountLink{secret: newID(c.tx, ""), expiresAt: c.tx.Now().Add(linkLife)}
	l.account = f.required("account")
	if f.choice("type", "", "account_onboarding", "account_update") == "" {
		f.fail(invalid("type", "parameter_missing", "Missing required param: type."))
	}
	l.returnURL, l.refreshURL = c.address("return_url"), c.address("refresh_url")
	f.choice("collect", "", "currently_due", "eventually_due")
	f.choice("collection_options[fields]", "", "currently_due", "eventually_due")
	f.choice("collection_options[future_requirements]", "", "include", "omit")
	if err := f.checked(); err != nil {
		return nil, err
	}
	_, ok, err := findAccount(c.tx, l.account)
	if err == nil && !ok {
		err = missing("account", "account", l.account, false)
	}
	if err != nil {
		return nil, err
	}
	err = c.tx.Do(`INSERT INTO account_links (secret, account, expires_at, return_url, refresh_url) VALUES ($1, $2, $3, $4, $5)`,
		l.secret, l.account, store.Millis(l.expiresAt), l.returnURL, l.refreshURL)
	return object{"object": "account_link", "created": seconds(c.tx.Now()), "expires_at": seconds(l.expiresAt),
		"url": c.sim.baseURL + "/connect/" + l.account + "?link=" + l.secret}, err
}

// address is a parameter that must be where a browser can go.
func (c *call) address(name string) string {
	text := c.form.required(name)
	u, err := url.Parse(text)
	if c.form.err == nil && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		c.form.fail(invalid(name, "url_invalid", "Not a valid URL"))
	}
	return text
}

func findLink(tx *store.Tx, account, secret string) (*accountLink, bool, error) {
	return store.One(tx, func(scan store.Scan) (*accountLink, error) {
		var l accountLink
		var at int64
		err := scan(&l.secret, &l.account, &at, &l.used, &l.returnURL, &l.refreshURL)
		l.expiresAt = store.Time(at)
		return &l, err
	}, `SELECT secret, account, expires_at, used, return_url, refresh_url FROM account_links WHERE secret = $1 AND account = $2`,
		secret, account)
}

// errLinkOver is what comes of a link that is too old, was used, or leads to an account that is gone; errNoLink of one that
// was never given out.
var (
	errLinkOver = errors.New("this link is over")
	errNoLink   = errors.New("there is no such link")
)

// openLink is the link of a request, if it is still good, and its account, as find finds it.
func openLink(tx *store.Tx, r *http.Request, find func(*store.Tx, string) (*account, bool, error)) (*accountLink, *account, error) {
	l, ok, err := findLink(tx, r.PathValue("account"), r.URL.Query().Get("link"))
	if err == nil && !ok {
		err = errNoLink
	}
	if err != nil {
		return nil, nil, err
	}
	a, ok, err := find(tx, l.account)
	if err == nil && (!ok || l.used || !tx.Now().Before(l.expiresAt)) {
		err = errLinkOver
	}
	return l, a, err
}

// connectPage is where an account's owner onboards. Reading it does not use the link up, as it does at Stripe.
func (s *Sim) connectPage(w http.ResponseWriter, r *http.Request) {
	var l *accountLink
	err := s.db.View(r.Context(), func(tx *store.Tx) (err error) {
		l, _, err = openLink(tx, r, findAccount)
		return err
	})
	if err != nil {
		s.noPage(w, r, l, err)
		return
	}
	show(w, http.StatusOK, pageData{Title: "Get paid (a test)", Buttons: []button{{"finish", "Finish onboarding"}},
		Text: "Here Stripe would ask who you are and where your money shall go. Nobody is asked anything: this page stands in for Stripe's."})
}

// connectDone onboards the account and sends its owner back.
func (s *Sim) connectDone(w http.ResponseWriter, r *http.Request) {
	var l *accountLink
	err := s.act(context.WithoutCancel(r.Context()), func(c *call) (err error) {
		var a *account
		if l, a, err = openLink(c.tx, r, lockAccount); err != nil {
			return err
		}
		n, err := c.tx.Exec(`UPDATE account_links SET used = TRUE WHERE secret = $1 AND NOT used`, l.secret)
		if err == nil && n == 0 {
			err = errLinkOver
		}
		if err != nil {
			return err
		}
		return c.onboard(a)
	})
	if err != nil {
		s.noPage(w, r, l, err)
		return
	}
	http.Redirect(w, r, l.returnURL, http.StatusSeeOther)
}

// noPage sends whoever has an old link to where they get a new one.
func (s *Sim) noPage(w http.ResponseWriter, r *http.Request, l *accountLink, err error) {
	switch {
	case errors.Is(err, errLinkOver):
		http.Redirect(w, r, l.refreshURL, http.StatusSeeOther)
	case errors.Is(err, errNoLink):
		show(w, http.StatusGone, pageData{Title: "There is no such page", Text: "The link is wrong, or it was never given out."})
	default:
		s.log.Error("onboarding page failed", "error", err)
		show(w, http.StatusServiceUnavailable, pageData{Title: "The page cannot be shown", Text: "Please try again."})
	}
}

// Onboard does for an account what its owner does on the page, from Go.
func (s *Sim) Onboard(ctx context.Context, accountID string) error {
	return s.act(ctx, func(c *call) error {
		a, ok, err := lockAccount(c.tx, accountID)
		if err == nil && !ok {
			err = errors.New("there is no account " + accountID)
		}
		if err != nil {
			return err
		}
		return c.onboard(a)
	})
}
