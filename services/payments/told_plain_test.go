package payments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

// FuzzCut holds what is cut out of an object against what is left of it when it is taken apart.
func FuzzCut(f *testing.F) {
	for _, object := range []string{
		`{"a":1,"client_secret":"x"}`, `{"client_secret":null}`, `{"client_secret" : 12.5 , "next_action":true}`,
		`{"client_secret":"x","b":[1,{"next_action":{"a":[1,"}"]}, "c":"client_secret"}]}`,
		`{"a":["client_secret","next_action"],"client_secret":[] }`, "{\n \"next_action\" : { } ,\n\"client_secret\":false\n}",
		`{"next_action":{"client_secret":"x","url":"y"},"z":{}}`,
	} {
		f.Add([]byte(object))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		if object = bytes.TrimSpace(object); !json.Valid(object) || !plain(object) {
			return
		}
		want, got := decoded(t, object), decoded(t, cut(object))
		if strip(want); !reflect.DeepEqual(got, want) {
			t.Errorf("of %s is left %s", object, cut(object))
		}
	})
}

// FuzzMembers holds what is read of an object as it stands against what it is when it is taken apart.
func FuzzMembers(f *testing.F) {
	for _, object := range []string{
		`{}`, ` { "id" : "a" } `, `{"id":"a","type":"t","created":17,"data":{"object":{"id":"x","metadata":{"charge_id":"c"}}}}`,
		"{\n \"data\" : { \"object\" : [1, {\"id\": 2}] } ,\n\"id\":false\n}", `{"a":[{"id":"}"},"{"],"id":"b","c":-1.5e3,"id":"c"}`,
	} {
		f.Add([]byte(object))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		if !json.Valid(object) || !plain(object) {
			return
		}
		want, got := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		if err := json.Unmarshal(object, &want); err != nil {
			t.Fatal(err)
		}
		members(object, func(name string, value []byte) { got[name] = value })
		if !reflect.DeepEqual(got, want) {
			t.Errorf("of %s is read %s, want %s", object, got, want)
		}
	})
}

// What is read of an answer or a webhook without escapes is what would be read of it with escapes.
func TestEscapesChangeNothing(t *testing.T) {
	whole := `{"id":"pi_1","object":"payment_intent","client_secret":"s","metadata":{"charge_id":"c1","order_id":"o1"},"status":"requires_action",
		"last_payment_error":{"code":"card_declined","decline_code":"lost_card"},"next_action":{"redirect_to_url":{"url":"https://b.example/1"}}%s}`
	refund := `{"id":"re_1","object":"refund","payment_intent":"pi_1","metadata":{}%s}`
	escaped := `,"description":"\u00e9"`
	plainly, err := readReply(fmt.Appendf(nil, whole, ""))
	otherwise, failed := readReply(fmt.Appendf(nil, whole, escaped))
	if err != nil || failed != nil || plainly.intent() != otherwise.intent() || plainly.intent() == (intent{}) {
		t.Errorf("%+v %v, %+v %v", plainly, err, otherwise, failed)
	}
	for _, object := range []string{whole, refund, `{"payment_intent":{"id":"pi_1"},"id":"dp_1"%s}`, `{"id":7,"metadata":"none"%s}`} {
		body := `{"id":"evt_1","type":"refund.updated","created":1800000000,"data":{"previous_attributes":{"id":"x"},"object":` + object + `}}`
		plainly, otherwise := readEvent(fmt.Appendf(nil, body, "")), readEvent(fmt.Appendf(nil, body, escaped))
		plainly.Payload, otherwise.Payload = "", ""
		if plainly != otherwise || plainly.ID != "evt_1" || plainly.CreatedAt.Unix() != 1800000000 {
			t.Errorf("%+v, %+v", plainly, otherwise)
		}
	}
}

// Stripe is told what its own client would tell it, so that the keys of an earlier version fit.
func TestCreateParams(t *testing.T) {
	for _, hold := range []bool{true, false} {
		method := map[bool]string{true: "manual", false: "automatic"}[hold]
		p, err := createParams(Charge{ID: "c 1", OrderID: "o&1", Amount: 1999, Currency: "usd", Token: "pm_card_visa", Hold: hold})
		want := encode(&stripe.PaymentIntentCreateParams{
			Amount: stripe.Int64(1999), Currency: stripe.String("usd"), PaymentMethod: stripe.String("pm_card_visa"),
			PaymentMethodTypes: []*string{stripe.String("card")}, CaptureMethod: stripe.String(method),
			Metadata: map[string]string{"order_id": "o&1", "charge_id": "c 1"},
		})
		if err != nil || p.sorted != want.sorted || p.body != want.sorted {
			t.Errorf("%+v %v, want %+v", p, err, want)
		}
	}
}

func decoded(t *testing.T, object []byte) (o any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	if err := decoder.Decode(&o); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	return o
}

func FuzzWellFormed(f *testing.F) {
	for _, seed := range []string{``, `{`, `{}`, ` {"a":1} `, `{"a":1,"a":2}`, `{"a":01}`, `{"a":1.5e+7}`, `{"a":"b","c":[1,{}]}x`, `{"a":"\u00e4"}`, "{\"\xff\":1}",
		"{\"a\":\"\n\"}", `{"a":tru}`, `{"a":1,}`, `[1,]`, `{"a" 1}`, `{"a":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if got, want := wellFormed(value), json.Valid(value); got != want {
			t.Errorf("wellFormed(%q) = %v, want %v", value, got, want)
		}
	})
}
