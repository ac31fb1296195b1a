package stripesim_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"ticketing/stripesim"
)

// plays adds mischief.
func (b *bench) plays(m ...stripesim.Mischief) {
	b.t.Helper()
	if err := b.sim.AddMischief(m...); err != nil {
		b.t.Fatal(err)
	}
}

// paidIDs pays n times and returns the intents.
func (b *bench) paidIDs(n int) (ids []string) {
	for range n {
		ids = append(ids, b.paid().ID)
		b.advance(time.Millisecond)
	}
	return ids
}

func (i *inbox) ids() (ids []string) {
	for _, l := range i.take() {
		ids = append(ids, l.event.Data.Object["id"].(string))
	}
	return ids
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestDuplicateDropAndReorder(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		b.plays(stripesim.Mischief{Kind: stripesim.Duplicate, Count: 2, Skip: 1, Times: 1, Type: "payment_intent.*"},
			stripesim.Mischief{Kind: stripesim.Duplicate, Type: "refund.*"})
		in := b.paidIDs(3)
		b.deliver(3)
		same(b.t, "duplicate", shop.ids(), []string{in[0], in[1], in[1], in[1], in[2]})

		b.sim.ClearMischief()
		b.plays(stripesim.Mischief{Kind: stripesim.Drop, Times: 2})
		in = b.paidIDs(3)
		b.deliver(3)
		same(b.t, "drop", shop.ids(), in[2:])
		b.advance(100 * time.Hour)
		b.deliver(0)
		if all := b.sim.Mischief(); len(all) != 1 || all[0].Used != 2 {
			b.t.Errorf("script: %+v", all)
		}

		b.sim.ClearMischief()
		b.plays(stripesim.Mischief{Kind: stripesim.Reorder, Count: 3})
		in = b.paidIDs(2)
		b.deliver(0)
		more := b.paidIDs(3)
		b.deliver(3)
		same(b.t, "reorder", shop.ids(), []string{more[0], in[1], in[0]})
		b.deliver(0)
		b.sim.ClearMischief()
		b.deliver(2)
		same(b.t, "those that were held back", shop.ids(), more[1:])
	})
}

func TestDelay(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		b.plays(stripesim.Mischief{Kind: stripesim.Delay, DelayMS: 90_000})
		in := b.paidIDs(1)
		b.deliver(1)
		b.advance(90*time.Second - 2*time.Millisecond)
		b.deliver(0)
		same(b.t, "early", shop.ids(), nil)
		b.advance(2 * time.Millisecond)
		b.deliver(1)
		same(b.t, "late", shop.ids(), in)
		b.deliver(0)
	})
}

func TestBadSignatures(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		shop.answers(func(l letter) (int, error) {
			if !l.signedWith(whsec) {
				return 400, nil
			}
			return 200, nil
		})
		b.plays(stripesim.Mischief{Kind: stripesim.BadSignature, Times: 1}, stripesim.Mischief{Kind: stripesim.OldTimestamp, Times: 1})
		b.paid()
		b.deliver(1)
		if d := b.delivery(); d.Status != "pending" || d.Answer != 400 {
			b.t.Errorf("a wrong signature: %+v", d)
		}
		b.advance(time.Second)
		b.deliver(1)
		got := shop.take()
		old := "t=" + strconv.FormatInt(b.time().Add(-10*time.Minute).Unix(), 10) + ","
		if len(got) != 2 || got[0].signedWith(whsec) || !got[1].signedWith(whsec) || !strings.HasPrefix(got[1].signature, old) {
			b.t.Errorf("got %+v", got)
		}
	})
}

func TestMischiefIsChecked(t *testing.T) {
	each(t, func(b *bench) {
		for _, m := range []stripesim.Mischief{{}, {Kind: "lose"}, {Kind: stripesim.Drop, Type: "["}, {Kind: stripesim.Drop, Times: -1}} {
			if err := b.sim.AddMischief(m); err == nil {
				b.t.Errorf("%+v was taken", m)
			}
		}
		if all := b.sim.Mischief(); len(all) != 0 {
			b.t.Errorf("%+v", all)
		}
	})
}
