package auth_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"ticketing/kernel/bus"
	"ticketing/services/auth"
)

// At most as many hashes run at once as there may be; the others wait, and all of a burst succeed.
func TestHashesTakeTurns(t *testing.T) {
	h := open(t, "")
	openGate := h.hashes.hold()
	const burst = 200
	statuses := make(chan int, burst)
	for i := range burst {
		go func() { statuses <- h.person("192.0.2.1").signUp(fmt.Sprintf("p%d@example.com", i)).status }()
	}
	for range 4 {
		<-h.hashes.at
	}
	select {
	case <-h.hashes.at:
		t.Error("a fifth hash runs")
	default:
	}
	openGate()
	for range burst {
		if status := <-statuses; status != 201 {
			t.Errorf("status %d", status)
		}
	}
}

// More than the queue takes are told to come again; who has gone away gives up its place.
func TestFullQueueRefuses(t *testing.T) {
	h := open(t, "")
	openGate := h.hashes.hold()
	ctx, leave := context.WithCancel(context.Background())
	const people = 500 // 4 hash, 400 wait
	refused, gone := make(chan error, people), make(chan error, people)
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			_, err := h.SignUp(ctx, fmt.Sprintf("id%d", i), fmt.Sprintf("p%d@example.com", i), secret)
			if ctx.Err() == nil {
				refused <- err
			} else {
				gone <- err
			}
		})
	}
	for range people - 404 {
		if err := <-refused; err == nil || !strings.Contains(err.Error(), "unavailable") {
			t.Fatalf("refused with %v", err)
		}
	}
	r := h.person("192.0.2.1").signUp("late@example.com")
	want(t, r, 503, "unavailable", "")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	leave()
	for range 400 { // they answer although nobody's hash has ended
		<-gone
	}
	openGate()
	all.Wait()
	want(t, h.person("192.0.2.1").signUp("late@example.com"), 201, "", "")
}

// The real hash, in the format that other programs read.
func TestDefaultHash(t *testing.T) {
	if (auth.DefaultHashCost != auth.HashCost{Memory: 19456, Time: 2, Threads: 1}) {
		t.Errorf("cost %+v", auth.DefaultHashCost)
	}
	h := open(t, "")
	s := auth.New(h.db, bus.New(h.db, h.log, bus.Options{}), auth.Options{Now: h.clock.Now})
	if _, err := s.SignUp(t.Context(), "id1", "fan@example.com", secret); err != nil {
		t.Fatal(err)
	}
	if hash := text(t, h, `SELECT password_hash FROM users`); !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q", hash)
	}
	// A service with another cost still reads it: the parameters are those of the hash.
	cheap := auth.New(h.db, bus.New(h.db, h.log, bus.Options{}), auth.Options{Now: h.clock.Now, HashCost: auth.HashCost{Memory: 64, Time: 1, Threads: 1}})
	if _, err := cheap.SignIn(t.Context(), "fan@example.com", secret); err != nil {
		t.Error(err)
	}
	if _, err := cheap.SignIn(t.Context(), "fan@example.com", secret+"!"); err == nil {
		t.Error("a wrong password is right")
	}
}

// A damaged hash in the database is an error of ours, and never a match.
func TestDamagedHashIsNoMatch(t *testing.T) {
	h := open(t, "")
	want(t, h.person("192.0.2.1").signUp("fan@example.com"), 201, "", "")
	for _, hash := range []string{"plain", "$argon2id$v=19$m=8,t=1,p=1$!$!", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=999999999,t=1,p=1$AAAA$AAAA"} {
		exec(t, h, `UPDATE users SET password_hash = $1`, hash)
		r := h.person("192.0.2.1").signIn("fan@example.com", secret)
		want(t, r, 500, "internal", "")
		if strings.Contains(h.written.String(), "AAAA") {
			t.Error("the log quotes a hash")
		}
	}
}
