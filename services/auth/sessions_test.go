package auth_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/identity"
)

// dead asserts that a token is refused everywhere: as cookie and bearer by auth, and by a neighbour.
func dead(t *testing.T, h *house, n *neighbour, token string) {
	t.Helper()
	p := h.person("192.0.2.9")
	if me := p.me("Authorization", "Bearer "+token); me != "" {
		t.Errorf("as bearer it is still %s", me)
	}
	p.cookie = token
	if me := p.me(); me != "" {
		t.Errorf("as cookie it is still %s", me)
	}
	want(t, p.do("PATCH", "/api/users/me", map[string]string{"currentPassword": secret, "password": "another one"}), 401, "not_signed_in", "")
	if _, err := n.Verify(t.Context(), token); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("to the neighbour: %v", err)
	}
}

func alive(t *testing.T, h *house, n *neighbour, token string) {
	t.Helper()
	if me := h.person("192.0.2.9").me("Authorization", "Bearer "+token); me == "" {
		t.Error("auth refuses it")
	}
	if _, err := n.Verify(t.Context(), token); err != nil {
		t.Errorf("the neighbour refuses it: %v", err)
	}
}

func TestSignOutEndsTheSessionEverywhere(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		n, p, phone := h.neighbour(), h.person("192.0.2.1"), h.person("192.0.2.2")
		id := p.signUp("fan@example.com").body["id"].(string)
		phone.signIn("fan@example.com", secret)
		token := p.cookie
		alive(t, h, n, token)
		alive(t, h, n, phone.cookie)
		r := p.do("POST", "/api/users/signout", nil)
		if r.status != 200 || strings.TrimSpace(r.text) != "{}" || !strings.Contains(r.header.Get("Set-Cookie"), "Max-Age=0") || p.cookie != "" {
			t.Errorf("%d %s %v", r.status, r.text, r.header)
		}
		n.await(t, id, 2)
		dead(t, h, n, token)
		alive(t, h, n, phone.cookie)
		p.cookie = token
		if r := p.do("POST", "/api/users/signout", nil); r.status != 200 {
			t.Errorf("again: %d %s", r.status, r.text)
		}
		if v := count(t, h, `SELECT version FROM users`); v != 2 {
			t.Errorf("version %d", v)
		}
		// A neighbour that starts later reads it in the log.
		later := h.neighbour()
		later.await(t, id, 2)
		dead(t, h, later, token)
		// So does auth itself after a restart: it has the sessions in its database.
		if h.db.Shared() {
			again := h.replica()
			dead(t, again, n, token)
		}
	})
}

func TestSignOutWithBearer(t *testing.T) {
	h := open(t, "")
	n, p := h.neighbour(), h.person("192.0.2.1")
	id := p.signUp("fan@example.com").body["id"].(string)
	token := p.cookie
	p.cookie = ""
	if r := p.do("POST", "/api/users/signout", nil, "Authorization", "Bearer "+token); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	n.await(t, id, 2)
	dead(t, h, n, token)
}

func TestNewPasswordEndsAllOtherSessions(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		n, p := h.neighbour(), h.person("192.0.2.1")
		id := p.signUp("fan@example.com").body["id"].(string)
		others := []*person{h.person("192.0.2.2"), h.person("192.0.2.3")}
		for _, o := range others {
			o.signIn("fan@example.com", secret)
		}
		old := p.cookie
		r := p.do("PATCH", "/api/users/me", map[string]string{"currentPassword": secret, "password": "something else"})
		want(t, r, 200, "", "")
		if r.body["id"] != id || len(r.body) != 3 {
			t.Errorf("answer %s", r.text)
		}
		n.await(t, id, 2)
		for _, token := range []string{others[0].cookie, others[1].cookie} {
			dead(t, h, n, token)
		}
		alive(t, h, n, p.cookie)
		alive(t, h, n, old) // the same session, for those who keep its token themselves
		want(t, p.signIn("fan@example.com", secret), 401, "bad_credentials", "")
		// Signing out ends the session under both of its tokens.
		session := p.cookie
		want(t, p.do("POST", "/api/users/signout", nil), 200, "", "")
		n.await(t, id, 3)
		dead(t, h, n, session)
		dead(t, h, n, old)
		want(t, p.signIn("fan@example.com", "something else"), 200, "", "")
	})
}

