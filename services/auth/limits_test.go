package auth_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"
)

// refused asserts a 429 that nothing was hashed for, and returns after how many seconds to come again.
func refused(t *testing.T, h *house, do func() reply) int {
	t.Helper()
	before := h.hashes.made.Load()
	r := do()
	want(t, r, 429, "too_many_requests", "")
	if n := h.hashes.made.Load() - before; n != 0 {
		t.Errorf("%d hashes for a refusal", n)
	}
	after, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || after < 1 {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	return after
}

func TestGuessingIsSlowedDown(t *testing.T) {
	onEach(t, func(t *testing.T, h *house) {
		owner, thief := h.person("192.0.2.1"), h.person("198.51.100.1")
		owner.signUp("fan@example.com")
		guess := func() reply { return thief.signIn("fan@example.com", "wrong password") }
		for range 10 {
			want(t, guess(), 401, "bad_credentials", "")
		}
		if after := refused(t, h, guess); after != 6 {
			t.Errorf("come again in %d s", after)
		}
		// The right password is refused too, or the answer would tell it.
		refused(t, h, func() reply { return thief.signIn("fan@example.com", secret) })
		// The owner is not locked out, nor is the thief from other accounts.
		want(t, owner.signIn("fan@example.com", secret), 200, "", "")
		want(t, thief.signIn("other@example.com", "wrong password"), 401, "bad_credentials", "")
		h.clock.Advance(6 * time.Second)
		want(t, guess(), 401, "bad_credentials", "")
		refused(t, h, guess)
	})
}

func TestGuessingAtManyAccountsIsSlowedDown(t *testing.T) {
	h := open(t, "")
	thief := h.person("198.51.100.1")
	for i := range 100 {
		want(t, thief.signIn(fmt.Sprintf("p%d@example.com", i), "wrong password"), 401, "bad_credentials", "")
	}
	if after := refused(t, h, func() reply { return thief.signIn("one-more@example.com", "wrong password") }); after != 1 {
		t.Errorf("come again in %d s", after)
	}
	want(t, h.person("198.51.100.2").signIn("one-more@example.com", "wrong password"), 401, "bad_credentials", "")
	h.clock.Advance(time.Second)
	want(t, thief.signIn("one-more@example.com", "wrong password"), 401, "bad_credentials", "")
}

func TestRightPasswordsCostNothing(t *testing.T) {
	h := open(t, "")
	p := h.person("192.0.2.1")
	p.signUp("fan@example.com")
	for range 150 {
		want(t, p.signIn("fan@example.com", secret), 200, "", "")
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if r := h.person("192.0.2.1").signIn("fan@example.com", secret); r.status != 200 {
				t.Errorf("%d %s", r.status, r.text)
			}
		})
	}
	wg.Wait()
}

// Many guesses at the same moment get no further than one after the other.
func TestGuessesAtOnceCountToo(t *testing.T) {
	h := open(t, "")
	h.person("192.0.2.1").signUp("fan@example.com")
	before := h.hashes.made.Load()
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for range 80 {
		wg.Go(func() {
			<-gate
			if r := h.person("198.51.100.1").signIn("fan@example.com", "wrong password"); r.status != 401 && r.status != 429 {
				t.Errorf("%d %s", r.status, r.text)
			}
		})
	}
	close(gate)
	wg.Wait()
	if n := h.hashes.made.Load() - before; n != 10 {
		t.Errorf("%d guesses were tried", n)
	}
}

func TestWrongCurrentPasswordCounts(t *testing.T) {
	h := open(t, "")
	p := h.person("192.0.2.1")
	p.signUp("fan@example.com")
	change := func() reply {
		return p.do("PATCH", "/api/users/me", map[string]string{"currentPassword": "wrong password", "password": "something else"})
	}
	for i := range 10 {
		if i%2 == 0 {
			want(t, change(), 401, "bad_credentials", "currentPassword")
		} else {
			want(t, h.person("192.0.2.1").signIn("fan@example.com", "wrong password"), 401, "bad_credentials", "")
		}
	}
	refused(t, h, change)
	refused(t, h, func() reply { return p.signIn("fan@example.com", secret) })
}

func TestSignUpsAreSlowedDown(t *testing.T) {
	h := open(t, "")
	p := h.person("192.0.2.1")
	for i := range 500 {
		want(t, h.person("192.0.2.1").signUp(fmt.Sprintf("p%d@example.com", i)), 201, "", "")
	}
	refused(t, h, func() reply { return p.signUp("one-more@example.com") })
	want(t, h.person("192.0.2.2").signUp("elsewhere@example.com"), 201, "", "")
	h.clock.Advance(500 * time.Millisecond)
	want(t, p.signUp("one-more@example.com"), 201, "", "")
}

// One customer has a whole /64 of IPv6.
func TestNetworksOfIPv6CountAsOne(t *testing.T) {
	h := open(t, "")
	for i := range 10 {
		want(t, h.person(fmt.Sprintf("2001:db8:1:2::%x", i+1)).signIn("fan@example.com", "wrong"), 401, "bad_credentials", "")
	}
	refused(t, h, func() reply { return h.person("2001:db8:1:2:ffff::1").signIn("fan@example.com", "wrong") })
	want(t, h.person("2001:db8:1:3::1").signIn("fan@example.com", "wrong"), 401, "bad_credentials", "")
}

// An Idempotency-Key is no way to have hashes made past the limits.
func TestFingerprintsAreLimited(t *testing.T) {
	h := open(t, "")
	thief := h.person("198.51.100.1")
	for i := range 100 {
		thief.signIn(fmt.Sprintf("p%d@example.com", i), "wrong password")
	}
	refused(t, h, func() reply {
		return thief.do("POST", "/api/users/signin", credentials("a@b.example", "wrong password"), "Idempotency-Key", "k1")
	})
}
