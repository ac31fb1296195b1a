package web

import (
	"fmt"
	"time"
)

// countdown is the time until a lock ends, for the partial of that name.
type countdown struct {
	*View
	Expires time.Time
	Total   time.Duration // that the buyer had in the beginning
}

// Left is what was left when the page was made, in whole seconds that have begun: "14:59".
func (c countdown) Left() string {
	seconds := max(0, int((c.Expires.Sub(c.Now)+time.Second-1)/time.Second))
	if hours := seconds / 3600; hours > 0 {
		return fmt.Sprintf("%d:%02d:%02d", hours, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
