package main

import "testing"

const megabyte = 1 << 20

func TestCollectorHasRoom(t *testing.T) {
	for _, c := range []struct{ alive, calm, busy uint64 }{
		{1, 128, 128}, {128, 128, 128}, {200, 56, 200}, {256, 32, 256}, {400, 32, 400},
	} {
		for busy, want := range map[bool]uint64{false: c.calm, true: c.busy} {
			if got := (&collector{alive: c.alive * megabyte, busy: busy}).room(); got != want*megabyte {
				t.Errorf("with %d MB alive, busy %v, it has room for %d MB, want %d", c.alive, busy, got/megabyte, want)
			}
		}
	}
}

func TestCollectorKnowsWhetherMuchIsDone(t *testing.T) {
	var c collector
	allocated := uint64(500 * megabyte) // by the start
	second := func(megabytes uint64) (calmed bool) {
		allocated += megabytes * megabyte
		return c.second(200*megabyte, allocated)
	}
	if second(0); c.busy {
		t.Error("the start counts")
	}
	if second(100); c.busy {
		t.Error("a moment of much work counts")
	}
	for range 5 {
		second(50)
	}
	if !c.busy {
		t.Error("five seconds of work do not count")
	}
	calmed := 0
	for range 5 {
		if second(20) {
			calmed++
		}
	}
	if !c.busy || calmed != 0 {
		t.Error("it has calmed down although it goes on working")
	}
	for range 5 {
		if second(1) {
			calmed++
		}
	}
	if c.busy || calmed != 1 {
		t.Errorf("five seconds later it is busy: %v, and has calmed down %d times", c.busy, calmed)
	}
}
