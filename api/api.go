// Package api is a client of the market's JSON API: what pages, tools and tests use instead of HTTP.
//
// A Client acts for one person. It keeps that person's session, which signing up and signing in begin; As makes a client
// for another session on the same connection. What is on the other side may be a socket or an http.Handler in the same
// process (InProcess): the same requests are made, and nothing is shared but them.
//
// A request that got no answer, or was told to come again later, is repeated for a while, but only one that can be
// repeated without harm: reads, and every POST, since each carries an Idempotency-Key. An answer that is no success is a
// *Problem; Is tells which. No answer at all is ErrUnreachable.
package api

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ErrUnreachable says that there was no answer that could be understood: nobody listens, or the connection broke.
var ErrUnreachable = errors.New("the market cannot be reached")

// DefaultPatience is how long a request waits, between its repeats, for a market that does not answer.
const DefaultPatience = 5 * time.Second

// Client makes requests for one session. It is safe for concurrent use.
type Client struct {
	line    line
	mu      sync.Mutex
	session Session
	cookie  *http.Cookie
}

// Session is what proves who somebody is.
type Session struct {
	Token   string    // empty: nobody is signed in
	Expires time.Time // zero if not known
}

// New is a client that is not signed in, of the market at that base URL: http://localhost:8080. A nil transport is the
// network.
func New(base string, transport http.RoundTripper) *Client {
	if transport == nil {
		transport = network()
	}
	return &Client{line: line{base: strings.TrimRight(base, "/"), transport: transport, patience: DefaultPatience}}
}

// As is a client for the session with this token, on the same connections; an empty token is for nobody.
func (c *Client) As(token string) *Client {
	return &Client{line: c.line, session: Session{Token: token}}
}

// Patient is a client for the same session that waits that long, between its repeats, before it gives up. With 0 it never
// repeats anything.
func (c *Client) Patient(patience time.Duration) *Client {
	other := &Client{line: c.line, session: c.Session()}
	other.line.patience = patience
	return other
}

// Session is the session that the client is in.
func (c *Client) Session() Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Cookie is the session's cookie as the market has set it last, for whoever hands it on to a browser; nil if it has set
// none since the client was made. The cookie that ends a session is one too.
func (c *Client) Cookie() *http.Cookie {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cookie
}

// enter changes the session as the answer says.
func (c *Client) enter(answer http.Header) {
	for _, cookie := range (&http.Response{Header: answer}).Cookies() {
		if cookie.Name != sessionCookie {
			continue
		}
		c.mu.Lock()
		c.cookie = cookie
		c.session = Session{Token: cookie.Value, Expires: cookie.Expires}
		if cookie.MaxAge < 0 {
			c.session = Session{}
		}
		c.mu.Unlock()
	}
}

// network is patient with answers, which may wait for other services, and not with connections.
func network() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       30 * time.Second,
	}
}
