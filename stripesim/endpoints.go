package stripesim

import (
	"encoding/json"
	"regexp"

	"ticketing/kernel/store"
)

const hooksPath = "/v1/webhook_endpoints"

// maxHooks is how many endpoints an account may have, as Stripe says.
const maxHooks = 16

// eventType is what a type of events looks like; which there are is not checked.
var eventType = regexp.MustCompile(`^(\*|[a-z0-9_]+(\.[a-z0-9_]+)+)$`)

func createHook(c *call) (object, error) {
	h := &hook{id: newID(c.tx, "we_"), createdAt: c.tx.Now(), enabled: true, secret: orSecret("")}
	c.form.required("url")
	if len(c.form.list("enabled_events")) == 0 {
		c.form.fail(invalid("enabled_events", "parameter_missing", "Missing required param: enabled_events."))
	}
	c.form.choice("api_version", "", apiVersion)
	c.form.flag("connect")
	if err := c.readHook(h); err != nil {
		return nil, err
	}
	var n int
	if err := c.tx.QueryRow(`SELECT COUNT(*) FROM webhook_endpoints`).Scan(&n); err != nil {
		return nil, err
	}
	if n >= maxHooks {
		return nil, invalid("", "", "You have reached the maximum of %d test webhook endpoints.", maxHooks)
	}
	err := c.tx.Do(`INSERT INTO webhook_endpoints (id, created_at, url, types, secret) VALUES ($1, $2, '', '', $3)`,
		h.id, store.Millis(h.createdAt), h.secret)
	if err != nil {
		return nil, err
	}
	o := h.render()
	o["secret"] = h.secret
	return o, c.saveHook(h)
}

// readHook takes over the parameters that making and changing an endpoint have in common.
func (c *call) readHook(h *hook) error {
	f := c.form
	if v := f.text("url", 0); v != "" {
		h.url = v
		if !validHook(v) {
			f.fail(invalid("url", "url_invalid", "Invalid URL: An explicit scheme (such as https) must be provided."))
		}
	}
	if types := f.list("enabled_events"); len(types) > 0 {
		h.types = types
		for _, t := range types {
			if !eventType.MatchString(t) {
				f.fail(invalid("enabled_events", "", "Invalid enabled_events: %.100s is not a type of events.", t))
			}
		}
	}
	if f.has("description") {
		h.description = f.text("description", 0)
	}
	given := f.hash("metadata")
	kept := f.metadata()
	if h.metadata == nil {
		h.metadata = map[string]string{}
	}
	for name := range given {
		delete(h.metadata, name)
		if v, ok := kept[name]; ok {
			h.metadata[name] = v
		}
	}
	return f.checked()
}

func (c *call) saveHook(h *hook) error {
	types, err := json.Marshal(h.types)
	if err != nil {
		return err
	}
	metadata, err := json.Marshal(h.metadata)
	if err != nil {
		return err
	}
	err = c.tx.Do(`UPDATE webhook_endpoints SET url = $1, types = $2, enabled = $3, description = $4, metadata = $5 WHERE id = $6`,
		h.url, string(types), h.enabled, h.description, string(metadata), h.id)
	return err
}

// pathHook is the endpoint that the path names.
func (c *call) pathHook() (*hook, error) {
	h, ok, err := findHook(c.tx, c.id)
	if err == nil && !ok {
		err = missing("webhook endpoint", "webhook_endpoint", c.id, true)
	}
	return h, err
}

func retrieveHook(c *call) (object, error) {
	h, err := c.pathHook()
	if err != nil {
		return nil, err
	}
	return h.render(), nil
}

func updateHook(c *call) (object, error) {
	h, err := c.pathHook()
	if err != nil {
		return nil, err
	}
	if c.form.has("disabled") {
		h.enabled = !c.form.flag("disabled")
	}
	if err := c.readHook(h); err != nil {
		return nil, err
	}
	return h.render(), c.saveHook(h)
}

// deleteHook forgets what was still to be sent there too.
func deleteHook(c *call) (object, error) {
	if err := c.form.checked(); err != nil {
		return nil, err
	}
	h, err := c.pathHook()
	if err != nil {
		return nil, err
	}
	for _, text := range []string{`DELETE FROM deliveries WHERE endpoint = $1`, `DELETE FROM webhook_endpoints WHERE id = $1`} {
		if err := c.tx.Do(text, h.id); err != nil {
			return nil, err
		}
	}
	return object{"id": h.id, "object": "webhook_endpoint", "deleted": true}, nil
}

func listHooks(c *call) (object, error) {
	q := newListing("webhook_endpoints", hooksPath, "webhook_endpoint")
	q.undated = true
	return list(c, q, hookColumns, scanHook, (*hook).render)
}
