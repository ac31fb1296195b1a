package simulation

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// clock is the time of a world, in milliseconds, and the source of its ids. Each database may be a little off.
type clock struct {
	mu   sync.Mutex
	now  int64
	skew map[string]int64
	ids  *rand.Rand
}

// epoch is when every world begins.
var epoch = time.Date(2030, 1, 1, 20, 0, 0, 0, time.UTC).UnixMilli()

// maxSkew is how far two databases' clocks may be apart, in milliseconds.
const maxSkew = 2000

// reset begins a new world: in one of three, the databases do not agree on the time.
func (c *clock) reset(seed uint64, databases []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.skew, c.ids = epoch, map[string]int64{}, rand.New(rand.NewPCG(seed, 2))
	if c.ids.IntN(3) == 0 {
		for _, name := range databases {
			c.skew[name] = c.ids.Int64N(maxSkew) - maxSkew/2
		}
	}
}

// of is the clock of one database.
func (c *clock) of(name string) func() time.Time {
	return func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return time.UnixMilli(c.now + c.skew[name]).UTC()
	}
}

// newID is a UUIDv7 by one database's clock. Ids of one millisecond are in no order, as those of several replicas are.
func (c *clock) newID(name string) func() string {
	return func() string {
		c.mu.Lock()
		defer c.mu.Unlock()
		ms := uint64(c.now + c.skew[name])
		a, b := c.ids.Uint64(), c.ids.Uint64()
		return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", ms>>16, ms&0xffff, a&0xfff, 0x8000|a>>20&0x3fff, b&0xffffffffffff)
	}
}

func (c *clock) advance(ms int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += max(0, ms)
}

// at is the time of one database in milliseconds.
func (c *clock) at(name string) int64 { return c.of(name)().UnixMilli() }

// seconds is the age of the world.
func (c *clock) seconds() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return float64(c.now-epoch) / 1000
}
