package stripesim

import (
	"bytes"
	"encoding/json"
	"strings"

	"ticketing/kernel/store"
)

// previously is what an object was like before it was updated, in the members that have changed since the last event that
// showed it otherwise. Only events of updates say so, which intents and charges have none of.
func (c *call) previously(kind string, id any, data []byte) ([]byte, error) {
	if !strings.HasSuffix(kind, ".updated") {
		return nil, nil
	}
	if err := c.writeEvents(); err != nil { // it may be one of this transaction's
		return nil, err
	}
	was, ok, err := store.One(c.tx, func(scan store.Scan) (text string, err error) {
		err = scan(&text)
		return text, err
	}, `SELECT data FROM events WHERE object = $1 AND substr(object, 1, 3) NOT IN ('pi_', 'ch_') AND data <> $2
		ORDER BY created_at DESC, id DESC LIMIT 1`, id, string(data))
	if err != nil || !ok {
		return nil, err
	}
	return changes([]byte(was), data)
}

// changes are the members that differ as they were: of objects inside only what differs in them, of lists all. What was not
// there is null.
func changes(was, is []byte) ([]byte, error) {
	var before, after map[string]json.RawMessage
	if err := json.Unmarshal(was, &before); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(is, &after); err != nil {
		return nil, err
	}
	differ := map[string]json.RawMessage{}
	for name, value := range after {
		old, ok := before[name]
		switch {
		case !ok:
			differ[name] = json.RawMessage("null")
		case bytes.Equal(old, value):
		case old[0] == '{' && value[0] == '{':
			inner, err := changes(old, value)
			if err != nil {
				return nil, err
			}
			differ[name] = inner
		default:
			differ[name] = old
		}
	}
	for name, old := range before {
		if _, ok := after[name]; !ok {
			differ[name] = old
		}
	}
	return json.Marshal(differ)
}
