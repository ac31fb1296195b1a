package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"ticketing/kernel/fault"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/identity"
)

const tag = "Users"

// Routes implements httpapi.Service.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{
		httpapi.Post("/api/users/signup", s.signUp, httpapi.About{
			ID: "signUp", Tag: tag, Summary: "Make an account and sign in", Status: http.StatusCreated,
			Description: "The session is in the cookie `session`; the same token is accepted as `Authorization: Bearer`.",
			Secret:      true, OnReplay: s.signInAgain, Check: httpapi.Checks(checkSignUp),
			Faults: []fault.Code{fault.EmailTaken, fault.SlowDown},
		}),
		httpapi.Post("/api/users/signin", s.signIn, httpapi.About{
			ID: "signIn", Tag: tag, Summary: "Sign in",
			Description: "Too many wrong passwords from one address are answered 429 for a while, whatever the account.",
			Secret:      true, OnReplay: s.signInAgain,
			Faults: []fault.Code{fault.BadCredentials, fault.SlowDown},
		}),
		httpapi.Post("/api/users/signout", s.signOut, httpapi.About{
			ID: "signOut", Tag: tag, Summary: "End this session",
			Description: "The token is dead everywhere within a second. Whoever is not signed in gets the same answer.",
		}),
		httpapi.Get("/api/users/currentuser", s.currentUser, httpapi.About{
			ID: "currentUser", Tag: tag, Summary: "Who is signed in",
		}),
		httpapi.Patch("/api/users/me", s.changeMe, httpapi.About{
			ID: "changeMe", Tag: tag, Summary: "Change your e-mail or your password", SignedIn: true,
			Description: "A new password ends all other sessions; this one goes on with the cookie of the answer.",
			Check:       httpapi.Checks(checkChange),
			Faults:      []fault.Code{fault.BadCredentials, fault.EmailTaken, fault.SlowDown},
		}),
		httpapi.Get("/api/users/jwks", s.keySet, httpapi.About{
			ID: "jwks", Tag: tag, Summary: "The public keys that verify sessions (RFC 7517)",
		}),
	}
}

// user is an account as its owner sees it.
type user struct {
	ID        string    `json:"id" format:"uuid" doc:"The account's id."`
	Email     string    `json:"email" format:"email" doc:"In lower case."`
	CreatedAt time.Time `json:"createdAt" doc:"When the account was made."`
}

func shown(u User) user { return user{u.ID, u.Email, u.CreatedAt} }

type userOutput struct {
	SetCookie string `header:"Set-Cookie" doc:"The session, if a new one began."`
	Body      user
}

type credentials struct {
	Email    string `json:"email" minLength:"1" maxLength:"254" doc:"Upper and lower case are the same." example:"fan@example.com"`
	Password string `json:"password" minLength:"1" maxLength:"128" doc:"The account's password." example:"correct horse battery staple"`
}

type newAccount struct {
	Email    string `json:"email" format:"email" minLength:"1" maxLength:"254" doc:"Upper and lower case are the same." example:"fan@example.com"`
	Password string `json:"password" minLength:"8" maxLength:"128" doc:"Any characters." example:"correct horse battery staple"`
}

type signUpInput struct{ Body newAccount }

func checkSignUp(_ context.Context, in *signUpInput) (p fault.Problems) {
	checkEmail(&p, "email", in.Body.Email)
	checkPassword(&p, "password", in.Body.Password)
	return p
}

func (s *Service) signUp(ctx context.Context, in *signUpInput) (*userOutput, error) {
	email, _ := normalEmail(in.Body.Email)
	u, err := s.SignUp(ctx, httpapi.ID(ctx), email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, u)
}

type signInInput struct{ Body credentials }

func (s *Service) signIn(ctx context.Context, in *signInInput) (*userOutput, error) {
	u, err := s.SignIn(ctx, in.Body.Email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, u)
}

// signedIn is the answer that begins a session.
func (s *Service) signedIn(ctx context.Context, u User) (*userOutput, error) {
	return s.goesOn(ctx, u, uuid.Must(uuid.NewV7()).String())
}

// goesOn is the answer that gives a session its newest token.
func (s *Service) goesOn(ctx context.Context, u User, session string) (*userOutput, error) {
	token, expires, err := s.begin(ctx, u, session)
	if err != nil {
		return nil, err
	}
	return &userOutput{SetCookie: httpapi.SessionCookie(token, expires, httpapi.Secure(ctx)).String(), Body: shown(u)}, nil
}

