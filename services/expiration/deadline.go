package expiration

import (
	"time"

	"ticketing/kernel/event"
)

// Between two alarms for one order there is a pause that doubles, from shortest to longest.
const (
	shortestPause = time.Second
	longestPause  = 10 * time.Second
)

// Deadline is when the time to pay for an order is over.
type Deadline struct {
	OrderID   string
	ExpiresAt time.Time
	Said      int64 // how often the alarm has rung
}

// Ring is the alarm, and when to ring again unless the order is decided by then.
func (d *Deadline) Ring(now time.Time) (alarm event.Expiry, again time.Time) {
	pause := min(shortestPause<<min(d.Said, 10), longestPause)
	d.Said++
	return event.Expiry{ID: d.OrderID, OrderID: d.OrderID, ExpiresAt: d.ExpiresAt, Version: d.Said}, now.Add(pause)
}
