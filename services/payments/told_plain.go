package payments

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Most of what Stripe answers and tells has no escapes in it. What is wanted of that is read, and secrets are cut out of it, as it
// stands: taking the object apart and putting it together again takes longer than all else that is done about it.

// plain tells whether a JSON value is an object without escapes, in which a name can be written in one way only.
func plain(value []byte) bool {
	return len(value) > 0 && value[0] == '{' && bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value)
}

// wellFormed tells whether a value is JSON, as json.Valid does in four times the time.
func wellFormed(value []byte) bool {
	return jsontext.Value(value).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// members gives the members of a plain object to use, in their order. The object has to be well-formed.
func members(object []byte, use func(name string, value []byte)) {
	for i := afterSpace(object, 1); i < len(object) && object[i] == '"'; {
		end := afterValue(object, i)
		name := object[i+1 : end-1]
		value := afterSpace(object, afterSpace(object, end)+1) // after the colon
		end = afterValue(object, value)
		use(string(name), object[value:end])
		i = afterSpace(object, end)
		if object[i] == ',' {
			i = afterSpace(object, i+1)
		}
	}
}

// memberOf is the value of the last member of that name, nil if there is none or the value is no object.
func memberOf(object []byte, name string) (value []byte) {
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	members(object, func(found string, v []byte) {
		if found == name {
			value = v
		}
	})
	return value
}

// text is what a plain value says; empty if that is no text.
func text(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	return string(value[1 : len(value)-1])
}

// secretNames are what the members are called that strip takes out.
var secretNames = [][]byte{[]byte(`"client_secret"`), []byte(`"next_action"`)}

// cut is a plain object without the members that strip takes out, as well-formed as it was.
func cut(object []byte) []byte {
	for _, name := range secretNames {
		object = cutMember(object, name)
	}
	return object
}

// cutMember takes out every member of that name, with the comma that is left over. Between quotes and before a colon there is
// nothing but a name.
func cutMember(object, name []byte) []byte {
	var kept []byte
	for {
		at := bytes.Index(object, name)
		if at < 0 {
			break
		}
		value := afterSpace(object, at+len(name))
		if value == len(object) || object[value] != ':' { // it is somebody's text
			kept = append(kept, object[:value]...)
			object = object[value:]
			continue
		}
		kept = append(kept, object[:at]...)
		end := afterSpace(object, afterValue(object, afterSpace(object, value+1)))
		if end < len(object) && object[end] == ',' {
			end++
		} else {
			kept = bytes.TrimSuffix(bytes.TrimRight(kept, space), []byte{','})
		}
		object = object[end:]
	}
	return append(kept, object...)
}

const space = " \t\r\n"

func afterSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// afterValue is the end of the JSON value that begins there.
func afterValue(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += 1 + bytes.IndexByte(b[i+1:], '"')
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return i // a number or a word ends where the object does
			}
		case ',', ' ', '\t', '\r', '\n', ':':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}
