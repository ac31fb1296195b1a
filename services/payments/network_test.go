package payments

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// Calls that are under way at the same moment need as many connections, which later ones use again.
func TestConnectionsToStripeAreKept(t *testing.T) {
	const calls, rounds = 16, 3
	var opened, arrived atomic.Int64
	var together [rounds]chan struct{} // closed when all calls of a round have arrived
	for i := range together {
		together[i] = make(chan struct{})
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := arrived.Add(1)
		round := together[(n-1)/calls]
		if n%calls == 0 {
			close(round)
		}
		select {
		case <-round:
		case <-r.Context().Done():
			return
		}
		_, _ = io.WriteString(w, `{"id":"pi_1","status":"succeeded"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	g := newGateway(Options{StripeURL: server.URL, StripeKey: "sk_test_1", CallTimeout: time.Minute})
	for range rounds {
		var round errgroup.Group
		for range calls {
			round.Go(func() error {
				_, err := g.retrieve(context.Background(), "pi_1")
				return err
			})
		}
		if err := round.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n > calls {
		t.Errorf("%d connections for %d rounds of %d calls", n, rounds, calls)
	}
}
