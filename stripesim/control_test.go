package stripesim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"ticketing/stripesim"
)

// control asks the control endpoint and returns its JSON as text.
func (b *bench) control(method, path, body string, want int) string {
	b.t.Helper()
	return controlAt(b.t, b.sim, method, path, body, want)
}

func controlAt(t *testing.T, sim *stripesim.Sim, method, path, body string, want int) string {
	t.Helper()
	w := httptest.NewRecorder()
	sim.Control().ServeHTTP(w, httptest.NewRequest(method, "http://sim.test"+path, strings.NewReader(body)))
	if w.Code != want {
		t.Errorf("%s %s: %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	if want != 404 && want != 405 && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s %s: %s", method, path, w.Body)
	}
	return strings.TrimSpace(w.Body.String())
}

func TestControlFaultsAndRequests(t *testing.T) {
	each(t, func(b *bench) {
		b.control("POST", "/control/faults", `{"operation":"create","status":503,"times":1}`, 200)
		b.control("POST", "/control/faults", `[{"operation":"list","drop":true},{"match":"x","delay_ms":5}]`, 200)
		if got := b.control("GET", "/control/faults", "", 200); strings.Count(got, `"stage":"before"`) != 3 {
			b.t.Errorf("faults: %s", got)
		}
		_, err := b.V1PaymentIntents.Create(ctx, params(""))
		b.want("create", err, 503)
		if got := b.control("DELETE", "/control/faults", "", 200); got != "[]" {
			b.t.Errorf("cleared: %s", got)
		}
		if got := b.control("GET", "/control/requests", "", 200); !strings.Contains(got, `"status":503,"replayed":false,"fault":"before"`) {
			b.t.Errorf("requests: %s", got)
		}
		if got := b.control("DELETE", "/control/requests", "", 200); got != "[]" {
			b.t.Errorf("requests: %s", got)
		}
		for _, body := range []string{``, `{"status":200}`, `{"statsu":500}`, `[{"status":500},{}]`, `7`} {
			if got := b.control("POST", "/control/faults", body, 400); !strings.Contains(got, `"error":"`) {
				b.t.Errorf("%s: %s", body, got)
			}
		}
		if all := b.sim.Faults(); len(all) != 0 {
			b.t.Errorf("%+v", all)
		}
	})
}

func TestControlWebhooks(t *testing.T) {
	each(t, func(b *bench) {
		shop := newInbox(b.t)
		server := httptest.NewServer(shop)
		b.t.Cleanup(server.Close)
		hook := `"` + server.URL + `"`
		if got := b.control("POST", "/control/webhooks", `{"url":`+hook+`,"secret":"whsec_1","types":["payment_intent.succeeded"]}`, 200); !strings.Contains(got, `"secret":"whsec_1"`) {
			b.t.Errorf("webhook: %s", got)
		}
		b.control("POST", "/control/webhooks", `{"url":"nowhere"}`, 400)
		b.control("POST", "/control/webhooks/rotate", `{"endpoint":"http://nowhere"}`, 404)
		b.control("POST", "/control/mischief", `{"kind":"drop","times":1}`, 200)
		b.control("POST", "/control/mischief", `{"kind":"lose"}`, 400)
		b.paid()
		b.deliver(1)
		if got := b.control("DELETE", "/control/mischief", "", 200); got != "[]" {
			b.t.Errorf("mischief: %s", got)
		}
		b.control("POST", "/control/webhooks/rotate", `{"endpoint":`+hook+`,"secret":"whsec_2","overlap_ms":60000}`, 200)
		shop.answers(func(letter) (int, error) { return 503, nil })
		b.paid()
		b.deliver(1)
		b.deliver(0)
		if got := b.control("POST", "/control/deliveries", "", 200); got != `{"hastened":1}` {
			b.t.Errorf("hastened: %s", got)
		}
		b.deliver(1)
		if got := shop.take(); len(got) != 2 || !got[1].signedWith("whsec_1") || !got[1].signedWith("whsec_2") {
			b.t.Errorf("%+v", got)
		}
		got := b.control("GET", "/control/deliveries?limit=2", "", 200)
		if strings.Count(got, `"event":"evt_`) != 2 || !strings.Contains(got, `"status":"dropped"`) || !strings.Contains(got, `"attempts":2,"answer":503`) {
			b.t.Errorf("deliveries: %s", got)
		}
		b.control("GET", "/control/deliveries?limit=x", "", 400)
	})
}

