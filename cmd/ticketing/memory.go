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
// all the time. It gets this much room instead, or in a large market half of what is alive.
const (
	roomAtLeast = 128 << 20 // bytes
	roomShare   = 50        // percent
	weighEvery  = time.Second
)

// memory is the part of the process that looks after the collector's room, unless the environment has a word about it.
func memory() runner.Component {
	return runner.Component{Name: "memory", Run: func(ctx context.Context) error {
		debug.FreeOSMemory() // what only the start has needed
		if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
			<-ctx.Done()
			return nil
		}
		tick := time.NewTicker(weighEvery)
		defer tick.Stop()
		for set := 100; ; {
			if percent := room(alive()); percent != set {
				debug.SetGCPercent(percent)
				set = percent
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	}}
}

// room is the collector's percentage for a heap of which so much is alive.
func room(alive uint64) int {
	if alive == 0 {
		return 100
	}
	return int(max(roomAtLeast, alive*roomShare/100) * 100 / alive)
}

// alive is how many bytes of the heap the last collection found to be in use.
func alive() uint64 {
	sample := []meters.Sample{{Name: "/gc/heap/live:bytes"}}
	meters.Read(sample)
	if sample[0].Value.Kind() != meters.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
