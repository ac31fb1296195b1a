package web

import (
	"net/http"
	"net/url"

	"ticketing/api"
)

// The password's length as the API wants it, so that a browser can say so at once.
const (
	shortestPassword = 8
	longestPassword  = 128
	longestEmail     = 254
)

// credentialsPage asks for e-mail and password: to sign in or to sign up.
type credentialsPage struct {
	*View
	Form  *Form
	Other string // the address of the other of the two pages
}

func (v *visit) signInForm() *Form {
	return v.form("signin", "/signin", "signin.submit",
		&Input{Name: "email", Label: "account.email", Type: "email", Autocomplete: "username", Required: true, MaxLength: longestEmail, Focus: true},
		&Input{Name: "password", Label: "account.password", Type: "password", Autocomplete: "current-password", Required: true, MaxLength: longestPassword},
	)
}

func (v *visit) signUpForm() *Form {
	return v.form("signup", "/signup", "signup.submit",
		&Input{Name: "email", Label: "account.email", Type: "email", Autocomplete: "email", Required: true, MaxLength: longestEmail, Focus: true},
		&Input{Name: "password", Label: "account.password", Hint: "account.long", Type: "password", Autocomplete: "new-password",
			Required: true, MinLength: shortestPassword, MaxLength: longestPassword},
	)
}

// entrance is one of the two ways in.
type entrance struct{ page, title, other string }

var (
	signingIn = entrance{"signin", "signin.title", "/signup"}
	signingUp = entrance{"signup", "signup.title", "/signin"}
)

// showSignIn is GET /signin. Who is signed in already has nothing to do here.
func (s *Site) showSignIn(v *visit) error { return v.enter(signingIn, v.signInForm()) }

// showSignUp is GET /signup.
func (s *Site) showSignUp(v *visit) error { return v.enter(signingUp, v.signUpForm()) }

func (v *visit) enter(e entrance, f *Form) error {
	f.Next = v.r.URL.Query().Get(nextField)
	if user, err := v.who(); err == nil && user != nil {
		return v.goTo(onwards(f.Next))
	}
	return v.showCredentials(e, f)
}

func (v *visit) showCredentials(e entrance, f *Form) error {
	other := e.other
	if f.Next != "" {
		f.Next = onwards(f.Next)
		other += "?" + url.Values{nextField: {f.Next}}.Encode()
	}
	return v.show(f.Status, e.page, credentialsPage{View: v.titled(e.title), Form: f, Other: other})
}

// signIn is POST /signin.
func (s *Site) signIn(v *visit) error {
	f := v.signInForm()
	if err := v.read(f); err != nil {
		return err
	}
	v.client = v.client.As("")
	_, err := v.client.SignIn(v.Context(), f.Value("email"), f.Value("password"))
	return v.entered(signingIn, f, err)
}

// signUp is POST /signup.
func (s *Site) signUp(v *visit) error {
	f := v.signUpForm()
	if err := v.read(f); err != nil {
		return err
	}
	v.client = v.client.As("") // the same form sent again must be the same to the API, though somebody is signed in by then
	_, err := v.client.SignUp(v.once(), f.Value("email"), f.Value("password"))
	return v.entered(signingUp, f, err)
}

// entered goes on with the new session, or shows the form again.
func (v *visit) entered(e entrance, f *Form, err error) error {
	if err != nil {
		if err := f.blame(err); err != nil {
			return err
		}
		return v.showCredentials(e, f)
	}
	v.passSession()
	return v.goTo(onwards(f.Next))
}

// signOut is POST /signout.
func (s *Site) signOut(v *visit) error {
	if err := v.client.SignOut(v.Context()); err != nil {
		return err
	}
	v.passSession()
	return v.goTo("/")
}

// accountPage is everything that can be done with an account.
type accountPage struct {
	*View
	Email    *Form
	Password *Form
}

func (v *visit) accountForms() (email, password *Form) {
	current := func() *Input {
		return &Input{Name: "currentPassword", Label: "account.current", Type: "password", Autocomplete: "current-password",
			Required: true, MaxLength: longestPassword}
	}
	email = v.form("email", "/account/email", "account.email.submit",
		&Input{Name: "email", Label: "account.email", Type: "email", Autocomplete: "email", Required: true, MaxLength: longestEmail}, current())
	password = v.form("password", "/account/password", "account.submit", current(),
		&Input{Name: "password", Label: "account.new", Hint: "account.long", Type: "password", Autocomplete: "new-password",
			Required: true, MinLength: shortestPassword, MaxLength: longestPassword})
	return email, password
}

// showAccount is GET /account.
func (s *Site) showAccount(v *visit) error {
	switch v.r.URL.Query().Get("done") {
	case "email":
		v.Notice = v.T("account.email.done")
	case "password":
		v.Notice = v.T("account.password.done")
	}
	email, password := v.accountForms()
	return v.showAccountWith(http.StatusOK, email, password)
}

func (v *visit) showAccountWith(status int, email, password *Form) error {
	user, err := v.mustBeSignedIn()
	if err != nil {
		return err
	}
	if in := email.Input("email"); in.Value == "" && !email.Wrong() {
		in.Value = user.Email
	}
	return v.show(status, "account", accountPage{View: v.titled("account.title"), Email: email, Password: password})
}

// changeEmail is POST /account/email.
func (s *Site) changeEmail(v *visit) error {
	email, password := v.accountForms()
	return v.changeAccount(email, "email", func(f *Form) api.AccountChange {
		return api.AccountChange{CurrentPassword: f.Value("currentPassword"), Email: f.Value("email")}
	}, func() error { return v.showAccountWith(email.Status, email, password) })
}

// changePassword is POST /account/password.
func (s *Site) changePassword(v *visit) error {
	email, password := v.accountForms()
	return v.changeAccount(password, "password", func(f *Form) api.AccountChange {
		return api.AccountChange{CurrentPassword: f.Value("currentPassword"), Password: f.Value("password")}
	}, func() error { return v.showAccountWith(password.Status, email, password) })
}

// changeAccount makes a change of the account as the form says, or shows the form again.
func (v *visit) changeAccount(f *Form, field string, change func(*Form) api.AccountChange, again func() error) error {
	if err := v.read(f); err != nil {
		return err
	}
	if f.Value(field) == "" { // to the API it would mean that nothing is to change
		f.wrong(field, "form.required")
		return again()
	}
	if _, err := v.client.ChangeMe(v.Context(), change(f)); err != nil {
		if err := f.blame(err); err != nil {
			return err
		}
		return again()
	}
	v.passSession()
	return v.goTo("/account?done=" + field)
}

// chooseLanguage is POST /language.
func (s *Site) chooseLanguage(v *visit) error {
	values, err := v.sent()
	if err != nil {
		return err
	}
	for _, l := range v.Languages() {
		if l.Code == values.Get("lang") {
			v.choose(languageCookie, l.Code)
		}
	}
	return v.goTo(ownPath(values.Get(nextField)))
}
