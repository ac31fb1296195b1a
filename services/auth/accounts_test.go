package auth_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/kernel/store"
)

func TestSignUpSignsIn(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		p := h.person("192.0.2.1")
		if me := p.me(); me != "" {
			t.Errorf("a stranger is %q", me)
		}
		r := p.signUp("  Fan@Example.COM ")
		want(t, r, 201, "", "")
		if r.body["email"] != "fan@example.com" || len(r.body) != 3 || len(r.body["id"].(string)) != 36 ||
			r.body["createdAt"] != h.clock.Now().Format(time.RFC3339) {
			t.Errorf("user %s", r.text)
		}
		cookie := r.header.Get("Set-Cookie")
		for _, part := range []string{"session=", "HttpOnly", "SameSite=Lax", "Path=/", "Expires="} {
			if !strings.Contains(cookie, part) {
				t.Errorf("cookie %q has no %s", cookie, part)
			}
		}
		if strings.Contains(cookie, "Secure") || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", r.header)
		}
		if me := p.me(); me != "fan@example.com" {
			t.Errorf("signed up, but is %q", me)
		}
		bearer := h.person("192.0.2.2")
		if me := bearer.me("Authorization", "Bearer "+p.cookie); me != "fan@example.com" {
			t.Errorf("with the token as bearer: %q", me)
		}
	})
}

func TestSignUpChecksItsInput(t *testing.T) {
	h := open(t, "")
	long := strings.Repeat("x", 129)
	for name, c := range map[string]struct {
		body   any
		status int
		code   string
		fields string
	}{
		"both wrong":        {credentials("fan", "short"), 400, "invalid", "email password"},
		"nothing":           {map[string]string{}, 400, "invalid", "email password"},
		"seven characters":  {credentials("a@b.example", "1234567"), 400, "invalid", "password"},
		"too long":          {credentials("a@b.example", long), 400, "invalid", "password"},
		"numbers":           {map[string]int{"email": 1, "password": 2}, 400, "invalid", "email password"},
		"a name":            {credentials("Fan <a@b.example>", secret), 400, "invalid", "email"},
		"two addresses":     {credentials("a@b.example,c@d.example", secret), 400, "invalid", "email"},
		"a line break":      {credentials("a@b.example\r\nBcc: c@d.example", secret), 400, "invalid", "email"},
		"a long address":    {credentials(strings.Repeat("a", 243)+"@example.com", secret), 400, "invalid", "email"},
		"not JSON":          {"{", 400, "bad_json", ""},
		"no body":           {"", 400, "bad_json", ""},
		"eight characters":  {credentials("eight@b.example", "12345678"), 201, "", ""},
		"eight of others":   {credentials("others@b.example", "日本語日本語日本"), 201, "", ""},
		"an address of 254": {credentials(strings.Repeat("a", 242)+"@example.com", secret), 201, "", ""},
		"plus and dots":     {credentials("a.b+c@sub.example.com", secret), 201, "", ""},
	} {
		r := h.person("192.0.2.1").do("POST", "/api/users/signup", c.body)
		var fields []string
		errs, _ := r.body["errors"].([]any)
		for _, e := range errs {
			if f, ok := e.(map[string]any)["field"].(string); ok {
				fields = append(fields, f)
			}
		}
		slices.Sort(fields)
		if r.status != c.status || r.code() != c.code || strings.Join(fields, " ") != c.fields {
			t.Errorf("%s: %d %s on %v: %s", name, r.status, r.code(), fields, r.text)
		}
		if p, ok := c.body.(map[string]string); ok && p["password"] != "" && strings.Contains(r.text, p["password"]) {
			t.Errorf("%s: the password comes back: %s", name, r.text)
		}
	}
}

func TestSignInGivesNothingAway(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		want(t, h.person("192.0.2.1").signUp("fan@example.com"), 201, "", "")
		var texts []string
		for _, c := range [][2]string{{"fan@example.com", "wrong horse"}, {"nobody@example.com", secret}, {"no address", secret}} {
			before := h.hashes.made.Load()
			p := h.person("192.0.2.1")
			r := p.signIn(c[0], c[1])
			want(t, r, 401, "bad_credentials", "")
			if n := h.hashes.made.Load() - before; n != 1 {
				t.Errorf("%s: %d hashes", c[0], n)
			}
			if p.cookie != "" {
				t.Errorf("%s: a cookie", c[0])
			}
			delete(r.body, "traceId")
			texts = append(texts, fmt.Sprint(r.body))
		}
		if texts[0] != texts[1] || texts[1] != texts[2] {
			t.Errorf("the answers differ: %q", texts)
		}
		p := h.person("192.0.2.1")
		want(t, p.signIn("FAN@example.com", secret), 200, "", "")
		if me := p.me(); me != "fan@example.com" {
			t.Errorf("is %q", me)
		}
	})
}

