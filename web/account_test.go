package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	mail   = "ann@example.com"
	secret = "four small words"
)

// signsUp is a new account, which ends up on a page.
func (v *visitor) signsUp(email string) *visitor {
	v.t.Helper()
	v.submits(v.opens("/signup").sound(), "form#signup", "email", email, "password", secret).is(200, "/")
	return v
}

func TestAccountsWithoutScripts(t *testing.T) {
	m := openMarket(t)
	ann := m.visitor()
	page := ann.opens("/account").is(200, "/signin?next=%2Faccount").sound()
	if page.says(".lead") != "Sign in to go on." {
		t.Errorf("it says %q", page.says(".lead"))
	}
	up := ann.opens(attr(page.one(`main a[href^="/signup"]`), "href")).is(200, "/signup?next=%2Faccount").sound()
	account := ann.submits(up, "form#signup", "email", mail, "password", secret).is(200, "/account").sound()
	if !strings.HasPrefix(account.says("main .lead"), mail+", here since ") || account.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%q, %v", account.says("main .lead"), account.header)
	}
	if attr(account.one("form#email input[name=email]"), "value") != mail {
		t.Error("the e-mail of now is not there to be changed")
	}
	for _, path := range []string{"/signin", "/signup?next=/account"} { // there is nothing to do for who is in
		if at := ann.opens(path).path; at != "/" && at != "/account" {
			t.Errorf("%s leads to %s", path, at)
		}
	}
	out := ann.submits(account, "header form").is(200, "/").sound()
	if ann.token() != "" || len(out.all(`header a[href="/account"]`)) != 0 {
		t.Error("the visitor is still signed in")
	}
	in := ann.submits(ann.opens("/signin"), "form#signin", "email", mail, "password", secret).is(200, "/").sound()
	in.one(`header a[href="/account"]`)
}

func TestAccountsAreChanged(t *testing.T) {
	m := openMarket(t)
	ann, elsewhere := m.visitor().signsUp(mail), m.visitor()
	elsewhere.submits(elsewhere.opens("/signin"), "form#signin", "email", mail, "password", secret).is(200, "/")
	done := ann.submits(ann.opens("/account"), "form#email", "email", "ann@example.org", "currentPassword", secret).is(200, "/account?done=email").sound()
	if done.says(".notice.good") != "Your e-mail has been changed." || !strings.HasPrefix(done.says("main .lead"), "ann@example.org") {
		t.Error(done.says("main"))
	}
	done = ann.submits(done, "form#password", "currentPassword", secret, "password", secret).is(200, "/account?done=password").sound()
	if !strings.Contains(done.says(".notice.good"), "all other sessions have ended") {
		t.Error(done.says(".notice.good"))
	}
	ended := func() bool { return elsewhere.opens("/account").path == "/signin?next=%2Faccount" }
	eventually(t, "the other session is over", ended)
	ann.opens("/account").is(200, "/account")
}

func TestMistakesAreShownBesideTheirInputs(t *testing.T) {
	m := openMarket(t)
	ann := m.visitor()
	ann.languages = "de"
	page := ann.submits(ann.opens("/signup"), "form#signup", "email", "jörg <b>", "password", "kurz").is(400, "/signup").sound()
	summary := page.one(".faults[tabindex='-1'][autofocus]")
	if text(page.within(summary, "h2")[0]) != "Bitte sieh dir 2 Dinge noch einmal an" || len(page.within(summary, "li a")) != 2 {
		t.Errorf("it says %q", text(summary))
	}
	email := page.one("input[name=email][aria-invalid=true]")
	if attr(email, "value") != "jörg <b>" || text(page.one("#"+attr(email, "aria-describedby"))) != "Fehler: Das ist keine E-Mail-Adresse." {
		t.Errorf("the e-mail is %q, and %q", attr(email, "value"), attr(email, "aria-describedby"))
	}
	password := page.one("input[name=password][aria-invalid=true]")
	if attr(password, "value") != "" || attr(password, "aria-describedby") != "signup-password-hint signup-password-fault" {
		t.Errorf("the password is %q, described by %q", attr(password, "value"), attr(password, "aria-describedby"))
	}
	if len(page.all("[autofocus]")) != 1 {
		t.Error("more than one element wants the focus")
	}
	ann.signsUp(mail)
	bob := m.visitor()
	taken := bob.submits(bob.opens("/signup?next=%2Faccount"), "form#signup", "email", mail, "password", secret).is(409, "/signup").sound()
	if taken.says("#signup-email-fault") != "Error: An account with this e-mail exists already." {
		t.Error(taken.says("form"))
	}
	if attr(taken.one("form#signup input[name=next]"), "value") != "/account" {
		t.Error("where to go on is forgotten")
	}
	wrong := bob.submits(bob.opens("/signin"), "form#signin", "email", mail, "password", "something else").is(401, "/signin").sound()
	if wrong.says(".faults li") != "E-mail or password is wrong." || attr(wrong.one("input[name=email]"), "value") != mail {
		t.Error(wrong.says("form"))
	}
	notHers := ann.submits(ann.opens("/account"), "form#password", "currentPassword", "something else", "password", secret).is(401, "/account/password").sound()
	if notHers.says("#password-currentPassword-fault") != "Fehler: Das ist nicht dein aktuelles Passwort." {
		t.Error(notHers.says("form#password"))
	}
	if text(notHers.one("form#email")) != text(ann.opens("/account").one("form#email")) {
		t.Error("the other form is not as it was")
	}
	if again := ann.sends("/language", "lang", "de", "next", "/account/email"); again.path != "/account" { // which is no page
		t.Errorf("the language is chosen at %s", again.path)
	}
	empty := ann.submits(notHers, "form#email", "email", "", "currentPassword", secret).is(400, "/account/email").sound()
	if empty.says("#email-email-fault") != "Fehler: Bitte fülle dieses Feld aus." {
		t.Error(empty.says("form#email"))
	}
}

