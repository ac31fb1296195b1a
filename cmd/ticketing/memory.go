package main

import (
	"context"
	"os"
	"runtime/debug"
	meters "runtime/metrics"
	"time"

	runner "ticketing/kernel/run"
)

// The garbage collector runs when the heap has grown by as much as is alive, which is little in a small market: it would run
// all the time. It gets room of its own instead, for about a second's garbage: with less it runs more often than it has to, and with
// more, memory that has not been used for seconds is used again, which neither the processor's caches nor its table of pages know any
// more, and which the system may have taken back. In a large market the index of the log is always alive. To look through that takes
// a tenth of a second, which much room makes rare; but mostly little garbage is made, and room only fills up with it. So there it
// is small, except for as long as much is being done, and what was used of it is given back afterwards. Even then as much as is alive
// would be too much: memory that is touched for the first time, or again after seconds, costs more than looking less often saves.
const (
	roomAtLeast = 32 << 20  // bytes
	roomAtMost  = 128 << 20 // bytes; only a large market that is busy has more
	roomSmall   = 300       // percent of what is alive, at least, in a small market
	roomShare   = 50        // percent of what is alive, in a large market that is busy
	roomCalm    = 32 << 20  // bytes, in a large market that is not
	heapCalm    = 256 << 20 // bytes, alive and room together, in a market that is not busy, if roomCalm allows it
	busyFrom    = 30 << 20  // bytes that are allocated in a second, for some seconds; at half of that it is over
	rateWeight  = 0.25      // of the last second in that rate: to do much for a moment is not to be busy
	weighEvery  = time.Second
)

// memory is the part of the process that looks after the collector's room, unless the environment has a word about it.
func memory() runner.Component {
	return runner.Component{Name: "memory", Run: func(ctx context.Context) error {
		if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
			<-ctx.Done()
			return nil
		}
		tick := time.NewTicker(weighEvery)
		defer tick.Stop()
		var c collector
		c.weigh()
		for calmed := true; ; calmed = c.weigh() {
			c.makeRoom()
			if calmed { // now, and once the start is over
				debug.FreeOSMemory()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	}}
}

// collector is what is known of the garbage collector's work.
type collector struct {
	alive     uint64  // bytes of the heap that the last collection found to be in use
	allocated uint64  // bytes since the start
	last      uint64  // bytes in the last second
	rate      float64 // bytes a second of late
	busy      bool
	percent   int // its room, of what is alive
}

// weigh looks at the heap, once a second, and tells whether much was being done until now.
func (c *collector) weigh() (calmed bool) {
	samples := []meters.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	meters.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != meters.KindUint64 {
			return false
		}
	}
	return c.second(samples[0].Value.Uint64(), samples[1].Value.Uint64())
}

func (c *collector) second(alive, allocated uint64) (calmed bool) {
	if c.allocated > 0 {
		c.last = allocated - c.allocated
		c.rate += rateWeight * (float64(c.last) - c.rate)
	}
	was := c.busy
	c.alive, c.allocated, c.busy = alive, allocated, c.rate >= busyFrom || was && c.rate >= busyFrom/2
	return was && !c.busy
}

func (c *collector) makeRoom() {
	if c.alive == 0 {
		return
	}
	if percent := int(c.room() * 100 / c.alive); percent != c.percent {
		debug.SetGCPercent(percent)
		c.percent = percent
	}
}

// room is how many bytes of garbage may be there before they are collected.
func (c *collector) room() uint64 {
	second := min(roomAtMost, max(roomAtLeast, c.alive*roomSmall/100, c.last, uint64(c.rate)))
	if c.busy {
		return max(second, c.alive*roomShare/100)
	}
	return min(second, max(roomCalm, heapCalm-min(heapCalm, c.alive)))
}
