package messages

import (
	"regexp"
	"strings"
	"sync"
)

// The API speaks English. What it says about a form or a refusal is told by its sentences, as they are written in the
// services: %s and %d stand for what differs. A sentence that is not listed is shown as it is.

// sentence is one of the API's, ready to be recognised.
type sentence struct {
	pattern *regexp.Regexp
	says    string // in the reader's language; $1 is the first of what differs
}

var verb = regexp.MustCompile(`%[sd]`)

// sentences are the API's in each other language than its own, by the language's code.
var sentences = sync.OnceValue(func() map[string][]sentence {
	all := map[string][]sentence{}
	for code, list := range said {
		for _, pair := range list {
			p := "^" + verb.ReplaceAllString(regexp.QuoteMeta(pair[0]), "(.+)") + "$"
			all[code] = append(all[code], sentence{regexp.MustCompile(p), pair[1]})
		}
	}
	return all
})

// Said is a sentence of the API in the reader's language, if it is known.
func (w *Words) Said(english string) string {
	for _, s := range sentences()[w.Code] {
		if m := s.pattern.FindStringSubmatch(english); m != nil {
			text := s.says
			for i, part := range m[1:] {
				text = strings.ReplaceAll(text, "$"+string(rune('1'+i)), w.Said(part)) // a sentence may hold another
			}
			return text
		}
	}
	return english
}

// Knows tells whether a sentence, as it is written in a service, has a translation in every language.
func Knows(written string) bool {
	for _, list := range said {
		found := false
		for _, pair := range list {
			found = found || pair[0] == written
		}
		if !found {
			return false
		}
	}
	return true
}

// said is the API's sentences in the other languages, the more special before the more general. A label that begins a
// sentence is left out: the sentence stands beside its field.
var said = map[string][][2]string{"de": deSaid}
