package stripesim_test

import (
	"testing"

	"ticketing/stripesim"
)

func TestChanges(t *testing.T) {
	for _, c := range []struct{ was, is, want string }{
		{`{"a": 1, "b": "x"}`, `{"a": 1, "b": "x"}`, `{}`},
		{`{"a": 1, "b": "x"}`, `{"a": 2, "b": "x"}`, `{"a":1}`},
		{`{"a": 1}`, `{"a": 1, "b": "new"}`, `{"b":null}`},
		{`{"a": 1, "b": "gone"}`, `{"a": 1}`, `{"b":"gone"}`},
		{`{"a": null}`, `{"a": {"b": 1}}`, `{"a":null}`},
		{`{"a": {"b": 1, "c": {"d": 2, "e": 3}}}`, `{"a": {"b": 1, "c": {"d": 4, "e": 3}}}`, `{"a":{"c":{"d":2}}}`},
		{`{"a": [1, 2, 3]}`, `{"a": [1, 2]}`, `{"a":[1,2,3]}`},
		{`{"metadata": {}}`, `{"metadata": {"k": "v"}}`, `{"metadata":{"k":null}}`},
	} {
		got, err := stripesim.Changes([]byte(c.was), []byte(c.is))
		if err != nil || string(got) != c.want {
			t.Errorf("from %s to %s: %s %v, want %s", c.was, c.is, got, err, c.want)
		}
	}
	for _, text := range []string{"", "[]", "null and void"} {
		if _, err := stripesim.Changes([]byte(text), []byte(`{}`)); err == nil {
			t.Errorf("%q was taken for an object", text)
		}
	}
}
