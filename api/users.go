package api

import (
	"context"
	"net/http"
	"time"
)

// User is an account.
type User struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"createdAt"`
}

type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// SignUp makes an account; the client is then in its session.
func (c *Client) SignUp(ctx context.Context, email, password string) (User, error) {
	return get[User](ctx, c, call{method: http.MethodPost, path: "/api/users/signup", body: credentials{email, password}})
}

// SignIn begins a session of an account.
func (c *Client) SignIn(ctx context.Context, email, password string) (User, error) {
	return get[User](ctx, c, call{method: http.MethodPost, path: "/api/users/signin", body: credentials{email, password}})
}

// SignOut ends the session, everywhere.
func (c *Client) SignOut(ctx context.Context) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/api/users/signout"})
	return err
}

// CurrentUser is who is signed in; nil if nobody is.
func (c *Client) CurrentUser(ctx context.Context) (*User, error) {
	answer, err := get[struct {
		CurrentUser *User `json:"currentUser"`
	}](ctx, c, call{method: http.MethodGet, path: "/api/users/currentuser"})
	return answer.CurrentUser, err
}

// AccountChange is what to change about an account; what is empty stays.
type AccountChange struct {
	CurrentPassword string `json:"currentPassword"`
	Email           string `json:"email,omitempty"`
	Password        string `json:"password,omitempty"`
}

// ChangeMe changes the account that is signed in. A new password ends all its other sessions.
func (c *Client) ChangeMe(ctx context.Context, change AccountChange) (User, error) {
	return get[User](ctx, c, call{method: http.MethodPatch, path: "/api/users/me", body: change, once: true})
}