func TestPasswordIsTheSameFromEveryKeyboard(t *testing.T) {
	h := open(t, "")
	want(t, h.person("192.0.2.1").do("POST", "/api/users/signup", credentials("a@b.example", "caf\u00e9 caf\u00e9")), 201, "", "")
	want(t, h.person("192.0.2.1").signIn("a@b.example", "cafe\u0301 cafe\u0301"), 200, "", "")
}

func TestTakenEmail(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		want(t, h.person("192.0.2.1").signUp("fan@example.com"), 201, "", "")
		want(t, h.person("192.0.2.1").signUp("FAN@example.com"), 409, "email_taken", "email")
		other := h.person("192.0.2.1")
		want(t, other.signUp("other@example.com"), 201, "", "")
		r := other.do("PATCH", "/api/users/me", map[string]string{"currentPassword": secret, "email": "fan@example.com"})
		want(t, r, 409, "email_taken", "email")
		if me := other.me(); me != "other@example.com" {
			t.Errorf("is now %q", me)
		}
	})
}

// However many want an e-mail at the same moment, one gets it, and the others change nothing.
func TestOneWinnerPerEmail(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		replicas := []*house{h}
		if h.db.Shared() {
			replicas = append(replicas, h.replica())
		}
		const rounds, people = 20, 16
		for round := range rounds {
			email := fmt.Sprintf("round%d@example.com", round)
			gate, replies := make(chan struct{}), make([]reply, people)
			var wg sync.WaitGroup
			for i := range people {
				p := replicas[i%len(replicas)].person(fmt.Sprintf("192.0.2.%d", i))
				wg.Go(func() {
					<-gate
					replies[i] = p.signUp(email)
				})
			}
			close(gate)
			wg.Wait()
			winners := 0
			for _, r := range replies {
				if r.status == 201 {
					winners++
				} else {
					want(t, r, 409, "email_taken", "email")
				}
			}
			if winners != 1 {
				t.Fatalf("%d accounts of %s", winners, email)
			}
		}
		if n := count(t, h, `SELECT count(*) FROM users`); n != rounds {
			t.Errorf("%d accounts", n)
		}
		if n := count(t, h, `SELECT count(*) FROM outbox`); n != rounds {
			t.Errorf("%d events", n)
		}
	})
}

// Two accounts that change to one e-mail at the same moment: one gets it, also when neither sees the other's change.
func TestOneWinnerOfAChange(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		replicas := []*house{h, h}
		if h.db.Shared() {
			replicas[1] = h.replica()
		}
		people := make([]*person, 8)
		for i := range people {
			people[i] = replicas[i%2].person("192.0.2.1")
			want(t, people[i].signUp(fmt.Sprintf("p%d@example.com", i)), 201, "", "")
		}
		for round := range 20 {
			email := fmt.Sprintf("wanted%d@example.com", round)
			gate, statuses := make(chan struct{}), make([]int, len(people))
			var wg sync.WaitGroup
			for i, p := range people {
				wg.Go(func() {
					<-gate
					statuses[i] = p.do("PATCH", "/api/users/me", map[string]string{"currentPassword": secret, "email": email}).status
				})
			}
			close(gate)
			wg.Wait()
			won := 0
			for _, s := range statuses {
				if s == 200 {
					won++
				} else if s != 409 {
					t.Fatalf("statuses %v", statuses)
				}
			}
			if won != 1 {
				t.Fatalf("statuses %v", statuses)
			}
		}
	})
}

// Changes of one account at the same moment on two replicas all happen, one after the other.
func TestVersionsHaveNoGaps(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		replicas := []*house{h, h}
		if h.db.Shared() {
			replicas[1] = h.replica()
		}
		want(t, h.person("192.0.2.1").signUp("fan@example.com"), 201, "", "")
		const sessions = 16
		people := make([]*person, sessions)
		for i := range people {
			people[i] = replicas[i%2].person("192.0.2.1")
			want(t, people[i].signIn("fan@example.com", secret), 200, "", "")
		}
		gate := make(chan struct{})
		var wg sync.WaitGroup
		for _, p := range people {
			wg.Go(func() {
				<-gate
				if r := p.do("POST", "/api/users/signout", nil); r.status != 200 {
					t.Errorf("%d %s", r.status, r.text)
				}
			})
		}
		close(gate)
		wg.Wait()
		if v := count(t, h, `SELECT version FROM users`); v != 1+sessions {
			t.Errorf("version %d", v)
		}
		if n := count(t, h, `SELECT count(*) FROM outbox`); n != 1+sessions {
			t.Errorf("%d events", n)
		}
	})
}

