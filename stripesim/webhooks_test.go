package stripesim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"ticketing/stripesim"
)

const whsec = "whsec_test"

// inbox is an endpoint in this process.
type inbox struct {
	t      *testing.T
	answer func(got letter) (status int, err error) // nil: 200
	mu     sync.Mutex
	got    []letter
	more   chan struct{} // gets a value after each letter
}

// letter is a webhook that has arrived.
type letter struct {
	event     stripe.Event
	signature string
	body      []byte
	url       string
}

func newInbox(t *testing.T) *inbox { return &inbox{t: t, more: make(chan struct{}, 1000)} }

// RoundTrip takes a webhook; its signature is for the test to check.
func (i *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	l := i.read(r)
	i.mu.Lock()
	i.got = append(i.got, l)
	answer := i.answer
	i.mu.Unlock()
	i.more <- struct{}{}
	status, err := http.StatusOK, error(nil)
	if answer != nil {
		if status, err = answer(l); err != nil {
			return nil, err
		}
	}
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	return w.Result(), nil
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response, err := i.RoundTrip(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(response.StatusCode)
}

func (i *inbox) read(r *http.Request) letter {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		i.t.Error(err)
	}
	l := letter{signature: r.Header.Get("Stripe-Signature"), body: body, url: r.URL.String()}
	if err := json.Unmarshal(body, &l.event); err != nil {
		i.t.Error(err)
	}
	if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		i.t.Errorf("%s %v", r.Method, r.Header)
	}
	return l
}

// signedWith tells whether Stripe's own library takes the letter.
func (l letter) signedWith(secret string) bool {
	_, err := webhook.ConstructEventWithOptions(l.body, l.signature, secret, webhook.ConstructEventOptions{IgnoreTolerance: true})
	return err == nil
}

// take empties the inbox.
func (i *inbox) take() []letter {
	i.mu.Lock()
	defer i.mu.Unlock()
	got := i.got
	i.got = nil
	return got
}

// types are the events that have arrived since the last look.
func (i *inbox) types() string {
	var all []string
	for _, l := range i.take() {
		all = append(all, string(l.event.Type))
	}
	return strings.Join(all, " ")
}

func (i *inbox) answers(answer func(letter) (int, error)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

// listen registers an inbox for these types of events.
func (b *bench) listen(types ...string) *inbox {
	b.t.Helper()
	i := newInbox(b.t)
	_, err := b.sim.SetWebhook(ctx, stripesim.Webhook{Name: "inbox", URL: "http://shop.test/hook", Secret: whsec, Types: types, Transport: i})
	if err != nil {
		b.t.Fatal(err)
	}
	return i
}

// deliver does one round, which has to attempt so many.
func (b *bench) deliver(want int) {
	b.t.Helper()
	if n, err := b.sim.Deliver(ctx); err != nil || n != want {
		b.t.Errorf("attempted %d deliveries (%v), want %d", n, err, want)
	}
}

func (b *bench) delivery() stripesim.Delivery {
	b.t.Helper()
	all, err := b.sim.Deliveries(ctx, 1)
	if err != nil || len(all) != 1 {
		b.t.Fatal(all, err)
	}
	return all[0]
}

func TestWebhooksTellWhatHappened(t *testing.T) {
	each(t, func(b *bench) {
		shop := newInbox(b.t)
		server := httptest.NewServer(shop)
		b.t.Cleanup(server.Close)
		hook, err := b.V1WebhookEndpoints.Create(ctx, &stripe.WebhookEndpointCreateParams{
			URL: stripe.String(server.URL + "/hook"), EnabledEvents: []*string{stripe.String("payment_intent.succeeded"), stripe.String("charge.succeeded")},
		})
		if err != nil || !strings.HasPrefix(hook.Secret, "whsec_") {
			b.t.Fatal(hook, err)
		}
		in := b.paid()
		b.deliver(2)
		got := shop.take()
		for i, want := range []string{"charge.succeeded", "payment_intent.succeeded"} {
			l := got[i]
			if string(l.event.Type) != want || !l.signedWith(hook.Secret) || l.signedWith(whsec) || l.event.PendingWebhooks != 1 || l.event.APIVersion == "" {
				b.t.Errorf("got %s signed %t: %s", l.event.Type, l.signedWith(hook.Secret), l.body)
			}
			if !strings.HasPrefix(l.signature, "t="+strconv.FormatInt(b.time().Unix(), 10)+",v1=") {
				b.t.Errorf("signature %s", l.signature)
			}
		}
		if got[1].event.Data.Object["id"] != in.ID {
			b.t.Errorf("it tells of %v", got[1].event.Data.Object["id"])
		}
		b.deliver(0)
		for _, e := range b.V1Events.List(ctx, nil).Data() {
			if e.PendingWebhooks != 0 {
				b.t.Errorf("%s still pends", e.Type)
			}
		}
	})
}

func TestRefusedRequestQueuesNothing(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen()
		if _, err := b.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{}); err == nil {
			b.t.Error("an intent without an amount")
		}
		b.setFault(func(*http.Request, stripesim.Stage) *stripesim.Fault { return &stripesim.Fault{Status: 500} })
		if _, err := b.createWith("k", nil); err == nil {
			b.t.Error("no fault")
		}
		b.setFault(nil)
		b.deliver(0)
		if _, err := b.createWith("k", nil); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.createWith("k", nil); err != nil {
			b.t.Fatal(err)
		}
		b.deliver(3)
		if got := shop.types(); got != "payment_intent.created charge.succeeded payment_intent.succeeded" {
			b.t.Errorf("a repeated request tells its story once: %s", got)
		}
	})
}

