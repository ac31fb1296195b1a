package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/bus"
	"ticketing/kernel/httpapi"
	"ticketing/kernel/store"
	"ticketing/services/payments"
	"ticketing/stripesim"
	"ticketing/test/market"
)

// TestAuditMends: what somebody else did with the payment provider's account is reported by audit, and mended by audit
// --fix, of a market that has stopped and of one that runs.
func TestAuditMends(t *testing.T) {
	t.Parallel()
	for _, top := range []market.Topology{market.Topologies[0], market.Topologies[2]} {
		t.Run(top.Name, func(t *testing.T) {
			t.Parallel()
			m := market.Open(t, top)
			h := &meddler{T: t, m: m, seller: m.SignUp("sally"), buyer: m.SignUp("bert")}
			t.Run("stopped", func(t *testing.T) { h.T = t; h.mends(false) })
			t.Run("running", func(t *testing.T) { h.T = t; h.mends(true) })
		})
	}
}

// meddler has the keys of the provider's account.
type meddler struct {
	*testing.T
	m             *market.Market
	seller, buyer *market.Person
}

func (h *meddler) mends(running bool) {
	h.Helper()
	o := h.buyer.Orders(h.seller.Lists("A seat", "19.99"))
	c := h.buyer.Pays(o)
	h.buyer.SeesOrder(o.ID, "Completed")
	paying := h.m.Of("payments")[0]
	second := h.takes(paying, o.ID, c.ID)
	h.m.Settles()
	paying.Stop()
	h.longAgo(paying)
	started := time.Now()
	if running || h.m.Apart {
		paying.Start()
		h.m.Ready(paying)
	}
	tool := func(words ...string) (int, string, string) { return market.Tool(h.T, append(words, h.m.Place()...)...) }
	// A market that runs for half a minute mends by itself: on a slow machine it may be the first.
	first := func() bool { return !paying.Running() || time.Since(started) < 30*time.Second }
	if code, out, errs := tool("audit"); first() && (code != 1 || !strings.Contains(out, "paid twice") || !strings.Contains(out, "--fix mends it") || !strings.Contains(errs, "not in order")) {
		h.Errorf("audit: %d\n%s%s", code, out, errs)
	}
	code, out, errs := tool("audit", "--fix")
	if code != 0 || errs != "" || !strings.Contains(out, "the books are in order") || first() &&
		(!strings.Contains(out, "mended: order "+o.ID+" was paid twice") || !strings.Contains(out, "19.99 USD of payment "+second+" went back as refund re_")) {
		h.Errorf("audit --fix: %d\n%s%s", code, out, errs)
	}
	for _, words := range [][]string{{"audit", "--fix"}, {"audit"}} {
		if code, out, errs := tool(words...); code != 0 || strings.Contains(out, "mended") || errs != "" {
			h.Errorf("%v afterwards: %d\n%s%s", words, code, out, errs)
		}
	}
	if !paying.Running() {
		paying.Start()
	}
	h.seen(paying, second)
}

// takes takes money for an order that is paid.
func (h *meddler) takes(paying *market.Process, orderID, chargeID string) (intentID string) {
	h.Helper()
	r, err := http.NewRequest(http.MethodPost, paying.Ops+"/v1/payment_intents", strings.NewReader(url.Values{
		"amount": {"1999"}, "currency": {"usd"}, "payment_method": {market.Visa}, "payment_method_types[]": {"card"}, "confirm": {"true"},
		"metadata[order_id]": {orderID}, "metadata[charge_id]": {chargeID}}.Encode()))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_meddler")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	var in struct{ ID, Status string }
	if err := json.NewDecoder(resp.Body).Decode(&in); err != nil || in.Status != "succeeded" {
		h.Fatalf("%d %+v %v", resp.StatusCode, in, err)
	}
	return in.ID
}

// longAgo lets all payments have been made an hour earlier: what is young may be on its way.
func (h *meddler) longAgo(paying *market.Process) {
	h.Helper()
	for name, o := range map[string]store.Options{
		"stripesim": {Migrations: stripesim.Migrations},
		"payments":  {Migrations: payments.Migrations, Kernel: []store.Migrations{bus.Migrations, httpapi.Migrations}},
	} {
		o.Name, o.Dir, o.URL = name, paying.Data(), h.m.Database
		db, err := store.Open(h.Context(), o)
		if err != nil {
			h.Fatal(err)
		}
		defer db.Close()
		err = db.Update(h.Context(), func(tx *store.Tx) error {
			for _, table := range map[string][]string{"stripesim": {"intents"}, "payments": {"charges"}}[name] {
				if _, err := tx.Exec(`UPDATE ` + table + ` SET created_at = created_at - 3600000`); err != nil {
					return err
				}
			}
			if name == "payments" {
				_, err = tx.Exec(`UPDATE charges SET updated_at = updated_at - 3600000`)
			}
			return err
		})
		if err != nil {
			h.Fatal(err)
		}
	}
}

// seen checks what operators see of it.
func (h *meddler) seen(paying *market.Process, intentID string) {
	h.Helper()
	shown, metrics := h.page(paying, "/payments"), h.page(paying, "/metrics")
	var o payments.Overview
	if err := json.Unmarshal([]byte(shown), &o); err != nil || len(o.Open) > 0 || len(o.Mended) == 0 || o.Mended[0].IntentID != intentID || o.Mended[0].FixedAt.IsZero() {
		h.Errorf("%v\n%s", err, shown)
	}
	market.Eventually(h.T, "the provider's events are shown", func() (bool, string) {
		listed := h.page(paying, "/payments/events?type=payment_intent.succeeded")
		var all []struct{ ID, IntentID, Payload string }
		err := json.Unmarshal([]byte(listed), &all)
		return err == nil && len(all) > 0 && strings.Contains(h.page(paying, "/payments/events?id="+all[0].ID), `"payload":{`), listed
	})
	for _, line := range []string{`ticketing_payments_discrepancies{kind="paid_twice"} 0`, `ticketing_payments_refunds{status="failed"} 0`, `ticketing_payments_undecided 0`} {
		if !strings.Contains(metrics, line) {
			h.Errorf("the metrics lack %s", line)
		}
	}
}

// page is what the operators' listener answers.
func (h *meddler) page(of *market.Process, path string) string {
	h.Helper()
	resp, err := http.Get(of.Ops + path)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		h.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
	return string(body)
}
