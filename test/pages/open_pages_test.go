package pages

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ticketing/test/market"
)

// openPages measures what open pages cost a market, and how soon they hear of a change:
//
//	go test ./test/pages -run TestOpenPages -open-pages 2000 -v
var openPages = flag.Int("open-pages", 0, "measure with so many open pages; nothing is measured without it")

// TestOpenPages logs figures, and fails only if a page does not hear. The pages are connections that hold no more than what
// they hear, in this process; memory and processor time are those of the market's process alone.
func TestOpenPages(t *testing.T) {
	if *openPages == 0 {
		t.Skip("measures only with -open-pages=NUMBER")
	}
	a := &audience{t: t, Market: open(t), began: time.Now()}
	t.Cleanup(a.leave)
	a.seller = a.SignUp("sally")
	for i := range 20 {
		a.tickets = append(a.tickets, a.seller.Lists(fmt.Sprintf("Row %d", i), "1"))
	}
	a.storm(5 * time.Second) // so that the process has its usual size
	t.Logf("%d processors, no page is open, nothing happens: %s", runtime.NumCPU(), a.spent(func() { time.Sleep(5 * time.Second) }))
	t.Logf("no page is open, 100 changes a second: %s", a.spent(func() { a.storm(10 * time.Second) }))
	for _, n := range []int{1, 200, *openPages} {
		before, had := a.memory(), len(a.pages)
		a.grow(n)
		t.Logf("%d pages: %.0f KiB for each of the last %d", n, float64(a.memory()-before)/1024/float64(max(1, n-had)), n-had)
		t.Logf("%d pages, one change now and then: %s", n, a.heard(func() { a.oneByOne(100) }))
	}
	t.Logf("%d pages, nothing happens: %s", *openPages, a.spent(func() { time.Sleep(20 * time.Second) }))
	var soon string
	cost := a.spent(func() { soon = a.heard(func() { a.storm(15 * time.Second) }) })
	t.Logf("%d pages, 100 changes a second: %s; %s", *openPages, cost, soon)
}

// audience is a market with open pages, and a seller who changes what they show. Each change has a price of its own.
type audience struct {
	*market.Market
	t       *testing.T
	seller  *market.Person
	tickets []market.Ticket
	pages   []*openPage
	began   time.Time

	mu       sync.Mutex
	sent     []time.Duration // of each change since began: when the seller asked for it
	answered []time.Duration // and when that was answered
}

// memory is what the market's process has of the machine's memory, in bytes.
func (a *audience) memory() int {
	return a.proc("status", func(text string) int {
		_, after, _ := strings.Cut(text, "VmRSS:")
		kib, _ := strconv.Atoi(strings.Fields(after)[0])
		return kib * 1024
	})
}

// processor is the time that the market's process has used of the machine's processors, in hundredths of a second.
func (a *audience) processor() int {
	return a.proc("stat", func(text string) int {
		fields := strings.Fields(text[strings.LastIndex(text, ")"):])
		user, _ := strconv.Atoi(fields[12])
		system, _ := strconv.Atoi(fields[13])
		return user + system
	})
}

func (a *audience) proc(name string, figure func(text string) int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", a.Front.PID(), name))
	if err != nil {
		a.t.Skipf("this system does not tell what a process uses: %v", err)
	}
	return figure(string(text))
}

// spent is what the market uses while something is done.
func (a *audience) spent(do func()) string {
	used, began := a.processor(), time.Now()
	do()
	return fmt.Sprintf("%.1f %% of a processor, %d MiB", float64(a.processor()-used)/time.Since(began).Seconds(), a.memory()>>20)
}

// heard is how soon the pages have heard of the changes that are made meanwhile.
func (a *audience) heard(do func()) string {
	for _, p := range a.pages {
		p.forget()
	}
	first := len(a.sent)
	do()
	var fromSent, fromAnswer []time.Duration
	for _, p := range a.pages {
		for _, h := range p.await(a.t, len(a.sent)-first) {
			fromSent = append(fromSent, h.at-a.sent[h.change])
			fromAnswer = append(fromAnswer, h.at-a.answered[h.change])
		}
	}
	return fmt.Sprintf("%d changes; from the request to the page %s, from its answer %s", len(a.sent)-first, middleAndEnd(fromSent), middleAndEnd(fromAnswer))
}

func middleAndEnd(all []time.Duration) string {
	slices.Sort(all)
	at := func(share float64) time.Duration {
		return max(0, all[int(math.Ceil(share*float64(len(all))))-1]).Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %v p99 %v", at(0.5), at(0.99))
}

// change gives a ticket a price that says which change it is.
func (a *audience) change() {
	a.mu.Lock()
	i := len(a.sent)
	a.sent, a.answered = append(a.sent, time.Since(a.began)), append(a.answered, 0)
	a.mu.Unlock()
	ticket := a.tickets[i%len(a.tickets)]
	answer := a.seller.Edit(ticket.ID, ticket.Title, fmt.Sprintf("%d.%02d", 10+i/100, i%100))
	a.mu.Lock()
	a.answered[i] = time.Since(a.began)
	a.mu.Unlock()
	if answer.Status != 200 {
		a.t.Errorf("change %d: %v", i, answer)
	}
}

// oneByOne makes changes, each when all pages have heard of the one before, and have waited for what comes together with it.
func (a *audience) oneByOne(n int) {
	for i := range n {
		a.change()
		for _, p := range a.pages {
			p.await(a.t, i+1)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// storm makes a hundred changes a second.
func (a *audience) storm(d time.Duration) {
	var changing sync.WaitGroup
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range int(d / (10 * time.Millisecond)) {
		<-tick.C
		changing.Go(a.change)
	}
	changing.Wait()
}
