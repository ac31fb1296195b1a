package bus

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

// What the log holds is what encoding/json writes, whatever is empty in a state.
func TestDocumentsAreOrdinaryJSON(t *testing.T) {
	usd := money.Currency{Code: "usd", Decimals: 2}
	now := time.Date(2026, 11, 23, 20, 0, 0, 120e6, time.UTC)
	for _, s := range []event.State{
		event.User{ID: "u", Version: 1}, event.User{ID: "u", KeptSession: "k", EndedSessions: []event.EndedSession{{ID: "s", ExpiresAt: now}}},
		event.Ticket{ID: "t", Price: usd.Decimal(0)}, event.Ticket{ID: "t", Title: `<b>&"` + "\u2028ς", Price: usd.Decimal(1999), StartsAt: &now, LockedUntil: &now},
		event.LockRejection{ID: "r"}, event.LockRejection{ID: "r", TicketVersion: 7}, event.Expiry{ID: "e", ExpiresAt: now},
		event.Order{ID: "o"}, event.Order{ID: "o", ChargeID: "c", Ticket: event.OrderTicket{Price: usd.Decimal(50), SellerID: "s"}},
		event.Charge{ID: "c"}, event.Charge{ID: "c", Amount: usd.Decimal(1), FailureCode: "expired_card", CreatedAt: now},
	} {
		e := event.Envelope{SpecVersion: specVersion, ID: "id", Source: "/x", Type: "X", Subject: "s", Time: now, DataContentType: "application/json"}
		document, err := encode(e, s)
		if err != nil {
			t.Fatal(err)
		}
		if e.Data, err = json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		ordinary, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if json.Unmarshal(document, &got) != nil || json.Unmarshal(ordinary, &want) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n%s", document, ordinary)
		}
	}
}
