// Package messages holds every text of the pages, in each language that they speak.
//
// A text has a key, and each language a form for it: one text, or two when a number decides between them. The languages
// are told apart here alone; a page asks its reader's Words. A test keeps the catalogues whole: every language has every
// key, with the same arguments, and every key is used.
package messages

import (
	"fmt"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// form is a text of one language. Two of them are for one and for other numbers: the first argument decides.
type form []string

// table is texts by key: "account.title".
type table map[string]form

// Language is one that the pages speak.
type Language struct {
	Code string // of the lang attribute: "en"
	Name string // as its speakers call it
	tag  language.Tag
	all  table
}

// Languages are those that the pages speak; the first is for readers who want another one.
var Languages = []*Language{
	{Code: "en", Name: "English", tag: language.English, all: join(english...)},
	{Code: "de", Name: "Deutsch", tag: language.German, all: join(german...)},
}

// join makes one table of those of all parts of the site.
func join(parts ...table) table {
	all := table{}
	for _, part := range parts {
		for key, f := range part {
			if _, twice := all[key]; twice {
				panic("messages: the key " + key + " is there twice")
			}
			all[key] = f
		}
	}
	return all
}

// catalogue is all languages, as golang.org/x/text wants them.
var catalogue = sync.OnceValue(func() catalog.Catalog {
	b := catalog.NewBuilder(catalog.Fallback(Languages[0].tag))
	for _, l := range Languages {
		for key, f := range l.all {
			text := catalog.Message(catalog.String(f[0]))
			if len(f) == 2 {
				text = plural.Selectf(1, "", plural.One, f[0], plural.Other, f[1])
			}
			if err := b.Set(l.tag, key, text); err != nil {
				panic(fmt.Sprintf("messages: %s in %s: %v", key, l.Code, err))
			}
		}
	}
	return b
})

// Has tells whether there is a text of that key.
func Has(key string) bool {
	_, ok := Languages[0].all[key]
	return ok
}

// Keys lists the texts of a language.
func (l *Language) Keys() map[string][]string {
	keys := make(map[string][]string, len(l.all))
	for key, f := range l.all {
		keys[key] = f
	}
	return keys
}

// Words speaks to one reader: texts in their language, numbers, money and times as they write them. It serves one
// request, and one goroutine.
type Words struct {
	*Language
	Locale  language.Tag // the language with the reader's region: en-GB
	printer *message.Printer
}

// Choose finds the words for a reader: in the language that they have chosen, if they have, else in the one that their
// browser asks for. The region comes from the browser.
func Choose(chosen, acceptLanguage string) *Words {
	wanted, _, _ := language.ParseAcceptLanguage(acceptLanguage) // what cannot be read asks for nothing
	found := Languages[0]
	if l := Find(chosen); l != nil {
		found = l
	} else if len(wanted) > 0 {
		_, i, sure := matcher().Match(wanted...)
		if sure > language.No {
			found = Languages[i]
		}
	}
	locale := found.tag
	for _, tag := range wanted {
		if base, _ := tag.Base(); base.String() == found.Code {
			locale = plain(tag)
			break
		}
	}
	return &Words{Language: found, Locale: locale, printer: message.NewPrinter(locale, message.Catalog(catalogue()))}
}

// Find is the language of that code; nil if the pages do not speak it.
func Find(code string) *Language {
	for _, l := range Languages {
		if l.Code == code {
			return l
		}
	}
	return nil
}

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(Languages))
	for i, l := range Languages {
		tags[i] = l.tag
	}
	return language.NewMatcher(tags)
})

// plain is the language and the region of a tag, without all else that a browser may put there.
func plain(tag language.Tag) language.Tag {
	base, _ := tag.Base()
	region, sure := tag.Region()
	if sure < language.High {
		t, _ := language.Compose(base)
		return t
	}
	t, _ := language.Compose(base, region)
	return t
}

// T is the text of that key with these arguments; the first argument chooses between the forms of a number. Whoever asks
// for a key that is not there gets the key.
func (w *Words) T(key string, args ...any) string {
	f, ok := w.all[key]
	switch {
	case !ok:
		return key
	case len(args) == 0 && len(f) == 1:
		return f[0]
	}
	return w.printer.Sprintf(message.Key(key, key), args...)
}