// replayKept is as long as an answer may be given again, and more.
const replayKept = 25 * time.Hour

// signInAgain begins a session when the stored answer of a sign-up or sign-in is given again. The request holds the
// password of then: if there has been another since, it is no longer good.
func (s *Service) signInAgain(ctx context.Context, body []byte) (http.Header, error) {
	var then user
	if err := json.Unmarshal(body, &then); err != nil {
		return nil, err
	}
	u, ok, err := s.find(ctx, selectUser, then.ID)
	if err != nil {
		return nil, err
	}
	if !ok || u.SessionEpoch > 0 && s.now().Sub(u.EpochBeganAt) < replayKept {
		return nil, fault.BadCredentials.New("The password has changed since. Sign in anew.")
	}
	out, err := s.signedIn(ctx, u)
	if err != nil {
		return nil, err
	}
	return http.Header{"Set-Cookie": {out.SetCookie}}, nil
}

type signOutOutput struct {
	SetCookie string   `header:"Set-Cookie" doc:"Removes the session from the browser."`
	Body      struct{} `doc:"Nothing."`
}

func (s *Service) signOut(ctx context.Context, _ *struct{}) (*signOutOutput, error) {
	if c, err := httpapi.RequireCaller(ctx); err == nil {
		if err := s.SignOut(ctx, c); err != nil && !fault.Is(err, fault.SignInNeeded) {
			return nil, err
		}
	}
	return &signOutOutput{SetCookie: httpapi.SessionCookie("", time.Time{}, httpapi.Secure(ctx)).String()}, nil
}

type currentUser struct {
	CurrentUser httpapi.OrNull[user] `json:"currentUser" doc:"Null if nobody is signed in."`
}

type currentUserOutput struct{ Body currentUser }

func (s *Service) currentUser(ctx context.Context, _ *struct{}) (*currentUserOutput, error) {
	out := &currentUserOutput{}
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return out, nil
	}
	u, err := s.Current(ctx, c)
	switch {
	case fault.Is(err, fault.SignInNeeded):
		return out, nil
	case err != nil:
		return nil, err
	}
	me := shown(u)
	out.Body.CurrentUser.Value = &me
	return out, nil
}

type accountChange struct {
	CurrentPassword string  `json:"currentPassword" minLength:"1" maxLength:"128" doc:"Your password as it is now."`
	Email           *string `json:"email,omitempty" format:"email" minLength:"1" maxLength:"254" doc:"The new e-mail."`
	Password        *string `json:"password,omitempty" minLength:"8" maxLength:"128" doc:"The new password."`
}

type changeInput struct{ Body accountChange }

func checkChange(_ context.Context, in *changeInput) (p fault.Problems) {
	if in.Body.Email != nil {
		checkEmail(&p, "email", *in.Body.Email)
	}
	if in.Body.Password != nil {
		checkPassword(&p, "password", *in.Body.Password)
	}
	return p
}

func (s *Service) changeMe(ctx context.Context, in *changeInput) (*userOutput, error) {
	c, err := httpapi.RequireCaller(ctx)
	if err != nil {
		return nil, err
	}
	var email, password string
	if in.Body.Email != nil {
		email, _ = normalEmail(*in.Body.Email)
	}
	if in.Body.Password != nil {
		password = *in.Body.Password
	}
	u, err := s.Change(ctx, c, in.Body.CurrentPassword, email, password)
	switch {
	case err != nil:
		return nil, err
	case password == "": // the session goes on as it was
		return &userOutput{Body: shown(u)}, nil
	}
	return s.goesOn(ctx, u, c.SessionID)
}

type keySetOutput struct{ Body identity.JWKS }

func (s *Service) keySet(ctx context.Context, _ *struct{}) (*keySetOutput, error) {
	set, err := s.keys.set(ctx)
	return &keySetOutput{Body: set}, err
}

// Fingerprint tells the bodies of sign-ups and sign-ins apart without keeping what is in them: httpapi.Options takes it.
func (s *Service) Fingerprint(ctx context.Context, body, salt []byte) ([]byte, error) {
	if err := s.limits.digest(ctx); err != nil {
		return nil, err
	}
	return s.hasher.run(ctx, body, salt, s.hasher.cost)
}
