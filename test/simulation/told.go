package simulation

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"ticketing/services/payments"
)

// webhook is Stripe telling payments of something that happened, sooner or later, once, again or never, in any order.
func (w *World) webhook() bool {
	all := w.texts(simulator, `SELECT id FROM events ORDER BY id`)
	if len(all) == 0 {
		return false
	}
	id := pick(w, all)
	body := w.texts(simulator, `SELECT '{"id":"' || id || '","object":"event","created":' || (created_at / 1000) || ',"type":"' || type ||
		'","data":{"object":' || data || '}}' FROM events WHERE id = $1`, id)[0]
	at := w.clock.at("payments") / 1000
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	signature := fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
	w.note("a webhook, %s: %s", w.texts(simulator, `SELECT type FROM events WHERE id = $1`, id)[0],
		w.outcome(w.payments.Heard(background, []byte(body), signature)))
	return true
}

// hear lets payments look after what webhooks have told, poll ask for what none has told, and reconcile hold Stripe's books
// against its own. Each talks to Stripe, so it can be cut off anywhere.
func (w *World) hear() bool { return w.alone("hear", w.payments.Hear) }
func (w *World) poll() bool { return w.alone("poll", w.payments.Poll) }

func (w *World) reconcile() bool {
	all := w.chance(0.5)
	return w.alone("reconcile", func(ctx context.Context) (int, error) {
		r, err := w.payments.Reconcile(ctx, all)
		return len(r.Open) + len(r.Mended), err
	})
}

func (w *World) alone(what string, run func(context.Context) (int, error)) bool {
	if w.busy(what) > 0 || len(w.bank.callers) >= mostCallers {
		return false
	}
	return w.work(what, func(ctx context.Context) (int, error) {
		n, err := run(ctx)
		if err != nil { // of the network, or of a database that fails on purpose: the next one goes on where this one was
			w.note("  payments gives up to %s: %v", what, err)
		}
		return n, nil
	})
}

// checkBooks holds Stripe's books against ours once all is at rest: what lost answers have left behind may be mended, and
// nothing may stay.
func (w *World) checkBooks() {
	if len(w.findings) > 0 {
		return
	}
	w.clock.advance(ms(quiet))
	var r payments.Reconciliation
	var err error
	w.bank.call(w.part("payments"), "reconcile", func(ctx context.Context) { r, err = w.payments.Reconcile(ctx, true) }, func() {})
	for len(w.bank.callers) > 0 {
		w.letCallGoOn()
	}
	if err != nil {
		w.find("Stripe's books cannot be held against ours: %v", err)
	}
	for _, d := range r.Open {
		w.find("Stripe's books and ours do not agree: %s", d.Sentence)
	}
	for _, d := range r.Mended {
		w.count("mended " + string(d.Kind))
	}
}