// A double click gets the first answer again; somebody who goes back and corrects something sends a new request.
func TestASignUpSentTwiceIsDoneOnce(t *testing.T) {
	m := openMarket(t)
	ann := m.visitor()
	form := ann.opens("/signup")
	ann.submits(form, "form#signup", "email", "ann", "password", secret).is(400, "/signup")
	for range 2 {
		ann.submits(form, "form#signup", "email", mail, "password", secret).is(200, "/")
		if ann.token() == "" {
			t.Fatal("nobody is signed in")
		}
	}
}

func TestOnlyPagesOfThisSiteAreGoneOnTo(t *testing.T) {
	m := openMarket(t)
	m.visitor().signsUp(mail)
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/signin", "/signout",
		" //evil.example", "/\t/evil.example", "http:evil", "?x", "",
	} {
		ann := m.visitor()
		page := ann.opens("/signin?next=" + url.QueryEscape(next))
		if kept := page.all("form#signin input[name=next]"); len(kept) > 0 && attr(kept[0], "value") != "/" {
			t.Errorf("%q is kept as %q", next, attr(kept[0], "value"))
		}
		if at := ann.sends("/language", "lang", "de", "next", next).path; !strings.HasPrefix(next, "/signin") && at != "/" && at != next {
			t.Errorf("%q leads to %s", next, at)
		}
	}
	ann := m.visitor()
	ann.sends("/signin", "email", mail, "password", secret, "next", "//evil.example/").is(200, "/")
	ann = m.visitor()
	ann.submits(ann.opens("/signin?next=%2Fproblems%2F%3Fx%3D1"), "form#signin", "email", mail, "password", secret).is(200, "/problems/?x=1")
}

func TestOtherSitesCannotActForAVisitor(t *testing.T) {
	m := openMarket(t)
	ann := m.visitor().signsUp(mail)
	for _, path := range []string{"/signout", "/account/email", "/account/password", "/signin", "/signup", "/language"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", m.url+path, strings.NewReader("lang=de"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", browser)
		r.Header.Set("Origin", "https://evil.example")
		resp, err := ann.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 403 {
			t.Errorf("%s from another site: %d", path, resp.StatusCode)
		}
	}
	ann.opens("/account").is(200, "/account")
}

func TestLanguageIsChosenAndKept(t *testing.T) {
	m := openMarket(t)
	v := m.visitor()
	if page := v.opens("/signin").sound(); attr(page.one("html"), "lang") != "en" || page.says("h1") != "Sign in" {
		t.Errorf("a Briton reads %q", page.says("h1"))
	}
	v.languages = "de-CH,de;q=0.9"
	if page := v.opens("/signin").sound(); attr(page.one("html"), "lang") != "de" || attr(page.one("html"), "data-locale") != "de-CH" || page.says("h1") != "Anmelden" {
		t.Errorf("a Swiss reads %q", page.says("h1"))
	}
	page := v.sends("/language", "lang", "en", "next", "/signin?next=%2Faccount").is(200, "/signin?next=%2Faccount").sound()
	if page.says("h1") != "Sign in" || page.says(".languages [aria-current]") != "English" {
		t.Errorf("who chose English reads %q", page.says("h1"))
	}
	if v.sends("/language", "lang", "xx", "next", "/signin").says("h1") != "Sign in" {
		t.Error("a language that does not exist was taken")
	}
}