func TestFailedDeliveriesAreTriedForThreeDays(t *testing.T) {
	failures := map[string]func(letter) (int, error){
		"500":      func(letter) (int, error) { return 500, nil },
		"redirect": func(letter) (int, error) { return 302, nil },
		"refused":  func(letter) (int, error) { return 400, nil },
		"lost":     func(letter) (int, error) { return 0, errors.New("no route") },
	}
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		for name, failure := range failures {
			shop.answers(failure)
			b.paid()
			attempts, begin := 0, b.time()
			for b.delivery().Status == "pending" {
				b.deliver(1)
				b.deliver(0)
				attempts++
				d := b.delivery()
				if d.Attempts != attempts {
					b.t.Fatalf("%s: %+v after %d attempts", name, d, attempts)
				}
				b.advance(d.Due.Sub(b.time()) - time.Millisecond)
				b.deliver(0)
				b.advance(time.Millisecond)
			}
			took := b.time().Sub(begin)
			if d := b.delivery(); d.Status != "given_up" || attempts != 13 || took > 72*time.Hour || took < 60*time.Hour {
				b.t.Errorf("%s: %+v after %d attempts in %v", name, d, attempts, took)
			}
			if e := b.V1Events.List(ctx, nil).Data()[0]; e.PendingWebhooks != 0 {
				b.t.Errorf("%s: given up, and pending", name)
			}
			for _, l := range shop.take() {
				if !l.signedWith(whsec) {
					b.t.Errorf("%s: an attempt without its own signature", name)
				}
			}
		}
	})
}

func TestADeliveryThatFailedIsSentAgain(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		shop.answers(func(letter) (int, error) { return 503, nil })
		b.paid()
		b.deliver(1)
		if d := b.delivery(); d.Status != "pending" || d.Answer != 503 {
			b.t.Errorf("%+v", d)
		}
		shop.answers(nil)
		b.deliver(0)
		b.advance(time.Second)
		b.deliver(1)
		got := shop.take()
		if d := b.delivery(); d.Status != "delivered" || d.Attempts != 2 || d.Answer != 200 || d.Type != "payment_intent.succeeded" || len(got) != 2 {
			b.t.Errorf("%+v", d)
		}
		if got[0].event.ID != got[1].event.ID || got[0].signature == got[1].signature {
			b.t.Error("it must be the same event with a new signature")
		}
	})
}

