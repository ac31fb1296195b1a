package bus

import (
	"sync/atomic"
	"time"
)

// lagClasses are the upper bounds of the classes that lags are counted in.
var lagClasses = [...]time.Duration{
	1 * time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond, 4 * time.Millisecond, 5 * time.Millisecond, 6 * time.Millisecond,
	8 * time.Millisecond, 10 * time.Millisecond, 15 * time.Millisecond, 20 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, time.Minute,
}

// lags counts how long events took to their followers.
type lags struct {
	classes [len(lagClasses) + 1]atomic.Uint64 // the last one is for whatever took longer
	sum     atomic.Int64
	last    atomic.Int64
}

func (l *lags) note(d time.Duration) {
	class := 0
	for class < len(lagClasses) && d > lagClasses[class] {
		class++
	}
	l.classes[class].Add(1)
	l.sum.Add(int64(d))
	l.last.Store(int64(d))
}

// Lags are how long events took from their transaction to their follower's commit.
type Lags struct {
	Last   time.Duration            // the last one that was applied
	Sum    time.Duration            // of all of them
	Count  uint64                   // how many there were
	Within map[time.Duration]uint64 // how many took no longer
}

func (l *lags) read() Lags {
	all := Lags{Last: time.Duration(l.last.Load()), Sum: time.Duration(l.sum.Load()), Within: map[time.Duration]uint64{}}
	for i := range l.classes {
		if all.Count += l.classes[i].Load(); i < len(lagClasses) {
			all.Within[lagClasses[i]] = all.Count
		}
	}
	return all
}
