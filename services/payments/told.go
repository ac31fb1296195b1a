package payments

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
)

// StripeEvent is something that Stripe has told: an object of its has changed. It is a hint that there is something to
// learn; what is true is asked of Stripe.
type StripeEvent struct {
	ID         string
	Type       string // payment_intent.succeeded
	ObjectID   string // what it is about
	IntentID   string // the PaymentIntent that this belongs to, if one is named
	ChargeID   string // our charge: as the object's metadata name it, or as it was found
	Payload    string // the object as it was then, as JSON without secrets; empty after 30 days and for what never concerned us
	Source     string // by which way it came: webhook or poll
	Outcome    string // what came of it; empty while it is open
	Tries      int
	CreatedAt  time.Time // by Stripe's clock
	ReceivedAt time.Time
	HandledAt  time.Time // zero while it is open
	DueAt      time.Time // when it is looked at again; zero if never

	charge *Charge // what its intent belongs to, if that has been read in this transaction
}

// The ways by which an event comes.
const (
	byWebhook = "webhook"
	byPoll    = "poll"
)

// readEvent reads the body of a webhook. One that is no event is named by its digest, so that it is recorded all the same.
func readEvent(body []byte) StripeEvent {
	told, err := wordsOf(body)
	if err != nil || word(told.ID) == "" || word(told.Type) == "" {
		sum := sha256.Sum256(body)
		return StripeEvent{ID: "sha256:" + hex.EncodeToString(sum[:]), Source: byWebhook, Outcome: heardUnreadable}
	}
	return toldOf(told.ID, told.Type, told.Created, told.Data.Object, byWebhook)
}

// told is what is read of a webhook's body.
type told struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Created int64  `json:"created"`
	Data    struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
}

func wordsOf(body []byte) (t told, err error) {
	odd := !plain(body) || !wellFormed(body)
	if !odd {
		members(body, func(name string, value []byte) {
			var failed error
			switch name {
			case "id":
				t.ID = text(value)
			case "type":
				t.Type = text(value)
			case "created":
				t.Created, failed = strconv.ParseInt(string(value), 10, 64)
			case "data":
				t.Data.Object = memberOf(value, "object")
				odd = odd || t.Data.Object == nil
			}
			odd = odd || failed != nil
		})
	}
	if odd {
		t = told{}
		err = json.Unmarshal(body, &t)
	}
	return t, err
}

// listedEvent is an event as Stripe's own list has it.
func listedEvent(e *stripe.Event) StripeEvent {
	var object json.RawMessage
	if e.Data != nil {
		object = e.Data.Raw
	}
	return toldOf(e.ID, string(e.Type), e.Created, object, byPoll)
}

func toldOf(id, kind string, created int64, object json.RawMessage, source string) StripeEvent {
	e := StripeEvent{ID: word(id), Type: word(kind), Source: source}
	if created > 0 && created <= lastSecond {
		e.CreatedAt = time.Unix(created, 0).UTC()
	}
	o := subjectOf(object)
	e.ObjectID, e.IntentID, e.ChargeID = word(o.ID), word(string(o.Intent)), word(o.Metadata.ChargeID)
	if o.Object == "payment_intent" {
		e.IntentID = e.ObjectID
	}
	e.Payload = withoutSecrets(object)
	return e
}

// subject is what is read of an object that something has happened to. What is of another type than expected stays empty: it is
// nothing of ours.
type subject struct {
	ID       string    `json:"id"`
	Object   string    `json:"object"`
	Intent   reference `json:"payment_intent"`
	Metadata metadata  `json:"metadata"`
}

// metadata are what we said of an object when we made it.
type metadata struct {
	ChargeID string `json:"charge_id"`
}

func subjectOf(object []byte) (s subject) {
	if !plain(object) { // what is, has been read as a part of what is well-formed
		_ = json.Unmarshal(object, &s)
		return s
	}
	members(object, func(name string, value []byte) {
		switch name {
		case "id":
			s.ID = text(value)
		case "object":
			s.Object = text(value)
		case "payment_intent":
			s.Intent = reference(cmp.Or(text(value), text(memberOf(value, "id"))))
		case "metadata":
			s.Metadata.ChargeID = text(memberOf(value, "charge_id"))
		}
	})
	return s
}

// reference is another object, which Stripe names by its id or shows whole.
type reference string

// UnmarshalJSON takes the id of either form.
func (r *reference) UnmarshalJSON(b []byte) error {
	var whole struct {
		ID string `json:"id"`
	}
	var id string
	if json.Unmarshal(b, &id) != nil && json.Unmarshal(b, &whole) == nil {
		id = whole.ID
	}
	*r = reference(id)
	return nil
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// maxWord is the longest that an id or a type of Stripe's may be.
const maxWord = 255

// word is s if it can be an id or a type of Stripe's, else empty.
func word(s string) string {
	if len(s) > maxWord || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return s
}

// withoutSecrets is an object of Stripe's as JSON, without what lets a buyer's browser act on it.
func withoutSecrets(object json.RawMessage) string {
	if plain(object) {
		return string(cut(object))
	}
	decoder := json.NewDecoder(strings.NewReader(string(object)))
	decoder.UseNumber()
	var o map[string]any
	if decoder.Decode(&o) != nil {
		return ""
	}
	strip(o)
	text, err := json.Marshal(o)
	if err != nil {
		return ""
	}
	return string(text)
}

// strip takes the secrets out of an object and all that is within it.
func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "client_secret")
		delete(v, "next_action") // its links have the secret in them
		for _, part := range v {
			strip(part)
		}
	case []any:
		for _, part := range v {
			strip(part)
		}
	}
}
