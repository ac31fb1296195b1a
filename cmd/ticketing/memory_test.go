package main

import "testing"

const megabyte = 1 << 20

func TestCollectorHasRoom(t *testing.T) {
	for _, c := range []struct{ alive, last, rate, calm, busy uint64 }{
		{alive: 1, calm: 32, busy: 32},
		{alive: 1, last: 60, rate: 20, calm: 60, busy: 60},
		{alive: 1, last: 10, rate: 40, calm: 40, busy: 40},
		{alive: 1, last: 300, calm: 128, busy: 128},
		{alive: 30, last: 40, calm: 90, busy: 90},
		{alive: 128, calm: 128, busy: 128},
		{alive: 200, calm: 56, busy: 128},
		{alive: 256, calm: 32, busy: 128},
		{alive: 400, last: 60, calm: 32, busy: 200},
	} {
		for busy, want := range map[bool]uint64{false: c.calm, true: c.busy} {
			it := collector{alive: c.alive * megabyte, last: c.last * megabyte, rate: float64(c.rate * megabyte), busy: busy}
			if got := it.room(); got != want*megabyte {
				t.Errorf("%+v, busy %v: room for %d MB, want %d", c, busy, got/megabyte, want)
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
