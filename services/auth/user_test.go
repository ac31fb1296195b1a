package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"ticketing/kernel/fault"
)

func TestNormalEmail(t *testing.T) {
	for in, want := range map[string]string{
		"fan@example.com":             "fan@example.com",
		" Fan@Example.COM\t":          "fan@example.com",
		"a.b+c@sub.example.com":       "a.b+c@sub.example.com",
		"x@localhost":                 "x@localhost",
		"grüße@münchen.example":       "grüße@münchen.example",
		"":                            "",
		"fan":                         "",
		"@example.com":                "",
		"fan@":                        "",
		"fan@@example.com":            "",
		"fan@example.com.":            "",
		"a b@example.com":             "",
		"Fan <fan@example.com>":       "",
		"<fan@example.com>":           "",
		`"fan"@example.com`:           "",
		"fan@example.com (comment)":   "",
		"a@b.example, c@d.example":    "",
		"fan@exa\u0000mple.com":       "",
		"fan\u200b@example.com":       "",
		"fan@example.com\r\nBcc: x@y": "",
		"fan@ex\xffample.com":         "",
		strings.Repeat("a", 242) + "@example.com": strings.Repeat("a", 242) + "@example.com",
		strings.Repeat("a", 243) + "@example.com": "",
	} {
		got, ok := normalEmail(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
}

func FuzzNormalEmail(f *testing.F) {
	for _, s := range []string{"fan@example.com", " A@B ", `"a b"@c`, "a@[127.0.0.1]", "\u212a@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		email, ok := normalEmail(s)
		if !ok {
			return
		}
		if again, ok := normalEmail(email); !ok || again != email {
			t.Errorf("%q is not normal: %q, %v", email, again, ok)
		}
		if len(email) > 254 || strings.ContainsFunc(email, unicode.IsControl) || !strings.Contains(email, "@") {
			t.Errorf("accepted %q", email)
		}
	})
}

func TestPasswordRule(t *testing.T) {
	for password, good := range map[string]bool{
		"1234567": false, "12345678": true, "日本語日本語日": false, "日本語日本語日本": true, "        ": true,
		strings.Repeat("ß", 128): true, strings.Repeat("ß", 129): false, "": false,
	} {
		var p fault.Problems
		checkPassword(&p, "password", password)
		if (len(p) == 0) != good {
			t.Errorf("%q: %v", password, p)
		}
	}
}

// Whatever happens to an account: no session that was ended comes back, the list stays bounded and the newest are in it.
func TestSessionsStayEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		u := newUser("u1", "fan@example.com", "hash", now)
		type session struct {
			id      string
			epoch   int64
			expires time.Time
		}
		var ended []session
		for i := range rapid.IntRange(0, 250).Draw(t, "steps") {
			now = now.Add(rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds")) * time.Second
			}).Draw(t, "pause"))
			if rapid.IntRange(0, 50).Draw(t, "new password") == 0 {
				u.setPassword(fmt.Sprint("hash", i), "the one at home", now)
				continue
			}
			s := session{fmt.Sprint("s", i), u.SessionEpoch, now.Add(7 * 24 * time.Hour)}
			u.endSession(s.id, s.expires, now)
			ended = append(ended, s)
		}
		if len(u.Ended) > maxEnded {
			t.Fatalf("%d sessions in the list", len(u.Ended))
		}
		for i, s := range ended {
			newest := len(ended)-i <= maxEnded
			if newest && s.expires.After(now) && !u.over(s.id, s.epoch) {
				t.Fatalf("%+v is alive again", s)
			}
		}
		if u.SessionEpoch > 0 && (u.over("the one at home", u.SessionEpoch-1) || !u.over("another", u.SessionEpoch-1)) {
			t.Fatal("a new password ends every session but the one that set it")
		}
		if u.over("another", u.SessionEpoch) {
			t.Fatal("a session that nobody ended is over")
		}
	})
}

func TestPHCOfEveryCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &hasher{cost: HashCost{
			Memory: rapid.Uint32Range(8, 1<<20).Draw(t, "memory"), Time: rapid.Uint32Range(1, 100).Draw(t, "time"),
			Threads: rapid.Uint8Range(1, 255).Draw(t, "threads"),
		}}
		salt, key := random(saltSize), random(hashSize)
		cost, gotSalt, gotKey, err := parsePHC(h.phc(salt, key))
		if err != nil || cost != h.cost || string(gotSalt) != string(salt) || string(gotKey) != string(key) {
			t.Fatal(cost, err)
		}
	})
}

// The test vector of RFC 9106, section 5.3, has a secret and associated data; this one is of the reference
// implementation: argon2id, 2 passes, 64 MiB, "password" with "somesalt".
func TestArgon2idIsTheRealOne(t *testing.T) {
	got := fmt.Sprintf("%x", argon2id([]byte("password"), []byte("somesalt"), HashCost{Memory: 65536, Time: 2, Threads: 1}))
	if want := "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
