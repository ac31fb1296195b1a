package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"ticketing/kernel/event"
)

// states are the data of the events, one struct a kind.
var states = []event.State{
	event.User{}, event.Ticket{}, event.LockRejection{}, event.Order{}, event.Expiry{}, event.Charge{},
}

// meanings say what each event tells.
var meanings = map[event.Type]string{
	event.UserCreated:        "An account was made.",
	event.UserUpdated:        "An account changed: its e-mail, its password, or a session of it ended early.",
	event.TicketCreated:      "A ticket was listed.",
	event.TicketUpdated:      "A ticket was edited, locked, unlocked, sold or withdrawn.",
	event.TicketLockRejected: "An order could not lock its ticket, and why.",
	event.OrderCreated:       "A buyer wants a ticket at this price and version, until expiresAt.",
	event.OrderUpdated:       "An order awaits payment, a payment has got it or lost it, or it is completed.",
	event.OrderCancelled:     "An order was cancelled, and why.",
	event.OrderExpired:       "The time to pay for an order is over.",
	event.ChargeCreated:      "A payment was submitted and is not decided yet; the first one that orders hears of has the order.",
	event.ChargeUpdated:      "A payment was completed, failed or refunded.",
}

// object is a JSON object; documents print its keys in order.
type object = map[string]any

// AsyncAPI is the AsyncAPI 3.0 document of the event log, as indented JSON: every event with the JSON Schema of its data.
func AsyncAPI() ([]byte, error) {
	s := newSchemas()
	data, names := map[string]any{}, map[string]string{}
	for _, state := range states {
		data[state.Kind().Name] = s.Schema(reflect.TypeOf(state), true, "")
		names[state.Kind().Name] = event.DataSchema(state)
	}
	channels, operations, messages := object{}, object{}, object{}
	for _, kind := range event.Kinds {
		schema, ok := data[kind.Name]
		if !ok {
			return nil, fmt.Errorf("the data of %s events is not known", kind.Name)
		}
		for _, t := range kind.Types {
			name := string(t)
			channels[name] = channelOf(t, kind)
			operations["say"+name] = operationOf(t, kind)
			messages[name] = messageOf(t, kind, schema, names[kind.Name])
		}
	}
	s.noNullLists()
	return json.MarshalIndent(object{
		"asyncapi": "3.0.0",
		"info": object{"title": "Ticketing events", "version": "1", "description": "The event log: one JetStream stream, " +
			"TICKETING, which can be read from its start at any time. Each message is a CloudEvents 1.0 document whose data is the " +
			"whole state of an entity under a version. An event that is late, repeated or out of order is told by its version."},
		"defaultContentType": "application/cloudevents+json",
		"servers": object{"nats": object{"host": "localhost:4222", "protocol": "nats",
			"description": "The NATS server or cluster of --nats-url, with JetStream.", "bindings": object{"nats": object{}}}},
		"channels":   channels,
		"operations": operations,
		"components": object{"messages": messages, "schemas": s.Map()},
	}, "", "  ")
}

func channelOf(t event.Type, kind event.Kind) object {
	return object{
		"address":    "ticketing." + string(t) + ".{id}",
		"title":      string(t),
		"summary":    meanings[t],
		"servers":    []any{reference("servers", "nats")},
		"messages":   object{string(t): reference("components", "messages", string(t))},
		"parameters": object{"id": object{"description": "The id of the " + kind.Name + "."}},
		"bindings":   object{"nats": object{}},
	}
}

// operationOf is the one service that says the event; anybody may read it.
func operationOf(t event.Type, kind event.Kind) object {
	service := strings.TrimPrefix(kind.Source, "/")
	return object{
		"action":   "send",
		"summary":  meanings[t],
		"channel":  reference("channels", string(t)),
		"messages": []any{reference("channels", string(t), "messages", string(t))},
		"tags":     []any{object{"name": service, "description": "Only " + service + " says this."}},
		"bindings": object{"nats": object{}},
	}
}

func messageOf(t event.Type, kind event.Kind, data any, schemaName string) object {
	text := func(doc string) object { return object{"type": "string", "description": doc} }
	return object{
		"name":        string(t),
		"title":       string(t),
		"summary":     meanings[t],
		"contentType": "application/cloudevents+json",
		"headers": object{"type": "object", "properties": object{
			"Nats-Msg-Id": text("The event's id, by which the broker drops repeats."),
		}},
		"payload": object{
			"type":     "object",
			"required": []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"},
			"properties": object{
				"specversion":     object{"type": "string", "const": "1.0"},
				"id":              text("The event's id."),
				"source":          object{"type": "string", "const": kind.Source},
				"type":            object{"type": "string", "const": string(t)},
				"subject":         text("The id of the " + kind.Name + "."),
				"time":            object{"type": "string", "format": "date-time", "description": "When it happened."},
				"datacontenttype": object{"type": "string", "const": "application/json"},
				"dataschema":      object{"type": "string", "const": schemaName, "description": "Names the schema of the data, as it stands here."},
				"traceparent":     text("The W3C trace that it belongs to."),
				"data":            data,
			},
		},
	}
}

func reference(path ...string) object { return object{"$ref": "#/" + strings.Join(path, "/")} }