func TestControlMoneyAndKeys(t *testing.T) {
	each(t, func(b *bench) {
		in, err := b.createWith("k", func(p *stripe.PaymentIntentCreateParams) {
			p.PaymentMethod, p.Metadata = stripe.String("pm_card_authenticationRequired"), map[string]string{"order_id": "o1"}
		})
		if err != nil || in.Status != "requires_action" {
			b.t.Fatal(in, err)
		}
		b.control("POST", "/control/bank", `{"payment_intent":"`+in.ID+`"}`, 400)
		b.control("POST", "/control/bank", `{"payment_intent":"`+in.ID+`","approve":true}`, 200)
		b.control("POST", "/control/bank", `{"payment_intent":"`+in.ID+`","approve":true}`, 409)
		if _, err := b.refund(in.ID, 999, ""); err != nil {
			b.t.Fatal(err)
		}
		if got := b.control("GET", "/control/ledger", "", 200); !strings.Contains(got, `"amount":1999,`) || !strings.Contains(got, `"amount":-999,`) {
			b.t.Errorf("ledger: %s", got)
		}
		if got := b.control("GET", "/control/totals", "", 200); !strings.Contains(got, `"captured":1999`) || !strings.Contains(got, `"refunded":999`) || !strings.Contains(got, `"order_id":"o1"`) {
			b.t.Errorf("totals: %s", got)
		}
		if got := b.control("POST", "/control/keys", `{"prune":true}`, 200); got != `{"pruned":0}` {
			b.t.Errorf("young keys: %s", got)
		}
		if got := b.control("POST", "/control/keys", `{"age_ms":86400000,"prune":true}`, 200); got != `{"pruned":2}` {
			b.t.Errorf("old keys: %s", got)
		}
	})
}

func TestControlSettle(t *testing.T) {
	each(t, func(b *bench) {
		for _, object := range []string{"refund", "due"} {
			re, err := b.refund(b.paidWith("pm_card_pendingRefund").ID, 0, "")
			if err != nil || re.Status != "pending" {
				b.t.Fatal(re, err)
			}
			if got := b.control("POST", "/control/settle", "", 200); got != `{"settled":0}` {
				b.t.Errorf("nothing is due: %s", got)
			}
			body := `{"object":"` + re.ID + `"}`
			if object == "due" {
				b.advance(time.Hour)
				body = ""
			}
			if got := b.control("POST", "/control/settle", body, 200); got != `{"settled":1}` {
				b.t.Errorf("%s: %s", object, got)
			}
			if re, err := b.V1Refunds.Retrieve(ctx, re.ID, nil); err != nil || re.Status != "succeeded" {
				b.t.Errorf("%s: %+v %v", object, re, err)
			}
		}
	})
}

func TestReset(t *testing.T) {
	each(t, func(b *bench) {
		shop := b.listen()
		in := b.paid()
		if _, err := b.refund(in.ID, 5, "k"); err != nil {
			b.t.Fatal(err)
		}
		b.faults(stripesim.Rule{Operation: "search", Status: 500})
		b.control("POST", "/control/reset", "", 404)
		again := stripesim.New(b.db, stripesim.Options{Resettable: true})
		controlAt(b.t, again, "POST", "/control/reset", "", 200)
		if n := len(b.V1PaymentIntents.List(ctx, nil).Data()) + len(b.V1Events.List(ctx, nil).Data()); n != 0 {
			b.t.Errorf("%d intents and events are left", n)
		}
		b.money(in.ID, 0, 0)
		b.deliver(0)
		if _, err := b.createWith("k", nil); err != nil {
			b.t.Errorf("the key is still taken: %v", err)
		}
		b.deliver(3)
		if got := shop.types(); !strings.HasSuffix(got, "payment_intent.succeeded") {
			b.t.Errorf("the endpoint is gone: %s", got)
		}
	})
}

// What the page shows for a shell works as it is written there.
func TestControlPageShowsWhatWorks(t *testing.T) {
	b := newBench(t, engines["sqlite"](t))
	w := httptest.NewRecorder()
	b.sim.Control().ServeHTTP(w, httptest.NewRequest("GET", "http://sim.test/control/", nil))
	page := w.Body.String()
	if w.Code != 200 || !strings.Contains(page, "<h1>") {
		t.Fatalf("%d %s", w.Code, page)
	}
	unescape := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&amp;", "&")
	line := regexp.MustCompile(`<code>curl -sS(?: -X (\w+))?(?: -d '(.*)')? http://sim\.test(/control/\S+)</code>`)
	all := line.FindAllStringSubmatch(unescape.Replace(page), -1)
	if len(all) < 10 {
		t.Fatalf("%d lines in %s", len(all), page)
	}
	for _, m := range all {
		want := 200
		if m[3] == "/control/bank" { // its intent is made up
			want = 409
		}
		method := m[1]
		if method == "" {
			method = http.MethodGet
		}
		b.control(method, m[3], m[2], want)
	}
}

func TestControlIsForItsOwnPlaceAlone(t *testing.T) {
	b := newBench(t, engines["sqlite"](t))
	ask := func(h http.Handler, method, origin string) int {
		r := httptest.NewRequest(method, "http://sim.test/control/faults", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if code := ask(b.sim.Control(), "DELETE", "http://evil.test"); code != 403 {
		t.Errorf("another site: %d", code)
	}
	if code := ask(b.sim.Control(), "DELETE", "http://sim.test"); code != 200 {
		t.Errorf("its own page: %d", code)
	}
	for name, h := range map[string]http.Handler{"the API": b.sim.Handler(), "the bank": b.sim.Bank()} {
		if code := ask(h, "GET", "http://sim.test"); code == 200 {
			t.Errorf("%s answers for the controls", name)
		}
	}
}
