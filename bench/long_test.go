package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
)

var (
	long      = flag.Duration("long", 0, "have TestLong keep a market busy for so long, at least 10s")
	longRate  = flag.Float64("long-rate", 20, "purchases a second that TestLong begins, each with all that goes with it")
	longChart = flag.String("long-chart", "", "SVG file that TestLong draws its figures into")
)

// TestLong keeps a market busy, evenly and moderately, and looks at it all the while: what it holds of memory, goroutines and
// files, what it writes for each purchase, how long its answers take. Then the books must be in order, every order must have
// come to the end that its buyer chose, and nothing may have grown that has no reason to.
func TestLong(t *testing.T) {
	switch {
	case *long == 0:
		t.Skip("skipped: takes as long as -long says, such as -long 1h")
	case *long < 10*time.Second || *longRate <= 0:
		t.Fatal("-long has to be 10s or more, -long-rate more than 0")
	}
	lock := min(time.Minute, max(5*time.Second, *long/4)).Round(time.Second)
	h := newHouse(t, embedded, "--lock-duration", lock.String())
	l := newLoad(t, h, lock, *longRate)
	g := newGrowth(t, l)
	l.begin(*long)
	moments := g.watch(*long)
	l.settle()
	t.Logf("%v at %g purchases a second by %d clients; a lock lasts %v.\n%s\n\n%s",
		*long, *longRate, longClients, lock, l.summary(), longTable(moments))
	if *longChart != "" {
		if err := os.WriteFile(*longChart, []byte(longPicture(*long, *longRate, moments).svg()), 0o644); err != nil {
			t.Error(err)
		}
	}
	for _, wrong := range l.wrong() {
		t.Error(wrong)
	}
	for _, grown := range grownFor(moments) {
		t.Error(grown)
	}
	h.audited(t)
}

// auditPatience is how long an audit may take, which reads all that was ever written, and auditTries how often one is begun:
// where reading takes longer than the market needs to come to rest, an audit sees what was on its way when it began.
const (
	auditPatience = 20 * time.Minute
	auditTries    = 3
)

// books are what the audit says of them.
type books struct {
	Findings                         []struct{ What string }
	Busy                             []string
	Tickets, Orders, Charges, Events int
}

// audited has the program look through its books, to the last rule: the market has to be at rest.
func (h *house) audited(t *testing.T) {
	t.Helper()
	for try := 1; ; try++ {
		began := time.Now()
		b, err := h.audit(t)
		if err == nil && len(b.Busy) > 0 && try < auditTries {
			continue
		}
		t.Logf("audit: %d tickets, %d orders, %d charges and %d events in %v",
			b.Tickets, b.Orders, b.Charges, b.Events, time.Since(began).Round(time.Millisecond))
		for _, f := range b.Findings {
			t.Errorf("audit: %s", f.What)
		}
		if err != nil || len(b.Busy) > 0 {
			t.Errorf("audit: %v; on its way: %s", err, strings.Join(b.Busy, ", "))
		}
		break
	}
	if failed := h.market.Failed(); failed != "No event has failed." {
		t.Error(failed)
	}
}

func (h *house) audit(t *testing.T) (b books, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), auditPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, market.Binary(t), append([]string{"audit", "--json"}, h.market.Place()...)...).Output()
	if wrong := json.Unmarshal(out, &b); wrong != nil {
		return b, errors.Join(err, wrong)
	}
	return b, err // findings are an error, too
}
