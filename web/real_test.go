package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/identity"
	"ticketing/kernel/money"
	"ticketing/kernel/store"
	"ticketing/services/auth"
	"ticketing/services/tickets"
	"ticketing/web"
)

// realMarket is a site on a socket, with the real accounts and the real tickets behind it.
type realMarket struct {
	t   *testing.T
	url string
}

func openMarket(t *testing.T) *realMarket {
	t.Helper()
	dir := t.TempDir()
	log, err := bus.Connect(t.Context(), bus.NATSOptions{Dir: filepath.Join(dir, "events")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	database := func(name string, o store.Options) (*store.DB, *bus.Bus) {
		o.Name, o.Dir, o.Kernel = name, dir, []store.Migrations{bus.Migrations, httpapi.Migrations}
		db, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		b := bus.New(db, log, bus.Options{})
		background(t, b.Run)
		t.Cleanup(func() { _ = db.Close() })
		return db, b
	}
	ended := identity.NewEnded()
	authDB, authBus := database("auth", store.Options{Migrations: auth.Migrations})
	ticketsDB, ticketsBus := database("tickets", store.Options{Migrations: tickets.Migrations})
	a := auth.New(authDB, authBus, auth.Options{Now: time.Now, Ended: ended, Derive: quickHash})
	background(t, a.Run)
	if err := a.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) error {
		return log.Tail(ctx, bus.Subjects(event.Users), bus.From{}, func(m bus.Message) error { return learn(ended, m) }, func() {})
	})
	verifier := identity.NewVerifier(a.Keys(), ended, time.Now)
	api := http.NewServeMux()
	api.Handle("/api/users/", httpapi.Handler(httpapi.Options{Verifier: verifier, Private: true, Fingerprint: a.Fingerprint}, authDB, a.Routes()))
	ticketRoutes := tickets.New(ticketsDB, ticketsBus, tickets.Options{Currency: money.Currency{Code: "usd", Decimals: 2}}).Routes()
	forTickets := httpapi.Handler(httpapi.Options{Verifier: verifier}, ticketsDB, ticketRoutes)
	api.Handle("/api/tickets", forTickets)
	api.Handle("/api/tickets/", forTickets)
	server := httptest.NewServer(httpapi.Edge(httpapi.EdgeOptions{}, site(t, web.Options{API: api})))
	t.Cleanup(server.Close)
	return &realMarket{t, server.URL}
}

// background runs work until the end of the test.
func background(t *testing.T, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() {
		if err := run(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); working.Wait() })
}

// quickHash stands for argon2id, which is slow on purpose.
func quickHash(password, salt []byte, _ auth.HashCost) []byte {
	sum := sha256.Sum256(slices.Concat(salt, password))
	return sum[:]
}

func learn(ended *identity.Ended, m bus.Message) error {
	var envelope event.Envelope
	var user event.User
	if err := json.Unmarshal(m.Data, &envelope); err != nil {
		return err
	}
	if err := json.Unmarshal(envelope.Data, &user); err != nil {
		return err
	}
	ended.Apply(user)
	return nil
}

// visitor is somebody with a browser that runs no scripts.
type visitor struct {
	*http.Client
	t         *testing.T
	url       string
	languages string
}

func (m *realMarket) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		m.t.Fatal(err)
	}
	return &visitor{Client: &http.Client{Jar: jar}, t: m.t, url: m.url, languages: "en-GB"}
}

// opens follows a link.
func (v *visitor) opens(path string) *dom {
	v.t.Helper()
	return v.do(http.MethodGet, path, nil)
}

// sends posts fields, given as name, value, name, value.
func (v *visitor) sends(path string, fields ...string) *dom {
	v.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return v.do(http.MethodPost, path, values)
}

// submits sends a form as it stands on the page, with some of its inputs filled in.
func (v *visitor) submits(page *dom, form string, fields ...string) *dom {
	v.t.Helper()
	f := page.one(form)
	values := url.Values{}
	for _, in := range page.within(f, "input[name], textarea[name], select[name]") {
		values.Set(attr(in, "name"), attr(in, "value"))
	}
	for _, chosen := range page.within(f, "select[name] [selected]") {
		values.Set(attr(chosen.Parent, "name"), attr(chosen, "value"))
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if !values.Has(fields[i]) {
			v.t.Fatalf("the form has no input %s", fields[i])
		}
		values.Set(fields[i], fields[i+1])
	}
	if method := attr(f, "method"); method != "post" {
		v.t.Fatalf("the form is sent with %s", method)
	}
	return v.do(http.MethodPost, attr(f, "action"), values)
}

func (v *visitor) do(method, path string, values url.Values) *dom {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Accept", browser)
	r.Header.Set("Accept-Language", v.languages)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	return parse(v.t, resp)
}

// token is the visitor's session; empty if they have none.
func (v *visitor) token() string {
	u, err := url.Parse(v.url)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.Jar.Cookies(u) {
		if c.Name == identity.Cookie {
			return c.Value
		}
	}
	return ""
}
