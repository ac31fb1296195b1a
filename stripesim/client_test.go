package stripesim_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

// inClient are the types that Stripe's client reads the objects into. It was made for our version of the API, and the
// description for a later one: what it does not know is too new for us.
var inClient = map[string]reflect.Type{
	"payment_intent": reflect.TypeFor[stripe.PaymentIntent](),
	"payment_method": reflect.TypeFor[stripe.PaymentMethod](),
	"charge":         reflect.TypeFor[stripe.Charge](),
	"refund":         reflect.TypeFor[stripe.Refund](),
	"event":          reflect.TypeFor[stripe.Event](),
	"dispute":        reflect.TypeFor[stripe.Dispute](),
	"balance":        reflect.TypeFor[stripe.Balance](),

	"balance_transaction": reflect.TypeFor[stripe.BalanceTransaction](),

	"account":           reflect.TypeFor[stripe.Account](),
	"account_link":      reflect.TypeFor[stripe.AccountLink](),
	"transfer":          reflect.TypeFor[stripe.Transfer](),
	"transfer_reversal": reflect.TypeFor[stripe.TransferReversal](),

	"webhook_endpoint": reflect.TypeFor[stripe.WebhookEndpoint](),
}

// tooNew are members that the client does not know, and without which the description would not recognise the object.
var tooNew = []string{"dispute.payment_method_details.card.network", "dispute.evidence_details.enhanced_eligibility.mastercard_compliance"}

// unread are the members of an object that the client would not read.
func unread(at string, v any, t reflect.Type) (missed []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for _, one := range v {
			missed = append(missed, unread(at, one, t.Elem())...)
		}
	case map[string]any:
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[stripe.BalanceTransactionSource]() {
			return nil // the source is read into one of many types
		}
		known := tags(t)
		if len(known) == 0 {
			return nil // not for clients to look into
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			field, ok := known[name]
			if !ok && name == "object" {
				continue // of lists, which know what they are
			}
			if !ok {
				missed = append(missed, at+"."+name)
				continue
			}
			missed = append(missed, unread(at+"."+name, v[name], field)...)
		}
	}
	return missed
}

// tags are the fields of a struct by their names in JSON.
func tags(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			maps.Copy(all, tags(f.Type))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			all[name] = f.Type
		}
	}
	return all
}

// checkRead: the client reads all that an object has.
func (w *walker) checkRead(kind string, v map[string]any) {
	t, ok := inClient[kind]
	if !ok {
		if kind != "" && kind != "list" && kind != "search_result" {
			w.strange[fmt.Sprintf("the client's type of a %s is not given", kind)] = true
		}
		return
	}
	for _, name := range unread(kind, v, t) {
		if slices.Contains(tooNew, name) {
			continue
		}
		w.strange[name+" is unknown to the client: it is of a later version"] = true
	}
}

func TestUnreadMembersAreFound(t *testing.T) {
	v := map[string]any{"id": "pi_1", "wings": 2, "next_action": map[string]any{"type": "fly", "height": 3},
		"latest_charge": map[string]any{"id": "ch_1", "refunds": map[string]any{"has_more": false, "data": []any{map[string]any{"id": "re_1", "why": "no"}}}},
		"metadata":      map[string]any{"anything": "goes"}}
	got := unread("intent", v, reflect.TypeFor[stripe.PaymentIntent]())
	if want := []string{"intent.latest_charge.refunds.data.why", "intent.next_action.height", "intent.wings"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
