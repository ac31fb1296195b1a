package stripesim

import (
	"encoding/json"
	"testing"
	"time"
)

// What is written in the order of its names by hand must be what would be written by them.
func TestWrittenByHand(t *testing.T) {
	visa, _ := cardNamed("pm_card_visa")
	in := &intent{id: "pi_1", createdAt: time.UnixMilli(1), amount: 5, status: requiresAction, latestCharge: "ch_1", details: details{
		Metadata: map[string]string{"b": "1", "a": "2"}, MethodTypes: []string{accountKind, cardKind}, Automatic: true, Redirects: "never",
		CardCapture: "manual", Step: "s", CanceledAt: 7, Texts: map[string]string{"description": "x & y"}}}
	ch := &charge{id: "ch_1", intent: in.id, amount: 5, captured: 5, status: succeeded, with: method{id: "pm_1", card: visa}}
	for _, m := range []members{in.members(), (&intent{}).members(), ch.members(), (&charge{status: failed, with: method{card: visa}}).members()} {
		got, err := m.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		var o any
		if err := json.Unmarshal(got, &o); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(o)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s\nwant\n%s %v", got, want, err)
		}
	}
	for _, e := range []*event{
		{id: "evt_1", kind: "charge.captured", data: []byte("{}"), request: "req_1", requestKey: `k"`, pending: 2},
		{id: "evt_2", createdAt: time.UnixMilli(5000), kind: "account.updated", data: []byte("{}"), previous: []byte(`{"a":1}`), about: "acct_1"},
	} {
		want, err := encode(e.render())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.body(); err != nil || string(got) != string(want) {
			t.Errorf("%s\nwant\n%s %v", got, want, err)
		}
	}
}
