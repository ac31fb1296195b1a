package httpapi_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
)

const milk = `{"title":"milk","price":1}`

func key(k string) string { return "Idempotency-Key: " + k }

func rows(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(`SELECT count(*) FROM note`).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func alter(t *testing.T, db *store.DB, statement string, args ...any) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(statement, args...); return err })
	if err != nil {
		t.Fatal(err)
	}
}

// same checks that an answer is the first one again, and says so.
func same(t *testing.T, first, again *http.Response) {
	t.Helper()
	if again.Header.Get("Idempotent-Replayed") != "true" || first.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("replayed %q, first %q", again.Header.Get("Idempotent-Replayed"), first.Header.Get("Idempotent-Replayed"))
	}
	if a, b := text(t, first), text(t, again); a != b || first.StatusCode != again.StatusCode {
		t.Errorf("first %d %s\nagain %d %s", first.StatusCode, a, again.StatusCode, b)
	}
	for _, name := range []string{"Location", "ETag", "Content-Type", "Content-Length"} {
		if first.Header.Get(name) != again.Header.Get(name) {
			t.Errorf("%s: first %q, again %q", name, first.Header.Get(name), again.Header.Get(name))
		}
	}
}

func TestKeyRepeatsTheFirstAnswer(t *testing.T) {
	everyEngine(t, func(t *testing.T, db *store.DB) {
		s := &toy{db: db}
		h := served(s)
		first := ask(h, "POST", "/api/gate", milk, key("a"))
		if first.StatusCode != 201 {
			t.Fatalf("status %d: %s", first.StatusCode, text(t, first))
		}
		same(t, first, ask(h, "POST", "/api/gate", milk, key("a")))
		refused := ask(h, "POST", "/api/gate", `{"title":""}`, key("bad"))
		same(t, refused, ask(h, "POST", "/api/gate", `{"title":""}`, key("bad")))

		if p := problem(t, ask(h, "POST", "/api/gate", `{"title":"other","price":1}`, key("a"))); p.Code != "idempotency_key_reused" || p.Status != 422 {
			t.Errorf("another body: %d %s", p.Status, p.Code)
		}
		// The key belongs to the caller and the address, so these are first requests.
		ask(h, "POST", "/api/gate", milk, key("a"), signed)
		ask(h, "POST", "/api/gate", milk, key("a"), "Authorization: Bearer other")
		if r := ask(h, "POST", "/api/notes", milk, key("a"), signed); r.StatusCode != 201 || r.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("another address: %d, replayed %q", r.StatusCode, r.Header.Get("Idempotent-Replayed"))
		}
		if s.ran.Load() != 3 || rows(t, db) != 3 {
			t.Errorf("ran %d times, %d rows; want 3", s.ran.Load(), rows(t, db))
		}
	})
}

func TestKeyIsForgottenAfterADay(t *testing.T) {
	everyEngine(t, func(t *testing.T, db *store.DB) {
		h := served(&toy{db: db})
		first := ask(h, "POST", "/api/gate", milk, key("a"))
		alter(t, db, `UPDATE idempotency_keys SET created_at = created_at - $1`, (24 * time.Hour).Milliseconds())
		second := ask(h, "POST", "/api/gate", `{"title":"bread","price":1}`, key("a"))
		if second.StatusCode != 201 || second.Header.Get("Location") == first.Header.Get("Location") {
			t.Errorf("status %d, the same note %t", second.StatusCode, second.Header.Get("Location") == first.Header.Get("Location"))
		}
		same(t, second, ask(h, "POST", "/api/gate", `{"title":"bread","price":1}`, key("a")))
	})
}

