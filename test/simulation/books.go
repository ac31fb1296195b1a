package simulation

import (
	"encoding/json"
	"fmt"

	"ticketing/kernel/bus"
	"ticketing/kernel/event"
	"ticketing/kernel/store"
)

// said is one event in an outbox.
type said struct {
	id, kind, entity string
	version          int64
	document         string
	seq              int64 // 0 if it is not in the log
}

// said is everything that a service has said, by entity and version.
func (w *World) said(p *part) (all []said, err error) {
	err = w.dbs[p.name].View(background, func(tx *store.Tx) error {
		all, err = store.All(tx, func(scan store.Scan) (s said, err error) {
			return s, scan(&s.id, &s.kind, &s.entity, &s.version, &s.document, &s.seq)
		}, `SELECT id, kind, entity, version, document, coalesce(seq, 0) FROM outbox ORDER BY kind, entity, version`)
		return err
	})
	return all, err
}

func (w *World) countSaid(p *part) int64 {
	return w.number(p.name, `SELECT count(*) FROM outbox`)
}

// history is every state that was said of one entity.
func history[T any](w *World, service, kind, id string) (all []T) {
	for _, document := range w.texts(service, `SELECT document FROM outbox WHERE kind = $1 AND entity = $2 ORDER BY version`, kind, id) {
		all = append(all, state[T](w, document))
	}
	return all
}

func (w *World) ticketHistory(id string) []event.Ticket {
	return history[event.Ticket](w, "tickets", event.Tickets.Name, id)
}

func (w *World) chargeHistory(id string) []event.Charge {
	return history[event.Charge](w, "payments", event.Charges.Name, id)
}

// state is the data of an event.
func state[T any](w *World, document string) (s T) {
	e, err := bus.Decode([]byte(document))
	if err == nil {
		err = json.Unmarshal(e.Data, &s)
	}
	if err != nil {
		w.find("an event cannot be read: %v: %s", err, document)
	}
	return s
}

// newest is the last state of each entity of a kind, in the order of their ids.
func newest[T event.State](w *World, service string) (all []T) {
	var none T
	for _, document := range w.texts(service, `SELECT document FROM outbox o WHERE kind = $1 AND version =
		(SELECT max(version) FROM outbox n WHERE n.kind = o.kind AND n.entity = o.entity) ORDER BY entity`, none.Kind().Name) {
		all = append(all, state[T](w, document))
	}
	return all
}

// describe is a message in a few words.
func (w *World) describe(m bus.Message) string {
	e, err := bus.Decode(m.Data)
	if err != nil {
		return err.Error()
	}
	var s struct {
		Status  string
		Version int64
		Reason  string
	}
	_ = json.Unmarshal(e.Data, &s)
	kind := "order"
	switch e.Type {
	case event.TicketCreated, event.TicketUpdated:
		kind = "ticket"
	case event.ChargeCreated, event.ChargeUpdated:
		kind = "charge"
	case event.UserCreated, event.UserUpdated:
		kind = "person"
	}
	return fmt.Sprintf("%s %s v%d %s%s", e.Type, w.name(kind, e.Subject), s.Version, s.Status, s.Reason)
}
