package stripesim

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"ticketing/kernel/store"
)

// apiVersion is the version of Stripe's API whose objects these are: the one that its Go client sends. The description that the
// tests hold them against is of a later month of the same release, to which Stripe only adds.
const apiVersion = "2026-03-25.dahlia"

const (
	eventLife = 30 * 24 * time.Hour // how long the API shows an event
	maxTypes  = 20                  // the most types that one list can be asked for
)

// event is something that happened, with the object as it was then.
type event struct {
	id         string
	createdAt  time.Time
	kind       string
	data       json.RawMessage
	previous   json.RawMessage // what the changed members were; empty: it is no update
	request    string
	requestKey string
	about      string // the id of the object
	pending    int    // webhooks that have not been delivered yet
}

// emit records an event in the transaction that makes it true, and queues it for those who want to hear of it.
func (c *call) emit(kind string, o object) error {
	data, err := encode(o)
	if err != nil {
		return err
	}
	previous, err := c.previously(kind, o["id"], data)
	if err != nil {
		return err
	}
	c.told = told{object: o, json: data, id: c.happened(kind, o["id"], data, previous)}
	return nil
}

// emitMembers is emit for an object that there are no events of updates of. What it returns stands for the object in an answer.
func (c *call) emitMembers(kind string, m members) (object, error) {
	data, err := m.append(make([]byte, 0, 2048))
	if err != nil {
		return nil, err
	}
	var id any
	for _, each := range m {
		if each.name == "id" {
			id = each.value
		}
	}
	c.told = told{object: object{}, members: m, json: data, id: c.happened(kind, id, data, nil)}
	return c.told.object, nil
}

// emitUpdate is emit for an object of which nobody was told before: was is what it was like.
func (c *call) emitUpdate(kind string, was, is object) error {
	before, err := encode(was)
	if err != nil {
		return err
	}
	data, err := encode(is)
	if err != nil {
		return err
	}
	previous, err := changes(before, data)
	if err != nil || string(previous) == "{}" {
		return err
	}
	c.happened(kind, is["id"], data, previous)
	return nil
}

// happened is the id of a new event, which writeEvents writes down.
func (c *call) happened(kind string, about any, data, previous []byte) (id string) {
	e := &event{id: newID(c.tx, "evt_3"), createdAt: c.tx.Now(), kind: kind, data: data, previous: previous,
		request: c.requestID, requestKey: c.key}
	e.about, _ = about.(string)
	c.events = append(c.events, e)
	return e.id
}

// writeEvents writes down, in the transaction that they happen in, the events and who is to hear of them. It belongs to the end
// of every transaction, so that a request with several costs as many statements as one with one.
func (c *call) writeEvents() error {
	if len(c.events) == 0 {
		return nil
	}
	rows, args := []string{}, []any{store.Millis(c.tx.Now()), c.requestID, c.key}
	for _, e := range c.events {
		rows = append(rows, "($1, $2, $3, "+places(len(args)+1, 5)+")")
		args = append(args, e.id, e.kind, string(e.data), string(e.previous), e.about)
	}
	err := c.tx.Do(`INSERT INTO events (created_at, request, request_key, id, type, data, previous, object) VALUES `+
		strings.Join(rows, ", "), args...)
	if err != nil {
		return err
	}
	told := c.events
	c.events = nil
	return c.queue(told)
}

// places are so many parameters of a statement, from that one on.
func places(first, n int) string {
	var b []byte
	for i := range n {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(append(b, '$'), int64(first+i), 10)
	}
	return string(b)
}

// What is pending is counted among all deliveries of the event, which are few: by the index of those that are due, PostgreSQL
// would look through the deliveries of all events for each.
const eventColumns = `events.id, events.created_at, events.type, events.data, events.previous, events.request, events.request_key,
	events.object, (SELECT COUNT(*) FILTER (WHERE d.status = 'pending') FROM deliveries d WHERE d.event = events.id)`

