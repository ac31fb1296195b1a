package stripesim_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"ticketing/stripesim"
)

// works runs the worker until the end of the test.
func (b *bench) works() {
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.sim.Run(running) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

func (i *inbox) await(n int) {
	i.t.Helper()
	late := time.After(30 * time.Second)
	for range n {
		select {
		case <-i.more:
		case <-late:
			i.t.Fatal("a webhook never came")
		}
	}
}

func TestTheWorkerWakesByItself(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		b.works()
		var want []string
		for range 20 {
			want = append(want, b.paid().ID)
		}
		shop.await(20)
		var got []string
		for _, l := range shop.take() {
			got = append(got, l.event.Data.Object["id"].(string))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			b.t.Errorf("told of %v, want %v", got, want)
		}
	})
}

func TestTheWorkerSettlesWhatIsDue(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("refund.updated")
		in := b.paidWith("pm_card_pendingRefund")
		b.works()
		if _, err := b.refund(in.ID, 0, ""); err != nil {
			b.t.Fatal(err)
		}
		b.advance(time.Hour)
		shop.await(1)
		if got := shop.take(); got[0].event.Data.Object["status"] != "succeeded" {
			b.t.Errorf("the refund: %s", got[0].body)
		}
	})
}

func TestOneReplicaDelivers(t *testing.T) {
	b := newBench(t, engines["postgres"](t))
	other := &bench{t: t, options: b.options, now: b.now}
	other.open()
	t.Cleanup(func() { other.db.Close() })
	shop := b.listen("payment_intent.succeeded")
	if _, err := other.sim.SetWebhook(ctx, stripesim.Webhook{Name: "inbox", URL: "http://shop.test/hook", Types: []string{"payment_intent.succeeded"}, Transport: shop}); err != nil {
		t.Fatal(err)
	}
	b.works()
	other.works()
	for range 10 {
		b.paid()
		other.paid()
	}
	shop.await(20)
	seen := map[string]bool{}
	for _, l := range shop.take() {
		if seen[l.event.ID] {
			t.Errorf("%s was sent twice", l.event.ID)
		}
		seen[l.event.ID] = true
	}
}
