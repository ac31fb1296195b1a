package bus

import (
	"fmt"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"ticketing/kernel/event"
)

const specVersion = "1.0" // of CloudEvents

// Decode reads a CloudEvents document of the log. It takes types that it does not know: the log may be newer than we are.
func Decode(document []byte) (event.Envelope, error) {
	var e event.Envelope
	if err := json.Unmarshal(document, &e); err != nil {
		return event.Envelope{}, fmt.Errorf("not a CloudEvents document: %w", err)
	}
	switch {
	case e.SpecVersion != specVersion:
		return event.Envelope{}, fmt.Errorf("not a CloudEvents document of version %s", specVersion)
	case e.ID == "" || e.Source == "" || e.Type == "" || e.Subject == "":
		return event.Envelope{}, fmt.Errorf("the event lacks its id, source, type or subject")
	case len(e.Data) == 0:
		return event.Envelope{}, fmt.Errorf("the event %s has no data", e.ID)
	}
	return e, nil
}

// encode writes the CloudEvents document of an event about the state.
func encode(e event.Envelope, state event.State) ([]byte, error) {
	return json.Marshal(struct {
		event.Envelope
		Data event.State `json:"data"` // in the place of the envelope's own, which is text already
	}{e, state}, written)
}

// written is JSON as encoding/json writes it, which leaves out every zero value that may be.
var written = json.JoinOptions(jsonv1.OmitEmptyWithLegacySemantics(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true))

// State is the entity's state that the event tells of; an error if it is not one of kind T, by who may say so.
func State[T event.State](e event.Envelope) (T, error) {
	var s, none T
	kind := none.Kind()
	if e.Source != kind.Source {
		return none, fmt.Errorf("the event %s is not from %s, which alone tells of a %s", e.ID, kind.Source, kind.Name)
	}
	if err := json.Unmarshal(e.Data, &s); err != nil {
		return none, fmt.Errorf("the data of event %s is no %s: %w", e.ID, kind.Name, err)
	}
	if entity, version := s.Entity(); entity != e.Subject || version < 1 {
		return none, fmt.Errorf("the event %s about %q has the state of %q, version %d", e.ID, e.Subject, entity, version)
	}
	return s, nil
}
