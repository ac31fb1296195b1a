package test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/test/market"
)

// TestOpenPagesHear: a page that is open hears of each ticket, whether web runs with the services or alone. How soon is
// measured from the answer of the request that changed it, which comes after the commit.
func TestOpenPagesHear(t *testing.T) {
	for _, topology := range []market.Topology{market.Topologies[0], market.Topologies[2]} {
		t.Run(topology.Name, func(t *testing.T) {
			m := market.Open(t, topology)
			seller := m.SignUp("sally")
			heard := openPage(t, m.Front.URL)
			var took []time.Duration
			for range 30 {
				ticket := seller.Lists("Row 3", "49.90")
				answered := time.Now()
				var h arrival
				for open := true; h.id != ticket.ID; {
					if h, open = <-heard; !open {
						t.Fatal("the connection of the page has ended")
					}
				}
				took = append(took, max(0, h.at.Sub(answered)))
			}
			slices.Sort(took)
			t.Logf("from the answer to the page: median %v, slowest %v", took[len(took)/2], took[len(took)-1])
		})
	}
}

// arrival is a ticket that a page hears of.
type arrival struct {
	id string
	at time.Time
}

// openPage is what an open page of the market hears, from now on.
func openPage(t *testing.T, base string) <-chan arrival {
	t.Helper()
	var resp *http.Response
	market.Eventually(t, "pages are live", func() (bool, string) { // web alone has pages before it has reached the log
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/live?topics=market", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false, err.Error()
		}
		if answer.StatusCode != http.StatusOK {
			answer.Body.Close()
			return false, answer.Status
		}
		resp = answer
		return true, ""
	})
	t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: hello") {
	}
	heard := make(chan arrival, 1000)
	go func() {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var ticket struct{ ID string }
				if json.Unmarshal([]byte(data), &ticket) == nil {
					heard <- arrival{ticket.ID, time.Now()}
				}
			}
		}
		close(heard)
	}()
	return heard
}