func scanEvent(scan store.Scan) (*event, error) {
	var e event
	var at int64
	var data, previous string
	err := scan(&e.id, &at, &e.kind, &data, &previous, &e.request, &e.requestKey, &e.about, &e.pending)
	e.createdAt, e.data, e.previous = store.Time(at), json.RawMessage(data), json.RawMessage(previous)
	return &e, err
}

func (e *event) render() object {
	data := object{"object": e.data}
	if len(e.previous) > 0 {
		data["previous_attributes"] = e.previous
	}
	o := object{
		"id": e.id, "object": "event", "api_version": apiVersion, "created": seconds(e.createdAt), "livemode": false,
		"pending_webhooks": e.pending, "type": e.kind, "data": data,
		"request": object{"id": orNull(e.request), "idempotency_key": orNull(e.requestKey)},
	}
	if strings.HasPrefix(e.kind, "account.") {
		o["account"] = e.about // it happened there, not here
	}
	return o
}

// body is the event as it is sent: letter for letter what encode makes of render, without the detour.
func (e *event) body() ([]byte, error) {
	b := make([]byte, 0, len(e.data)+len(e.previous)+512)
	var failed error
	text := func(before, s string) {
		var err error
		b, err = appendText(append(b, before...), s)
		failed = cmp.Or(failed, err)
	}
	orNull := func(before, s string) {
		if s == "" {
			b = append(append(b, before...), "null"...)
			return
		}
		text(before, s)
	}
	b = append(b, '{')
	if strings.HasPrefix(e.kind, "account.") {
		text(`"account":`, e.about)
		b = append(b, ',')
	}
	text(`"api_version":`, apiVersion)
	b = strconv.AppendInt(append(b, `,"created":`...), seconds(e.createdAt), 10)
	b = append(append(b, `,"data":{"object":`...), e.data...)
	if len(e.previous) > 0 {
		b = append(append(b, `,"previous_attributes":`...), e.previous...)
	}
	text(`},"id":`, e.id)
	b = strconv.AppendInt(append(b, `,"livemode":false,"object":"event","pending_webhooks":`...), int64(e.pending), 10)
	orNull(`,"request":{"id":`, e.request)
	orNull(`,"idempotency_key":`, e.requestKey)
	text(`},"type":`, e.kind)
	return append(b, '}'), failed
}

func listEvents(c *call) (object, error) {
	f, q := c.form, newListing("events", "/v1/events", "event")
	q.where("created_at > ", c.forgotten())
	one, types := f.text("type", 0), f.list("types")
	switch {
	case one != "" && len(types) > 0:
		f.fail(invalid("", "parameters_exclusive", "You may only specify one of these parameters: type, types."))
	case len(types) > maxTypes:
		f.fail(invalid("types", "", "You may only specify up to %d event types.", maxTypes))
	case strings.HasSuffix(one, "*"):
		group := strings.TrimSuffix(one, "*")
		q.where("substr(type, 1, "+strconv.Itoa(len(group))+") = ", group)
	case one != "":
		q.where("type = ", one)
	case len(types) > 0:
		values := make([]any, len(types))
		for i, t := range types {
			values[i] = t
		}
		q.where("type IN (", values...)
	}
	if f.has("delivery_success") {
		without := map[bool]string{true: "NOT ", false: ""}[f.flag("delivery_success")]
		q.where(without+"EXISTS (SELECT 1 FROM deliveries d WHERE d.event = events.id AND d.status <> ", delivered)
	}
	return list(c, q, eventColumns, scanEvent, (*event).render)
}

// forgotten is the time up to which the API shows no events any more.
func (c *call) forgotten() int64 { return store.Millis(c.tx.Now().Add(-eventLife)) }

func retrieveEvent(c *call) (object, error) {
	e, ok, err := store.One(c.tx, scanEvent, `SELECT `+eventColumns+` FROM events WHERE id = $1 AND created_at > $2`, c.id, c.forgotten())
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing("event", "id", c.id, true)
	}
	return e.render(), nil
}