func TestChangeOfEmail(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		n, p := h.neighbour(), h.person("192.0.2.1")
		id := p.signUp("fan@example.com").body["id"].(string)
		token := p.cookie
		change := func(body map[string]string) reply { return p.do("PATCH", "/api/users/me", body) }
		want(t, change(map[string]string{"currentPassword": "wrong", "email": "new@example.com"}), 401, "bad_credentials", "currentPassword")
		want(t, change(map[string]string{"email": "new@example.com"}), 400, "invalid", "currentPassword")
		want(t, change(map[string]string{"currentPassword": secret, "email": "new"}), 400, "invalid", "email")
		want(t, change(map[string]string{"currentPassword": secret, "password": "short"}), 400, "invalid", "password")
		want(t, change(map[string]string{"currentPassword": secret}), 200, "", "")
		want(t, change(map[string]string{"currentPassword": secret, "email": "FAN@example.com"}), 200, "", "")
		if v := count(t, h, `SELECT version FROM users`); v != 1 {
			t.Errorf("version %d after changes of nothing", v)
		}
		r := change(map[string]string{"currentPassword": secret, "email": " New@example.com"})
		want(t, r, 200, "", "")
		if r.body["email"] != "new@example.com" {
			t.Errorf("answer %s", r.text)
		}
		n.await(t, id, 2)
		alive(t, h, n, token)
		want(t, p.signIn("fan@example.com", secret), 401, "bad_credentials", "")
		want(t, p.signIn("new@example.com", secret), 200, "", "")
		want(t, h.person("192.0.2.5").signUp("fan@example.com"), 201, "", "")
	})
}

func TestSessionExpires(t *testing.T) {
	h := open(t, "")
	n, p := h.neighbour(), h.person("192.0.2.1")
	p.signUp("fan@example.com")
	h.clock.Advance(identity.SessionTTL - time.Second)
	alive(t, h, n, p.cookie)
	h.clock.Advance(time.Second)
	dead(t, h, n, p.cookie)
}

// An account tells of the newest hundred sessions that were signed out, and of none that has expired.
func TestEventTellsOfEndedSessions(t *testing.T) {
	h := open(t, "")
	p := h.person("192.0.2.1")
	p.signUp("fan@example.com")
	var tokens []string
	signOut := func() {
		p.signIn("fan@example.com", secret)
		tokens = append(tokens, p.cookie)
		p.do("POST", "/api/users/signout", nil)
	}
	for range 105 {
		signOut()
	}
	if n := strings.Count(text(t, h, `SELECT ended_sessions FROM users`), `"id"`); n != 100 {
		t.Errorf("tells of %d", n)
	}
	n := h.neighbour()
	n.await(t, text(t, h, `SELECT id FROM users`), 106)
	for _, token := range tokens { // also of those that the newest event does not name
		if _, err := n.Verify(t.Context(), token); !errors.Is(err, identity.ErrInvalid) {
			t.Fatalf("a session that was signed out: %v", err)
		}
	}
	h.clock.Advance(identity.SessionTTL)
	signOut()
	if n := strings.Count(text(t, h, `SELECT ended_sessions FROM users`), `"id"`); n != 1 {
		t.Errorf("tells of %d, of which one can matter", n)
	}
}

func TestCookieIsSecureOnHTTPS(t *testing.T) {
	h := open(t, "")
	r := httptest.NewRequest("POST", "/api/users/signup", strings.NewReader(`{"email":"a@b.example","password":"`+secret+`"}`))
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if cookie := w.Header().Get("Set-Cookie"); !strings.Contains(cookie, "; Secure") {
		t.Errorf("cookie %q", cookie)
	}
}

