package payments

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzCut holds what is cut out of an object against what is left of it when it is taken apart.
func FuzzCut(f *testing.F) {
	for _, object := range []string{
		`{"a":1,"client_secret":"x"}`, `{"client_secret":null}`, `{"client_secret" : 12.5 , "next_action":true}`,
		`{"client_secret":"x","b":[1,{"next_action":{"a":[1,"}"]}, "c":"client_secret"}]}`,
		`{"a":["client_secret","next_action"],"client_secret":[] }`, "{\n \"next_action\" : { } ,\n\"client_secret\":false\n}",
		`{"next_action":{"client_secret":"x","url":"y"},"z":{}}`,
	} {
		f.Add([]byte(object))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		if object = bytes.TrimSpace(object); !json.Valid(object) || !plain(object) {
			return
		}
		want, got := decoded(t, object), decoded(t, cut(object))
		if strip(want); !reflect.DeepEqual(got, want) {
			t.Errorf("of %s is left %s", object, cut(object))
		}
	})
}

func decoded(t *testing.T, object []byte) (o any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	if err := decoder.Decode(&o); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	return o
}