func TestAnAttemptHasItsTime(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		b.paid()
		stopping, stop := context.WithCancel(ctx)
		_, err := b.sim.SetWebhook(ctx, stripesim.Webhook{Name: "inbox", URL: "http://shop.test", Transport: around(func(r *http.Request) (*http.Response, error) {
			if until, ok := r.Context().Deadline(); !ok || time.Until(until) > 10*time.Second {
				b.t.Errorf("an attempt may last until %v", until)
			}
			stop()
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.sim.Deliver(stopping); err != nil {
			b.t.Error(err)
		}
		if d := b.delivery(); d.Attempts != 0 || d.Status != "pending" {
			b.t.Errorf("told to stop, it does not know what came of it: %+v", d)
		}
		if shop.types() != "" {
			b.t.Error("a transport that was replaced is still used")
		}
	})
}

// around is a function as a transport.
type around func(*http.Request) (*http.Response, error)

func (f around) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWebhookEndpoints(t *testing.T) {
	each(t, func(b *bench) {
		hook, err := b.V1WebhookEndpoints.Create(ctx, &stripe.WebhookEndpointCreateParams{
			URL: stripe.String("https://shop.test/hook"), EnabledEvents: []*string{stripe.String("*")},
			Description: stripe.String("the shop"), Metadata: map[string]string{"a": "1", "b": "2"},
		})
		if err != nil || hook.Status != "enabled" || hook.Metadata["a"] != "1" || hook.EnabledEvents[0] != "*" {
			b.t.Fatal(hook, err)
		}
		b.paid()
		changed, err := b.V1WebhookEndpoints.Update(ctx, hook.ID, &stripe.WebhookEndpointUpdateParams{
			URL: stripe.String("https://shop.test/other"), Disabled: stripe.Bool(true), Metadata: map[string]string{"a": "", "c": "3"},
		})
		if err != nil || changed.Status != "disabled" || changed.URL != "https://shop.test/other" || changed.Description != "the shop" ||
			fmt.Sprint(changed.Metadata) != "map[b:2 c:3]" || changed.Secret != "" {
			b.t.Errorf("%+v %v", changed, err)
		}
		b.deliver(0) // what was queued before it was disabled is not sent
		b.paid()
		if all, err := b.sim.Deliveries(ctx, 100); err != nil || len(all) != 3 {
			b.t.Errorf("%d deliveries queued: %v", len(all), err)
		}
		if all := b.V1WebhookEndpoints.List(ctx, nil).Data(); len(all) != 1 || all[0].ID != hook.ID || all[0].Secret != "" {
			b.t.Errorf("list: %+v", all)
		}
		if gone, err := b.V1WebhookEndpoints.Delete(ctx, hook.ID, nil); err != nil || !gone.Deleted {
			b.t.Errorf("%+v %v", gone, err)
		}
		if _, err := b.V1WebhookEndpoints.Retrieve(ctx, hook.ID, nil); refused(b.t, err).HTTPStatusCode != 404 {
			b.t.Errorf("deleted: %v", err)
		}
		if all, err := b.sim.Deliveries(ctx, 100); err != nil || len(all) != 0 {
			b.t.Errorf("what was queued for it stays: %v %v", all, err)
		}
		for param, p := range map[string]*stripe.WebhookEndpointCreateParams{
			"url":            {URL: stripe.String("shop.test"), EnabledEvents: []*string{stripe.String("*")}},
			"enabled_events": {URL: stripe.String("https://shop.test")},
		} {
			_, err := b.V1WebhookEndpoints.Create(ctx, p)
			if e := refused(b.t, err); e.Param != param || e.HTTPStatusCode != 400 {
				b.t.Errorf("%s: %v", param, e)
			}
		}
	})
}

func TestANewAddressTakesOverWhatIsQueued(t *testing.T) {
	each(t, func(b *bench) {
		b.listen("payment_intent.succeeded").answers(func(letter) (int, error) { return 503, nil })
		b.paid()
		b.deliver(1)
		b.advance(time.Minute)
		moved := newInbox(b.t)
		secret, err := b.sim.SetWebhook(ctx, stripesim.Webhook{Name: "inbox", URL: "http://shop.test/moved", Transport: moved})
		if err != nil || secret != whsec {
			b.t.Errorf("the secret should stay: %q %v", secret, err)
		}
		if all := b.V1WebhookEndpoints.List(ctx, nil).Data(); len(all) != 1 || all[0].URL != "http://shop.test/moved" {
			b.t.Errorf("%+v", all)
		}
		b.deliver(1)
		if got := moved.take(); len(got) != 1 || got[0].url != "http://shop.test/moved" || !got[0].signedWith(whsec) {
			b.t.Errorf("%+v", got)
		}
		for range 2 {
			if err := b.sim.AddWebhook(ctx, "http://other.test", "s"); err != nil {
				b.t.Fatal(err)
			}
		}
		if all := b.V1WebhookEndpoints.List(ctx, nil).Data(); len(all) != 2 {
			b.t.Errorf("%d endpoints", len(all))
		}
		if made, err := b.sim.SetWebhook(ctx, stripesim.Webhook{Name: "new", URL: "http://new.test"}); err != nil || !strings.HasPrefix(made, "whsec_") {
			b.t.Errorf("made up: %q %v", made, err)
		}
		if err := b.sim.AddWebhook(ctx, "nowhere", "s"); err == nil {
			b.t.Error("an endpoint nowhere")
		}
	})
}

func TestRotatedSecretsBothSignForAWhile(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen("payment_intent.succeeded")
		fresh, err := b.sim.RotateSecret(ctx, "http://shop.test/hook", "", time.Hour)
		if err != nil || fresh == whsec {
			b.t.Fatal(fresh, err)
		}
		check := func(when string, old bool) {
			b.paid()
			b.deliver(1)
			got := shop.take()
			if len(got) != 1 || !got[0].signedWith(fresh) || got[0].signedWith(whsec) != old || (strings.Count(got[0].signature, ",v1=") == 2) != old {
				b.t.Errorf("%s: %+v", when, got)
			}
		}
		check("during the rotation", true)
		b.advance(time.Hour)
		check("after it", false)
		if _, err := b.sim.RotateSecret(ctx, "we_nope", "", 0); !errors.Is(err, stripesim.ErrNoWebhook) {
			b.t.Errorf("unknown endpoint: %v", err)
		}
	})
}

func TestTheQueueOutlivesTheProcess(t *testing.T) {
	each(t, func(b *bench) {
		b.listen("payment_intent.succeeded")
		b.paid()
		if err := b.db.Close(); err != nil {
			b.t.Fatal(err)
		}
		b.open()
		shop := b.listen("payment_intent.succeeded")
		b.deliver(1)
		if got := shop.types(); got != "payment_intent.succeeded" {
			b.t.Errorf("after the restart: %q", got)
		}
	})
}