func TestRepeatedSignUpIsOne(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		p := h.person("192.0.2.1")
		body := credentials("fan@example.com", secret)
		first := p.do("POST", "/api/users/signup", body, "Idempotency-Key", "k1")
		want(t, first, 201, "", "")
		again := h.person("192.0.2.1")
		r := again.do("POST", "/api/users/signup", body, "Idempotency-Key", "k1")
		want(t, r, 201, "", "")
		if r.text != first.text || r.header.Get("Idempotent-Replayed") == "" {
			t.Errorf("%v %s, first %s", r.header, r.text, first.text)
		}
		if me := again.me(); me != "fan@example.com" || again.cookie == p.cookie {
			t.Errorf("the repeat is signed in as %q, with the same token: %v", me, again.cookie == p.cookie)
		}
		other := h.person("192.0.2.1").do("POST", "/api/users/signup", credentials("fan@example.com", "another password"), "Idempotency-Key", "k1")
		want(t, other, 422, "idempotency_key_reused", "")
		if n := count(t, h, `SELECT count(*) FROM users`); n != 1 {
			t.Errorf("%d accounts", n)
		}
	})
}

// The process died after the commit and before the answer: the repeat finds the account that the first attempt made.
func TestSignUpAfterACrash(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		first, err := h.SignUp(ctx, "0195a0c2-0000-7000-8000-000000000001", "fan@example.com", secret)
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.SignUp(ctx, first.ID, "fan@example.com", secret)
		if err != nil || again.ID != first.ID || again.Version != 1 {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// The stored answer of a sign-in must not be a way around a password that has changed since.
func TestOldPasswordIsNotReplayed(t *testing.T) {
	h := open(t, "")
	p := h.person("192.0.2.1")
	want(t, p.signUp("fan@example.com"), 201, "", "")
	body := credentials("fan@example.com", secret)
	want(t, h.person("192.0.2.1").do("POST", "/api/users/signin", body, "Idempotency-Key", "k1"), 200, "", "")
	want(t, p.do("PATCH", "/api/users/me", map[string]string{"currentPassword": secret, "password": "something else"}), 200, "", "")
	thief := h.person("192.0.2.1")
	want(t, thief.do("POST", "/api/users/signin", body, "Idempotency-Key", "k1"), 401, "bad_credentials", "")
	if thief.cookie != "" {
		t.Error("a session for an old password")
	}
}

func TestNothingSecretLeaks(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		n, p := h.neighbour(), h.person("192.0.2.1")
		r := p.do("POST", "/api/users/signup", credentials("fan@example.com", secret), "Idempotency-Key", "k1")
		id := r.body["id"].(string)
		tokens := []string{p.cookie}
		p.signIn("fan@example.com", "wrong but secret")
		p.do("PATCH", "/api/users/me", map[string]string{"currentPassword": secret, "password": "new and secret"})
		tokens = append(tokens, p.cookie)
		p.do("POST", "/api/users/signout", nil)
		n.await(t, id, 3)
		hash := text(t, h, `SELECT password_hash FROM users`)
		stored := text(t, h, `SELECT body || headers || fingerprint FROM idempotency_keys`)
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=8,t=1,p=1$") {
			t.Errorf("hash %q", hash)
		}
		for _, word := range append(tokens, secret, "wrong but secret", "new and secret", hash, "argon2id") {
			if strings.Contains(n.texts.String(), word) || strings.Contains(h.written.String(), word) || strings.Contains(stored, word) {
				t.Errorf("%q is in an event, a log line or a stored answer", word)
			}
		}
	})
}

func TestErrorsKeepTheirShape(t *testing.T) {
	h := open(t, "")
	p := h.person("192.0.2.1")
	want(t, p.do("PATCH", "/api/users/me", map[string]string{"currentPassword": secret}), 401, "not_signed_in", "")
	want(t, p.do("GET", "/api/users/me", nil), 405, "method_not_allowed", "")
	want(t, p.do("GET", "/api/users/nobody", nil), 404, "not_found", "")
	want(t, p.do("POST", "/api/users/signin", "email=a", "Content-Type", "application/x-www-form-urlencoded"), 415, "unsupported_media_type", "")
	want(t, p.do("POST", "/api/users/signin", credentials("a@b.example", strings.Repeat("x", 70000))), 413, "body_too_large", "")
	want(t, p.do("POST", "/api/users/signin", credentials("a@b.example", strings.Repeat("x", 129))), 400, "invalid", "password")
	if _, ok := p.do("POST", "/api/users/signout", nil).header["Set-Cookie"]; !ok {
		t.Error("signing out does not clear the cookie of whoever is not signed in")
	}
}

func count(t *testing.T, h *house, query string) (n int64) {
	t.Helper()
	err := h.db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(query).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func text(t *testing.T, h *house, query string) (s string) {
	t.Helper()
	err := h.db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(query).Scan(&s) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func exec(t *testing.T, h *house, query string, args ...any) {
	t.Helper()
	err := h.db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
