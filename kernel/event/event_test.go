package event_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/event"
	"ticketing/kernel/money"
)

var states = []event.State{event.User{}, event.Ticket{}, event.LockRejection{}, event.Order{}, event.Expiry{}, event.Charge{}}

// Every type has one kind, every kind one state, and each is named once.
func TestKinds(t *testing.T) {
	types := map[event.Type]string{}
	for _, k := range event.Kinds {
		for _, typ := range k.Types {
			if other := types[typ]; other != "" {
				t.Errorf("%s is a type of %s and of %s", typ, other, k.Name)
			}
			types[typ] = k.Name
		}
		if !slices.ContainsFunc(states, func(s event.State) bool { return reflect.DeepEqual(s.Kind(), k) }) {
			t.Errorf("no state is of the kind %s", k.Name)
		}
	}
	if len(types) != 11 || len(event.Kinds) != len(states) {
		t.Errorf("%d types of %d kinds", len(types), len(event.Kinds))
	}
}

// Data is read by programs in any language: every field has a plain name and says what it is, and what may be missing is
// left out, not null.
func TestFields(t *testing.T) {
	camel := regexp.MustCompile(`^[a-z][A-Za-z]*$`)
	secret := regexp.MustCompile(`(?i)password|hash|token|secret|card`)
	for _, s := range states {
		typ := reflect.TypeOf(s)
		for _, f := range reflect.VisibleFields(typ) {
			name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case !camel.MatchString(name):
				t.Errorf("%v.%s has the name %q", typ, f.Name, name)
			case secret.MatchString(name):
				t.Errorf("%v.%s looks like a secret", typ, f.Name)
			case f.Tag.Get("doc") == "":
				t.Errorf("%v.%s is not explained", typ, f.Name)
			case f.Type.Kind() == reflect.Pointer && option != "omitempty":
				t.Errorf("%v.%s would be null", typ, f.Name)
			}
		}
		if _, ok := typ.FieldByName("Version"); !ok {
			t.Errorf("%v has no version", typ)
		}
	}
}

func TestEntities(t *testing.T) {
	for _, s := range []event.State{
		event.User{ID: "id", Version: 7}, event.Ticket{ID: "id", Version: 7}, event.LockRejection{OrderID: "id", TicketID: "no", Version: 7},
		event.Order{ID: "id", Version: 7}, event.Expiry{OrderID: "id", Version: 7}, event.Charge{ID: "id", OrderID: "no", Version: 7},
	} {
		if id, version := s.Entity(); id != "id" || version != 7 {
			t.Errorf("%T is %s at %d", s, id, version)
		}
	}
}

// The wire form is a promise to readers in other languages.
func TestWireForm(t *testing.T) {
	at := time.Date(2027, 7, 1, 19, 30, 0, 120e6, time.UTC)
	price, _ := money.ParseDecimal("19.90")
	order := event.OrderTicket{ID: "t", Title: "Tom", Price: price, Currency: "usd", Version: 3}
	for want, s := range map[string]event.State{
		`{"id":"t","title":"Tom","price":19.9,"currency":"usd","userId":"u","status":"available","version":1,"createdAt":"2027-07-01T19:30:00.12Z","updatedAt":"2027-07-01T19:30:00.12Z"}`: event.Ticket{ID: "t", Title: "Tom", Price: price, Currency: "usd", UserID: "u", Status: event.Available, Version: 1, CreatedAt: at, UpdatedAt: at},
		`{"id":"t","title":"Tom","price":19.9,"currency":"usd","venue":"v","startsAt":"2027-07-01T19:30:00.12Z","timeZone":"Europe/Berlin","details":"d","userId":"u","orderId":"o","status":"locked","lockedUntil":"2027-07-01T19:30:00.12Z","version":2,"createdAt":"2027-07-01T19:30:00.12Z","updatedAt":"2027-07-01T19:30:00.12Z"}`: event.Ticket{
			ID: "t", Title: "Tom", Price: price, Currency: "usd", Venue: "v", StartsAt: &at, TimeZone: "Europe/Berlin", Details: "d", UserID: "u", OrderID: "o",
			Status: event.Locked, LockedUntil: &at, Version: 2, CreatedAt: at, UpdatedAt: at},
		`{"id":"o","orderId":"o","ticketId":"t","reason":"changed","ticketVersion":4,"version":1}`: event.LockRejection{ID: "o", OrderID: "o", TicketID: "t", Reason: event.RejectedChanged, TicketVersion: 4, Version: 1},
		`{"id":"o","userId":"b","status":"Cancelled","cancelReason":"by_buyer","expiresAt":"2027-07-01T19:30:00.12Z","ticket":{"id":"t","title":"Tom","price":19.9,"currency":"usd","version":3},"version":3,"createdAt":"2027-07-01T19:30:00.12Z","updatedAt":"2027-07-01T19:30:00.12Z"}`: event.Order{
			ID: "o", UserID: "b", Status: event.Cancelled, CancelReason: event.ByBuyer, ExpiresAt: at, Ticket: order, Version: 3, CreatedAt: at, UpdatedAt: at},
		`{"id":"o","orderId":"o","expiresAt":"2027-07-01T19:30:00.12Z","version":2}`: event.Expiry{ID: "o", OrderID: "o", ExpiresAt: at, Version: 2},
	} {
		got, err := json.Marshal(s)
		if err != nil || string(got) != want {
			t.Errorf("%T is written as\n%s, %v, want\n%s", s, got, err, want)
		}
		back := reflect.New(reflect.TypeOf(s))
		if err := json.Unmarshal(got, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), s) {
			t.Errorf("%s reads as %+v, %v", got, back.Elem().Interface(), err)
		}
	}
}

// A reader that is older than its writer takes what it knows.
func TestNewerEventsCanBeRead(t *testing.T) {
	var o event.Order
	err := json.Unmarshal([]byte(`{"id":"o","status":"Created","seat":{"row":4},"ticket":{"id":"t","price":1,"colour":"red"},"version":9}`), &o)
	if err != nil || o.ID != "o" || o.Ticket.ID != "t" || o.Version != 9 {
		t.Errorf("%+v, %v", o, err)
	}
}
