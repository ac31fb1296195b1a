package stripesim

import "strings"

// How deep an answer may be expanded.
const maxLevels = 4

// expandAll replaces the ids that the request asks to expand with the objects that they name.
func (c *call) expandAll(o object) error {
	for _, path := range c.form.expand() {
		if strings.Count(path, ".") >= maxLevels {
			return invalid("expand", "", "You cannot expand more than %d levels of a property. Property: %s", maxLevels, path)
		}
		if err := c.expand(o, path, strings.Split(path, ".")); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) expand(o object, whole string, path []string) error {
	if o["object"] == "search_result" && whole == "total_count" {
		return nil // searchIntents has counted
	}
	if data, ok := o["data"].([]object); ok && path[0] == "data" && len(path) > 1 {
		for _, item := range data {
			if err := c.expand(item, whole, path[1:]); err != nil {
				return err
			}
		}
		return nil
	}
	inner, ok := o[path[0]].(object)
	if !ok {
		// What an id names is not always shown: not the object itself, nor what a charge was paid with, nor where an event was.
		id, isID := o[path[0]].(string)
		var err error
		switch {
		case o["object"] == "charge" && path[0] == "refunds":
			inner, err = c.refundsOf(o["id"].(string))
		case isID && path[0] != "id" && o["object"] != "event" && !(o["object"] == "charge" && path[0] == "payment_method"):
			inner, err = c.byID(id)
		case o["object"] == "refund" && path[0] == "failure_balance_transaction":
			return nil // only a refund that failed has one
		default:
			if v, known := o[path[0]]; known && v == nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	if inner == nil {
		return invalid("expand", "", "This property cannot be expanded (%s).", whole)
	}
	o[path[0]] = inner
	if len(path) == 1 {
		return nil
	}
	return c.expand(inner, whole, path[1:])
}

// byID is the object with the id, nil if ids of its kind can't be expanded.
func (c *call) byID(id string) (object, error) {
	prefix, _, _ := strings.Cut(id, "_")
	switch prefix {
	case "pi":
		in, ok, err := findIntent(c.tx, id)
		if ok {
			return in.render(), nil
		}
		return nil, err
	case "ch":
		ch, ok, err := findCharge(c.tx, id)
		if ok {
			return ch.render(), nil
		}
		return nil, err
	case "pm":
		m, ok, err := c.findMethod(id)
		if ok {
			return m.render(), nil
		}
		return nil, err
	}
	return c.moreByID(prefix, id)
}

func (c *call) refundsOf(charge string) (object, error) {
	sub := &call{sim: c.sim, tx: c.tx, form: newForm(map[string][]string{"charge": {charge}, "limit": {"100"}})}
	o, err := listRefunds(sub)
	if o != nil {
		o["url"] = "/v1/charges/" + charge + "/refunds"
	}
	return o, err
}
