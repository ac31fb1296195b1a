package pages

import (
	"strings"
	"testing"

	"ticketing/test/browser"
)

// TestAccount is the life of an account: with scripts, without them, and in German.
func TestAccount(t *testing.T) {
	t.Parallel()
	m := open(t)
	t.Run("with scripts", func(t *testing.T) {
		t.Parallel()
		p := browser.Open(t, m.Front.URL, browser.Options{})
		account(t, p, "ann@example.com", true)
	})
	t.Run("without scripts", func(t *testing.T) {
		t.Parallel()
		p := browser.Open(t, m.Front.URL, browser.Options{NoScript: true})
		account(t, p, "bob@example.com", false)
	})
	t.Run("in German", func(t *testing.T) {
		t.Parallel()
		p := browser.Open(t, m.Front.URL, browser.Options{Language: "de-DE,de,en"})
		p.Visit("/")
		p.Go("Registrieren")
		p.Fill("E-Mail", "jörg")
		p.Fill("Passwort", "vier kleine wörter")
		p.Until(`document.querySelector('form#signup').noValidate = true`)
		p.Expects("400 for ")
		p.In("main").Go("Registrieren")
		p.Sees("Eine Sache")
		inspect(p, "sign up, German")
		p.Fill("E-Mail", "joerg@example.com")
		p.Fill("Passwort", "vier kleine wörter")
		p.In("main").Go("Registrieren")
		p.Go("Konto")
		p.Sees("dabei seit")
		inspect(p, "account, German")
		p.Go("English")
		p.Sees("Your account")
	})
}

// account signs up and in and out, makes mistakes, and changes everything. What is wrong is said beside where it is, and
// nothing has to be typed twice but passwords.
func account(t *testing.T, p *browser.Page, email string, looked bool) {
	look := func(name string) {
		if looked {
			inspect(p, name)
		}
	}
	p.Expects("400 for ", "401 for ")
	p.Visit("/account")
	if at := p.At(); at != "/signin?next=%2Faccount" {
		t.Errorf("somebody unknown is sent to %s", at)
	}
	look("sign in")
	p.In("main").Go("Sign up")
	look("sign up")
	p.Until(`document.querySelector('form#signup').noValidate = true`)
	p.Fill("E-mail", "not an address")
	p.Fill("Password", "short")
	p.In("main").Go("Sign up")
	p.Sees("2 things need your attention")
	if kept := p.Field("E-mail"); kept != "not an address" {
		t.Errorf("the address that was typed is not kept: %q", kept)
	}
	if kept := p.Field("Password"); kept != "" {
		t.Errorf("a password came back from the server: %q", kept)
	}
	for _, label := range []string{"E-mail", "Password"} {
		if said := p.Described(label); !strings.Contains(said, "Error:") {
			t.Errorf("what is wrong with %s is not tied to it: %q", label, said)
		}
	}
	p.Until(`document.activeElement.matches('.faults')`)
	look("sign up, refused")
	p.Fill("E-mail", email)
	p.Fill("Password", "four small words")
	p.In("main").Go("Sign up")
	if at := p.At(); at != "/account" {
		t.Errorf("after signing up one is at %s", at)
	}
	look("account")

	p.In("header").Go("Sign out")
	p.Go("Sign in")
	p.Fill("E-mail", email)
	p.Fill("Password", "another password")
	p.In("main").Go("Sign in")
	p.Sees("One thing needs your attention")
	if kept := p.Field("E-mail"); kept != email {
		t.Errorf("the address that was typed is not kept: %q", kept)
	}
	look("sign in, refused")
	p.Fill("Password", "four small words")
	p.In("main").Go("Sign in")
	changes(t, p, email, look)
}

// changes signs in elsewhere, then changes e-mail and password, which ends the session elsewhere.
func changes(t *testing.T, p *browser.Page, email string, look func(string)) {
	elsewhere := p.Anew()
	elsewhere.Visit("/signin")
	elsewhere.Fill("E-mail", email)
	elsewhere.Fill("Password", "four small words")
	elsewhere.In("main").Go("Sign in")
	elsewhere.Sees("Sign out")

	p.Go("Account")
	p.Fill("E-mail", "new."+email)
	p.In("form#email").Fill("Current password", "wrong")
	p.Go("Change e-mail")
	p.Until(`document.querySelector('form#email [aria-invalid]')`)
	p.In("form#email").Fill("Current password", "four small words")
	p.Go("Change e-mail")
	p.Sees("Your e-mail has been changed.")
	p.Sees("new." + email)
	p.In("form#password").Fill("Current password", "four small words")
	p.Fill("New password", "four other words")
	p.Go("Change password")
	p.Sees("all other sessions have ended")
	look("account, changed")
	p.Reload()
	p.Sees("new." + email)

	elsewhere.Visit("/account")
	if at := elsewhere.At(); !strings.HasPrefix(at, "/signin") {
		t.Errorf("another session is still at %s after the password has changed", at)
	}
	p.In("header").Go("Sign out")
	p.Sees("Sign up")
	p.SeesNo("Sign out")
}