func TestRotationSignsNobodyOut(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		n, p := h.neighbour(), h.person("192.0.2.1")
		p.signUp("fan@example.com")
		before := p.cookie
		alive(t, h, n, before)
		if err := h.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, p.signIn("fan@example.com", secret), 200, "", "")
		h.clock.Advance(time.Second) // when a neighbour may ask for keys again
		alive(t, h, n, p.cookie)
		alive(t, h, n, before)
		if got := kids(h); len(got) != 2 || kid(p.cookie) != got[0] || kid(before) != got[1] {
			t.Errorf("published %v; signed with %s, before with %s", got, kid(p.cookie), kid(before))
		}
		h.clock.Advance(identity.SessionTTL - 2*time.Second)
		if err := h.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		alive(t, h, n, p.cookie) // just before it expires
		h.clock.Advance(2 * time.Hour)
		if err := h.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := kids(h); len(got) != 3 || kid(p.cookie) != got[2] && kid(p.cookie) == kid(before) {
			t.Errorf("published %v", got)
		}
	})
}

// Replicas that start at the same moment agree on a key, and each learns of the other's rotation.
func TestReplicasShareTheirKeys(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		if !h.db.Shared() {
			return // SQLite has one process
		}
		all := []*house{h, h.replica(), h.replica()}
		errs := make(chan error)
		for _, r := range all {
			go func() { errs <- r.Ready(context.Background()) }()
		}
		for range all {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if got := kids(h); len(got) != 1 {
			t.Fatalf("keys %v", got)
		}
		n := h.neighbour()
		p := all[1].person("192.0.2.1")
		p.signUp("fan@example.com")
		alive(t, all[2], n, p.cookie)
		for range 3 {
			for _, r := range all {
				go func() { errs <- r.Rotate(context.Background()) }()
			}
			for range all {
				if err := <-errs; err != nil {
					t.Fatal(err)
				}
			}
		}
		if signs := count(t, h, `SELECT count(*) FROM keys WHERE retired_at = 0`); signs != 1 {
			t.Errorf("%d keys sign", signs)
		}
		h.clock.Advance(10 * time.Second) // by then each has noticed
		newest := kids(h)[0]
		for _, r := range all {
			p := r.person("192.0.2.1")
			want(t, p.signIn("fan@example.com", secret), 200, "", "")
			if kid(p.cookie) != newest {
				t.Errorf("signs with %s, the newest is %s", kid(p.cookie), newest)
			}
		}
		alive(t, all[0], n, p.cookie)
	})
}

// A replica accepts a token of a key that it has never seen, without waiting for its own next look.
func TestReplicaAcceptsANewKeyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		if !h.db.Shared() {
			return
		}
		other := h.replica()
		p := h.person("192.0.2.1")
		p.signUp("fan@example.com")
		if me := other.person("192.0.2.1").me("Authorization", "Bearer "+p.cookie); me == "" {
			t.Fatal("the replica refuses the first key")
		}
		if err := h.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.signIn("fan@example.com", secret)
		if me := other.person("192.0.2.1").me("Authorization", "Bearer "+p.cookie); me == "" {
			t.Error("the replica refuses the new key")
		}
	})
}

// kids are the ids of the published keys, in their order.
func kids(h *house) []string {
	r := h.person("192.0.2.1").do("GET", "/api/users/jwks", nil)
	var all []string
	keys, _ := r.body["keys"].([]any)
	for _, k := range keys {
		all = append(all, fmt.Sprint(k.(map[string]any)["kid"]))
		if k.(map[string]any)["d"] != nil || strings.Contains(r.text, "seed") {
			panic("a private key is published")
		}
	}
	return all
}

// kid is the key that a token names.
func kid(token string) string {
	header, _, _ := strings.Cut(token, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(header)
	var h struct{ Kid string }
	_ = json.Unmarshal(raw, &h)
	return h.Kid
}
