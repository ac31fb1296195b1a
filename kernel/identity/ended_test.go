package identity_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ticketing/kernel/event"
	"ticketing/kernel/identity"
)

func TestEndedForgetsWhatHasExpired(t *testing.T) {
	ended := identity.NewEnded()
	const days = 60
	for i := range days * 1000 { // a thousand sign-outs and new passwords a day
		at := start.Add(time.Duration(i) * 24 * time.Hour / 1000)
		ended.Apply(event.User{ID: fmt.Sprint("u", i), SessionEpoch: 1, UpdatedAt: at,
			EndedSessions: []event.EndedSession{{ID: fmt.Sprint("s", i), ExpiresAt: at.Add(identity.SessionTTL)}}})
	}
	if n := ended.Len(); n < 2*7000 || n > 4*7000+2 {
		t.Errorf("remembers %d, of which %d can matter", n, 2*7000)
	}
	if !ended.Has(identity.Caller{UserID: "x", SessionID: fmt.Sprint("s", days*1000-1)}) {
		t.Error("the newest is forgotten")
	}
}

// Whatever the order in which events come, and however often, the same sessions are over.
func TestEndedKnowsTheSameInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.User {
			u := event.User{
				ID:           fmt.Sprint("u", rapid.IntRange(0, 2).Draw(t, "user")),
				SessionEpoch: rapid.Int64Range(0, 3).Draw(t, "epoch"),
				UpdatedAt:    start,
			}
			for _, s := range rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "sessions") {
				u.EndedSessions = append(u.EndedSessions,
					event.EndedSession{ID: fmt.Sprint("s", s), ExpiresAt: start.Add(time.Hour)})
			}
			return u
		}), 1, 6).Draw(t, "events")
		inOrder, shuffled := identity.NewEnded(), identity.NewEnded()
		for _, u := range events {
			inOrder.Apply(u)
		}
		for _, u := range append(rapid.Permutation(events).Draw(t, "order"), events[0]) {
			shuffled.Apply(u)
		}
		for user := range 3 {
			for session := range 5 {
				for epoch := range 4 {
					c := identity.Caller{UserID: fmt.Sprint("u", user), SessionID: fmt.Sprint("s", session), Epoch: int64(epoch)}
					if inOrder.Has(c) != shuffled.Has(c) {
						t.Fatalf("%+v depends on the order", c)
					}
				}
			}
		}
	})
}