func TestOldKeysAreRemoved(t *testing.T) {
	db := sqlite(t)
	h := served(&toy{db: db})
	for i := range 300 {
		if i == 200 {
			alter(t, db, `UPDATE idempotency_keys SET created_at = 1`)
		}
		ask(h, "POST", "/api/gate", milk, key(fmt.Sprint(i)))
	}
	var n int
	alter(t, db, `SELECT 1`) // updates run in order: the removal is over
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM idempotency_keys WHERE created_at = 1`).Scan(&n)
	}); err != nil || n != 0 {
		t.Errorf("%d old keys are left, %v", n, err)
	}
}

// TestOneOfManyRuns sends the same request many times at once: one runs, the others are told to wait, all agree in the end.
func TestOneOfManyRuns(t *testing.T) {
	everyEngine(t, func(t *testing.T, db *store.DB) {
		const rounds, clients = 30, 16
		for round := range rounds {
			s := &toy{db: db, gate: make(chan struct{})}
			h := served(s)
			k := key(fmt.Sprint("round-", round))
			var start, done sync.WaitGroup
			var early, created atomic.Int64
			start.Add(1)
			for range clients {
				done.Go(func() {
					start.Wait()
					r := ask(h, "POST", "/api/gate", milk, k)
					switch {
					case r.StatusCode == 201 && r.Header.Get("Idempotent-Replayed") == "":
						created.Add(1)
					case r.StatusCode == 409 && r.Header.Get("Retry-After") != "":
						if early.Add(1) == clients-1 {
							close(s.gate)
						}
					default:
						t.Errorf("status %d: %s", r.StatusCode, text(t, r))
					}
				})
			}
			start.Done()
			done.Wait()
			if created.Load() != 1 || s.ran.Load() != 1 {
				t.Fatalf("round %d: created %d, ran %d", round, created.Load(), s.ran.Load())
			}
			if r := ask(h, "POST", "/api/gate", milk, k); r.StatusCode != 201 || r.Header.Get("Idempotent-Replayed") != "true" {
				t.Fatalf("afterwards: %d", r.StatusCode)
			}
		}
		if n := rows(t, db); n != rounds {
			t.Errorf("%d notes, want %d", n, rounds)
		}
	})
}

// TestRepeatAfterAPanic has the handler die after its effect: a repeat finds that effect by the reserved id.
func TestRepeatAfterAPanic(t *testing.T) {
	everyEngine(t, func(t *testing.T, db *store.DB) {
		s := &toy{db: db}
		h := served(s)
		s.fail.Store(2)
		for range 2 {
			if p := problem(t, ask(h, "POST", "/api/gate", milk, key("a"))); p.Status != 500 {
				t.Fatalf("status %d", p.Status)
			}
		}
		if r := ask(h, "POST", "/api/gate", milk, key("a")); r.StatusCode != 201 || r.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("status %d, replayed %q", r.StatusCode, r.Header.Get("Idempotent-Replayed"))
		}
		if n := rows(t, db); n != 1 || s.ran.Load() != 3 {
			t.Errorf("%d notes after %d runs, want 1 after 3", n, s.ran.Load())
		}
	})
}

// TestRepeatAfterBeingBusy: an answer that says "try again" is not what a repeat gets.
func TestRepeatAfterBeingBusy(t *testing.T) {
	s := &toy{db: sqlite(t), gate: make(chan struct{})}
	o := s.options()
	o.Timeout = 10 * time.Millisecond
	if p := problem(t, ask(httpapi.Edge(httpapi.EdgeOptions{}, httpapi.Handler(o, s.db, s.Routes())), "POST", "/api/gate", milk, key("a"))); p.Status != 503 {
		t.Fatalf("status %d", p.Status)
	}
	close(s.gate)
	if r := ask(served(s), "POST", "/api/gate", milk, key("a")); r.StatusCode != 201 || s.ran.Load() != 2 {
		t.Errorf("status %d after %d runs", r.StatusCode, s.ran.Load())
	}
}

// TestRepeatAfterACrash leaves a claim behind as a killed process would: without an answer. A new process of an unshared
// database takes over at once; on a shared one another process may still be at work, for 30 s.
func TestRepeatAfterACrash(t *testing.T) {
	everyEngine(t, func(t *testing.T, db *store.DB) {
		first := ask(served(&toy{db: db}), "POST", "/api/gate", milk, key("a"))
		alter(t, db, `UPDATE idempotency_keys SET status = 0, headers = '', body = ''`)
		h := served(&toy{db: db})
		if db.Shared() {
			r := ask(h, "POST", "/api/gate", milk, key("a"))
			if p := problem(t, r); p.Code != "idempotency_key_in_use" || r.Header.Get("Retry-After") == "" {
				t.Fatalf("too early: %d %s", p.Status, p.Code)
			}
			alter(t, db, `UPDATE idempotency_keys SET claimed_at = claimed_at - 30000`)
		}
		again := ask(h, "POST", "/api/gate", milk, key("a"))
		if again.StatusCode != 201 || again.Header.Get("Location") != first.Header.Get("Location") || rows(t, db) != 1 {
			t.Errorf("status %d, %s instead of %s, %d notes", again.StatusCode, again.Header.Get("Location"), first.Header.Get("Location"), rows(t, db))
		}
		same(t, again, ask(h, "POST", "/api/gate", milk, key("a")))
	})
}

// TestSecretsAreNotKept looks at what the database holds of a sign-in.
func TestSecretsAreNotKept(t *testing.T) {
	db := sqlite(t)
	h := served(&toy{db: db})
	first := ask(h, "POST", "/api/signin", `{"password":"hunter2"}`, key("a"))
	if got := first.Header.Get("Set-Cookie"); got != "session=first; Path=/; Expires=Sat, 20 Nov 2286 17:46:40 GMT; HttpOnly; SameSite=Lax" {
		t.Errorf("first cookie %q", got)
	}
	again := ask(h, "POST", "/api/signin", `{"password":"hunter2"}`, key("a"))
	if got := again.Header.Get("Set-Cookie"); got != "session=second" {
		t.Errorf("second cookie %q", got)
	}
	same(t, first, again)
	if p := problem(t, ask(h, "POST", "/api/signin", `{"password":"hunter3"}`, key("a"))); p.Status != 422 {
		t.Errorf("another password: %d", p.Status)
	}
	for range 2 {
		if r := ask(h, "POST", "/api/signin", `{"password":"wrong"}`, key("b")); r.StatusCode != 401 || r.Header.Get("Set-Cookie") != "" {
			t.Errorf("wrong password: %d with cookie %q", r.StatusCode, r.Header.Get("Set-Cookie"))
		}
	}
	var salts, cookies int
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(DISTINCT salt) FILTER (WHERE salt <> ''), count(*) FILTER (WHERE headers LIKE '%ession%')
			FROM idempotency_keys`).Scan(&salts, &cookies)
	}); err != nil || salts != 2 || cookies != 0 {
		t.Errorf("%d salts, %d cookies, %v", salts, cookies, err)
	}
}

func TestSecretRouteNeedsASlowFingerprint(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	s := &toy{db: sqlite(t)}
	httpapi.Handler(httpapi.Options{}, s.db, s.Routes())
}
