package expiration

import (
	"math"
	"testing"
	"time"

	"ticketing/kernel/event"
)

func TestRing(t *testing.T) {
	noon := time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)
	d := Deadline{OrderID: "o", ExpiresAt: noon}
	now := noon.Add(5 * time.Millisecond)
	for i, pause := range []time.Duration{1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10, 10, 10} {
		alarm, again := d.Ring(now)
		if want := (event.Expiry{ID: "o", OrderID: "o", ExpiresAt: noon, Version: int64(i + 1)}); alarm != want || d.Said != alarm.Version {
			t.Errorf("alarm %d is %+v", i, alarm)
		}
		if got := again.Sub(now); got != pause*time.Second {
			t.Errorf("after alarm %d there is a pause of %v, want %d s", i+1, got, pause)
		}
		now = again
	}
	d.Said = math.MaxInt32
	if _, again := d.Ring(now); again.Sub(now) != longestPause {
		t.Errorf("after very many alarms there is a pause of %v", again.Sub(now))
	}
}
